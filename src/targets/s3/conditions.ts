/**
 * Small files of S3 that are written only when nothing has changed since they were read.
 *
 * @module
 */

import { TargetError } from "../../errors.ts";
import type { ConditionalFiles, RemoteOptions, VersionedContent } from "../remote.ts";
import { fileAddress, type S3Address, uriOf } from "./address.ts";
import type { S3Answer, S3Client } from "./client.ts";
import { unlessAborted } from "../../waiting.ts";
import { removeFile } from "./files.ts";
import { MARK, newMark, writtenWith } from "./marks.ts";

/** A version that no file has. */
const NO_VERSION = "00000000000000000000000000000000";
/** The name of the file with which a store is tried out, in the folder of the one that is written. */
const PROBE = ".stardag-probe";
/** How often it is tried out, as others may remove that file meanwhile who do the same. */
const MOST_PROBES = 5;

/** A store that is tried out, for so many who wait for it. */
interface Trial {
  readonly outcome: Promise<void>;
  readonly stop: AbortController;
  waiting: number;
}

interface PutOptions extends RemoteOptions {
  readonly version: string | undefined;
  readonly mark: string;
}

/**
 * Reads and writes with `If-Match` and `If-None-Match`. Versions are ETags, which tell content, not writes: a file that gets
 * its former content back has its former version. Whether the store heeds conditions is tried out before the first write
 * to a bucket.
 */
export class ConditionalS3Files implements ConditionalFiles {
  readonly #client: S3Client;
  /** By bucket. */
  readonly #trials = new Map<string, Trial>();

  /** Asks for nothing. */
  constructor(client: S3Client) {
    this.#client = client;
  }

  async read(uri: string, options?: RemoteOptions): Promise<VersionedContent | undefined> {
    const address = fileAddress(uri);
    const { content, headers } = await this.#client.send({
      action: "read",
      operation: "GetObject",
      method: "GET",
      address,
      accept: ["NoSuchKey", "NotFound"],
      signal: options?.signal,
    });
    return content && { content, version: this.#versionIn(headers, address) };
  }

  async write(
    uri: string,
    content: Uint8Array<ArrayBuffer>,
    version: string | undefined,
    options?: RemoteOptions,
  ): Promise<string | undefined> {
    const address = fileAddress(uri);
    const signal = options?.signal;
    signal?.throwIfAborted();
    await this.#tryOut(address, signal);
    const mark = newMark();
    const written = async (): Promise<string | undefined> => {
      const headers = await writtenWith(mark, this.#client, address, { signal });
      return headers && this.#versionIn(headers, address);
    };
    try {
      const { code, headers } = await this.#put(address, content, {
        version,
        mark,
        signal,
      });
      if (code === "") return this.#versionIn(headers, address);
      // It may have been refused because it was done before, and the answer lost: fetch itself sends some requests twice.
      return await written();
    } catch (error) {
      signal?.throwIfAborted();
      const found = await written().catch(() => undefined);
      signal?.throwIfAborted();
      if (found === undefined) throw error;
      return found;
    }
  }

  #put(
    address: S3Address,
    body: Uint8Array<ArrayBuffer>,
    { version, mark, signal }: PutOptions,
  ): Promise<S3Answer> {
    return this.#client.send({
      action: "write",
      operation: "PutObject",
      method: "PUT",
      address,
      headers: {
        [MARK]: mark,
        // Some stores do not know the version when it is in quotes, as it is elsewhere.
        ...version === undefined ? { "if-none-match": "*" } : { "if-match": version },
      },
      body,
      accept: version === undefined
        ? ["PreconditionFailed"]
        : ["PreconditionFailed", "NoSuchKey", "NotFound"],
      signal,
    });
  }

  /** Tries out whether the store heeds conditions, once for each bucket. It ends when nobody waits for it any more. */
  async #tryOut(address: S3Address, signal: AbortSignal | undefined): Promise<void> {
    const { bucket } = address;
    let trial = this.#trials.get(bucket);
    if (trial === undefined) {
      const stop = new AbortController();
      trial = { outcome: this.#probe(address, stop.signal), stop, waiting: 0 };
      this.#trials.set(bucket, trial);
      // What it has failed for may be over when it is asked for again.
      trial.outcome.catch(() => this.#forget(bucket, trial));
    }
    trial.waiting++;
    try {
      await unlessAborted(trial.outcome, signal);
    } finally {
      if (--trial.waiting === 0 && signal?.aborted) {
        this.#forget(bucket, trial);
        trial.stop.abort();
      }
    }
  }

  #forget(bucket: string, trial: Trial | undefined): void {
    if (this.#trials.get(bucket) === trial) this.#trials.delete(bucket);
  }

  /** Writes a file next to the one at the address, as only a store could that takes no heed. */
  async #probe(address: S3Address, signal: AbortSignal): Promise<void> {
    const { bucket, key } = address;
    const folder = key.slice(0, key.lastIndexOf("/") + 1);
    const probe = fileAddress(uriOf(bucket, folder + PROBE));
    const isRefused = async (version: string | undefined): Promise<boolean> => {
      const options = { version, mark: newMark(), signal };
      return (await this.#put(probe, new Uint8Array(), options)).code !== "";
    };
    // The first to be refused shows it, be the file left by somebody else.
    let isHeeded = false;
    for (let i = 0; !isHeeded && i <= MOST_PROBES; i++) isHeeded = await isRefused(undefined);
    isHeeded &&= await isRefused(NO_VERSION);
    try {
      await removeFile(this.#client, probe, { signal });
    } catch {
      signal.throwIfAborted(); // else it stays, and serves the next
    }
    if (isHeeded) return;
    const { uri } = address;
    throw new TargetError(
      `Cannot write "${uri}" on a condition: S3 at "${
        this.#client.endpointOf(bucket)
      }" takes no heed of If-None-Match and If-Match, and of several who write at once all would win. ` +
        `Use a store that does, such as AWS or Ceph, or keep locks elsewhere`,
      { uri },
    );
  }

  #versionIn(headers: Headers, { uri, bucket }: S3Address): string {
    const version = headers.get("etag")?.replaceAll('"', "");
    if (version !== undefined) return version;
    const endpoint = this.#client.endpointOf(bucket);
    throw new TargetError(
      `Cannot use "${uri}" on a condition: S3 at "${endpoint}" answers without an ETag. Use another store`,
      { uri },
    );
  }
}
