/**
 * Single files of S3: whether they are there, and away with them.
 *
 * @module
 */

import type { RemoteOptions } from "../remote.ts";
import type { S3Address } from "./address.ts";
import type { S3Client } from "./client.ts";

/** Looks for files one by one. */
export class S3Files {
  readonly #client: S3Client;
  /** By bucket: settles when it is known that it is there. */
  readonly #buckets = new Map<string, Promise<void>>();

  /** Asks for nothing. */
  constructor(client: S3Client) {
    this.#client = client;
  }

  /** Whether the file is there. Where there is not even a bucket, that is a `TargetError`. */
  async exists(address: S3Address, { signal }: RemoteOptions = {}): Promise<boolean> {
    const { code } = await this.#client.send({
      action: "look for",
      operation: "HeadObject",
      method: "HEAD",
      address,
      accept: ["NotFound"],
      signal,
    });
    const isThere = code !== "NotFound" && code !== "NoSuchKey";
    if (!isThere) await this.#checkBucket(address);
    return isThere;
  }

  /** Throws where there is no bucket, which the answer to a HEAD does not tell from a missing file. */
  #checkBucket(address: S3Address): Promise<void> {
    const { bucket } = address;
    let checked = this.#buckets.get(bucket);
    if (checked === undefined) {
      checked = this.#askForFile(address);
      this.#buckets.set(bucket, checked);
      checked.catch(() => this.#buckets.delete(bucket));
    }
    return checked;
  }

  async #askForFile(address: S3Address): Promise<void> {
    await this.#client.send({
      action: "look for",
      operation: "GetObject",
      method: "GET",
      address,
      headers: { range: "bytes=0-0" },
      isUnread: true,
      accept: ["NoSuchKey", "InvalidRange"],
    });
  }
}

/** Removes the file, if it is there. */
export async function removeFile(
  client: S3Client,
  address: S3Address,
  { signal }: RemoteOptions = {},
): Promise<void> {
  await client.send({
    action: "remove",
    operation: "DeleteObject",
    method: "DELETE",
    address,
    accept: ["NoSuchKey", "NotFound"],
    signal,
  });
}
