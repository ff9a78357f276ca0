/**
 * Reads a file of S3 as it comes, and goes on where it was when the connection is lost.
 *
 * @module
 */

import { TargetError } from "../../errors.ts";
import { notFound } from "../file_error.ts";
import type { ReadRemoteOptions } from "../remote.ts";
import type { S3Address } from "./address.ts";
import type { Incoming, S3Answer, S3Client } from "./client.ts";
import { Deadline } from "./deadline.ts";
import { lateLoss, type Loss, lossOf } from "./errors.ts";
import type { Attempts } from "./retries.ts";

const PURPOSE = { action: "read", operation: "GetObject" } as const;
/** So many bytes on one connection are progress, or so large a part of what it was for: other attempts count no more. */
const PROGRESS = 64 * 1024;
const PROGRESS_SHARE = 1 / 4;

/** A connection on which content comes. */
interface Connection {
  readonly reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  /** Ends it before its end. */
  readonly abort: () => void;
  /** The byte with which it counts as progress. */
  readonly progressAt: number;
}

/** What has come; no value at the end. */
interface Read {
  readonly value: Uint8Array<ArrayBuffer> | undefined;
}

/** One reading of a file, from its start to its end. */
export class Reading {
  readonly #client: S3Client;
  readonly #address: S3Address;
  readonly #signal: AbortSignal | undefined;
  readonly #attempts: Attempts;
  readonly #start: number;
  /** The first byte not there yet, and the first not wanted, as far as that is known. */
  #position: number;
  #end: number | undefined;
  /** Tells the content from any other; known when some of it has come. */
  #etag: string | undefined;
  /** How long the file is; known when some of it has come. */
  #total: number | undefined;
  #connection: Connection | undefined;

  /** Asks for nothing. */
  constructor(client: S3Client, address: S3Address, options: ReadRemoteOptions = {}) {
    const { start = 0, end, signal } = options;
    this.#client = client;
    this.#address = address;
    this.#signal = signal;
    this.#attempts = client.attempts(address.bucket, signal);
    this.#start = this.#position = start;
    this.#end = end;
  }

  /** What comes next; `undefined` at the end. After that, and when it has rejected, nothing is open. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      this.#signal?.throwIfAborted();
      this.#connection ??= await this.#connect();
      if (this.#connection === undefined) return undefined;
      const read = await this.#read(this.#connection);
      if (this.#signal?.aborted) this.#disconnect();
      this.#signal?.throwIfAborted();
      if ("errorFor" in read) {
        this.#disconnect();
        const error = read.errorFor({ ...PURPOSE, address: this.#address });
        if (this.#position > this.#start && this.#etag === undefined) throw error;
        if (!(await this.#attempts.again(read))) throw error;
      } else if (read.value === undefined) {
        this.#disconnect();
        return undefined;
      } else {
        this.#position += read.value.length;
        if (this.#position >= this.#connection.progressAt) this.#attempts.succeeded();
        return read.value;
      }
    }
  }

  /** What comes next on the connection; a loss where it ends too soon. */
  async #read({ reader, abort }: Connection): Promise<Read | Loss> {
    const { timeout } = this.#client;
    const origin = this.#client.origin(this.#address.bucket);
    using deadline = new Deadline(timeout);
    deadline.signal.addEventListener("abort", abort, { once: true });
    try {
      const { value } = await reader.read();
      if (deadline.isLate) return lateLoss(timeout, origin);
      const most = this.#end ?? Infinity;
      const position = this.#position + (value?.length ?? 0);
      if (position > most || (value === undefined && this.#end !== undefined && position < most)) {
        abort();
        return lossOf(new Error(`${position} bytes came instead of ${most}`), origin);
      }
      return { value };
    } catch (error) {
      return deadline.isLate ? lateLoss(timeout, origin) : lossOf(error, origin);
    }
  }

