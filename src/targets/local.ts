/**
 * Files on the local disk, or on whatever is mounted there. A file gets its name when it is whole.
 *
 * @module
 */

import { dirname } from "@std/path";
import { checkContent, fileError, isMissing, notFound, nothingWritten } from "./file_error.ts";
import type {
  ExistenceProbe,
  ExistsManyOptions,
  FileSystemTarget,
  TargetStore,
  WriteContent,
} from "./target.ts";
import { discard, temporaryPath } from "./temporary.ts";

/** How long the event loop may be kept from its other work, in milliseconds. */
const SLICE = 8;
/** A file system that takes longer than this for an answer is asked asynchronously, in milliseconds. */
const SLOW = 0.2;
/** After so many missing files, loading `node:fs` (6 ms), which tells it without an error, pays off. */
const MANY_MISSING = 600;
/** How often each of the concurrent questions is followed by another before the pace is measured anew. */
const QUESTIONS_PER_LANE = 10;
const CHUNK_SIZE = 64 * 1024;
const NEW_FILE: Deno.WriteFileOptions = { createNew: true };

/** Options of {@linkcode LocalTarget}. */
export interface LocalTargetOptions {
  /**
   * Whether content is forced to the disk before the file gets its name; on unless told. Without it,
   * writing is faster, and a power failure (not a crash of the process) can leave an empty file.
   */
  readonly flush?: boolean | undefined;
}

/**
 * A file at a path. What is written goes to a hidden temporary file in the same folder, which is then
 * renamed: of several writers the last one wins, and readers see one whole file or none. Folders are
 * made when they are missing. A folder, or a link to nothing, in the place of the file is no output.
 *
 * Errors of the system are `TargetError`s that say what to do, denied access is a `PermissionError`.
 */
export class LocalTarget implements FileSystemTarget {
  /** The path. */
  readonly uri: string;
  /** Whether content is forced to the disk before the file gets its name. */
  readonly flush: boolean;

  /** `path` should be absolute, else it is taken to start at the current folder at the time of use. */
  constructor(path: string, options?: LocalTargetOptions) {
    this.uri = path;
    this.flush = options?.flush ?? true;
  }

  /** All local targets are asked for together. */
  get probe(): ExistenceProbe {
    return { store: localTargetStore, uri: this.uri };
  }

  /** Whether there is a file at the path. */
  exists(): Promise<boolean> {
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
   * The content as a stream. The file is opened by the first read, and closed at its end, by an error
   * or by `cancel()`.
   */
  readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const path = this.uri;
    let file: Deno.FsFile | undefined;
    const close = (): void => {
      file?.close();
      file = undefined;
    };
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller): Promise<void> {
        try {
          file ??= await Deno.open(path);
          const chunk = new Uint8Array(CHUNK_SIZE);
          const size = await file.read(chunk);
          if (size !== null) return controller.enqueue(chunk.subarray(0, size));
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
   * it fails, its error is thrown as it is.
   */
  async write(content: WriteContent): Promise<void> {
    checkContent(content, this.uri);
    const temporary = temporaryPath(this.uri);
    try {
      await inFolder(temporary, () => writeNew(temporary, content, this.flush));
      await Deno.rename(temporary, this.uri);
    } catch (error) {
      await discard(temporary);
      if (content instanceof ReadableStream && !content.locked) {
        // Its source is told. It may have been the stream that failed; then it has no more to say.
        await content.cancel(error).catch(() => {});
      }
      throw error instanceof SourceError ? error.cause : fileError(error, "write", this.uri);
    }
  }

  /**
   * Hands the path to `use`, or with `"w"` a temporary path in the same folder and with the same
   * extension, which gets the name of the target when `use` has ended. Rejects with a `TargetError`
   * when there is no file then.
   */
  async proxyPath<R>(mode: "r" | "w", use: (path: string) => R | Promise<R>): Promise<R> {
    if (mode === "r") {
      if (!(await this.exists())) throw notFound(this.uri);
      return await use(this.uri);
    }
    const temporary = temporaryPath(this.uri, { keepExtension: true });
    try {
      await Deno.mkdir(dirname(this.uri), { recursive: true });
    } catch (error) {
      throw fileError(error, "write", this.uri);
    }
    try {
      const result = await use(temporary);
      await this.#commit(temporary);
      return result;
    } catch (error) {
      await discard(temporary);
      throw error;
    }
  }

  async #commit(temporary: string): Promise<void> {
    try {
      if (!(await isFile(temporary))) throw nothingWritten(this.uri, temporary);
      if (this.flush) await flushFile(temporary);
      await Deno.rename(temporary, this.uri);
    } catch (error) {
      throw fileError(error, "write", this.uri);
    }
  }
}

/**
 * Whether files exist, for many at a time. Answers of a fast file system are had synchronously, which
 * takes a tenth of the time, in slices that leave the event loop its turn; a slow one (a mount over
 * the network) is asked for many at once. Which it is, is measured over and over.
 */
export class LocalTargetStore implements TargetStore {
  readonly #now: () => number;
  #missing = 0;
  /** More than 0 when one of the last ten answers was no. */
  #missedLately = 0;
  #existsSync: ((path: string) => boolean) | undefined;

