/**
 * Of which tasks nobody knows what they have yielded when they ran last: their outputs are there, and the index does not
 * tell of them, or tells of a run before that. Unaware of what follows from it.
 *
 * @module
 */

import { usualPlace } from "../builders/output_index_writer.ts";
import { findFile } from "../targets/listing.ts";
import { isLocalUri } from "../tasks/output_uri.ts";
import type { Doubtful, Reach } from "./reach.ts";
import type { StoredFiles } from "./stored_files.ts";

/** By how much an output may seem newer than its record: some disks count in steps of two seconds. */
const LOCAL_SLACK = 2_000;
/** The clock of a store is not that of this machine. */
const REMOTE_SLACK = 5 * 60_000;

/** How {@linkcode unrecordedIn} looks. */
export interface LookOptions {
  /** How many outputs are looked for at once that are below none of the roots that were looked through. */
  readonly maxConcurrent: number;
  readonly signal?: AbortSignal | undefined;
}

/** The tasks, as they are told to a person. */
export async function unrecordedIn(
  { unrecorded, doubtful }: Reach,
  stored: readonly StoredFiles[],
  { maxConcurrent, signal }: LookOptions,
): Promise<readonly string[]> {
  const outputs = stored.flatMap((files) => files.outputs);
  const times = new Map(outputs.map(({ id, modified }) => [id, modified]));
  const ids = new Map(outputs.map(({ uri, id }) => [uri, id]));
  /** Whether the output of the task would be among these if it were there, or what is there is that of another one. */
  const isListed = ({ id, uri }: Doubtful): boolean =>
    ids.has(uri) ||
    (uri.includes(usualPlace(id)) && stored.some(({ root }) => uri.startsWith(root)));
  const found: string[] = [];
  const rest = doubtful.values();
  const lane = async (): Promise<void> => {
    for (const each of rest) {
      signal?.throwIfAborted();
      const modified = times.get(each.id) ?? (isListed(each) ? undefined : await timeOf(each.uri));
      if (modified !== undefined && !isRecordedRun(each, modified)) found.push(each.name);
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxConcurrent, doubtful.length) }, lane));
  return [...unrecorded, ...found];
}

/** When an output was written, if it is there. */
async function timeOf(uri: string): Promise<Date | undefined> {
  return (await findFile(uri.endsWith("/") ? `${uri.slice(0, -1)}._DONE` : uri))?.modified;
}

/** Whether an output that was written then is that of the run of which the index tells. */
function isRecordedRun({ uri, builtAt }: Doubtful, modified: Date): boolean {
  const slack = isLocalUri(uri) ? LOCAL_SLACK : REMOTE_SLACK;
  return builtAt !== undefined && modified.getTime() <= builtAt.getTime() + slack;
}
