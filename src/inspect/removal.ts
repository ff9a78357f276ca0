/**
 * Removes things, several at a time, and tells what was removed and what could not be. Unaware of why.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import { inLanes } from "../lanes.ts";
import { removeFile } from "../targets/listing.ts";
import type { RemoteFile } from "../targets/remote.ts";
import { isLocalUri } from "../tasks/output_uri.ts";
import { foldersAbove } from "./stored_files.ts";

/** What kind of thing is removed. */
export type RemovedKind =
  /** The output of a task, with all its files. */
  | "output"
  /** What a writer left that died. */
  | "temporary"
  /** A write to a remote store that was given up, and takes up room there. */
  | "unfinished_write"
  /** A lock that nobody holds. */
  | "lock"
  /** A file of the index that only tells of outputs that are gone. */
  | "index";

/** Something that is removed, or would be. */
export interface RemovedItem {
  /** What it is. */
  readonly kind: RemovedKind;
  /** Where it is. */
  readonly uri: string;
  /** In bytes; 0 where nobody knows. */
  readonly size: number;
  /** When it was written last. */
  readonly modified: Date;
  /** Of an output, the id of its task. */
  readonly id?: string | undefined;
  /** Of an output, namespace and name of the type. */
  readonly typeId?: string | undefined;
}

/** Something that could not be removed. */
export interface RemovalError {
  /** Where it is. */
  readonly uri: string;
  /** Why. */
  readonly message: string;
}

/** Something that can be removed. */
export interface Removable {
  readonly item: RemovedItem;
  /** Removes it. `false` when somebody has it in use by now. */
  remove(): Promise<boolean>;
}

/** How {@linkcode removeAll} works. */
export interface RemoveAllOptions {
  /** How many things are removed at once. */
  readonly maxConcurrent: number;
  /** Stops removing. */
  readonly signal?: AbortSignal | undefined;
}

/** What was removed, and what could not be. */
export interface Removed {
  readonly items: readonly RemovedItem[];
  readonly errors: readonly RemovalError[];
}

/** Removes all of them. What goes wrong with one leaves the others to be removed. */
export async function removeAll(
  removables: readonly Removable[],
  { maxConcurrent, signal }: RemoveAllOptions,
): Promise<Removed> {
  const gone = new Set<Removable>();
  const errors: RemovalError[] = [];
  await inLanes(removables, maxConcurrent, async (removable) => {
    signal?.throwIfAborted();
    try {
      if (await removable.remove()) gone.add(removable);
    } catch (error) {
      errors.push({ uri: removable.item.uri, message: messageOf(error) });
    }
  });
  const items = removables.filter((each) => gone.has(each)).map(({ item }) => item);
  return { items, errors };
}

/** Removes the files of one thing in their order, so that what is left by a crash is whole or no output. */
export async function removeFiles(files: readonly RemoteFile[]): Promise<true> {
  for (const { uri } of files) await removeFile(uri);
  return true;
}

/** Removes the local folders below the root in which these files were, as far as they are empty now. */
export async function removeEmptyFolders(
  root: string,
  files: readonly RemoteFile[],
): Promise<void> {
  if (!isLocalUri(root)) return;
  const folders = new Set<string>();
  for (const { uri } of files) {
    for (const folder of foldersAbove(uri, root.length)) {
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  // Those inside come first.
  for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
    try {
      await Deno.remove(folder);
    } catch {
      // Something is in it, or somebody has removed it.
    }
  }
}