  /** `now` is the clock, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** One answer for each path, in order. */
  async existsMany(
    paths: readonly string[],
    options: ExistsManyOptions = {},
  ): Promise<readonly boolean[]> {
    const { maxConcurrent = 50, signal } = options;
    const answers = new Array<boolean>(paths.length).fill(false);
    let taken = 0; // whoever takes a path answers for it
    while (taken < paths.length) {
      signal?.throwIfAborted();
      if (this.#missing > MANY_MISSING) this.#existsSync ??= (await import("node:fs")).existsSync;

      const start = this.#now();
      const first = taken;
      taken = this.#answerSlice(paths, answers, first, start);
      const isSlow = this.#now() - start > SLOW * (taken - first);

      // An asynchronous question gives the event loop its turn, sooner than a timer would.
      const lanes = Math.min(isSlow ? maxConcurrent : 1, paths.length - taken);
      const end = Math.min(paths.length, taken + (isSlow ? lanes * QUESTIONS_PER_LANE : 1));
      const ask = async (): Promise<void> => {
        while (taken < end) {
          const index = taken++;
          answers[index] = await isFile(paths[index]!);
        }
      };
      await Promise.all(Array.from({ length: lanes }, ask));
    }
    return answers;
  }

  /** Answers for the paths from `first` on until time is up; gives the first that is left. Apart, for it is hot. */
  #answerSlice(
    paths: readonly string[],
    answers: boolean[],
    first: number,
    start: number,
  ): number {
    for (let index = first; index < paths.length; index++) {
      answers[index] = this.#existsNow(paths[index]!);
      // Looking at the clock costs a tenth of an answer.
      const asked = index - first + 1;
      if ((asked < 16 || asked % 16 === 0) && this.#now() - start >= SLICE) return index + 1;
    }
    return paths.length;
  }

  #existsNow(path: string): boolean {
    try {
      // Asking twice only pays off where many are missing, which the last answers tell.
      const isThere = this.#missedLately > 0 ? this.#existsSync?.(path) : undefined;
      if (isThere !== false) {
        const isFile = Deno.statSync(path).isFile;
        if (this.#missedLately > 0) this.#missedLately--;
        return isFile;
      }
    } catch (error) {
      if (!isMissing(error)) throw fileError(error, "look for", path);
      this.#missing++;
    }
    this.#missedLately = 10;
    return false;
  }
}

const localTargetStore: TargetStore = new LocalTargetStore();

/** Marks the error of a stream that is written, to tell it from the errors of the file. */
class SourceError extends Error {}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (isMissing(error)) return false;
    throw fileError(error, "look for", path);
  }
}

/** How many of the last folders were missing, from 0 to 1: a guess at the next one, which may be wrong. */
let newFolderRate = 0;

/** Calls `make` with the folder of the path there: made before where it is likely missing, else when it is. */
async function inFolder(path: string, make: () => Promise<void>): Promise<void> {
  if (newFolderRate > 0.5) {
    await Deno.mkdir(dirname(path), { recursive: true });
    // Whether it was needed is not known: the guess is tried out now and then.
    newFolderRate *= 0.99;
    return await make();
  }
  try {
    await make();
    newFolderRate *= 0.9;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(dirname(path), { recursive: true });
    newFolderRate = 0.8 * newFolderRate + 0.2;
    await make();
  }
}

async function writeNew(path: string, content: WriteContent, flush: boolean): Promise<void> {
  const whole = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (whole instanceof Uint8Array && !flush) return await Deno.writeFile(path, whole, NEW_FILE);
  using file = await Deno.open(path, { write: true, ...NEW_FILE });
  if (whole instanceof Uint8Array) await writeAll(file, whole);
  else for await (const chunk of chunksOf(whole)) await writeAll(file, chunk);
  if (flush) await file.syncData();
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(written === 0 ? bytes : bytes.subarray(written));
  }
}

/** The chunks of a stream, which must be bytes; its errors come out as `SourceError`s. */
async function* chunksOf(content: Blob | ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of content instanceof Blob ? content.stream() : content) {
      if (!(chunk instanceof Uint8Array)) {
        throw new TypeError(
          `Cannot write a stream: a chunk is of type ${typeof chunk}. ` +
            `Give chunks of Uint8Array, e.g. text through a TextEncoderStream`,
        );
      }
      yield chunk;
    }
  } catch (cause) {
    throw new SourceError("", { cause });
  }
}

/** Forces what was written to a file to the disk. */
export async function flushFile(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true });
  await file.syncData();
}
