/**
 * A remote file system in the memory of this process: for tests of what uses one, without any server.
 *
 * @module
 */

import { TargetError } from "../errors.ts";
import { bytesOf } from "./content.ts";
import { checkContent, notFound } from "./file_error.ts";
import type {
  ConditionalFiles,
  ReadRemoteOptions,
  RemoteFile,
  RemoteFileSystem,
  RemoteOptions,
  UnfinishedWrite,
  VersionedContent,
} from "./remote.ts";
import type { ExistsManyOptions, WriteContent } from "./target.ts";

const CHUNK_SIZE = 64 * 1024;

/** What is at a uri. */
interface StoredFile extends VersionedContent {
  readonly modified: Date;
}

/**
 * Keeps files of any uris in memory, with all that a {@linkcode RemoteFileSystem} can offer. Bytes are copied when they are
 * written and when they are read. Another object of this class has files of its own, as another process has.
 *
 * @example
 * ```ts
 * import { TargetFactory, targetFactoryProvider } from "@stardag/core";
 * import { MemoryRemoteFileSystem } from "@stardag/core/testing";
 *
 * using _ = targetFactoryProvider.override(
 *   new TargetFactory({
 *     targetRoots: { default: "s3://bucket/prefix" },
 *     fileSystems: { "s3://": new MemoryRemoteFileSystem() },
 *   }),
 * );
 * ```
 */
export class MemoryRemoteFileSystem implements RemoteFileSystem {
  /** Writes that are made only when nobody else was faster. Versions are numbers that are never used again. */
  readonly conditional: ConditionalFiles = {
    read: (uri, options) => this.#readVersion(uri, options),
    write: (uri, content, version, options) => this.#writeVersion(uri, content, version, options),
  };
  readonly #files = new Map<string, StoredFile>();
  readonly #unfinished = new Set<UnfinishedWrite>();
  #versions = 0;

  /** Whether there is a file at the uri. */
  // deno-lint-ignore require-await -- what is thrown is to reject
  async exists(uri: string, { signal }: RemoteOptions = {}): Promise<boolean> {
    signal?.throwIfAborted();
    return this.#files.has(uri);
  }

  /** One answer for each uri, in order. */
  // deno-lint-ignore require-await -- what is thrown is to reject
  async existsMany(
    uris: readonly string[],
    { signal }: ExistsManyOptions = {},
  ): Promise<readonly boolean[]> {
    signal?.throwIfAborted();
    return uris.map((uri) => this.#files.has(uri));
  }

  /** The content as it is when it is first read. */
  readable(
    uri: string,
    { start = 0, end, signal }: ReadRemoteOptions = {},
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    let rest: Uint8Array<ArrayBuffer> | undefined;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller): void => {
        signal?.throwIfAborted();
        if (rest === undefined) {
          const file = this.#files.get(uri);
          if (file === undefined) throw notFound(uri);
          rest = file.content.subarray(start, end);
        }
        if (rest.length === 0) return controller.close();
        controller.enqueue(rest.slice(0, CHUNK_SIZE));
        rest = rest.subarray(CHUNK_SIZE);
      },
    }, { highWaterMark: 0 });
  }

  /** Replaces the content, when all of it has come. */
  async write(
    uri: string,
    content: WriteContent,
    { signal }: RemoteOptions = {},
  ): Promise<void> {
    checkContent(content, uri);
    const discarded = new AbortController();
    const unfinished: UnfinishedWrite = {
      uri,
      begun: new Date(),
      discard: () => {
        this.#unfinished.delete(unfinished);
        discarded.abort(givenUp(uri));
        return Promise.resolve();
      },
    };
    const stop = signal === undefined
      ? discarded.signal
      : AbortSignal.any([signal, discarded.signal]);
    this.#unfinished.add(unfinished);
    try {
      this.#put(uri, await bytesOf(content, stop));
    } finally {
      this.#unfinished.delete(unfinished);
    }
  }

  /** Removes the file, if there is one. */
  // deno-lint-ignore require-await -- what is thrown is to reject
  async remove(uri: string, { signal }: RemoteOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#files.delete(uri);
  }

  /** The files whose uris start with the prefix, those written first before the others. */
  async *list(prefix: string, { signal }: RemoteOptions = {}): AsyncGenerator<RemoteFile> {
    for (const [uri, { content, modified }] of this.#files) {
      signal?.throwIfAborted();
      if (uri.startsWith(prefix)) yield { uri, size: content.length, modified };
    }
    signal?.throwIfAborted();
  }

  /** Writes that wait for their content. One that is discarded rejects with a `TargetError`. */
  async *listUnfinished(
    prefix: string,
    { signal }: RemoteOptions = {},
  ): AsyncGenerator<UnfinishedWrite> {
    for (const unfinished of this.#unfinished) {
      signal?.throwIfAborted();
      if (unfinished.uri.startsWith(prefix)) yield unfinished;
    }
    signal?.throwIfAborted();
  }

  // deno-lint-ignore require-await -- what is thrown is to reject
  async #readVersion(
    uri: string,
    { signal }: RemoteOptions = {},
  ): Promise<VersionedContent | undefined> {
    signal?.throwIfAborted();
    const file = this.#files.get(uri);
    return file && { content: file.content.slice(), version: file.version };
  }

  // deno-lint-ignore require-await -- what is thrown is to reject
  async #writeVersion(
    uri: string,
    content: Uint8Array<ArrayBuffer>,
    version: string | undefined,
    { signal }: RemoteOptions = {},
  ): Promise<string | undefined> {
    signal?.throwIfAborted();
    if (this.#files.get(uri)?.version !== version) return undefined;
    return this.#put(uri, content.slice());
  }

  #put(uri: string, content: Uint8Array<ArrayBuffer>): string {
    const version = `${++this.#versions}`;
    this.#files.set(uri, { content, version, modified: new Date() });
    return version;
  }
}

function givenUp(uri: string): TargetError {
  return new TargetError(
    `Cannot write "${uri}": the write was discarded while its content came. Write it again`,
    { uri },
  );
}
