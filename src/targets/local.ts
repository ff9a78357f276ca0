/**
 * Files on the local disk, or on whatever is mounted there. A file gets its name when it is whole.
 *
 * @module
 */

import { chunksOf } from "./content.ts";
import { checkContent, fileError, notFound, nothingWritten, whileWriting } from "./file_error.ts";
import { type LocalRoot, localRoot } from "./local_root.ts";
import { isFile, LocalTargetStore } from "./local_store.ts";
import { claimSlot, openAny, type Slot } from "./slot.ts";
import type {
  ExistenceProbe,
  FileSystemTarget,
  TargetStore,
  WriteContent,
  WriteOptions,
} from "./target.ts";
import { temporaryPath } from "./temporary.ts";

const CHUNK_SIZE = 64 * 1024;

/** Options of {@linkcode LocalTarget}. */
export interface LocalTargetOptions {
  /**
   * Whether content is forced to the disk before the file gets its name; on unless told. Without it,
   * writing is faster, and a power failure (not a crash of the process) can leave an empty file.
   */
  readonly flush?: boolean | undefined;
  /**
   * The target root it is below. Folders are then only made as long as the root is on the file system where it was first:
   * not on the disk below, once its own is unmounted.
   */
  readonly root?: string | undefined;
}

/**
 * A file at a path. What is written goes to a hidden temporary file in the same folder, which is then
 * renamed: of several writers the last one wins, and readers see one whole file or none. What a dead process has left
 * there goes away when the same file is written again. Folders are made when they are missing. A folder, or a link to
 * nothing, in the place of the file is no output.
 *
 * Errors of the system are `TargetError`s that say what to do, denied access is a `PermissionError`.
 */
export class LocalTarget implements FileSystemTarget {
  /** The path. */
  readonly uri: string;
  /** Whether content is forced to the disk before the file gets its name. */
  readonly flush: boolean;
  readonly #root: LocalRoot | undefined;

  /** `path` should be absolute, else it is taken to start at the current folder at the time of use. */
  constructor(path: string, options?: LocalTargetOptions) {
    this.uri = path;
    this.flush = options?.flush ?? true;
    this.#root = options?.root === undefined ? undefined : localRoot(options.root);
  }

  /** The target root it is below, when that was told. */
  get root(): string | undefined {
    return this.#root?.path;
  }

  /** All local targets of a root are asked for together. */
  get probe(): ExistenceProbe {
    return { store: this.#root ?? localTargetStore, uri: this.uri };
  }

  /** Whether there is a file at the path. */
  exists(): Promise<boolean> {
    this.#root?.note();
    return isFile(this.uri);
  }

  /** The content as UTF-8 text. */
  async text(): Promise<string> {
    try {
      return await Deno.readTextFile(this.uri);
    } catch (error) {
      throw fileError(error, "read", this.uri);
    }
  }

  /** The content. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    try {
      return await Deno.readFile(this.uri);
    } catch (error) {
      throw fileError(error, "read", this.uri);
    }
  }

  /**
   * The content as a stream, all of it or from byte `start` up to byte `end`. The file is opened by the first read, and
   * closed at its end, by an error or by `cancel()`.
   */
  readable(
    { start = 0, end = Infinity }: { readonly start?: number; readonly end?: number } = {},
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const path = this.uri;
    let file: Deno.FsFile | undefined;
    let at = start;
    const close = (): void => {
      file?.close();
      file = undefined;
    };
    const open = async (): Promise<Deno.FsFile> => {
      file = await Deno.open(path);
      if (start > 0) await file.seek(start, Deno.SeekMode.Start);
      return file;
    };
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller): Promise<void> {
        try {
          const source = file ?? await open();
          const chunk = new Uint8Array(Math.max(0, Math.min(CHUNK_SIZE, end - at)));
          const size = chunk.length === 0 ? null : await source.read(chunk);
          if (size !== null) {
            at += size;
            return controller.enqueue(chunk.subarray(0, size));
          }
          close();
          controller.close();
        } catch (error) {
          close();
          throw fileError(error, "read", path);
        }
      },
      cancel: close,
    }, { highWaterMark: 0 });
  }

  /**
   * Replaces the content, whole or not at all. A stream is written as it comes, in little memory; when
   * it fails, its error is thrown as it is. It can be called off until the file gets its name.
   */
  async write(content: WriteContent, { signal }: WriteOptions = {}): Promise<void> {
    checkContent(content, this.uri);
    let slot: Slot | undefined;
    try {
      signal?.throwIfAborted();
      slot = await claimSlot(this.uri, this.#root);
      for await (const chunk of sourceOf(content, signal)) await slot.write(chunk);
      if (this.flush) await slot.flush();
      signal?.throwIfAborted();
      await slot.publish();
    } catch (error) {
      const failure: unknown = signal?.aborted
        ? signal.reason
        : error instanceof SourceError
        ? error.cause
        : fileError(error, "write", this.uri);
      if (content instanceof ReadableStream && !content.locked) {
        // Its source is told, which may take as long as it likes. It may be what has failed; then it has no more to say.
        content.cancel(failure).catch(() => {});
      }
      await slot?.discard();
      throw failure;
    }
  }

  /**
   * Hands the path to `use`, or with `"w"` a temporary path in the same folder and with the same
   * extension, which gets the name of the target when `use` has ended. Rejects with a `TargetError`
   * when there is no file then.
   */
  async proxyPath<R>(
    mode: "r" | "w",
    use: (path: string) => R | Promise<R>,
    { signal }: WriteOptions = {},
  ): Promise<R> {
    if (mode === "r") {
      if (!(await this.exists())) throw notFound(this.uri);
      return await use(this.uri);
    }
    signal?.throwIfAborted();
    const temporary = temporaryPath(this.uri, { keepExtension: true });
    const slot = await whileWriting(this.uri, () => claimSlot(this.uri, this.#root));
    try {
      await whileWriting(this.uri, () => slot.keep([temporary]));
      const result = await use(temporary);
      await whileWriting(this.uri, async () => {
        if (!(await isFile(temporary))) throw nothingWritten(this.uri, temporary);
        await slot.publishFile(temporary, { flush: this.flush, signal });
      }, signal);
      return result;
    } finally {
      await slot.discard();
    }
  }
}

const localTargetStore: TargetStore = new LocalTargetStore();

/** Marks the error of a stream that is written, to tell it from the errors of the file. */
class SourceError extends Error {}

/** The content in pieces; its errors come out as `SourceError`s. */
async function* sourceOf(
  content: WriteContent,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunksOf(content, signal);
  } catch (cause) {
    throw new SourceError("", { cause });
  }
}

/** Forces what was written to a file to the disk. */
export async function flushFile(path: string): Promise<void> {
  using file = await openAny(path);
  await file.syncData();
}
