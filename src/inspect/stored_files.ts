/**
 * The files below a root, told apart: outputs, what is still being written, locks, the index; and what is none of ours.
 * Unaware of what is to be done with them.
 *
 * @module
 */

import { INDEX } from "../builders/output_index_writer.ts";
import { FREE_LENGTH, LOCKS } from "../registries/lock_place.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import { listFiles } from "../targets/listing.ts";
import type { RemoteFile } from "../targets/remote.ts";
import { temporaryName } from "../targets/temporary.ts";
import type { OutputRecords } from "./output_records.ts";

/** An output with all its files. */
export interface StoredOutput {
  /** Id of the task. */
  readonly id: string;
  /** Namespace and name of the type; where the index does not tell it, as the folder does. */
  readonly typeId: string;
  /** Where it is; with a slash at its end where it is a folder. */
  readonly uri: string;
  /** The sum of its files, in bytes. */
  readonly size: number;
  /** When the newest of them was written. */
  readonly modified: Date;
  /** Its files, the done flag of a folder first and the list of what is in it last: so they may be removed. */
  readonly files: readonly RemoteFile[];
}

/** A file or folder in the making, or left by a crash. */
export interface StoredTemporary {
  /** Where it is; without a slash at its end where it is a folder. */
  readonly uri: string;
  readonly size: number;
  readonly modified: Date;
  readonly files: readonly RemoteFile[];
  /** How the uris begin of all that is written for the same target. */
  readonly stem: string;
  /** Whether by the lock of the file one can tell whether the writer lives. */
  readonly isSlot: boolean;
}

/** A lock of a task. */
export interface StoredLock {
  /** Id of the task. */
  readonly id: string;
  readonly file: RemoteFile;
  /** When it expires, or when it was renewed last: it may be held if that is not long ago. 1970 when it is free. */
  readonly until: Date;
}

/** What there is below a root. */
export interface StoredFiles {
  readonly root: string;
  readonly outputs: readonly StoredOutput[];
  readonly temporaries: readonly StoredTemporary[];
  readonly locks: readonly StoredLock[];
  /** The files of the index, by uri. */
  readonly segments: ReadonlyMap<string, RemoteFile>;
  /** How many files are none of ours. */
  readonly others: number;
}

