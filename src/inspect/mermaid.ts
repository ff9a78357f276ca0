/**
 * A graph as a Mermaid flowchart. Unaware of tasks.
 *
 * @module
 */

import type { TaskStruct } from "../tasks/task.ts";
import { type Box, type Graph, graphOf, type GraphOptions } from "./graph.ts";
import { INK, type Look, LOOKS, PLAIN_LOOK } from "./looks.ts";

/** The DAG as a Mermaid flowchart. */
export async function toMermaid(struct: TaskStruct, options: GraphOptions): Promise<string> {
  return mermaidOf(await graphOf(struct, options));
}

/** The graph as a Mermaid flowchart. */
export function mermaidOf({ direction, boxes, arrows, states }: Graph): string {
  const lines = [`flowchart ${direction}`];
  for (const [i, box] of boxes.entries()) lines.push(`  n${i}["${labelOf(box)}"]`);
  for (const { from, to, times } of arrows) {
    const label = times === undefined || times === 1 ? "" : `|"${times}"|`;
    lines.push(`  n${from} -->${label} n${to}`);
  }
  if (states.length === 0) lines.push(`  classDef default ${styleOf(PLAIN_LOOK)}`);
  for (const [state] of states) {
    lines.push(`  classDef ${state} ${styleOf(LOOKS[state])}`);
    const members = boxes.flatMap((box, i) => box.state === state ? [`n${i}`] : []);
    // A group shows one of its states: there may be no box of another.
    if (members.length > 0) lines.push(`  class ${members.join(",")} ${state}`);
  }
  return [...lines, ""].join("\n");
}

function labelOf({ title, lines, foot }: Box): string {
  return [`<b>${escaped(title)}</b>`, ...lines.map(escaped), `<small>${escaped(foot)}</small>`]
    .join("<br>");
}

function styleOf({ fill, line, isDashed }: Look): string {
  return `fill:${fill},stroke:${line},color:${INK}${isDashed ? ",stroke-dasharray:5 3" : ""}`;
}

/** Everything but letters, digits and what is harmless as entities, which Mermaid writes `#60;`. */
function escaped(text: string): string {
  // `$$` begins a formula, `\n` breaks the line, `fa:fa-` is an icon, as entities too: an invisible space undoes that.
  const apart = text.toWellFormed().replace(/[$\\]|fa\w?:/g, "$&\u200b");
  return apart.replace(
    /[^\p{L}\p{M}\p{N} .,:=+/()·]/gu,
    (character) => `#${character.codePointAt(0)!};`,
  );
}
