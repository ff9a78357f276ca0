/**
 * Which files there are below a prefix, and removing them, wherever they are kept. Unaware of what they are for.
 *
 * @module
 */

import { TargetError } from "../errors.ts";
import { targetFactoryProvider } from "./factory.ts";
import { fileError, isMissing } from "./file_error.ts";
import { LocalTarget } from "./local.ts";
import { inMemoryFileSystemProvider, InMemoryFileSystemTarget } from "./memory.ts";
import { type RemoteFile, RemoteTarget, type UnfinishedWrite } from "./remote.ts";
import type { FileSystemTarget } from "./target.ts";

/** How many folders, or files, are looked at at the same time. */
const LANES = 32;

/**
 * The files below a prefix that ends with a slash: a local folder, or the beginning of uris. In any order; none when there
 * is no such folder. Links are neither followed nor given, so that all of it is below the prefix. Files in memory are as
 * old as the question: nobody knows when they were written.
 *
 * Throws a `TargetError` where files cannot be listed.
 */
export async function* listFiles(prefix: string): AsyncGenerator<RemoteFile, void, void> {
  const place = placeOf(prefix);
  if (place instanceof LocalTarget) {
    for await (const paths of localFiles(prefix)) {
      for (let at = 0; at < paths.length; at += LANES) {
        const files = await Promise.all(paths.slice(at, at + LANES).map(localFile));
        for (const file of files) if (file !== undefined) yield file;
      }
    }
  } else if (place instanceof InMemoryFileSystemTarget) {
    const modified = new Date();
    for (const [uri, content] of inMemoryFileSystemProvider.get()) {
      if (uri.startsWith(prefix)) yield { uri, size: content.length, modified };
    }
  } else if (place instanceof RemoteTarget && place.fileSystem.list !== undefined) {
    yield* place.fileSystem.list(prefix);
  } else {
    throw notListed(prefix);
  }
}

/** The uris of the same files: quicker where size and age are asked for one by one. */
export async function* listUris(prefix: string): AsyncGenerator<string, void, void> {
  if (placeOf(prefix) instanceof LocalTarget) {
    for await (const paths of localFiles(prefix)) yield* paths;
  } else {
    for await (const { uri } of listFiles(prefix)) yield uri;
  }
}

/** Whether files below the prefix can be listed at all. */
export function areListable(prefix: string): boolean {
  const place = placeOf(prefix);
  return place instanceof LocalTarget || place instanceof InMemoryFileSystemTarget ||
    (place instanceof RemoteTarget && place.fileSystem.list !== undefined);
}

/** The file at a uri with its size and age; `undefined` where there is none, or a link. */
export async function findFile(uri: string): Promise<RemoteFile | undefined> {
  const place = targetFactoryProvider.get().getTarget(uri);
  if (place instanceof LocalTarget) return await localFile(uri);
  if (place instanceof InMemoryFileSystemTarget) {
    const content = inMemoryFileSystemProvider.get().get(uri);
    return content && { uri, size: content.length, modified: new Date() };
  }
  if (place instanceof RemoteTarget && place.fileSystem.list !== undefined) {
    let isThere = false;
    for await (const file of place.fileSystem.list(uri)) {
      if (file.uri === uri) return file;
      // Mostly it comes first, and very many may be named alike.
      if (!(isThere ||= await place.fileSystem.exists(uri))) return undefined;
    }
    return undefined;
  }
  throw notListed(uri);
}

/** Writes below the prefix that have begun and not ended; none where they take up no room, or nobody tells. */
export async function* listUnfinished(
  prefix: string,
): AsyncGenerator<UnfinishedWrite, void, void> {
  const place = placeOf(prefix);
  if (!(place instanceof RemoteTarget)) return;
  yield* place.fileSystem.listUnfinished?.(prefix) ?? [];
}

/** Throws a `TargetError` where files below the prefix cannot be removed, whatever they are. */
export function checkRemovable(prefix: string): void {
  const place = placeOf(prefix);
  const isRemovable = place instanceof LocalTarget || place instanceof InMemoryFileSystemTarget ||
    (place instanceof RemoteTarget && place.fileSystem.remove !== undefined);
  if (!isRemovable) throw notRemoved(prefix);
}

/** Removes a file, if there is one. Throws a `TargetError` where that cannot be done. */
export async function removeFile(uri: string): Promise<void> {
  const place = targetFactoryProvider.get().getTarget(uri);
  if (place instanceof LocalTarget) {
    try {
      await Deno.remove(uri);
    } catch (error) {
      if (!isMissing(error)) throw fileError(error, "write", uri);
    }
  } else if (place instanceof InMemoryFileSystemTarget) {
    inMemoryFileSystemProvider.get().delete(uri);
  } else if (place instanceof RemoteTarget && place.fileSystem.remove !== undefined) {
    await place.fileSystem.remove(uri);
  } else {
    throw notRemoved(uri);
  }
}

function notListed(uri: string): TargetError {
  return new TargetError(
    `Cannot list the files below "${uri}": their file system does not tell. Give it a list()`,
    { uri },
  );
}

function notRemoved(uri: string): TargetError {
  return new TargetError(
    `Cannot remove "${uri}": its file system does not remove files. Give it a remove()`,
    { uri },
  );
}

/** Some file below the prefix, which tells where all of them are. */
function placeOf(prefix: string): FileSystemTarget {
  if (!prefix.endsWith("/")) {
    throw new RangeError(
      `Cannot list the files below "${prefix}": the prefix does not end with a slash. Add one`,
    );
  }
  return targetFactoryProvider.get().getTarget(`${prefix}_`);
}

/** The paths of the files below a folder, some at a time. */
async function* localFiles(folder: string): AsyncGenerator<readonly string[], void, void> {
  const folders = [folder];
  while (folders.length > 0) {
    const contents = await Promise.all(folders.splice(-LANES).map(contentOf));
    const files: string[] = [];
    for (const content of contents) {
      for (const path of content) (path.endsWith("/") ? folders : files).push(path);
    }
    if (files.length > 0) yield files;
  }
}

/** The files in a folder, and its folders with a slash at their end; nothing when it is gone. */
async function contentOf(folder: string): Promise<readonly string[]> {
  const paths: string[] = [];
  try {
    for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
      if (isFile) paths.push(folder + name);
      else if (isDirectory) paths.push(`${folder}${name}/`);
    }
  } catch (error) {
    if (!isMissing(error)) throw fileError(error, "read", folder);
  }
  return paths;
}

async function localFile(path: string): Promise<RemoteFile | undefined> {
  try {
    const { isFile, size, mtime } = await Deno.lstat(path);
    return isFile ? { uri: path, size, modified: mtime ?? new Date() } : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, "look for", path);
  }
}
