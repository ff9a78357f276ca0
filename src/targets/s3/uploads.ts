/**
 * Writes files of S3: in one request where that does, in parts where not. Nothing can be seen before all of it is there.
 *
 * @module
 */

import { TargetError } from "../../errors.ts";
import type { RemoteOptions } from "../remote.ts";
import type { WriteContent } from "../target.ts";
import type { S3Address } from "./address.ts";
import type { S3Answer, S3Client, S3Request } from "./client.ts";
import {
  BytesSource,
  MOST_PARTS,
  type Part,
  PART_SIZE,
  PartSizes,
  type PartSource,
  StreamSource,
} from "./parts.ts";
import { RefusalError } from "./errors.ts";
import { MARK, newMark, writtenWith } from "./marks.ts";
import { elementText, escaped } from "./xml.ts";

/** Options of {@linkcode writeContent}. */
export interface WriteContentOptions extends RemoteOptions {
  /** How large parts are to be. */
  readonly partSize?: number | undefined;
}

/** Writes the content, whole or not at all. What a stream fails with is thrown as it is. */
export async function writeContent(
  client: S3Client,
  address: S3Address,
  content: WriteContent,
  { partSize, signal }: WriteContentOptions = {},
): Promise<void> {
  const whole = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (whole instanceof Uint8Array && whole.length <= (partSize ?? PART_SIZE)) {
    return await put(client, address, whole, signal);
  }
  const length = lengthOf(whole);
  const sizes = new PartSizes(partSize, length);
  if (length !== undefined && length > sizes.most) throw tooLarge(address, sizes);
  const source = whole instanceof Uint8Array
    ? new BytesSource(whole, sizes)
    : new StreamSource(whole instanceof Blob ? whole.stream() : whole, sizes);
  await new Upload(client, address, source, sizes).run(signal);
}

function lengthOf(content: Exclude<WriteContent, string>): number | undefined {
  if (content instanceof ReadableStream) return undefined;
  return content instanceof Blob ? content.size : content.length;
}

async function put(
  client: S3Client,
  address: S3Address,
  body: Uint8Array<ArrayBuffer>,
  signal: AbortSignal | undefined,
): Promise<void> {
  await client.send({
    action: "write",
    operation: "PutObject",
    method: "PUT",
    address,
    body,
    signal,
    isDecisive: true,
  });
}

/** The writing of one file whose length is not known, or which is long. */
class Upload {
  readonly #client: S3Client;
  readonly #address: S3Address;
  readonly #source: PartSource;
  readonly #sizes: PartSizes;
  /** Aborted with the first reason to stop, whoever has it. */
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #etags: string[] = [];
  readonly #mark = newMark();
  /** Whether the store may go on putting the parts together, which is not to be disturbed. */
  #mayComplete = false;

  constructor(client: S3Client, address: S3Address, source: PartSource, sizes: PartSizes) {
    this.#client = client;
    this.#address = address;
    this.#source = source;
    this.#sizes = sizes;
  }

