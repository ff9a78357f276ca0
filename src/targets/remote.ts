/**
 * Files that are reached by requests: what a store has to offer, and targets that are kept in one. Unaware of any
 * particular store.
 *
 * @module
 */

import { basename } from "@std/path";
import { inLanes } from "../lanes.ts";
import { checkContent, nothingWritten } from "./file_error.ts";
import { LocalTarget } from "./local.ts";
import type {
  ExistenceProbe,
  ExistsManyOptions,
  FileSystemTarget,
  TargetStore,
  WriteContent,
  WriteOptions,
} from "./target.ts";
import { shortName, withTemporaryFolder } from "./temporary.ts";

/**
 * A store of files that is reached by requests, such as S3. Three methods are enough for tasks to keep their outputs in
 * it; each of the others, where it is there, makes something faster or possible.
 *
 * Uris are the full ones, with the prefix by which the target factory finds the store. What cannot be done is a
 * `TargetError` that names the uri, a missing permission of Deno a `PermissionError`.
 */
export interface RemoteFileSystem {
  /** Whether there is a file at the uri: a whole one, not a folder. */
  exists(uri: string, options?: RemoteOptions): Promise<boolean>;
  /**
   * The content as a stream; a missing file is a `TargetNotFoundError` of the first read. Nothing is asked for before
   * that, and a stream that is cancelled leaves nothing open.
   */
  readable(uri: string, options?: ReadRemoteOptions): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Replaces the content, whole or not at all: nothing can be seen before the last byte is there. */
  write(uri: string, content: WriteContent, options?: RemoteOptions): Promise<void>;

  /** Whether there are files, for many at a time; without it they are asked for one by one. */
  existsMany?(uris: readonly string[], options?: ExistsManyOptions): Promise<readonly boolean[]>;
  /** Removes the file, if there is one. Without it, outputs cannot be removed. */
  remove?(uri: string, options?: RemoteOptions): Promise<void>;
  /** The files whose uris start with the prefix, in any order. Without it, outputs cannot be listed. */
  list?(prefix: string, options?: RemoteOptions): AsyncIterable<RemoteFile>;
  /** Writes below the prefix that have begun and not ended, and take up room: under way, or given up by the dead. */
  listUnfinished?(prefix: string, options?: RemoteOptions): AsyncIterable<UnfinishedWrite>;
  /** Writes that are made only when nobody else was faster. Without it, locks cannot be kept there. */
  readonly conditional?: ConditionalFiles | undefined;
}

/** Options of the methods of a {@linkcode RemoteFileSystem}. */
export interface RemoteOptions {
  /** Stops waiting; what is under way is given up. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@linkcode RemoteFileSystem.readable}. */
export interface ReadRemoteOptions extends RemoteOptions {
  /** The first byte wanted, counted from 0. */
  readonly start?: number | undefined;
  /** The first byte not wanted any more; that of the end unless told. */
  readonly end?: number | undefined;
}

/** A file in a remote file system. */
export interface RemoteFile {
  /** The full uri. */
  readonly uri: string;
  /** In bytes. */
  readonly size: number;
  /** When it was written, by the clock of the store. */
  readonly modified: Date;
}

/** A write that has begun and not ended, such as a multipart upload. */
export interface UnfinishedWrite {
  /** Where it would have gone. */
  readonly uri: string;
  /** When it began, by the clock of the store. */
  readonly begun: Date;
  /** Gives it up, with all that was sent. */
  discard(): Promise<void>;
}

/** Small files that are written only when nothing has changed since they were read. */
export interface ConditionalFiles {
  /** The content, and what tells it from any other that was there or will be; `undefined` when there is no file. */
  read(uri: string, options?: RemoteOptions): Promise<VersionedContent | undefined>;
  /**
   * Writes when the file still is of this version, or when there is none where that is `undefined`: of several at once one
   * wins. Gives the new version, `undefined` when somebody else was faster. Throws a `TargetError` where the store takes no
   * heed of conditions. An outcome that is not known, for the answer was lost, is found out before it ends.
   */
  write(
    uri: string,
    content: Uint8Array<ArrayBuffer>,
    version: string | undefined,
    options?: RemoteOptions,
  ): Promise<string | undefined>;
}

/** Content with its version. */
export interface VersionedContent {
  /** All of it. */
  readonly content: Uint8Array<ArrayBuffer>;
  /** Tells it from what was or will be there. */
  readonly version: string;
}

/** A file in a remote file system. */
export class RemoteTarget implements FileSystemTarget {
  /** The full uri, e.g. `s3://bucket/prefix/a/b.txt`. */
  readonly uri: string;
  /** Where it is. */
  readonly fileSystem: RemoteFileSystem;

  /** Asks for nothing. */
  constructor(uri: string, fileSystem: RemoteFileSystem) {
    this.uri = uri;
    this.fileSystem = fileSystem;
  }

  /** All targets of one file system are asked for together. */
  get probe(): ExistenceProbe {
    return { store: storeOf(this.fileSystem), uri: this.uri };
  }

  /** Whether the file is there. */
  exists(): Promise<boolean> {
    return this.fileSystem.exists(this.uri);
  }

  /** The content as UTF-8 text. */
  async text(): Promise<string> {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await this.bytes());
  }

  /** The content. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await new Response(this.readable()).arrayBuffer());
  }

  /** The content as a stream. */
  readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.fileSystem.readable(this.uri);
  }

  /** Replaces the content, whole or not at all; a stream is sent as it comes, in little memory. */
  async write(content: WriteContent, options?: WriteOptions): Promise<void> {
    checkContent(content, this.uri);
    await this.fileSystem.write(this.uri, content, options);
  }

  /**
   * Hands the path of a temporary copy to `use`, or with `"w"` one at which it is to leave the file. Needs a disk, and
   * permission to use its folder for temporary files.
   */
  async proxyPath<R>(
    mode: "r" | "w",
    use: (path: string) => R | Promise<R>,
    options?: WriteOptions,
  ): Promise<R> {
    return await withTemporaryFolder(async (folder) => {
      const file = new LocalTarget(`${folder}/${shortName(basename(this.uri))}`, { flush: false });
      if (mode === "r") {
        await file.write(this.readable());
        return await use(file.uri);
      }
      options?.signal?.throwIfAborted();
      const result = await use(file.uri);
      if (!(await file.exists())) throw nothingWritten(this.uri, file.uri);
      await this.write(file.readable(), options);
      return result;
    });
  }
}

const stores = new WeakMap<RemoteFileSystem, TargetStore>();

/** The one store that answers for all targets of a file system. */
function storeOf(fileSystem: RemoteFileSystem): TargetStore {
  let store = stores.get(fileSystem);
  if (store === undefined) {
    store = {
      existsMany: (uris, options) =>
        fileSystem.existsMany?.(uris, options) ?? existsOneByOne(fileSystem, uris, options),
    };
    stores.set(fileSystem, store);
  }
  return store;
}

/** One answer for each uri, in order, asked for one by one. */
export async function existsOneByOne(
  fileSystem: Pick<RemoteFileSystem, "exists">,
  uris: readonly string[],
  { maxConcurrent = 50, signal }: ExistsManyOptions = {},
): Promise<readonly boolean[]> {
  const answers = new Array<boolean>(uris.length).fill(false);
  await inLanes(uris, maxConcurrent, async (uri, index) => {
    signal?.throwIfAborted();
    answers[index] = await fileSystem.exists(uri, { signal });
  });
  return answers;
}