/** Where the output of an id is unless its task says otherwise, below the folder of its type. */
const USUAL =
  /\/([0-9a-f]{2})\/([0-9a-f]{2})\/(\1\2[0-9a-f]{4}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(?=$|[./])/;
const FOLDER_FLAG = /\._(?:DONE|SUB_KEYS)$/;
const OWN = ".stardag/";
const ANY_OWN = /^(?:|.*?\/)\.stardag\//;
const LOCK = /^([0-9a-f-]{36})\.lock(?:\/(\d{13,})~[^/]*)?$/;

/** Looks at all files below a root; those below another root that is in it are left out. */
export async function storedFiles(
  root: string,
  records: OutputRecords,
  signal?: AbortSignal,
): Promise<StoredFiles> {
  const sorter = new Sorter(root);
  for await (const file of listFiles(root)) {
    signal?.throwIfAborted();
    sorter.add(file);
  }
  return sorter.sorted(records);
}

/** The files of one thing. */
interface Group {
  readonly id: string;
  /** How the uris of its files begin. */
  readonly uri: string;
  /** The folder of its type, below the root. */
  readonly folder: string;
  readonly files: RemoteFile[];
}

/** Takes in the files below a root one by one. */
class Sorter {
  readonly #root: string;
  readonly #outputs = new Map<string, Group>();
  readonly #temporaries = new Map<string, RemoteFile[]>();
  readonly #locks: StoredLock[] = [];
  readonly #segments = new Map<string, RemoteFile>();
  /** Files in no usual place: outputs only if the index says so. */
  readonly #rest: RemoteFile[] = [];
  /** Folders in which there is the own folder of another root. */
  readonly #roots = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  add(file: RemoteFile): void {
    const path = file.uri.slice(this.#root.length);
    const own = path.includes(OWN) ? ANY_OWN.exec(path)?.[0] : undefined;
    if (own === OWN) return this.#addOwn(file, path);
    if (own !== undefined) {
      this.#roots.add(file.uri.slice(0, this.#root.length + own.length - OWN.length));
      return;
    }
    const temporary = path.includes("/.") || path.startsWith(".") ? temporaryIn(path) : undefined;
    if (temporary !== undefined) {
      grouped(this.#temporaries, this.#root + temporary, () => []).push(file);
      return;
    }
    const place = USUAL.exec(path);
    if (place === null) {
      this.#rest.push(file);
      return;
    }
    const uri = this.#root + path.slice(0, place.index + place[0].length);
    const group = (): Group => ({
      id: place[3]!,
      uri,
      folder: path.slice(0, place.index),
      files: [],
    });
    grouped(this.#outputs, uri, group).files.push(file);
  }

  sorted(records: OutputRecords): StoredFiles {
    const others = this.#addIndexed(records);
    const isOwn = ({ uri }: { readonly uri: string }): boolean => !this.#isOfOther(uri);
    return {
      root: this.#root,
      outputs: [...this.#outputs.values()].filter(isOwn)
        .map((group) => outputOf(group, records)),
      temporaries: Array.from(this.#temporaries, temporaryOf).filter(isOwn),
      locks: this.#locks,
      segments: this.#segments,
      others,
    };
  }

  #addOwn(file: RemoteFile, path: string): void {
    if (path.startsWith(INDEX)) {
      if (path.endsWith(".jsonl")) this.#segments.set(file.uri, file);
    } else if (path.startsWith(`${LOCKS}/`)) {
      const [, id, expiry] = LOCK.exec(path.slice(LOCKS.length + 1)) ?? [];
      if (id === undefined) return;
      this.#locks.push({ id, file, until: heldUntil(file, expiry) });
    }
  }

  /** Makes outputs of the rest where the index says so. How many files are none. */
  #addIndexed(records: OutputRecords): number {
    if (this.#rest.length === 0) return 0;
    const usual = new Set(this.#outputs.values().map(({ id }) => id));
    const places = new Map<string, string>();
    for (const id of records.ids()) {
      const uri = usual.has(id) ? undefined : records.find(id)?.uri;
      // What was built there last comes first.
      if (uri?.startsWith(this.#root) && !places.has(uri)) places.set(uri, id);
    }
    let others = 0;
    for (const file of this.#rest) {
      const uri = indexedPlace(file.uri, this.#root.length, places);
      if (uri === undefined) {
        others++;
      } else {
        const id = places.get(uri)!;
        grouped(this.#outputs, uri, () => ({ id, uri, folder: "", files: [] })).files.push(file);
      }
    }
    return others;
  }

  /** Whether it is below another root that is in this one. */
  #isOfOther(uri: string): boolean {
    if (targetFactoryProvider.get().rootAbove(uri) !== this.#root) return true;
    if (this.#roots.size === 0) return false;
    return foldersAbove(uri, this.#root.length).some((folder) => this.#roots.has(folder));
  }
}

/** The part of the path down to what is temporary in it. */
function temporaryIn(path: string): string | undefined {
  for (let start = 0; start <= path.length;) {
    const slash = path.indexOf("/", start);
    const end = slash < 0 ? path.length : slash;
    if (path[start] === "." && temporaryName(path.slice(start, end))) return path.slice(0, end);
    start = end + 1;
  }
  return undefined;
}

/** Of the places that the index names the one whose output the file is, or is a part of. */
function indexedPlace(
  uri: string,
  rootLength: number,
  places: ReadonlyMap<string, string>,
): string | undefined {
  if (places.has(uri)) return uri;
  const folder = `${uri.replace(FOLDER_FLAG, "")}/`;
  if (FOLDER_FLAG.test(uri) && places.has(folder)) return folder;
  return foldersAbove(uri, rootLength).find((each) => places.has(each));
}

/** The folders that a uri is in, below the root, with a slash at their ends; the one furthest down first. */
export function foldersAbove(uri: string, rootLength: number): readonly string[] {
  const folders: string[] = [];
  for (let at = uri.lastIndexOf("/", uri.length - 2); at > rootLength;) {
    folders.push(uri.slice(0, at + 1));
    at = uri.lastIndexOf("/", at - 1);
  }
  return folders;
}

function outputOf({ id, uri, folder, files }: Group, records: OutputRecords): StoredOutput {
  const base = uri.replace(/\/$/, "");
  const flag = files.find((file) => isFlagOf(base, file));
  const only = files.length === 1 ? files[0]!.uri : uri;
  return {
    id,
    typeId: records.typeOf(id) ?? typeOfFolder(folder),
    uri: flag === undefined ? only : `${flag.uri.slice(0, -"._DONE".length)}/`,
    ...sumOf(files),
    files: removalOrder(files),
  };
}

/** Whether it is the done flag of a folder whose path begins so, and not a file in it. */
function isFlagOf(base: string, { uri }: RemoteFile): boolean {
  return uri.startsWith(base) && /^[^/]*\._DONE$/.test(uri.slice(base.length));
}

/** As the usual path of an output has namespace, name and version. */
function typeOfFolder(folder: string): string {
  return folder.replace(/(?<=[^/])\/v[^/]*$/, "").replaceAll("/", ".");
}

function temporaryOf([uri, files]: readonly [string, readonly RemoteFile[]]): StoredTemporary {
  const at = uri.lastIndexOf("/") + 1;
  const { stem, isSlot } = temporaryName(uri.slice(at))!;
  return { uri, files, stem: uri.slice(0, at) + stem, isSlot, ...sumOf(files) };
}

/** What the files of one thing take together. */
export function sumOf(
  files: readonly RemoteFile[],
): { readonly size: number; readonly modified: Date } {
  let [size, modified] = [0, 0];
  for (const file of files) {
    size += file.size;
    modified = Math.max(modified, file.modified.getTime());
  }
  return { size, modified: new Date(modified) };
}

/** The done flag first: without it, a folder is no output. The list of its files last: it tells what is left. */
export function removalOrder(files: readonly RemoteFile[]): readonly RemoteFile[] {
  const rank = ({ uri }: RemoteFile): number =>
    uri.endsWith("._DONE") ? 0 : uri.endsWith("._SUB_KEYS") ? 2 : 1;
  return files.length === 1 ? files : files.toSorted((a, b) => rank(a) - rank(b));
}

function grouped<T>(groups: Map<string, T>, key: string, make: () => T): T {
  let group = groups.get(key);
  if (group === undefined) groups.set(key, group = make());
  return group;
}

/** `expiry` is in the name of a local lock; one in a remote store says it inside, and is shorter when it is free. */
function heldUntil({ size, modified }: RemoteFile, expiry: string | undefined): Date {
  if (expiry !== undefined) return new Date(Number(expiry));
  return size === FREE_LENGTH ? new Date(0) : modified;
}
