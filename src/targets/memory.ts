/**
 * Outputs kept in the memory of this process, as values or as files. They need no permission, and end with the process.
 *
 * @module
 */

import { basename } from "@std/path";
import { type Provider, provider } from "../provider.ts";
import { bytesOf } from "./content.ts";
import { checkContent, notFound, nothingWritten } from "./file_error.ts";
import { LocalTarget } from "./local.ts";
import type {
  ExistenceProbe,
  FileSystemTarget,
  LoadableTarget,
  SaveableTarget,
  TargetStore,
  WriteContent,
  WriteOptions,
} from "./target.ts";
import { shortName, withTemporaryFolder } from "./temporary.ts";

/** Values by key: a `Map` that answers for many targets at once. */
export class InMemoryStore<T = unknown> extends Map<string, T> implements TargetStore {
  /** One answer for each key, in order. */
  existsMany(keys: readonly string[]): Promise<readonly boolean[]> {
    return Promise.resolve(keys.map((key) => this.has(key)));
  }
}

/** The content of files by uri. */
export class InMemoryFileSystem extends InMemoryStore<Uint8Array<ArrayBuffer>> {}

/** Where an {@linkcode InMemoryTarget} is kept when no store is handed to it. */
export const inMemoryStoreProvider: Provider<InMemoryStore> = provider(() => new InMemoryStore());

/** Where an {@linkcode InMemoryFileSystemTarget} is kept when no file system is handed to it. */
export const inMemoryFileSystemProvider: Provider<InMemoryFileSystem> = provider(
  () => new InMemoryFileSystem(),
);

/**
 * A value in memory. It is kept by reference: what is loaded is the very object that was saved, so
 * changing the one changes the other. Two targets of one key and store are the same place.
 */
export class InMemoryTarget<T> implements LoadableTarget<T>, SaveableTarget<T> {
  /** Names the value in its store. */
  readonly key: string;
  readonly #store: InMemoryStore;

  /** Without a store, that of {@linkcode inMemoryStoreProvider} at this moment. */
  constructor(key: string, store: InMemoryStore = inMemoryStoreProvider.get()) {
    this.key = key;
    this.#store = store;
  }

  /** `memory-value://<key>`. */
  get uri(): string {
    return `memory-value://${this.key}`;
  }

  /** All targets of one store are asked for together. */
  get probe(): ExistenceProbe {
    return { store: this.#store, uri: this.key };
  }

  /** Whether a value was saved, be it `undefined`. */
  exists(): Promise<boolean> {
    return Promise.resolve(this.#store.has(this.key));
  }

  /** The value. */
  // deno-lint-ignore require-await -- what is thrown is to reject
  async load(): Promise<T> {
    const value = this.#store.get(this.key);
    if (value === undefined && !this.#store.has(this.key)) throw notFound(this.uri);
    return value as T; // what a `T` was saved under, by the word of who made the target
  }

  /** Keeps the value. */
  // deno-lint-ignore require-await -- what is thrown is to reject
  async save(value: T, { signal }: WriteOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#store.set(this.key, value);
  }
}

/** A file in memory: its bytes are copied when it is written and when it is read. */
export class InMemoryFileSystemTarget implements FileSystemTarget {
  /** Names the file in its file system, e.g. `memory://a/b.txt`. */
  readonly uri: string;
  readonly #files: InMemoryFileSystem;

  /** Without a file system, that of {@linkcode inMemoryFileSystemProvider} at this moment. */
  constructor(uri: string, files: InMemoryFileSystem = inMemoryFileSystemProvider.get()) {
    this.uri = uri;
    this.#files = files;
  }

  /** All targets of one file system are asked for together. */
  get probe(): ExistenceProbe {
    return { store: this.#files, uri: this.uri };
  }

  /** Whether the file was written. */
  exists(): Promise<boolean> {
    return Promise.resolve(this.#files.has(this.uri));
  }

  /** The content as UTF-8 text. */
  // deno-lint-ignore require-await -- what is thrown is to reject
  async text(): Promise<string> {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.#content());
  }

  /** The content. */
  // deno-lint-ignore require-await -- what is thrown is to reject
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#content().slice();
  }

  /** The content as a stream. */
  readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller): void => {
        const content = this.#content();
        if (content.length > 0) controller.enqueue(content.slice());
        controller.close();
      },
    }, { highWaterMark: 0 });
  }

  /** Replaces the content, when all of it has come. */
  async write(content: WriteContent, { signal }: WriteOptions = {}): Promise<void> {
    checkContent(content, this.uri);
    this.#files.set(this.uri, await bytesOf(content, signal));
  }

  /**
   * Hands the path of a temporary copy to `use`, or with `"w"` one at which it is to leave the file.
   * Needs a disk, and permission to use its folder for temporary files.
   */
  async proxyPath<R>(
    mode: "r" | "w",
    use: (path: string) => R | Promise<R>,
    { signal }: WriteOptions = {},
  ): Promise<R> {
    const content = mode === "r" ? this.#content() : undefined;
    return await withTemporaryFolder(async (folder) => {
      const file = new LocalTarget(`${folder}/${shortName(basename(this.uri))}`, { flush: false });
      if (content !== undefined) {
        await file.write(content);
        return await use(file.uri);
      }
      signal?.throwIfAborted();
      const result = await use(file.uri);
      if (!(await file.exists())) throw nothingWritten(this.uri, file.uri);
      await this.write(file.readable(), { signal });
      return result;
    });
  }

  #content(): Uint8Array<ArrayBuffer> {
    const content = this.#files.get(this.uri);
    if (content === undefined) throw notFound(this.uri);
    return content;
  }
}