  async run(signal: AbortSignal | undefined): Promise<void> {
    const stop = this.#stop;
    const onAbort = (): void => stop.abort(signal?.reason);
    // It may be the source that is waited for.
    stop.signal.addEventListener("abort", () => this.#source.cancel(stop.signal.reason));
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      if (signal?.aborted) onAbort();
      const first = await this.#next();
      if (first.isLast) await put(this.#client, this.#address, first.bytes, stop.signal);
      else await this.#sendAll(first);
    } catch (error) {
      stop.abort(error);
      throw stop.signal.reason;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** The next part, unless there is a reason to stop. */
  async #next(): Promise<Part> {
    this.#stop.signal.throwIfAborted();
    const part = await this.#source.next();
    this.#stop.signal.throwIfAborted();
    return part;
  }

  async #sendAll(first: Part): Promise<void> {
    const id = await this.#create();
    let isCompleting = false;
    try {
      for (let part = first;; part = await this.#next()) {
        this.#send(id, part);
        if (part.isLast) break;
        if (part.number === MOST_PARTS) throw tooLarge(this.#address, this.#sizes);
        const most = this.#sizes.atOnce(part.number + 1);
        while (this.#underWay.size > most) await Promise.race(this.#underWay);
      }
      await Promise.all(this.#underWay);
      this.#stop.signal.throwIfAborted();
      isCompleting = true;
      await this.#complete(id);
    } catch (error) {
      const isCalledOff = this.#stop.signal.aborted;
      this.#stop.abort(error);
      await Promise.all(this.#underWay);
      if (!this.#mayComplete) await this.#discard(id);
      // If it was completed before, there was nothing to discard, and the file is there.
      if (isCalledOff && isCompleting && await this.#isWritten().catch(() => false)) return;
      throw error;
    }
  }

  async #create(): Promise<string> {
    const answer = await this.#ask("CreateMultipartUpload", "POST", { uploads: "" }, {
      headers: { [MARK]: this.#mark },
      signal: this.#stop.signal,
      isDecisive: true,
    });
    const id = elementText(new TextDecoder().decode(answer.content), "UploadId");
    if (id !== undefined) return id;
    const { uri, bucket } = this.#address;
    throw new TargetError(
      `Cannot write "${uri}": what "${
        this.#client.endpointOf(bucket)
      }" answers is no beginning of an upload. ` +
        `Check that the endpoint is that of a store that speaks S3`,
      { uri },
    );
  }

  #send(id: string, part: Part): void {
    const sent = this.#sendPart(id, part).catch((error) => this.#stop.abort(error));
    this.#underWay.add(sent);
    sent.then(() => this.#underWay.delete(sent));
  }

  async #sendPart(id: string, part: Part): Promise<void> {
    const query = { partNumber: `${part.number}`, uploadId: id };
    const { headers } = await this.#ask("UploadPart", "PUT", query, {
      body: part.bytes,
      signal: this.#stop.signal,
    });
    this.#etags[part.number - 1] = headers.get("etag") ?? "";
    this.#source.release(part);
  }

  async #complete(id: string): Promise<void> {
    const parts = this.#etags.map((etag, index) =>
      `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`
    );
    const xml = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
      parts.join("")
    }</CompleteMultipartUpload>`;
    try {
      await this.#ask("CompleteMultipartUpload", "POST", { uploadId: id }, {
        body: new TextEncoder().encode(xml),
        signal: this.#stop.signal,
        isDecisive: true,
      });
    } catch (error) {
      // It may be complete all the same, by an attempt whose answer was lost.
      this.#stop.signal.throwIfAborted();
      // What comes from before the store, e.g. that it takes too long there, has no code.
      this.#mayComplete = !(error instanceof RefusalError && error.refusal.code !== "");
      if (!await this.#isWritten().catch(() => false)) throw error;
    }
  }

  async #isWritten(): Promise<boolean> {
    return await writtenWith(this.#mark, this.#client, this.#address) !== undefined;
  }

  /** What was sent is given up; where that fails, the first error is the one to tell. */
  async #discard(id: string): Promise<void> {
    await discardUpload(this.#client, this.#address, id).catch(() => {});
  }

  #ask(
    operation: string,
    method: S3Request["method"],
    query: Readonly<Record<string, string>>,
    rest: Pick<S3Request, "headers" | "body" | "signal" | "isDecisive">,
  ): Promise<S3Answer> {
    return this.#client.send({
      action: "write",
      operation,
      method,
      address: this.#address,
      query,
      ...rest,
    });
  }
}

function tooLarge({ uri }: S3Address, sizes: PartSizes): TargetError {
  const most = (sizes.most / 1024 ** 3).toPrecision(3);
  return new TargetError(
    `Cannot write "${uri}": it has more than ${most} GiB, which is all that fits into ${MOST_PARTS} parts. ` +
      `Set the option partSize to more, of which a few are kept in memory, or split it`,
    { uri },
  );
}

/** Gives up an upload, if it is still there. */
export async function discardUpload(
  client: S3Client,
  address: S3Address,
  id: string,
): Promise<void> {
  await client.send({
    action: "give up the upload of",
    operation: "AbortMultipartUpload",
    method: "DELETE",
    address,
    query: { uploadId: id },
    accept: ["NoSuchUpload", "NotFound"],
  });
}
