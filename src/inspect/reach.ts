/**
 * Which outputs some tasks reach: their own, and those of all that they and the others require, down through what is
 * complete. Unaware of what is there.
 *
 * @module
 */

import { hasIndex } from "../builders/output_index_writer.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import { mayYield } from "../tasks/define_task.ts";
import { outputUriOf } from "../tasks/output_uri.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import type { Dag } from "./dag.ts";
import { requiredIds } from "./index_reader.ts";
import type { OutputRecords } from "./output_records.ts";

/** Ids of tasks; others only look like one in the text that an id is made of. */
const TASK_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What is reached. */
export interface Reach {
  /** Ids of the tasks. */
  readonly ids: ReadonlySet<string>;
  /** Where their outputs are. */
  readonly uris: ReadonlySet<string>;
  /** Their types, as far as they are known. */
  readonly typeIds: ReadonlySet<string>;
  /** Those of which nobody knows what they have yielded when they ran, as they are told to a person. */
  readonly unrecorded: readonly string[];
  /** Those of which that depends on what is there. */
  readonly doubtful: readonly Doubtful[];
}

/** A task that may have yielded others of which nobody knows. */
export interface Doubtful {
  readonly id: string;
  /** As it is told to a person. */
  readonly name: string;
  /** Where its output is, if there is one. */
  readonly uri: string;
  /** When it ran as the index tells; `undefined` where it does not. If its output is newer, it has run again. */
  readonly builtAt: Date | undefined;
}

/**
 * What a DAG reaches, by what today's code requires and what the index has recorded: of tasks that were yielded, only the
 * index knows.
 */
export function reachOf(dag: Dag, records: OutputRecords): Reach {
  const nodes = new Map(dag.tasks.map(({ id }, node) => [id, node]));
  const ids = new Set(nodes.keys());
  const uris = new Set<string>();
  const typeIds = new Set<string>();
  const unrecorded: string[] = [];
  const doubtful: Doubtful[] = [];
  // What is found on the way is gone through, too.
  for (const id of ids) {
    const node = nodes.get(id);
    const task = node === undefined ? undefined : dag.tasks[node]!;
    const record = records.find(id);
    const uri = task === undefined ? record?.uri : outputUriOf(task);
    const yields = task === undefined ? undefined : mayYield(task);
    const name = task === undefined ? `${id}, which was yielded` : String(task);
    for (const each of [uri, record?.uri]) if (each !== undefined) uris.add(each);
    const typeId = task === undefined ? record?.typeId : taskTypeOf(task).id;
    if (typeId !== undefined) typeIds.add(typeId);
    if (record !== undefined) {
      const required = task === undefined ? requiredIds(record) : record.requires;
      for (const each of required) if (TASK_ID.test(each)) ids.add(each);
      const byCode = new Set(node === undefined ? [] : dag.requires[node]!.map(idIn(dag)));
      const hasYielded = record.requires.some((each) => !byCode.has(each));
      if (uri !== undefined && (yields === true || hasYielded)) {
        doubtful.push({ id, name, uri, builtAt: record.builtAt });
      }
    } else if (task === undefined || yields === true) {
      unrecorded.push(name);
    } else if (yields === undefined && uri !== undefined && isRecorded(uri)) {
      doubtful.push({ id, name, uri, builtAt: undefined });
    }
  }
  return { ids, uris, typeIds, unrecorded, doubtful };
}

function idIn({ tasks }: Dag): (node: number) => string {
  return (node) => tasks[node]!.id;
}

/** Whether builds note down what has its output there, also when it has yielded nothing. */
export function isRecorded(uri: string): boolean {
  const root = targetFactoryProvider.get().rootAbove(uri);
  return root !== undefined && hasIndex(root);
}
