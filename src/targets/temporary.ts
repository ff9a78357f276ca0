/**
 * Names for what is still being written, and folders for tools that need a path on the local disk.
 *
 * @module
 */

import { basename, dirname } from "@std/path";
import { fileError, isMissing } from "./file_error.ts";

/** The most bytes a name may have on most disks. */
const MAX_NAME = 255;
/** The most bytes of a name kept in a temporary one, with room for what comes after: names may have 255. */
const MAX_STEM = 180;

const TEMPORARY_NAME =
  /^(\..+)\.(?:(stardag-\d+)\.tmp|[0-9a-f]{16}-[0-9a-z]+\.tmp(?:\.[0-9A-Za-z]{1,16}){0,2})$/s;

// Tells this process (or worker) from all others that write to the same file system.
let token: string | undefined;
let count = 0;

/** Options of {@linkcode temporaryPath}. */
export interface TemporaryPathOptions {
  /** Ends the name with the extension of the path, e.g. `.csv.gz`, for tools that look at it. */
  readonly keepExtension?: boolean | undefined;
}

/**
 * A path next to `path`, used by nobody else, on this machine or another:
 * `.<name>.<16 hex digits>-<number>.tmp`, with a long name cut short.
 */
export function temporaryPath(path: string, options?: TemporaryPathOptions): string {
  token ??= crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  const name = basename(path);
  const extension = options?.keepExtension ? extensionOf(name) : "";
  return `${before(path, name)}.${token}-${(count++).toString(36)}.tmp${extension}`;
}

/**
 * The `index`th of the paths next to `path` that those take in turn who write to it: `.<name>.stardag-<index>.tmp`,
 * with a long name cut short.
 */
export function slotPath(path: string, index: number): string {
  return `${before(path, basename(path))}.stardag-${index}.tmp`;
}

/** Whether a file or folder of this name is a temporary one: in the making, or left by a crash. */
export function isTemporary(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/** What the name of a temporary file or folder tells. */
export interface TemporaryName {
  /** How the names begin of all that is written for the same target. */
  readonly stem: string;
  /** Whether it is that of a slot, by whose lock one can tell whether the writer lives. */
  readonly isSlot: boolean;
}

/** What a name tells; `undefined` for one that is no temporary one. */
export function temporaryName(name: string): TemporaryName | undefined {
  const [, stem, slot] = TEMPORARY_NAME.exec(name) ?? [];
  return stem === undefined ? undefined : { stem, isSlot: slot !== undefined };
}

/** The name as a disk takes it: a long one is cut short before its extension. */
export function shortName(name: string): string {
  return firstBytes(name, MAX_NAME) === name
    ? name
    : firstBytes(name, MAX_STEM) + extensionOf(name);
}

/**
 * Removes what is at the path, and tells whether nothing is there any more: for cleaning up, where the first error is the
 * one to tell.
 */
export async function discard(path: string): Promise<boolean> {
  try {
    await Deno.remove(path, { recursive: true });
    return true;
  } catch (error) {
    return isMissing(error); // else whatever keeps it from being removed has made the writing fail already
  }
}

/** Hands a new folder on the local disk to `use` and removes it afterwards. */
export async function withTemporaryFolder<R>(
  use: (folder: string) => R | Promise<R>,
): Promise<R> {
  let folder: string;
  try {
    folder = await Deno.makeTempDir({ prefix: "stardag-" });
  } catch (error) {
    throw fileError(error, "write", "a temporary folder");
  }
  try {
    return await use(folder);
  } finally {
    await discard(folder);
  }
}

/** The hidden name next to the path, as far as it tells what it is for. */
function before(path: string, name: string): string {
  return `${dirname(path)}/.${firstBytes(name, MAX_STEM)}`;
}

/** As much of the name as has so many bytes in UTF-8; never half of a pair of surrogates. */
function firstBytes(name: string, most: number): string {
  return name.length * 3 <= most
    ? name
    : name.slice(0, new TextEncoder().encodeInto(name, new Uint8Array(most)).read);
}

function extensionOf(name: string): string {
  return /(?:\.[0-9A-Za-z]{1,16}){1,2}$/.exec(name.slice(1))?.[0] ?? "";
}
