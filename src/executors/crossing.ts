/**
 * What of a task crosses to a worker: the task, which modules declare it, where its inputs and its output are. What cannot
 * cross is refused. Unaware of workers.
 *
 * @module
 */

import { dirname } from "@std/path";
import { ConfigError, MissingOutputError } from "../errors.ts";
import { LocalTarget } from "../targets/local.ts";
import { isFile } from "../targets/local_store.ts";
import { claimSlot } from "../targets/slot.ts";
import { slotPath } from "../targets/temporary.ts";
import { TargetFactory, targetFactoryProvider } from "../targets/factory.ts";
import { savesItself } from "../tasks/base_task.ts";
import type { TaskContext } from "../tasks/run_context.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { AnyTask } from "../tasks/task.ts";
import { policyOf, type TaskType, taskTypeOf } from "../tasks/type_registry.ts";
import { COMPLETE, type TaskOutcome } from "./executor.ts";
import { isInMemoryUri, isLocalUri, outputUriOf } from "../tasks/output_uri.ts";
import type { Needs } from "./process_flags.ts";
import { isGivenInCode, isRemote } from "./stores.ts";
import { writeTasks } from "./task_text.ts";
import type { RunMessage } from "./worker_protocol.ts";

/** How often, and after how many milliseconds, what a worker has left is looked for again. */
const MOST_TRIES = 10;
const PAUSE = 30;

/** A task on its way to a worker. */
export interface Crossing extends Needs {
  readonly message: RunMessage;
}

/** Prepares a task for a worker; `yielded` is what it has yielded so far. Throws `ConfigError` where it cannot go there. */
export function crossing(
  task: AnyTask,
  context: TaskContext,
  yielded: readonly AnyTask[],
): Crossing {
  const output = outputUriOf(task);
  if (output !== undefined && isInMemoryUri(output)) {
    throw new ConfigError(
      `Its output "${output}" is in the memory of this process, where no worker can put it. Give it a target root on a ` +
        `disk, or have it run here: executionMode "async"`,
    );
  }
  const inputs: string[] = [];
  for (const input of [...flattenTaskStruct(task.requires()), ...yielded]) {
    const uri = outputUriOf(input);
    if (uri === undefined) continue;
    inputs.push(uri);
    if (isInMemoryUri(uri)) {
      throw new ConfigError(
        `Its input "${uri}", the output of ${input}, is in the memory of this process, where no worker can load it. Give ` +
          `it a target root on a disk, or have this task run here: executionMode "async"`,
      );
    }
  }
  const factory = targetFactoryProvider.get();
  const places = [...output === undefined ? [] : [output], ...inputs];
  if (policyOf(task)?.permissions !== undefined) refuseRemote(places, factory);
  const { text, types } = writeTasks([task]);
  const modules = modulesOf(types.keys());
  const isSaid = [...types.keys()].every(({ module }) => module !== undefined);
  const main = isSaid ? undefined : mainModule();
  const roots = rootsOf(factory, [...types.values(), ...yielded]);
  return {
    message: {
      kind: "run",
      task: text,
      modules,
      main,
      roots,
      flush: isFlushing(factory, Object.values(roots)),
      uri: output,
      givenInCode: places.filter((uri) => isGivenInCode(uri, factory)),
      attempt: context.attempt,
      yielded: yielded.map(({ id }) => id),
      memoryLimit: policyOf(task)?.memoryLimit,
    },
    modules: main === undefined || modules.includes(main) ? modules : [...modules, main],
    inputs,
    output,
  };
}

/** A task with permissions would need what lets it into the whole store, with the outputs of all others. */
function refuseRemote(uris: readonly string[], factory: TargetFactory): void {
  const remote = uris.find((uri) => isRemote(uri, factory));
  if (remote === undefined) return;
  throw new ConfigError(
    `It has permissions, and "${remote}", its output or an input, is in a remote store: to get there its process would need ` +
      `what lets it into all of the store. Give both a target root on a disk (targetRootKey), with a task without ` +
      `permissions to copy what is remote, or leave permissions away`,
  );
}

