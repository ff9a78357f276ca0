/**
 * A graph as a picture, laid out by Graphviz as WebAssembly. Unaware of tasks.
 *
 * @module
 */

import type { TaskStruct } from "../tasks/task.ts";
import { toDot } from "./dot.ts";
import type { GraphOptions } from "./graph.ts";

/** The DAG as a picture. */
export async function toSvg(struct: TaskStruct, options: GraphOptions): Promise<string> {
  const dot = await toDot(struct, options);
  // deno-lint-ignore no-import-prefix -- loaded only where a picture is drawn
  const { Graphviz } = await import("npm:@hpcc-js/wasm-graphviz@^1");
  return (await Graphviz.load()).layout(dot, "svg", "dot");
}
