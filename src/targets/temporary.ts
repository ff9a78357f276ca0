/**
 * Names for what is still being written, and folders for tools that need a path on the local disk.
 *
 * @module
 */

import { basename, dirname } from "@std/path";
import { fileError } from "./file_error.ts";

/** The most UTF-16 units of a name kept in a temporary one: 3 bytes each, and names may have 255. */
const MAX_STEM = 60;

const TEMPORARY_NAME = /^\..+\.[0-9a-f]{16}-[0-9a-z]+\.tmp(\.[0-9A-Za-z]{1,16}){0,2}$/s;

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
  const stem = name.length <= MAX_STEM
    ? name
    : name.slice(0, MAX_STEM).replace(/[\ud800-\udbff]$/, ""); // no half of a pair
  return `${dirname(path)}/.${stem}.${token}-${(count++).toString(36)}.tmp${extension}`;
}

/** Whether a file or folder of this name is a temporary one: in the making, or left by a crash. */
export function isTemporary(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/** Removes what is at the path, if anything is: for cleaning up, where the first error is the one to tell. */
export async function discard(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch {
    // It was never made, or whatever keeps it from being removed has made the writing fail already.
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

function extensionOf(name: string): string {
  return /(?:\.[0-9A-Za-z]{1,16}){1,2}$/.exec(name.slice(1))?.[0] ?? "";
}
