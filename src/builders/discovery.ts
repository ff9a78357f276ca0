/**
 * Finding what is to be done: from some tasks down to what is already complete. Asks targets, in batches where they can;
 * unaware of how tasks are run.
 *
 * @module
 */

import {
  ConfigError,
  DiscoveryError,
  InstanceConflictError,
  messageOf,
  PermissionError,
} from "../errors.ts";
import { describe, stringifyJson } from "../json.ts";
import type { ExistenceProbe, TargetStore } from "../targets/target.ts";
import { isCompleteByTarget } from "../tasks/base_task.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { RunPolicy } from "../tasks/run_policy.ts";
import type { AnyTask } from "../tasks/task.ts";
import { bodyOf } from "../tasks/task_body.ts";
import { policyOf, taskTypeOf } from "../tasks/type_registry.ts";
import type { Limits } from "./limits.ts";
import { type Schedule, shortened } from "./schedule.ts";
import type { TimeSlice } from "./time_slice.ts";

/** Options of {@linkcode discover}. */
export interface DiscoverOptions {
  /** How many completeness checks may be under way at once. */
  readonly maxConcurrent: number;
  /** Stops looking. */
  readonly signal: AbortSignal;
  /** The limits of the build; without them, no task is counted. */
  readonly limits: Limits | undefined;
  /** Of the build: what tasks say of themselves may take its time, too. */
  readonly slice: TimeSlice;
  /** Called after each level; gives what else is to be looked at by then. */
  more?: (() => readonly number[]) | undefined;
  /** A task that was complete when it was found. */
  onComplete?: ((node: number) => void) | undefined;
  /** A task of which it cannot be told what it requires or whether it is complete; to throw ends the discovery. */
  onError(node: number, error: unknown): void;
}

/** What `reserve` gives: the nodes of the tasks, and those among them that have not been seen before. */
export interface Reserved {
  readonly nodes: readonly number[];
  readonly fresh: readonly number[];
}

/**
 * The nodes of tasks, adding those that are new; `parent` is the node that requires them. Throws
 * `InstanceConflictError` when a task of the same id is there that differs in what is not part of the id.
 */
export function reserve(
  schedule: Schedule,
  tasks: readonly AnyTask[],
  parent: number | undefined,
): Reserved {
  const nodes: number[] = [];
  const fresh: number[] = [];
  const before = schedule.size;
  for (const task of tasks) {
    let node = schedule.find(task.id);
    if (node === undefined) {
      node = schedule.add(task, parent);
      fresh.push(node);
    } else if (schedule.task(node) !== task) {
      const conflict = findConflict(schedule, node, task, parent);
      if (conflict !== undefined) {
        // All or none: nobody would ever look at those that are in already.
        schedule.forgetFrom(before);
        throw conflict;
      }
    }
    nodes.push(node);
  }
  return { nodes, fresh };
}

/**
 * Checks the nodes and goes on with what those that are not complete require, level by level: order never depends on
 * timing. When it ends, every node found is complete, ready, or waiting for others.
 */
export async function discover(
  schedule: Schedule,
  nodes: readonly number[],
  options: DiscoverOptions,
): Promise<void> {
  const { signal, limits, slice, onComplete, onError } = options;
  for (let level = nodes; level.length > 0;) {
    signal.throwIfAborted();
    const complete = await areComplete(schedule, level, options);
    const next: number[] = [];
    for (let i = 0; i < level.length; i++) {
      const node = level[i]!;
      // Undefined: the check has failed, and the node with it.
      if (complete[i] === undefined) continue;
      // Looking at the clock costs as much as taking in what is complete; `requires()` may take any time.
      if ((complete[i] !== true || (i & 63) === 0) && slice.isOver) {
        await slice.giveTurn();
        signal.throwIfAborted();
      }
      if (complete[i] === true) {
        schedule.completed(node);
        onComplete?.(node);
        continue;
      }
      try {
        const task = schedule.task(node);
        const policy = policyOf(task);
        if (policy !== undefined) setPolicy(schedule, node, policy, limits);
        const required = reserve(schedule, requirementsOf(task), node);
        for (const each of required.nodes) schedule.require(node, each);
        for (const each of required.fresh) next.push(each);
        schedule.release(node, required.nodes);
      } catch (error) {
        onError(node, error);
      }
    }
    const more = options.more?.() ?? [];
    level = more.length === 0 ? next : [...next, ...more];
  }
}

