/**
 * What the commands do that look at a DAG and run nothing of it.
 *
 * @module
 */

import { extname } from "@std/path";
import { count } from "../builders/summary.ts";
import { type DiscoveryError, messageOf } from "../errors.ts";
import { diff, plan, toDot, toMermaid, toSvg, tree } from "../inspect/inspect.ts";
import { printable } from "../reporters/text_width.ts";
import { fileError } from "../targets/file_error.ts";
import type { CliIo } from "./cli_io.ts";
import { loadTasks } from "./load_tasks.ts";
import { givenParameters } from "./parameters.ts";
import type { TaskOptions } from "./task_argument.ts";
import { UsageError } from "./usage.ts";
import { keepStdout } from "./users_output.ts";

/** Options of `plan`. */
export interface ShowPlanOptions extends TaskOptions {
  readonly all?: boolean | undefined;
}

/** Options of `tree`. */
export interface ShowTreeOptions extends TaskOptions {
  readonly depth?: number | undefined;
  readonly lines?: number | undefined;
  readonly states?: boolean | undefined;
}

/** Options of `graph`. */
export interface ShowGraphOptions extends TaskOptions {
  readonly svg?: boolean | undefined;
  readonly dot?: boolean | undefined;
  readonly mermaid?: boolean | undefined;
  readonly output?: string | undefined;
  readonly direction?: "TB" | "BT" | "LR" | "RL" | undefined;
  readonly groupAbove?: number | undefined;
  readonly states?: boolean | undefined;
}

/** Options of `diff`. */
export interface ShowDiffOptions extends TaskOptions {
  readonly to?: readonly string[] | undefined;
  readonly toParams?: string | undefined;
}

/** Shows what a build would run. */
export async function showPlan(
  argument: string | readonly string[],
  options: ShowPlanOptions,
  io: CliIo,
): Promise<void> {
  keepStdout();
  const planned = await plan(await loadTasks(argument, options));
  const mostTasks = options.all === true ? Infinity : undefined;
  io.showResult(planned, options, () => planned.toString(mostTasks));
}

/** Shows what differs between two tasks. */
export async function showDiff(
  argument: string,
  other: string | undefined,
  options: ShowDiffOptions,
  io: CliIo,
): Promise<void> {
  keepStdout();
  const { param = [], params, to = [], toParams } = options;
  const replaced = await givenParameters({ param: to, params: toParams });
  const before = await loadTasks(argument, options);
  const after = await loadTasks(other ?? argument, {
    params: toParams ?? params,
    param: [...param.filter((each) => !replaced.has(nameOf(each))), ...to],
  });
  io.showResult(await diff(before, after), options);
}

/** Shows what a task requires. */
export async function showTree(
  argument: string,
  options: ShowTreeOptions,
  io: CliIo,
): Promise<void> {
  keepStdout();
  const { depth, lines, states } = options;
  const tasks = await loadTasks(argument, options);
  io.showResult(await tree(tasks, { maxDepth: depth, maxLines: lines, states }), options);
}

/** Draws the DAG. */
export async function showGraph(
  argument: string,
  options: ShowGraphOptions,
  io: CliIo,
): Promise<void> {
  const draw = drawing(options);
  keepStdout();
  const { output, direction, groupAbove, states } = options;
  const tasks = await loadTasks(argument, options);
  const unknown: DiscoveryError[] = [];
  const onUnknown = (error: DiscoveryError): void => void unknown.push(error);
  const text = (await draw(tasks, { direction, groupAbove, states, onUnknown })).trimEnd();
  if (unknown.length > 0) {
    const what = count(unknown.length, "task", "tasks");
    io.tell(`It is unknown whether ${what} ran before: ${printable(messageOf(unknown[0]))}`);
  }
  if (output === undefined) return io.print(text);
  try {
    await Deno.writeTextFile(output, `${text}\n`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError(error, "write", output);
    throw new UsageError(`Cannot write "${output}": its folder is not there`);
  }
  io.tell(`Wrote ${output}`);
}

/** As told, else as the name of the file tells. Throws `UsageError` where one says this and the other that. */
function drawing({ svg, dot, mermaid, output }: ShowGraphOptions): typeof toSvg {
  const told = svg === true
    ? toSvg
    : dot === true
    ? toDot
    : mermaid === true
    ? toMermaid
    : undefined;
  const extension = output === undefined ? undefined : extname(output).toLowerCase();
  const named = DRAWINGS.find(({ extensions }) => extensions.includes(extension ?? ".mmd"))?.draw;
  if (named === undefined && told === undefined) {
    throw new UsageError(
      `Cannot draw to "${output}": its name does not say which kind of drawing is wanted. ` +
        `Let it end in .svg, .dot, .mmd or .md`,
    );
  }
  if (output !== undefined && named !== undefined && told !== undefined && named !== told) {
    throw new UsageError(
      `Cannot draw to "${output}": its name says another kind of drawing than the option. Leave one of them out`,
    );
  }
  return told ?? named ?? toMermaid;
}

const DRAWINGS = [
  { draw: toSvg, extensions: [".svg"] },
  { draw: toDot, extensions: [".dot", ".gv"] },
  { draw: toMermaid, extensions: [".mmd", ".md", ".mermaid"] },
];

function nameOf(param: string): string {
  return param.slice(0, param.indexOf("="));
}
