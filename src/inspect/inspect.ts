/**
 * Seeing into a DAG, without running anything of it. These are the doors: each function loads what it needs when it is
 * first called, so that a program that never asks does not wait for it.
 *
 * @module
 */

import type { AnyTask, TaskStruct } from "../tasks/task.ts";
import type { Diff } from "./diff.ts";
import type { Explanation } from "./explanation.ts";
import type { GraphOptions } from "./graph.ts";
import type { Plan } from "./plan.ts";
import type { PlanOptions } from "./planning.ts";
import type { Tree, TreeOptions } from "./tree.ts";

/**
 * What a build would run, and why: nothing is run and nothing is written.
 *
 * It looks at what a build looks at, so what is complete is not looked below. What tasks yield when they run cannot be
 * known: `plan.mayYield` names the types that may yield more. Rejects where a build does: `DependencyCycleError`,
 * `InstanceConflictError`, `DiscoveryError`, `ConfigError`, `PermissionError`.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * using _ = sd.targetFactoryProvider.override(
 *   new sd.TargetFactory({ targetRoots: { default: "memory://docs" } }),
 * );
 * const two = sd.task({ name: "two", output: z.int(), run: () => 2 });
 * const plan = await sd.plan(two());
 * console.log(plan.toRun); // 1
 * console.log(String(plan)); // the same for a person
 * ```
 */
export async function plan(tasks: TaskStruct, options: PlanOptions = {}): Promise<Plan> {
  return await (await import("./planning.ts")).plan(tasks, options);
}

/**
 * Why the task has the id it has, where its output is, and why what was built before is not reused: the nearest outputs of
 * its type that are there, and exactly which parameters differ, down into nested tasks.
 *
 * What was built before is known from the index that builds keep below the target root (`.stardag/index`): it does not tell
 * of what was built with `outputIndex: false`, or by Python. `String(explanation)` is what a person wants to read.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * using _ = sd.targetFactoryProvider.override(
 *   new sd.TargetFactory({ targetRoots: { default: "memory://docs" } }),
 * );
 * const train = sd.task({
 *   name: "train",
 *   params: { rate: z.number() },
 *   output: z.number(),
 *   run: ({ rate }) => rate,
 * });
 * const explanation = await sd.explain(train({ rate: 0.1 }));
 * console.log(explanation.fields.map(({ name }) => name)); // [ "__name", "__namespace", "rate", "version" ]
 * ```
 */
export async function explain(task: AnyTask): Promise<Explanation> {
  return await (await import("./explain.ts")).explain(task);
}

/**
 * What differs between two tasks, or two DAGs: which parameters and versions, and which ids downstream change with them.
 *
 * Tasks of both are matched by id, else by type and by their place below the tasks given. Throws `DiscoveryError` when
 * it cannot tell what a task requires.
 */
export async function diff(before: TaskStruct, after: TaskStruct): Promise<Diff> {
  return (await import("./comparing.ts")).diff(before, after);
}

/** The DAG from the tasks down as a text: what is shown once is not shown again, only named. */
export async function tree(tasks: TaskStruct, options: TreeOptions = {}): Promise<Tree> {
  return await (await import("./tree.ts")).tree(tasks, options);
}

/** The DAG as a Mermaid flowchart, as Markdown takes it; arrows point to what requires. */
export async function toMermaid(tasks: TaskStruct, options: GraphOptions = {}): Promise<string> {
  return await (await import("./mermaid.ts")).toMermaid(tasks, options);
}

/** The DAG in the language of Graphviz; arrows point to what requires. */
export async function toDot(tasks: TaskStruct, options: GraphOptions = {}): Promise<string> {
  return await (await import("./dot.ts")).toDot(tasks, options);
}

/** The DAG as a picture. It is laid out by Graphviz as WebAssembly, which is loaded then: no program, no permission. */
export async function toSvg(tasks: TaskStruct, options: GraphOptions = {}): Promise<string> {
  return await (await import("./svg.ts")).toSvg(tasks, options);
}
