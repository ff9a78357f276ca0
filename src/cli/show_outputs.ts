/**
 * What the commands do that look at outputs or remove them.
 *
 * @module
 */

import type { Removal } from "../inspect/garbage.ts";
import { ConfigError } from "../errors.ts";
import { gc, listOutputs, removeOutputs, status } from "../inspect/inspect.ts";
import { printableLine } from "../reporters/text_width.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import type { TaskStruct } from "../tasks/task.ts";
import type { CliIo } from "./cli_io.ts";
import { loadTasks } from "./load_tasks.ts";
import { moduleArgument } from "./module_argument.ts";
import { exportsOf, importModule } from "./module_exports.ts";
import { didYouMean } from "./similar.ts";
import type { TaskOptions } from "./task_argument.ts";
import { UsageError } from "./usage.ts";
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
  const roots = knownRoots(options.root);
  const list = await listOutputs({ type, roots });
  io.showResult(list, options);
  if (type === undefined || list.outputs.length > 0) return;
  const { types } = await listOutputs({ roots });
  const names = types.map((each) => each.type);
  io.tell(
    printableLine(`There are no outputs of a type "${type}"${didYouMean(type, names)}`),
  );
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
  const struct = await loadTasks(tasks, options);
  const roots = knownRoots(root);
  const garbage = await gc(struct, { dryRun: !yes, minAge, roots, ignoreUnrecorded });
  show(garbage, options, io, all ? Infinity : undefined);
}

/** The keys of target roots that are told. Throws `UsageError` for one that there is not. */
function knownRoots(keys: readonly string[] | undefined): readonly string[] | undefined {
  const factory = targetFactoryProvider.get();
  for (const key of keys ?? []) {
    try {
      factory.getTargetRoot(key);
    } catch (error) {
      if (factory.targetRootKeys.includes(key) || !(error instanceof ConfigError)) throw error;
      throw new UsageError(error.message, { cause: error });
    }
  }
  return keys;
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