/** What is to be imported so that tasks of the types can be made, in the order declared. */
function modulesOf(types: Iterable<TaskType>): readonly string[] {
  const modules = new Set<string>();
  for (const { module, declaredAt } of types) {
    const url = module ?? declaredAt.url;
    if (/^(?:file|https?|data|jsr|npm):/.test(url)) modules.add(url);
  }
  return [...modules];
}

/** The module that was started; `undefined` in a worker. */
export function mainModule(): string | undefined {
  return Deno.mainModule as string | undefined;
}

/** What is complete for the worker must be seen to be complete from here. */
export async function seenFromHere(task: AnyTask): Promise<TaskOutcome> {
  const uri = outputUriOf(task);
  // The worker has written the very file that would be looked for; a task with permissions may only have said so.
  const isTrusted = policyOf(task)?.permissions === undefined;
  if (isTrusted && savesItself(task) && isLocalUri(uri)) return COMPLETE;
  if (await task.complete()) return COMPLETE;
  throw new MissingOutputError(
    uri === undefined
      ? "It has ended well in a worker, but complete() still says false here: what it did is in the memory of the worker. " +
        'Have complete() look at what all can see, or have it run here: executionMode "async"'
      : `It has ended well in a worker, but there is nothing at "${uri}" here. Have it store its output where all can see ` +
        'it, or have it run here: executionMode "async"',
  );
}

/** Removes what a worker that was killed has left of an output that it was writing. Never rejects. */
export async function removeLeftovers(task: AnyTask): Promise<void> {
  try {
    const uri = outputUriOf(task);
    if (!isLocalUri(uri)) return;
    // Who takes a place there removes what dead writers have left in it. A thread lets go of its files a little later
    // than it is told to have ended.
    for (let tries = 0; tries < MOST_TRIES && await isFile(slotPath(uri, 0)); tries++) {
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE));
      await (await claimSlot(uri)).discard();
    }
  } catch {
    // Who writes there next removes it.
  }
}

/** Makes the folder of an output, for a process that may only write the files in it. */
export async function makeFolderOf(uri: string | undefined): Promise<void> {
  if (!isLocalUri(uri)) return;
  await Deno.mkdir(dirname(uri), { recursive: true });
}

/** The roots that the tasks use, as far as the factory knows them, and the one that is used unless told. */
function rootsOf(
  factory: TargetFactory,
  tasks: readonly AnyTask[],
): Readonly<Record<string, string>> {
  const roots: Record<string, string> = {};
  for (const key of new Set(["default", ...tasks.flatMap((task) => [...rootKeysOf(task)])])) {
    try {
      roots[key] = factory.getTargetRoot(key);
    } catch {
      // Whoever needs it in the worker will be told.
    }
  }
  return roots;
}

/** The keys of the target roots that tasks of a type use. */
const rootKeys = new WeakMap<TaskType, ReadonlySet<string>>();

function rootKeysOf(task: AnyTask): ReadonlySet<string> {
  const type = taskTypeOf(task);
  const known = rootKeys.get(type);
  if (known !== undefined) return known;
  const noting = new NotingFactory();
  rootKeys.set(type, noting.keys);
  try {
    using _ = targetFactoryProvider.override(noting);
    outputUriOf(task);
  } catch {
    // Then it is not below any root.
  }
  return noting.keys;
}

/** Takes note of the keys that it is asked for. */
class NotingFactory extends TargetFactory {
  readonly keys: Set<string> = new Set();

  override getTargetRoot(key: string = "default"): string {
    this.keys.add(key);
    return "/";
  }
}

/** Whether its files are forced to the disk. */
function isFlushing(factory: TargetFactory, roots: readonly string[]): boolean {
  const root = roots.find(isLocalUri);
  const target = root === undefined ? undefined : factory.getTarget(`${root}file`);
  return target instanceof LocalTarget ? target.flush : true;
}
