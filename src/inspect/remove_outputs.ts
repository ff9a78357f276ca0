/**
 * Removes the outputs of some tasks, and of what was made from them. Unaware of whether somebody still needs them.
 *
 * @module
 */

import { inLanes } from "../lanes.ts";
import { checkOptions } from "../options.ts";
import { findFile, listFiles } from "../targets/listing.ts";
import type { RemoteFile } from "../targets/remote.ts";
import { outputUriOf } from "../tasks/output_uri.ts";
import type { TaskStruct } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { type Dag, dagOf } from "./dag.ts";
import { Removal } from "./garbage.ts";
import { requiredIds } from "./index_reader.ts";
import { type OutputRecords, readRecords, targetRoots } from "./output_records.ts";
import { type Removable, removeAll, removeEmptyFolders, removeFiles } from "./removal.ts";
import { removalOrder, sumOf } from "./stored_files.ts";

/** Options of `removeOutputs`. */
export interface RemoveOutputsOptions {
  /** Whether it is only told what would be removed; on unless told. */
  readonly dryRun?: boolean | undefined;
  /** Whether the outputs of all tasks of `dag` that depend on them are removed, too; off unless told. */
  readonly downstream?: boolean | undefined;
  /** The tasks, and all that they require, among which `downstream` is looked for. What they have yielded counts, too. */
  readonly dag?: TaskStruct | undefined;
  /** How many outputs are removed at once; 32 unless told. */
  readonly maxConcurrent?: number | undefined;
  /** Stops it; what is removed by then stays so. */
  readonly signal?: AbortSignal | undefined;
}

const ACTION = "remove outputs";

/** An output by what is known of it without looking. */
interface Output {
  readonly id: string;
  readonly typeId: string;
  readonly uri: string;
}

/** See `removeOutputs` of `inspect.ts`. */
export async function removeOutputs(
  tasks: TaskStruct,
  options: RemoveOutputsOptions,
): Promise<Removal> {
  checkOptions(options, ["dryRun", "downstream", "dag", "maxConcurrent", "signal"], ACTION);
  const { dryRun = true, downstream = false, dag = tasks, maxConcurrent = 32, signal } = options;
  const own = dagOf(tasks);
  const outputs = new Map<string, Output>();
  for (const node of own.roots) addTask(outputs, own, node);
  if (downstream) await addDownstream(outputs, dagOf([tasks, dag]), signal);

  const found: (Removable & { readonly files: readonly RemoteFile[] })[] = [];
  await inLanes([...outputs.values()], maxConcurrent, async (output) => {
    signal?.throwIfAborted();
    const files = await filesOf(output.uri);
    if (files.length === 0) return;
    const item = { kind: "output" as const, ...output, ...sumOf(files) };
    found.push({ item, files, remove: () => removeFiles(files) });
  });
  found.sort((a, b) => a.item.uri < b.item.uri ? -1 : 1);
  if (dryRun) return new Removal({ dryRun, items: found.map(({ item }) => item), errors: [] });
  const removed = await removeAll(found, { maxConcurrent, signal });
  const files = found.flatMap((each) => each.files);
  for (const root of targetRoots()) {
    await removeEmptyFolders(root, files.filter(({ uri }) => uri.startsWith(root)));
  }
  return new Removal({ dryRun, ...removed });
}

function addTask(outputs: Map<string, Output>, { tasks }: Dag, node: number): void {
  const task = tasks[node]!;
  const uri = outputUriOf(task);
  if (uri !== undefined) outputs.set(task.id, { id: task.id, typeId: taskTypeOf(task).id, uri });
}

/** Adds the outputs of all that depends on them, by today's code or as the index has recorded. */
async function addDownstream(
  outputs: Map<string, Output>,
  dag: Dag,
  signal: AbortSignal | undefined,
): Promise<void> {
  const records = await readRecords(targetRoots(), signal);
  const nodes = new Map(dag.tasks.map(({ id }, node) => [id, node]));
  const dependents = dependentsIn(dag, nodes, records);
  // Also what has no output is gone through.
  const ids = new Set(outputs.keys());
  for (const id of ids) for (const dependent of dependents.get(id) ?? []) ids.add(dependent);
  for (const id of ids) {
    const node = nodes.get(id);
    const record = node === undefined ? records.find(id) : undefined;
    if (node !== undefined) addTask(outputs, dag, node);
    else if (record?.uri !== undefined) outputs.set(id, { ...record, uri: record.uri });
  }
}

/** By the id of each task those that depend on it. */
function dependentsIn(
  dag: Dag,
  nodes: ReadonlyMap<string, number>,
  records: OutputRecords,
): ReadonlyMap<string, readonly string[]> {
  const dependents = new Map<string, string[]>();
  const ids = new Set(nodes.keys());
  // What was yielded is gone through, too.
  for (const id of ids) {
    const node = nodes.get(id);
    const record = records.find(id);
    const byCode = (node === undefined ? [] : dag.requires[node]!).map((each) =>
      dag.tasks[each]!.id
    );
    for (const each of new Set([...byCode, ...record === undefined ? [] : requiredIds(record)])) {
      ids.add(each);
      const known = dependents.get(each);
      if (known === undefined) dependents.set(each, [id]);
      else known.push(id);
    }
  }
  return dependents;
}

/** The files of an output that are there, in the order in which they are removed. */
async function filesOf(uri: string): Promise<readonly RemoteFile[]> {
  if (!uri.endsWith("/")) {
    const file = await findFile(uri);
    return file === undefined ? [] : [file];
  }
  const base = uri.slice(0, -1);
  const flags = await Promise.all([findFile(`${base}._DONE`), findFile(`${base}._SUB_KEYS`)]);
  const inside = await Array.fromAsync(listFiles(uri));
  return removalOrder([...flags.filter((file) => file !== undefined), ...inside]);
}
