/**
 * Which outputs some tasks reach: their own, and those of all that they and the others require, down through what is
 * complete. Unaware of what is there.
 *
 * @module
 */

import { mayYield } from "../tasks/define_task.ts";
import { outputUriOf } from "../tasks/output_uri.ts";
import type { Dag } from "./dag.ts";
import { requiredIds } from "./index_reader.ts";
import type { OutputRecords } from "./output_records.ts";

/** Ids of tasks; others only look like one in the text that an id is made of. */
const TASK_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-5/;

/** What is reached. */
export interface Reach {
  /** Ids of the tasks. */
  readonly ids: ReadonlySet<string>;
  /** Where their outputs are. */
  readonly uris: ReadonlySet<string>;
  /** Those of which nobody knows what they have required when they ran, as they are told to a person. */
  readonly unrecorded: readonly string[];
}

/**
 * What a DAG reaches, by what today's code requires and what the index has recorded: of tasks that were yielded, only the
 * index knows.
 */
export function reachOf(dag: Dag, records: OutputRecords): Reach {
  const inHand = new Map(dag.tasks.map((task) => [task.id, task]));
  const ids = new Set(inHand.keys());
  const uris = new Set<string>();
  const unrecorded: string[] = [];
  // What is found on the way is gone through, too.
  for (const id of ids) {
    const task = inHand.get(id);
    const record = records.find(id);
    const uri = task && outputUriOf(task);
    if (uri !== undefined) uris.add(uri);
    if (record !== undefined) {
      uris.add(record.uri);
      const required = task === undefined ? requiredIds(record) : record.requires;
      for (const each of required) if (TASK_ID.test(each)) ids.add(each);
    } else if (task === undefined) {
      unrecorded.push(`${id}, which was yielded`);
    } else if (mayYield(task)) {
      unrecorded.push(String(task));
    }
  }
  return { ids, uris, unrecorded };
}