function setPolicy(
  schedule: Schedule,
  node: number,
  policy: RunPolicy,
  limits: Limits | undefined,
): void {
  const task = schedule.task(node);
  try {
    const keys = policy.concurrencyKeys(task);
    schedule.setPolicy(
      node,
      policy.priority(task),
      keys.length === 0 ? undefined : limits?.named(keys, task),
    );
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new DiscoveryError(`Cannot tell how to run ${task}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** What the task requires. Throws `DiscoveryError` when it cannot tell. */
export function requirementsOf(task: AnyTask): AnyTask[] {
  try {
    return flattenTaskStruct(task.requires());
  } catch (error) {
    throw new DiscoveryError(`Cannot tell what ${task} requires: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** For each node whether its task is complete; `undefined` where that cannot be told. */
export async function areComplete(
  schedule: Schedule,
  nodes: readonly number[],
  { maxConcurrent, signal, slice, onError }: Omit<DiscoverOptions, "limits">,
): Promise<readonly (boolean | undefined)[]> {
  const answers: (boolean | undefined)[] = new Array(nodes.length).fill(undefined);
  const refuse = (i: number, error: unknown): void => {
    const task = schedule.task(nodes[i]!);
    onError(
      nodes[i]!,
      // What is wrong with the surroundings is not the task's fault.
      error instanceof PermissionError || error instanceof ConfigError ? error : new DiscoveryError(
        `Cannot tell whether ${task} is complete: ${messageOf(error)}`,
        { cause: error },
      ),
    );
  };

  const batches = new Map<TargetStore, { readonly uris: string[]; readonly at: number[] }>();
  const single: number[] = [];
  for (let i = 0; i < nodes.length; i++) {
    if ((i & 63) === 0 && slice.isOver) await slice.giveTurn();
    try {
      const probe = probeOf(schedule.task(nodes[i]!));
      if (probe === undefined) {
        single.push(i);
        continue;
      }
      let batch = batches.get(probe.store);
      if (batch === undefined) batches.set(probe.store, batch = { uris: [], at: [] });
      batch.uris.push(probe.uri);
      batch.at.push(i);
    } catch (error) {
      refuse(i, error);
    }
  }

  for (const [store, { uris, at }] of batches) {
    try {
      const exists = await store.existsMany(uris, { maxConcurrent, signal, asker: schedule });
      for (let k = 0; k < at.length; k++) answers[at[k]!] = exists[k] === true;
    } catch (error) {
      for (const i of at) refuse(i, error);
    }
  }

  let taken = 0;
  const lane = async (): Promise<void> => {
    while (taken < single.length && !signal.aborted) {
      const i = single[taken++]!;
      try {
        const complete: unknown = schedule.task(nodes[i]!).complete();
        const answer = typeof complete === "boolean" ? complete : await complete;
        if (typeof answer !== "boolean") {
          throw new TypeError(`complete() gave ${describe(answer)}. Return true or false`);
        }
        answers[i] = answer;
      } catch (error) {
        refuse(i, error);
      }
      if (slice.isOver) await slice.giveTurn();
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxConcurrent, single.length) }, lane));
  signal.throwIfAborted();
  return answers;
}

function probeOf(task: AnyTask): ExistenceProbe | undefined {
  return isCompleteByTarget(task) ? task.output().probe : undefined;
}

function findConflict(
  schedule: Schedule,
  node: number,
  task: AnyTask,
  parent: number | undefined,
): InstanceConflictError | undefined {
  const first = schedule.task(node);
  const type = taskTypeOf(task);
  if (!type.hasInsignificant) return undefined;
  const [a, b] = [first, task].map((each) =>
    bodyOf(each, (nested) => ({ id: (nested as AnyTask).id }))
  );
  const fields = type.parameters.map(({ key }) => key).filter((key) =>
    stringifyJson(a![key]) !== stringifyJson(b![key])
  );
  if (fields.length === 0) return undefined;
  const named = fields.map((key) =>
    `"${key}" (${stringifyJson(a![key])} and ${stringifyJson(b![key])})`
  );
  const paths = [schedule.path(node), [
    ...(parent === undefined ? [] : schedule.path(parent)),
    task,
  ]];
  return new InstanceConflictError(
    `Cannot build two tasks of the id ${task.id} that differ in ${
      named.join(", ")
    }, which is not part of the id: ${
      paths.map((path) => shortened(path).join(" -> ")).join(" and ")
    }. Give both the same`,
    { taskId: task.id, fields },
  );
}
