/**
 * How the tasks of a DAG stand, counted by type: as data, as JSON, and for a person.
 *
 * @module
 */

import { count } from "../builders/summary.ts";
import type { TaskStruct } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import type { CheckOptions } from "./checks.ts";
import {
  DAG_STATES,
  dagOf,
  type DagState,
  FirstReason,
  STATE_WORDS,
  statesOf,
  unknownLines,
} from "./dag.ts";
import { tableText } from "./table_text.ts";

/** How many tasks are in which state. */
export type StateCounts = Readonly<Record<DagState, number>>;

/** The tasks of one type. */
export interface TypeStatus extends StateCounts {
  /** Namespace and name. */
  readonly type: string;
}

/** A status as JSON. */
export interface StatusJson extends StateCounts {
  /** How many tasks there are. */
  readonly tasks: number;
  /** Why the first of those that are unknown is so; left out where none is. */
  readonly reason?: string | undefined;
  /** Of each type. */
  readonly types: readonly TypeStatus[];
}

/** How the tasks of a DAG stand; `String(status)` is what a person wants to read. */
export class Status {
  /** How many tasks of each type are in which state, the types nearest to the tasks given first. */
  readonly types: readonly TypeStatus[];
  /** Why it cannot be told of the first `unknown` task whether it is complete; `undefined` where there is none. */
  readonly reason: string | undefined;

  /** Made by `status()`. */
  constructor({ types, reason }: Pick<Status, "types" | "reason">) {
    this.types = types;
    this.reason = reason;
  }

  /** How many tasks are in which state. */
  get counts(): StateCounts {
    const counts = noCounts();
    for (const type of this.types) for (const state of DAG_STATES) counts[state] += type[state];
    return counts;
  }

  /** How many tasks there are. */
  get tasks(): number {
    return totalOf(this.counts);
  }

  /** All of it as plain data. */
  toJSON(): StatusJson {
    return { tasks: this.tasks, ...this.counts, reason: this.reason, types: this.types };
  }

  /** It for a person. */
  toString(): string {
    const { counts, tasks, types, reason } = this;
    const states = DAG_STATES.filter((state) => counts[state] > 0);
    const parts = states.map((state) => `${counts[state]} ${STATE_WORDS[state]}`);
    const rows = types.map((type) => [type.type, ...states.map((state) => type[state])]);
    return [
      `${count(tasks, "task", "tasks")}: ${parts.join(", ")}`,
      "",
      ...tableText(["type", ...states.map((state) => STATE_WORDS[state])], rows),
      ...reason === undefined ? [] : ["", ...unknownLines(counts.unknown, reason)],
    ].join("\n");
  }

  /** What the console shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/** See `status` of `inspect.ts`. */
export async function status(struct: TaskStruct, options: CheckOptions): Promise<Status> {
  const dag = dagOf(struct);
  const reason = new FirstReason();
  const states = await statesOf(dag, options, reason.add);
  const types = new Map<string, Record<DagState, number>>();
  dag.tasks.forEach((task, node) => {
    const { id } = taskTypeOf(task);
    let counts = types.get(id);
    if (counts === undefined) types.set(id, counts = noCounts());
    counts[states[node]!]++;
  });
  return new Status({
    types: Array.from(types, ([type, counts]) => ({ type, ...counts })),
    reason: reason.text,
  });
}

function noCounts(): Record<DagState, number> {
  return { to_run: 0, complete: 0, not_needed: 0, unknown: 0 };
}

function totalOf(counts: StateCounts): number {
  return DAG_STATES.reduce((total, state) => total + counts[state], 0);
}
