/**
 * Reads a file of S3 as it comes, and goes on where it was when the connection is lost.
 *
 * @module
 */

import { TargetError } from "../../errors.ts";
import { notFound } from "../file_error.ts";
import type { ReadRemoteOptions } from "../remote.ts";
import type { S3Address } from "./address.ts";
import type { S3Client } from "./client.ts";
import { lateLoss, type Loss, lossOf } from "./errors.ts";
import type { Attempts } from "./retries.ts";

const PURPOSE = { action: "read", operation: "GetObject" } as const;

/** A connection on which content comes. */
interface Connection {
  readonly reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  /** Ends it before its end. */
  readonly abort: () => void;
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
  /** The first byte not there yet, and the first not wanted, as far as that is known. */
  #position: number;
  #end: number | undefined;
  /** Tells the content from any other; known when some of it has come. */
  #etag: string | undefined;
  #connection: Connection | undefined;

  /** Asks for nothing. */
  constructor(client: S3Client, address: S3Address, options: ReadRemoteOptions = {}) {
    const { start = 0, end, signal } = options;
    this.#client = client;
    this.#address = address;
    this.#signal = signal;
    this.#attempts = client.attempts(signal);
    this.#position = start;
    this.#end = end;
  }

  /** What comes next; `undefined` at the end. After that, and when it has rejected, nothing is open. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      this.#signal?.throwIfAborted();
      this.#connection ??= await this.#connect();
      if (this.#connection === undefined) return undefined;
      const read = await this.#read(this.#connection);
      if ("error" in read) {
        this.#disconnect();
        this.#signal?.throwIfAborted();
        if (!(await this.#attempts.again(read))) throw read.error;
      } else if (read.value === undefined) {
        this.#disconnect();
        return undefined;
      } else {
        this.#position += read.value.length;
        if (this.#attempts.hasFailed) this.#attempts.succeeded();
        return read.value;
      }
    }
  }

  async #read({ reader, abort }: Connection): Promise<Read | Loss> {
    const { timeout } = this.#client;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      abort();
    }, timeout);
    try {
      const { value } = await reader.read();
      return { value };
    } catch (error) {
      const purpose = { ...PURPOSE, address: this.#address };
      return isLate
        ? lateLoss(purpose, this.#endpoint, timeout)
        : lossOf(purpose, error, this.#endpoint);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks for what is not there yet; `undefined` when there is no more. */
  async #connect(): Promise<Connection | undefined> {
    const isEmpty = this.#end !== undefined && this.#position >= this.#end;
    // No range is empty: one that begins behind all content tells as well whether there is a file.
    const from = isEmpty ? Number.MAX_SAFE_INTEGER : this.#position;
    const to = isEmpty || this.#end === undefined ? "" : this.#end - 1;
    if (isEmpty && this.#etag !== undefined) return undefined;
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
    const { code, status, headers, content } = answer;
    switch (code) {
      case "NoSuchKey":
      case "NotFound":
        throw this.#etag === undefined ? notFound(this.#address.uri) : this.#replaced();
      case "PreconditionFailed":
        throw this.#replaced();
      case "InvalidRange":
        return undefined;
    }
    if (content?.stream === null || content === undefined) return undefined;
    if (isRange && status !== 206) {
      content.abort();
      throw new TargetError(
        `Cannot read "${this.#address.uri}": S3 at "${this.#endpoint}" gives no part of a file, but all of it. ` +
          `Read it from the start, or use another store`,
        { uri: this.#address.uri },
      );
    }
    this.#etag ??= headers.get("etag") ?? undefined;
    const length = headers.get("content-length");
    if (length !== null) this.#end = this.#position + Number(length);
    this.#signal?.addEventListener("abort", content.abort, { once: true });
    return { reader: content.stream.getReader(), abort: content.abort };
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

  get #endpoint(): string {
    return this.#client.endpointOf(this.#address.bucket);
  }
}
