/**
 * The whole DAG below some tasks, also below what is complete; and how each task stands. Unaware of how it is shown.
 *
 * @module
 */

import { areComplete, requirementsOf } from "../builders/discovery.ts";
import { Schedule } from "../builders/schedule.ts";
import { TimeSlice } from "../builders/time_slice.ts";
import { DiscoveryError, messageOf } from "../errors.ts";
import { visible } from "../json.ts";
import type { AnyTask, TaskStruct } from "../tasks/task.ts";
import { type CheckOptions, checksOf, rootsOf } from "./checks.ts";

/** A DAG. A node is the number of a task, counted from 0 level by level. */
export interface Dag {
  /** The nodes of the tasks asked for. */
  readonly roots: readonly number[];
  /** The task of each node. */
  readonly tasks: readonly AnyTask[];
  /** The nodes that each node requires, in order, each of them once. */
  readonly requires: readonly (readonly number[])[];
}

/** How a task stands. */
export type DagState =
  /** Its output is there. */
  | "complete"
  /** A build would run it. */
  | "to_run"
  /** Its output is not there, and nothing that a build would run requires it. */
  | "not_needed"
  /** It cannot be told whether it is complete. */
  | "unknown";

/** All states, in the order in which a person reads them. */
export const DAG_STATES: readonly DagState[] = ["to_run", "complete", "not_needed", "unknown"];

/** The states in words. */
export const STATE_WORDS: Readonly<Record<DagState, string>> = {
  complete: "complete",
  to_run: "to run",
  not_needed: "not needed",
  unknown: "unknown",
};

/** The DAG from the tasks down; one that is no DAG, but has circles, is taken as it is. */
export function dagOf(struct: TaskStruct): Dag {
  const nodes = new Map<string, number>();
  const tasks: AnyTask[] = [];
  const nodesOf = (found: readonly AnyTask[]): readonly number[] => {
    const unique = new Set<number>();
    for (const task of found) {
      let node = nodes.get(task.id);
      if (node === undefined) {
        nodes.set(task.id, node = tasks.length);
        tasks.push(task);
      }
      unique.add(node);
    }
    return [...unique];
  };
  const roots = nodesOf(rootsOf(struct));
  const requires: (readonly number[])[] = [];
  for (let node = 0; node < tasks.length; node++) {
    requires.push(nodesOf(requirementsOf(tasks[node]!)));
  }
  return { roots, tasks, requires };
}

/** How each node stands, as a build that starts now would see it. `onUnknown` is told why that of a task is not known. */
export async function statesOf(
  dag: Dag,
  options: CheckOptions,
  onUnknown: (error: DiscoveryError) => void,
): Promise<readonly DagState[]> {
  const schedule = new Schedule();
  const complete = await areComplete(
    schedule,
    dag.tasks.map((task) => schedule.add(task, undefined)),
    {
      ...checksOf(options),
      slice: new TimeSlice(1),
      onError(_node, error) {
        // What is wrong with one task leaves the others to be seen; what is wrong with the surroundings does not.
        if (!(error instanceof DiscoveryError)) throw error;
        onUnknown(error);
      },
    },
  );
  const states = complete.map((each): DagState =>
    each === undefined ? "unknown" : each ? "complete" : "not_needed"
  );
  const rest = [...dag.roots];
  const seen = new Set(rest);
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    if (states[node] === "complete") continue;
    if (states[node] === "not_needed") states[node] = "to_run";
    for (const required of dag.requires[node]!) {
      if (!seen.has(required)) rest.push(required);
      seen.add(required);
    }
  }
  return states;
}

/** Whether the task is complete. Rejects as a build does where that cannot be told. */
export async function isComplete(task: AnyTask): Promise<boolean> {
  const schedule = new Schedule();
  const [answer] = await areComplete(schedule, [schedule.add(task, undefined)], {
    ...checksOf({}),
    slice: new TimeSlice(1),
    onError(_node, error) {
      throw error;
    },
  });
  return answer === true;
}

/** Keeps why it could not be told of the first task whether it is complete. */
export class FirstReason {
  /** Why, in the words of what was asked; `undefined` when all could be told. */
  text: string | undefined;

  /** Takes in the next one. */
  readonly add = (error: DiscoveryError): void => {
    this.text ??= messageOf(error.cause ?? error);
  };
}

/** How many tasks are unknown and why, as the last line for a person; none where none is. */
export function unknownLines(unknown: number | undefined, reason: string | undefined): string[] {
  return reason === undefined ? [] : [`${unknown} unknown: ${visible(reason)}`];
}
