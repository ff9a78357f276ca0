/**
 * Small files of S3 that are written only when nothing has changed since they were read.
 *
 * @module
 */

import { TargetError } from "../../errors.ts";
import type { ConditionalFiles, RemoteOptions, VersionedContent } from "../remote.ts";
import { fileAddress, type S3Address, uriOf } from "./address.ts";
import type { S3Answer, S3Client } from "./client.ts";
import { removeFile } from "./files.ts";
import { MARK, newMark, writtenWith } from "./marks.ts";

/** A version that no file has. */
const NO_VERSION = "00000000000000000000000000000000";

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
  /** By bucket: settles when it was tried out. */
  readonly #tried = new Map<string, Promise<void>>();

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
    await this.#tryOut(address);
    const mark = newMark();
    const written = async (): Promise<string | undefined> => {
      const headers = await writtenWith(mark, this.#client, address);
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

  /** Tries out whether the store heeds conditions, once for each bucket. */
  #tryOut(address: S3Address): Promise<void> {
    const { bucket } = address;
    let tried = this.#tried.get(bucket);
    if (tried === undefined) {
      tried = this.#probe(address);
      this.#tried.set(bucket, tried);
      // What it has failed for may be over when it is asked for again.
      tried.catch(() => this.#tried.delete(bucket));
    }
    return tried;
  }

  /** Writes a file next to the one at the address, as only a store could that takes no heed. */
  async #probe(address: S3Address): Promise<void> {
    const { bucket, key } = address;
    const folder = key.slice(0, key.lastIndexOf("/") + 1);
    const probe = fileAddress(uriOf(bucket, `${folder}.stardag-probe-${newMark()}`));
    const put = async (version: string | undefined): Promise<boolean> => {
      const mark = newMark();
      const { code } = await this.#put(probe, new Uint8Array(), { version, mark });
      return code === "";
    };
    await put(undefined);
    const isHeeded = !(await put(undefined)) && !(await put(NO_VERSION));
    await removeFile(this.#client, probe);
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
