/**
 * Finds outputs by ids, or by how these begin: in the index, else among what is stored. Unaware of what is in them.
 *
 * @module
 */

import { readRecords, targetRoots } from "./output_records.ts";
import { storedFiles } from "./stored_files.ts";

/** An output that was found. */
export interface FoundOutput {
  /** Id of its task. */
  readonly id: string;
  /** Namespace and name of the type. */
  readonly typeId: string;
  /** Where it is, or was; with a slash at its end where it is a folder. */
  readonly uri: string;
}

/** The outputs below any root whose ids begin so, each id once. */
export async function findOutputs(beginning: string): Promise<readonly FoundOutput[]> {
  const roots = targetRoots();
  const records = await readRecords(roots);
  const found = new Map<string, FoundOutput>();
  const add = ({ id, typeId, uri }: FoundOutput): void => {
    if (id.startsWith(beginning) && !found.has(id)) found.set(id, { id, typeId, uri });
  };
  for (const id of records.ids()) {
    const record = id.startsWith(beginning) ? records.find(id) : undefined;
    if (record?.uri !== undefined) add({ ...record, uri: record.uri });
  }
  // The index does not know all: not what was built without it, or by Python.
  for (const root of found.size === 0 ? roots : []) {
    for (const output of (await storedFiles(root, records)).outputs) add(output);
  }
  return [...found.values()];
}
