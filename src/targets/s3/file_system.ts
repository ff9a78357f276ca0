/**
 * Files in S3, and in other stores that speak as it does. Only the door: what does the work is loaded on first use.
 *
 * @module
 */

import { describe } from "../../json.ts";
import { checkOptions } from "../../options.ts";
import { checkContent } from "../file_error.ts";
import type {
  ConditionalFiles,
  ReadRemoteOptions,
  RemoteFile,
  RemoteFileSystem,
  RemoteOptions,
  UnfinishedWrite,
} from "../remote.ts";
import type { ExistsManyOptions, WriteContent } from "../target.ts";
import type { Reading } from "./reading.ts";
import type { S3Settings } from "./settings.ts";
import type { S3Store } from "./store.ts";

/** Options of {@linkcode S3FileSystem}. What is not given comes from AWS's variables and files, as far as it is there. */
export interface S3FileSystemOptions extends S3Settings {
  /**
   * How long to wait for an answer, in milliseconds, and for more of one that comes in pieces; 30,000 unless told. What is
   * sent has more time the longer it is.
   */
  readonly timeout?: number | undefined;
  /** How many requests may be under way at once, as long as the store does not ask for fewer; 64 unless told. */
  readonly maxConcurrent?: number | undefined;
  /**
   * For how long nothing at all may succeed, in milliseconds, before the store is given up; 30,000 unless told. Until then all
   * waits for it, and after that all fails at once.
   */
  readonly outageTimeout?: number | undefined;
  /**
   * In bytes: what is longer is sent in parts of this size, of which there may be 10,000 and of which some are kept in memory
   * at once. AWS takes 5 MiB and more, which is what they have unless told, in very long files more.
   */
  readonly partSize?: number | undefined;
}

const OPTIONS = [
  "region",
  "endpoint",
  "forcePathStyle",
  "credentials",
  "profile",
  "timeout",
  "maxConcurrent",
  "outageTimeout",
  "partSize",
] as const satisfies readonly (keyof S3FileSystemOptions)[];

/** The longest time a timer can wait, in milliseconds. */
const LONGEST_TIMEOUT = 2 ** 30;

/**
 * Files in S3, and in other stores that speak as it does, by uris such as `s3://bucket/key`. Requests that fail for a
 * reason that passes are sent again, and there are fewer at once when the store asks for that. What is longer than a part is
 * written in parts: what a process leaves that is killed meanwhile is listed by `listUnfinished()`.
 *
 * Keys with a part `.` or `..` in them cannot be reached, as no url can carry them.
 *
 * @example
 * ```ts
 * import { S3FileSystem, TargetFactory, targetFactoryProvider } from "@stardag/core";
 *
 * using _ = targetFactoryProvider.override(
 *   new TargetFactory({
 *     targetRoots: { default: "s3://my-bucket/my-project" },
 *     fileSystems: { "s3://": new S3FileSystem({ endpoint: "http://localhost:9000" }) },
 *   }),
 * );
 * ```
 */
export class S3FileSystem implements RemoteFileSystem {
  /**
   * Writes that are made only when nobody else was faster. Before the first one to a bucket it is tried out whether the store
   * heeds conditions, with a file next to the one that is written.
   */
  readonly conditional: ConditionalFiles = {
    read: async (uri, options) => await (await this.#store()).conditional.read(uri, options),
    write: async (uri, content, version, options) =>
      await (await this.#store()).conditional.write(uri, content, version, options),
  };
  readonly #options: S3FileSystemOptions;
  #opened: Promise<S3Store> | undefined;

  /** Reads nothing and asks for nothing. Throws `TypeError` and `RangeError` for options that cannot be. */
  constructor(options: S3FileSystemOptions = {}) {
    checkOptions(options, OPTIONS, "make an S3FileSystem");
    checkNumber("timeout", options.timeout, LONGEST_TIMEOUT);
    checkNumber("maxConcurrent", options.maxConcurrent, Number.MAX_SAFE_INTEGER);
    checkNumber("outageTimeout", options.outageTimeout, LONGEST_TIMEOUT);
    checkNumber("partSize", options.partSize, 5 * 1024 ** 3);
    this.#options = { ...options };
  }

  /** Whether there is a file. A missing bucket is a `TargetError`. */
  async exists(uri: string, options?: RemoteOptions): Promise<boolean> {
    return await (await this.#store()).exists(uri, options);
  }

  /** One answer for each uri, in order: from listings where these answer many questions, one by one where not. */
  async existsMany(
    uris: readonly string[],
    options?: ExistsManyOptions,
  ): Promise<readonly boolean[]> {
    return await (await this.#store()).existsMany(uris, options);
  }

  /**
   * The content as a stream, which goes on where it was when the connection is lost. A file that is replaced meanwhile is a
   * `TargetError`. Throws a `RangeError` for a `start` or `end` that cannot be.
   */
  readable(uri: string, options?: ReadRemoteOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    checkPosition("start", options?.start);
    checkPosition("end", options?.end);
    const cancelled = new AbortController();
    const signals = [cancelled.signal, ...options?.signal === undefined ? [] : [options.signal]];
    const signal = AbortSignal.any(signals);
    let reading: Reading | undefined;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        reading ??= (await this.#store()).read(uri, { ...options, signal });
        const chunk = await reading.next();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: (reason) => cancelled.abort(reason),
    }, { highWaterMark: 0 });
  }

  /**
   * Replaces the content, whole or not at all, however long it is in little memory. When a stream fails, its error is thrown as
   * it is.
   */
  async write(uri: string, content: WriteContent, options?: RemoteOptions): Promise<void> {
    checkContent(content, uri);
    await (await this.#store()).write(uri, content, options);
  }

  /** Removes the file, if there is one. */
  async remove(uri: string, options?: RemoteOptions): Promise<void> {
    await (await this.#store()).remove(uri, options);
  }

  /** The files whose uris start with the prefix, by their keys. */
  async *list(prefix: string, options?: RemoteOptions): AsyncGenerator<RemoteFile> {
    yield* (await this.#store()).list(prefix, options);
  }

  /** Writes in parts that have begun and not ended, by their keys. */
  async *listUnfinished(
    prefix: string,
    options?: RemoteOptions,
  ): AsyncGenerator<UnfinishedWrite> {
    yield* (await this.#store()).listUnfinished(prefix, options);
  }

  async #store(): Promise<S3Store> {
    if (this.#opened === undefined) {
      this.#opened = open(this.#options);
      // A setting that is missing may be there when it is needed again.
      this.#opened.catch(() => this.#opened = undefined);
    }
    return await this.#opened;
  }
}

async function open(options: S3FileSystemOptions): Promise<S3Store> {
  const { S3Store } = await import("./store.ts");
  const { timeout = 30_000, maxConcurrent = 64, outageTimeout = 30_000, partSize, ...settings } =
    options;
  return new S3Store({ settings, timeout, maxConcurrent, outageTimeout, partSize });
}

function checkNumber(option: string, value: unknown, most: number): void {
  if (value === undefined) return;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new RangeError(
    `Cannot make an S3FileSystem: ${option} is ${
      describe(value)
    }. Give a whole number from 1 to ${most}`,
  );
}

function checkPosition(option: string, value: unknown): void {
  if (value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0)) return;
  throw new RangeError(
    `Cannot read a part of a file: ${option} is ${
      describe(value)
    }. Give a whole number, 0 for the first byte`,
  );
}