  /** Asks for what is not there yet; `undefined` when there is no more. */
  async #connect(): Promise<Connection | undefined> {
    const isEmpty = this.#end !== undefined && this.#position >= this.#end;
    // No range is empty: one that begins behind all content tells as well whether there is a file.
    const from = isEmpty ? Number.MAX_SAFE_INTEGER : this.#position;
    const to = isEmpty || this.#end === undefined ? "" : this.#end - 1;
    if (isEmpty && this.#hasBegun) return undefined;
    const isRange = from > 0 || to !== "";
    const answer = await this.#client.open({
      ...PURPOSE,
      method: "GET",
      address: this.#address,
      headers: {
        ...isRange && { range: `bytes=${from}-${to}` },
        ...this.#etag !== undefined && { "if-match": this.#etag },
      },
      accept: ["NoSuchKey", "NotFound", "InvalidRange", "PreconditionFailed"],
      signal: this.#signal,
    });
    switch (answer.code) {
      case "NoSuchKey":
      case "NotFound":
        throw this.#hasBegun ? this.#replaced() : notFound(this.#address.uri);
      case "PreconditionFailed":
        throw this.#replaced();
      case "InvalidRange":
        if (this.#hasBegun) throw this.#replaced();
        return undefined;
    }
    const { content } = answer;
    if (content === undefined) return undefined;
    try {
      this.#check(answer, isRange ? from : undefined);
    } catch (error) {
      content.abort();
      throw error;
    }
    if (content.stream === null) return undefined;
    const reader = content.stream.getReader();
    const abort = (): void => {
      content.abort();
      // The signal that fetch was given may not reach it any more when its answer has begun.
      reader.cancel().catch(() => {});
    };
    this.#signal?.addEventListener("abort", abort, { once: true });
    const rest = (this.#end ?? Infinity) - this.#position;
    return {
      reader,
      abort,
      progressAt: this.#position + Math.min(PROGRESS, rest * PROGRESS_SHARE),
    };
  }

  /** Throws when the answer is not what was asked for, which began at `from` where it was a part. */
  #check({ status, headers }: S3Answer<Incoming>, from: number | undefined): void {
    if (from !== undefined && status !== 206) {
      throw this.#error(
        "gives no part of a file, but all of it. Read it from the start, or use another store",
      );
    }
    const etag = headers.get("etag") ?? undefined;
    const length = headers.get("content-length");
    let total = length === null ? undefined : Number(length);
    // Where all ends with the connection, what was cut off looks like a whole.
    if (total === undefined && !headers.has("transfer-encoding") && /^http:/.test(this.#endpoint)) {
      throw this.#error("does not say how long the file is (Content-Length). Use another store");
    }
    if (status === 206) {
      const [, first, last, all] =
        /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
      if (
        from === undefined || Number(first) !== from || !(Number(last) < (this.#end ?? Infinity))
      ) {
        throw this.#error(
          "gives another part of the file than it was asked for. Use another store",
        );
      }
      total = all === "*" ? undefined : Number(all);
      this.#end ??= Number(last) + 1;
    }
    const isOther = etag !== this.#etag || (total ?? this.#total) !== (this.#total ?? total);
    if (this.#hasBegun && isOther) throw this.#replaced();
    this.#etag = etag;
    this.#total = total ?? this.#total;
    if (total !== undefined) this.#end = Math.min(this.#end ?? Infinity, total);
  }

  /** Whether some of the content has come, so that the rest has to fit. */
  get #hasBegun(): boolean {
    return this.#etag !== undefined || this.#position > this.#start;
  }

  #disconnect(): void {
    if (this.#connection === undefined) return;
    this.#signal?.removeEventListener("abort", this.#connection.abort);
    this.#connection = undefined;
  }

  #replaced(): TargetError {
    const { uri } = this.#address;
    return new TargetError(
      `Cannot read "${uri}": it was replaced or removed while it was read. Read it again`,
      { uri },
    );
  }

  #error(fault: string): TargetError {
    const { uri } = this.#address;
    return new TargetError(`Cannot read "${uri}": S3 at "${this.#endpoint}" ${fault}`, { uri });
  }

  get #endpoint(): string {
    return this.#client.endpointOf(this.#address.bucket);
  }
}
