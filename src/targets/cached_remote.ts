/**
 * Local copies of what is read from and written to a remote file system. Unaware of which one it is.
 *
 * @module
 */

import { ConfigError, messageOf, PermissionError, TargetError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import { unlessAborted } from "../waiting.ts";
import { checkContent, whileWriting } from "./file_error.ts";
import { LocalTarget } from "./local.ts";
import type {
  ConditionalFiles,
  ReadRemoteOptions,
  RemoteFileSystem,
  RemoteOptions,
} from "./remote.ts";
import { claimSlot, type Slot } from "./slot.ts";
import type { ExistsManyOptions, WriteContent } from "./target.ts";
import { discard } from "./temporary.ts";

/** Options of {@linkcode CachedRemoteFileSystem}. */
export interface CachedRemoteFileSystemOptions {
  /** Where the files are. */
  readonly fileSystem: RemoteFileSystem;
  /** The folder of the copies: an absolute path. It is made when it is not there, and nothing else should be in it. */
  readonly root: string;
  /** Other folders for the copies of uris that start with a prefix; of several that fit, the longest. */
  readonly rootByPrefix?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether a file exists of which there is a copy, without the store being asked; not unless told: an output that was
   * removed from the store would count as complete.
   */
  readonly allowCacheCheckExists?: boolean | undefined;
}

/** A copy that is being made. */
interface Download {
  readonly copy: Promise<LocalTarget>;
  readonly controller: AbortController;
  /** How many wait for it. */
  readers: number;
}

/** The writes of one uri that are under way. */
interface Writes {
  count: number;
  /** Whether there were several at once: then nobody knows whose content is there. */
  haveMet: boolean;
}

/**
 * Keeps a copy on the local disk of each file that is written, or read as a whole, and reads it from there from then on:
 * outputs of tasks do not change. A copy is there whole or not at all. Of what is read in part none is made, but one that is
 * there is used. Copies are kept until somebody removes them: nothing is lost with them, at any time.
 *
 * Whether a file exists is for the store to tell. What the store says is not there is read anew when it is there again, so
 * that an output that was removed and built again is not read as it was; another process that has not asked in between
 * still reads its copy. The two methods of `conditional` keep no copies.
 *
 * Where the folder cannot be used, reading and writing throw a `TargetError` or a `PermissionError`: before anything is
 * written to the store, unless the disk is full by the end.
 *
 * @example
 * ```ts ignore
 * import { CachedRemoteFileSystem, S3FileSystem, s3FileSystemProvider } from "@stardag/core";
 *
 * s3FileSystemProvider.set(
 *   new CachedRemoteFileSystem({ fileSystem: new S3FileSystem(), root: "/var/cache/stardag" }),
 * );
 * ```
 */
export class CachedRemoteFileSystem implements RemoteFileSystem {
  /** Where the files are. */
  readonly fileSystem: RemoteFileSystem;
  /** As the store's, where it has it. */
  readonly existsMany?: NonNullable<RemoteFileSystem["existsMany"]>;
  /** As the store's, where it has it. */
  readonly remove?: NonNullable<RemoteFileSystem["remove"]>;
  /** The store's, where it has it. */
  readonly list?: NonNullable<RemoteFileSystem["list"]>;
  /** The store's, where it has it. */
  readonly listUnfinished?: NonNullable<RemoteFileSystem["listUnfinished"]>;
  readonly #roots: readonly (readonly [prefix: string, root: string])[];
  readonly #allowCacheCheckExists: boolean;
  readonly #downloads = new Map<string, Download>();
  readonly #writes = new Map<string, Writes>();
  /** What was not in the store when it was last asked: copies of it are not to be used. */
  readonly #missing = new Set<string>();

  /** Looks at nothing yet. Throws a `ConfigError` for a folder that is no absolute path. */
  constructor(options: CachedRemoteFileSystemOptions) {
    const known = ["fileSystem", "root", "rootByPrefix", "allowCacheCheckExists"];
    checkOptions(options, known, "make a CachedRemoteFileSystem");
    const { fileSystem, root, rootByPrefix = {}, allowCacheCheckExists = false } = options;
    this.fileSystem = fileSystem;
    this.#roots = [...Object.entries(rootByPrefix), ["", root] as const]
      .map(([prefix, root]) => [prefix, checkRoot(root)] as const)
      .sort(([a], [b]) => b.length - a.length);
    this.#allowCacheCheckExists = allowCacheCheckExists;
    if (fileSystem.existsMany) this.existsMany = (...asked) => this.#existsMany(...asked);
    if (fileSystem.remove) this.remove = (...asked) => this.#remove(...asked);
    if (fileSystem.list) this.list = fileSystem.list.bind(fileSystem);
    if (fileSystem.listUnfinished) {
      this.listUnfinished = fileSystem.listUnfinished.bind(fileSystem);
    }
  }

  /** As the store's, where it has them. */
  get conditional(): ConditionalFiles | undefined {
    const { conditional } = this.fileSystem;
    return conditional && {
      read: (uri, options) => conditional.read(uri, options),
      write: (uri, ...asked) => this.#replace(uri, () => conditional.write(uri, ...asked)),
    };
  }

  /** Whether the file is in the store. */
  async exists(uri: string, options: RemoteOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    if (this.#allowCacheCheckExists && await this.#hasCopy(uri)) return true;
    const isThere = await this.fileSystem.exists(uri, options);
    if (!isThere) this.#missing.add(uri);
    return isThere;
  }

  /** The content of the copy, which is made first where there is none and all is wanted. */
  readable(uri: string, options: ReadRemoteOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const cancelled = new AbortController();
    const { signal = cancelled.signal } = options;
    const stop = AbortSignal.any([signal, cancelled.signal]);
    let opening: Promise<ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>> | undefined;
    const open = async (): Promise<ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>> =>
      (await this.#open(uri, { ...options, signal: stop })).getReader();
    const told = (error: unknown): unknown => this.#told(error);
    const close = async (reason: unknown): Promise<void> =>
      await opening?.then((reader) => reader.cancel(reason)).catch(() => {});
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller): Promise<void> {
        try {
          const reader = await (opening ??= open());
          stop.throwIfAborted();
          const { value } = await reader.read();
          if (value === undefined) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          await close(error);
          throw told(error);
        }
      },
      async cancel(reason): Promise<void> {
        cancelled.abort(reason);
        await close(reason);
      },
    }, { highWaterMark: 0 });
  }

  /** Writes to the store, and keeps a copy once all is there. */
  async write(uri: string, content: WriteContent, options: RemoteOptions = {}): Promise<void> {
    checkContent(content, uri);
    options.signal?.throwIfAborted();
    const { uri: path } = await this.#copyOf(uri);
    const slot = await this.#keeping(path, () => claimSlot(path));
    try {
      const keep = (bytes: Uint8Array): Promise<void> =>
        this.#keeping(path, () => slot.write(bytes));
      await this.#replace(uri, async () => {
        if (content instanceof ReadableStream) {
          await this.fileSystem.write(uri, tee(content, keep, options), options);
        } else {
          const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
          if (bytes instanceof Uint8Array) await keep(bytes);
          else for await (const chunk of bytes.stream()) await keep(chunk);
          await this.fileSystem.write(uri, content, options);
        }
      }, slot);
    } finally {
      await slot.discard();
    }
  }

  async #existsMany(
    uris: readonly string[],
    options?: ExistsManyOptions,
  ): Promise<readonly boolean[]> {
    options?.signal?.throwIfAborted();
    const copied = this.#allowCacheCheckExists
      ? await Promise.all(uris.map((uri) => this.#hasCopy(uri)))
      : [];
    const asked = uris.filter((_, i) => copied[i] !== true);
    const answers = await this.fileSystem.existsMany!(asked, options);
    asked.forEach((uri, i) => answers[i] || this.#missing.add(uri));
    const next = answers.values();
    return uris.map((_, i) => copied[i] === true || next.next().value === true);
  }

  async #remove(uri: string, options?: RemoteOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    await this.#replace(uri, () => this.fileSystem.remove!(uri, options));
  }

  /** The copy, or the store's where there is none and only a part is wanted. */
  async #open(
    uri: string,
    options: ReadRemoteOptions & { readonly signal: AbortSignal },
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const { start = 0, end = Infinity, signal } = options;
    signal.throwIfAborted();
    const isWhole = start <= 0 && end === Infinity;
    if (!isWhole && !await this.#hasCopy(uri)) return this.fileSystem.readable(uri, options);
    return (await this.#copied(uri, signal)).readable({ start, end });
  }

  /** The copy, made once for all who want it at the same time; given up when nobody does any more. */
  async #copied(uri: string, signal: AbortSignal): Promise<LocalTarget> {
    const download = this.#downloads.get(uri) ?? this.#download(uri);
    download.readers++;
    try {
      return await unlessAborted(download.copy, signal);
    } finally {
      if (--download.readers === 0 && this.#downloads.get(uri) === download) {
        this.#downloads.delete(uri);
        download.controller.abort();
        await download.copy.catch(() => {});
      }
    }
  }

  #download(uri: string): Download {
    const controller = new AbortController();
    const { signal } = controller;
    const make = async (): Promise<LocalTarget> => {
      try {
        const copy = await this.#copyOf(uri);
        if (!this.#missing.has(uri) && await copy.exists()) return copy;
        signal.throwIfAborted();
        await copy.write(this.fileSystem.readable(uri, { signal }));
        this.#missing.delete(uri);
        return copy;
      } finally {
        if (this.#downloads.get(uri) === download) this.#downloads.delete(uri);
      }
    };
    const download: Download = { copy: Promise.resolve().then(make), controller, readers: 0 };
    this.#downloads.set(uri, download);
    return download;
  }

  /** Has the store changed by `act`, with no copy of what was there before left; then keeps what is in the slot. */
  async #replace<R>(uri: string, act: () => Promise<R>, slot?: Slot): Promise<R> {
    const copy = await this.#copyOf(uri);
    const writes = this.#writes.get(uri) ?? { count: 0, haveMet: false };
    this.#writes.set(uri, writes);
    writes.count++;
    writes.haveMet ||= writes.count > 1;
    let isKept = false;
    try {
      // At once: should this process die now, no other one must read it when there is something else.
      await discard(copy.uri);
      const result = await act();
      await this.#downloads.get(uri)?.copy.catch(() => {}); // which may be of what was there before
      if (slot !== undefined && !writes.haveMet) {
        await this.#keeping(copy.uri, async () => {
          await slot.flush();
          await slot.publish();
        });
        isKept = !writes.haveMet;
      }
      return result;
    } finally {
      if (!isKept) await discard(copy.uri);
      this.#missing.delete(uri);
      if (--writes.count === 0) this.#writes.delete(uri);
    }
  }

  async #hasCopy(uri: string): Promise<boolean> {
    if (this.#missing.has(uri)) return false;
    const copy = await this.#copyOf(uri);
    return await this.#keeping(copy.uri, () => copy.exists());
  }

  /** What `act` gives, which uses the copy at the path. */
  async #keeping<R>(path: string, act: () => Promise<R>): Promise<R> {
    try {
      return await whileWriting(path, act);
    } catch (error) {
      throw this.#told(error);
    }
  }

  /** The error; one of a folder of copies says what can be done about that folder. */
  #told(error: unknown): unknown {
    const isDenied = error instanceof PermissionError;
    if (!isDenied && !(error instanceof TargetError)) return error;
    const path = isDenied ? error.flag.slice(error.flag.indexOf("=") + 1) : error.uri;
    const place = this.#roots.find(([, root]) => path.startsWith(`${root}/`));
    if (place === undefined) return error;
    const [prefix, root] = place;
    const { cause } = error;
    const [variable, option] = prefix === ""
      ? ["ROOT", "root"]
      : ["ROOT_BY_PREFIX", "rootByPrefix"];
    const instead =
      `choose another one by STARDAG_TARGET_S3_CACHE_${variable}, in code the option ${option}`;
    if (!isDenied) {
      return new TargetError(
        `Cannot keep copies in "${root}": ${
          messageOf(cause ?? error)
        }. See that it is a folder that can be written to and ` +
          `has room, or ${instead}`,
        { uri: path, cause },
      );
    }
    const flag = `--allow-read=${root} --allow-write=${root}`;
    return new PermissionError(
      `Cannot keep copies in "${root}": Deno may not read and write there. Run with ${flag}, or ${instead}`,
      { flag, cause },
    );
  }

  /** By the hash of the uri, so that no two have one, and names need not fit those of files. */
  async #copyOf(uri: string): Promise<LocalTarget> {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(uri));
    const name = new Uint8Array(hash).toHex();
    const [, root] = this.#roots.find(([prefix]) => uri.startsWith(prefix))!;
    return new LocalTarget(`${root}/${name.slice(0, 2)}/${name}`);
  }
}

function checkRoot(root: string): string {
  if (typeof root === "string" && /^(?:\/|[a-z]:[\\/])/i.test(root)) {
    return root.replace(/\/+$/, "");
  }
  throw new ConfigError(
    `Cannot keep copies in "${root}": it is no absolute path of a local folder. Give one, e.g. "/var/cache/stardag"`,
  );
}

/** The same stream, of which each chunk is kept before it is given. */
function tee(
  content: ReadableStream<Uint8Array>,
  keep: (bytes: Uint8Array) => Promise<void>,
  { signal }: RemoteOptions,
): ReadableStream<Uint8Array> {
  const keeping = new TransformStream<Uint8Array, Uint8Array>({
    async transform(chunk, controller): Promise<void> {
      if (chunk instanceof Uint8Array) await keep(chunk); // what is none is for the store to refuse
      controller.enqueue(chunk);
    },
  });
  return content.pipeThrough(keeping, signal === undefined ? {} : { signal });
}
