/**
 * What the commands do that look at outputs or remove them.
 *
 * @module
 */

import type { Removal } from "../inspect/garbage.ts";
import { gc, listOutputs, removeOutputs, status } from "../inspect/inspect.ts";
import type { TaskStruct } from "../tasks/task.ts";
import type { CliIo } from "./cli_io.ts";
import { loadTasks } from "./load_tasks.ts";
import { moduleArgument } from "./module_argument.ts";
import { exportsOf, importModule } from "./module_exports.ts";
import type { TaskOptions } from "./task_argument.ts";
import { keepStdout } from "./users_output.ts";

/** Options of `ls`. */
export interface ShowListOptions {
  readonly root?: readonly string[] | undefined;
  readonly json?: boolean | undefined;
}

/** Options of `rm`. */
export interface ShowRemovalOptions extends TaskOptions {
  readonly downstream?: boolean | undefined;
  readonly yes?: boolean | undefined;
}

/** Options of `gc`. */
export interface ShowGarbageOptions extends TaskOptions {
  readonly yes?: boolean | undefined;
  readonly minAge?: number | undefined;
  readonly root?: readonly string[] | undefined;
  readonly ignoreUnrecorded?: boolean | undefined;
  readonly all?: boolean | undefined;
}

/** Shows how the tasks of a DAG stand. */
export async function showStatus(
  argument: string,
  options: TaskOptions,
  io: CliIo,
): Promise<void> {
  keepStdout();
  io.showResult(await status(await loadTasks(argument, options)), options);
}

/** Shows which outputs there are. */
export async function showList(
  type: string | undefined,
  options: ShowListOptions,
  io: CliIo,
): Promise<void> {
  io.showResult(await listOutputs({ type, roots: options.root }), options);
}

/** Removes the output of a task, or tells that it would. */
export async function showRemoval(
  argument: string,
  options: ShowRemovalOptions,
  io: CliIo,
): Promise<void> {
  keepStdout();
  const { downstream = false, yes = false } = options;
  const removal = await removeOutputs(await loadTasks(argument, options), {
    dryRun: !yes,
    downstream,
    dag: downstream ? await tasksOfModule(argument, options) : undefined,
  });
  show(removal, options, io, Infinity);
}

/** Removes what none of the tasks needs, or tells that it would. */
export async function showGarbage(
  tasks: readonly string[],
  options: ShowGarbageOptions,
  io: CliIo,
): Promise<void> {
  keepStdout();
  const { yes = false, minAge, root, ignoreUnrecorded, all = false } = options;
  const structs: TaskStruct[] = [];
  for (const argument of tasks) structs.push(await loadTasks(argument, options));
  const garbage = await gc(structs, { dryRun: !yes, minAge, roots: root, ignoreUnrecorded });
  show(garbage, options, io, all ? Infinity : undefined);
}

/** All tasks that the module exports, and those that the argument names, without its members. */
async function tasksOfModule(argument: string, options: TaskOptions): Promise<TaskStruct> {
  const from = moduleArgument(argument);
  const whole = from.name === undefined ? from.module : `${from.module}:${from.name}`;
  const exported = exportsOf(await importModule(from)).flatMap(({ value }) =>
    value.kind === "tasks" ? [value.tasks] : []
  );
  return [await loadTasks(whole, options), ...exported];
}

function show(
  removal: Removal,
  options: Pick<TaskOptions, "json">,
  io: CliIo,
  mostOutputs: number | undefined,
): void {
  io.showResult(removal, options, () => removal.toString(mostOutputs));
  if (removal.dryRun && removal.items.length > 0) io.tell("Nothing was removed: --yes does it");
  if (removal.errors.length > 0) io.exitCode = 1;
}
