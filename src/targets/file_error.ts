/**
 * Errors of targets: turns those of Deno's file functions into ones that say what to do.
 *
 * @module
 */

import { dirname } from "@std/path";
import {
  messageOf,
  PermissionError,
  StardagError,
  TargetError,
  TargetNotFoundError,
} from "../errors.ts";

/** What a file function was called for. */
export type FileAction = "read" | "write" | "look for";

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: "the system denies it. Check owner and mode of the folder, or set another target root",
  EROFS: "the file system is read-only. Set a target root that can be written to",
  ENOSPC: "no space is left on the device. Free some, or set another target root",
  EISDIR: "a folder is in its place. Move it away",
  ENOTDIR: "a part of the path before its end is a file. Move it away, or set another target root",
  ENOENT: "its folder is not there and cannot be made, or was removed. Set another target root",
  EMFILE:
    "this process has too many files open. Raise its limit (ulimit -n), or have fewer open: run fewer tasks at once " +
    "(maxConcurrent), read streams to their end or cancel them",
  ENFILE:
    "all programs together have too many files open. Close some, raise the limit of the system (on Linux, sysctl " +
    "fs.file-max), or run fewer tasks at once (maxConcurrent)",
  ENAMETOOLONG: "the name is too long for the file system. Use a shorter one",
};
const SAME_AS: Readonly<Record<string, string>> = {
  EPERM: "EACCES",
  EDQUOT: "ENOSPC",
  EEXIST: "ENOTDIR",
};

/**
 * The error to throw for `error`: a `PermissionError` when Deno denied access, a `TargetNotFoundError`
 * when nothing is there to be read, a `TargetError` for what else the system refused. Anything that is
 * no error of the system comes back as it is.
 */
export function fileError(error: unknown, action: FileAction, path: string): unknown {
  if (error instanceof StardagError) return error;
  if (error instanceof Deno.errors.NotCapable) return permissionError(error, action, path);
  const code = codeOf(error);
  if (code === undefined) return error;
  if (action === "read" && isMissing(error)) return notFound(path, error);
  const remedy = REMEDIES[SAME_AS[code] ?? code];
  return new TargetError(`Cannot ${action} "${path}": ${remedy ?? messageOf(error)}`, {
    uri: path,
    cause: error,
  });
}

/** What `act` gives, which writes a file; its errors are made those of this package, unless the signal has it fail. */
export async function whileWriting<R>(
  path: string,
  act: () => Promise<R>,
  signal?: AbortSignal,
): Promise<R> {
  try {
    return await act();
  } catch (error) {
    throw signal?.aborted ? signal.reason : fileError(error, "write", path);
  }
}

/** The error for an output that was to be read and is not there. */
export function notFound(uri: string, cause?: unknown): TargetNotFoundError {
  return new TargetNotFoundError(
    `Cannot read "${uri}": it is not there. Build the task that writes it, or check the target root`,
    { uri, cause },
  );
}

/** The error for a function that was handed a path to write to, and left no file there. */
export function nothingWritten(uri: string, path: string): TargetError {
  return new TargetError(
    `Cannot write "${uri}": no file was left at the path handed out, "${path}". ` +
      `Write one there before the function given to proxyPath() ends`,
    { uri },
  );
}

/** Throws a `TypeError` for what cannot be content, which only callers without types can pass. */
export function checkContent(content: unknown, uri: string): void {
  if (
    typeof content === "string" || content instanceof Uint8Array || content instanceof Blob ||
    content instanceof ReadableStream
  ) return;
  throw new TypeError(
    `Cannot write "${uri}": the content is of type ${typeof content}. ` +
      `Give a string, a Uint8Array, a Blob, or a ReadableStream of Uint8Array`,
  );
}

/** The chunk of a stream that is written. Throws a `TypeError` for what is none. */
export function checkedChunk(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError(
    `Cannot write a stream: a chunk is of type ${typeof chunk}. ` +
      `Give chunks of Uint8Array, e.g. text through a TextEncoderStream`,
  );
}

/** Whether the error says that nothing is at the path. */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** The system's name for what went wrong, e.g. `ENOSPC`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

function permissionError(
  error: Deno.errors.NotCapable,
  action: FileAction,
  path: string,
): PermissionError {
  // What is written under a temporary name is renamed, for which Deno asks for reading, too.
  const kind = error.message.startsWith("Requires write access") ? "write" : "read";
  const folder = error.message.includes("<TMP>") ? "" : `=${dirname(path)}`;
  const flag = `--allow-${kind}${folder}`;
  const purpose = action === "write" && kind === "read"
    ? "which is needed to move a finished file to its place"
    : `which is needed to ${action} it`;
  const wider = folder === "" ? "" : "; a folder above it, as the target root, will do as well";
  return new PermissionError(
    `Cannot ${action} "${path}": Deno may not ${kind} there. Run with ${flag}, ${purpose}${wider}`,
    { flag, cause: error },
  );
}
