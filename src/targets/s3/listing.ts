/**
 * Lists files of S3, and uploads that have begun.
 *
 * @module
 */

import { TargetError } from "../../errors.ts";
import type { RemoteFile, RemoteOptions, UnfinishedWrite } from "../remote.ts";
import { prefixAddress, type S3Address, uriOf } from "./address.ts";
import type { S3Client, S3Request } from "./client.ts";
import { isOfCredentials, isPassing, isWrongRegion, type Refusal, RefusalError } from "./errors.ts";
import type { Page, PageOptions } from "./existence.ts";
import { discardUpload } from "./uploads.ts";
import { elements, elementText } from "./xml.ts";

type ListOperation = "ListObjectsV2" | "ListMultipartUploads";
type Query = Readonly<Record<string, string>>;

/** The files whose uris start with the prefix. */
export async function* listFiles(
  client: S3Client,
  prefix: string,
  { signal }: RemoteOptions = {},
): AsyncGenerator<RemoteFile> {
  const address = prefixAddress(prefix);
  for (let more: Query | undefined = {}; more !== undefined;) {
    const list = await listed(client, address, "ListObjectsV2", more, { signal });
    for (const file of list.all("Contents")) {
      signal?.throwIfAborted();
      yield {
        uri: list.uriIn(file),
        size: Number(elementText(file, "Size")),
        modified: new Date(elementText(file, "LastModified") ?? NaN),
      };
    }
    const token: string | undefined = list.next("NextContinuationToken");
    more = token === undefined ? undefined : { "continuation-token": token };
  }
}

/** One page of files, for who wants to know which of many are there; `undefined` where they may not be listed. */
export async function listPage(
  client: S3Client,
  prefix: string,
  { startAfter, signal }: PageOptions,
): Promise<Page | undefined> {
  const query = { "start-after": prefixAddress(startAfter).key };
  try {
    const list = await listed(client, prefixAddress(prefix), "ListObjectsV2", query, { signal });
    return {
      uris: Array.from(list.all("Contents"), (file) => list.uriIn(file)),
      isLast: list.next("NextContinuationToken") === undefined,
    };
  } catch (error) {
    if (error instanceof RefusalError && isOfListing(error.refusal)) return undefined;
    throw error;
  }
}

/** Whether it is listing that is refused, in whatever way stores do that: other requests may be answered. */
function isOfListing(refusal: Refusal): boolean {
  return refusal.code !== "NoSuchBucket" && refusal.code !== "RequestTimeTooSkewed" &&
    !isPassing(refusal) && !isOfCredentials(refusal) && !isWrongRegion(refusal);
}

/** The uploads that have begun and not ended, of files whose uris start with the prefix. */
export async function* listUploads(
  client: S3Client,
  prefix: string,
  { signal }: RemoteOptions = {},
): AsyncGenerator<UnfinishedWrite> {
  const address = prefixAddress(prefix);
  for (let more: Query | undefined = {}; more !== undefined;) {
    const list = await listed(client, address, "ListMultipartUploads", more, { signal });
    for (const upload of list.all("Upload")) {
      signal?.throwIfAborted();
      const uri = list.uriIn(upload);
      const id = elementText(upload, "UploadId") ?? "";
      yield {
        uri,
        begun: new Date(elementText(upload, "Initiated") ?? NaN),
        discard: () => discardUpload(client, prefixAddress(uri), id),
      };
    }
    const key: string | undefined = list.next("NextKeyMarker");
    const id = list.next("NextUploadIdMarker") ?? "";
    more = key === undefined ? undefined : { "key-marker": list.key(key), "upload-id-marker": id };
  }
}

async function listed(
  client: S3Client,
  address: S3Address,
  operation: ListOperation,
  query: Query,
  options: Pick<S3Request, "signal">,
): Promise<List> {
  const { content } = await client.send({
    action: "list",
    operation,
    method: "GET",
    address: { ...address, key: "" },
    query: {
      ...operation === "ListObjectsV2" ? { "list-type": "2" } : { uploads: "" },
      "encoding-type": "url",
      prefix: address.key,
      ...query,
    },
    ...options,
  });
  return new List(address, new TextDecoder().decode(content));
}

/** A page of a listing. */
class List {
  readonly #address: S3Address;
  readonly #xml: string;
  readonly #isEncoded: boolean;

  constructor(address: S3Address, xml: string) {
    this.#address = address;
    this.#xml = xml;
    // Not all stores do it.
    this.#isEncoded = elementText(xml, "EncodingType") === "url";
  }

  all(name: string): Iterable<string> {
    return elements(this.#xml, name);
  }

  uriIn(element: string): string {
    return uriOf(this.#address.bucket, this.key(elementText(element, "Key") ?? ""));
  }

  key(text: string): string {
    if (!this.#isEncoded) return text;
    try {
      return decodeURIComponent(text.replaceAll("+", " "));
    } catch {
      return text; // bytes that are no text, which only others can have named
    }
  }

  /** What says where the next page begins; `undefined` when this is the last. */
  next(name: string): string | undefined {
    if (elementText(this.#xml, "IsTruncated") !== "true") return undefined;
    const next = elementText(this.#xml, name);
    if (next !== undefined) return next;
    const { uri } = this.#address;
    throw new TargetError(
      `Cannot list "${uri}": the store has more, and does not say where that begins (${name}). Use another store`,
      { uri },
    );
  }
}
