/** What S3 does with objects and lists of them; with uploads in parts: `s3_uploads.ts`. */

import type { Digests } from "./s3_digests.ts";
import { pageOf, type S3Bucket, type S3Object, sizeOf, sliceOf } from "./s3_store.ts";
import {
  type Chunks,
  document,
  elementsOf,
  encoded,
  escaped,
  type S3Answer,
  S3Refusal,
  type S3Request,
  textsIn,
  valueIn,
} from "./s3_wire.ts";

/** One request that was let in, with all of its body. */
export interface S3Call {
  readonly request: S3Request;
  readonly bucket: S3Bucket;
  readonly content: Chunks;
  readonly digests: Digests;
  /** By the clock of the server. */
  readonly now: number;
  /** A name that was not given before. */
  readonly newId: () => string;
  /** Of all parts of an upload but the last. */
  readonly minPartSize: number;
  /** Whether `If-Match` and `If-None-Match` of writes are taken for nothing, as some servers do. */
  readonly ignoresConditions: boolean;
}

/** The most keys on a page. */
const PAGE = 1000;

/** What is answered with an object as it was sent. */
const KEPT_HEADER =
  /^(?:x-amz-meta-.+|content-(?:type|encoding|disposition|language)|cache-control)$/;

export const objectOperations: Readonly<Record<string, (call: S3Call) => S3Answer>> = {
  HeadBucket: ({ bucket }) => ({ status: 200, headers: { "x-amz-bucket-region": bucket.region } }),
  GetBucketLocation: ({ bucket }) => document("LocationConstraint", bucket.region),
  HeadObject: getObject,
  GetObject: getObject,
  PutObject: putObject,
  DeleteObject: deleteObject,
  DeleteObjects: deleteObjects,
  ListObjectsV2: listObjects,
};

function getObject({ request, bucket }: S3Call): S3Answer {
  const object = bucket.objects.get(request.key);
  if (object === undefined) throw notThere(bucket, request.key);
  const { headers } = request;
  const { size, etag } = object;
  const shown = {
    ...headersOf(object),
    ...(headers["x-amz-checksum-mode"] === "ENABLED" && headers.range === undefined
      ? object.checksums
      : {}),
  };
  if (headers["if-match"] !== undefined && !isMatch(headers["if-match"], etag)) {
    throw unmet("If-Match");
  }
  if (headers["if-none-match"] !== undefined && isMatch(headers["if-none-match"], etag)) {
    return { status: 304, headers: { etag } };
  }
  const range = rangeOf(headers.range, size);
  const [start, end] = range ?? [0, size];
  const part = range && { "content-range": `bytes ${start}-${end - 1}/${size}` };
  return {
    status: range === undefined ? 200 : 206,
    headers: { ...shown, "content-length": String(end - start), ...part },
    ...(request.method === "HEAD" ? {} : { body: sliceOf(object.content, start, end) }),
  };
}

function headersOf(object: S3Object): Readonly<Record<string, string>> {
  return {
    "accept-ranges": "bytes",
    "last-modified": new Date(object.modified).toUTCString(),
    etag: object.etag,
    ...object.headers,
  };
}

/** `undefined` for all of it, also where the range cannot be read. */
function rangeOf(range: string | undefined, size: number): readonly [number, number] | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? "");
  if (match === null) return undefined;
  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return undefined;
  const start = from === "" ? Math.max(size - Number(to), 0) : Number(from);
  const end = from === "" || to === "" ? size : Math.min(Number(to) + 1, size);
  if (start < end) return [start, end];
  throw new S3Refusal(
    416,
    "InvalidRange",
    "The requested range is not satisfiable",
    { RangeRequested: range ?? "", ActualObjectSize: String(size) },
    { "content-range": `bytes */${size}` },
  );
}

function notThere(bucket: S3Bucket, key: string): S3Refusal {
  return bucket.mayList
    ? new S3Refusal(404, "NoSuchKey", "The specified key does not exist.", { Key: key })
    : new S3Refusal(403, "AccessDenied", "Access Denied");
}

function isMatch(condition: string, etag: string): boolean {
  return condition === "*" ||
    condition.split(",").some((one) => one.trim().replaceAll('"', "") === etag.replaceAll('"', ""));
}

function unmet(condition: string): S3Refusal {
  return new S3Refusal(
    412,
    "PreconditionFailed",
    "At least one of the pre-conditions you specified did not hold",
    { Condition: condition },
  );
}

/** Throws when the conditions of a write do not hold. */
export function checkConditions({ request, bucket, ignoresConditions }: S3Call): void {
  if (ignoresConditions) return;
  const object = bucket.objects.get(request.key);
  const match = request.headers["if-match"];
  const noneMatch = request.headers["if-none-match"];
  if (noneMatch !== undefined) {
    if (noneMatch !== "*") {
      throw new S3Refusal(501, "NotImplemented", "A header you provided is not implemented", {
        Header: "If-None-Match",
      });
    }
    if (object !== undefined) throw unmet("If-None-Match");
  }
  if (match === undefined) return;
  if (object === undefined) throw notThere(bucket, request.key);
  if (!isMatch(match, object.etag)) throw unmet("If-Match");
}

function putObject(call: S3Call): S3Answer {
  const { request, bucket, content, digests, now } = call;
  checkConditions(call);
  const etag = `"${digests.md5}"`;
  bucket.objects.set(request.key, {
    content,
    size: sizeOf(content),
    etag,
    modified: now,
    headers: keptHeaders(request),
    checksums: digests.checksums,
  });
  return { status: 200, headers: { etag, ...digests.checksums } };
}

/** The headers that are kept with an object. */
export function keptHeaders({ headers }: S3Request): Readonly<Record<string, string>> {
  const kept: Record<string, string> = { "content-type": "binary/octet-stream" };
  for (const [name, value] of Object.entries(headers)) {
    if (KEPT_HEADER.test(name)) kept[name] = String(value);
  }
  return kept;
}

function deleteObject(call: S3Call): S3Answer {
  if (call.request.headers["if-match"] !== undefined) checkConditions(call);
  call.bucket.objects.delete(call.request.key);
  return { status: 204 };
}

function deleteObjects({ request, bucket, content }: S3Call): S3Answer {
  const { headers } = request;
  if (!Object.keys(headers).some((name) => /^(?:content-md5|x-amz-checksum-)/.test(name))) {
    throw new S3Refusal(
      400,
      "InvalidRequest",
      "Missing required header for this request: Content-MD5",
    );
  }
  const xml = textOf(content);
  const keys = textsIn(xml, "Object").map((object) => valueIn(object, "Key") ?? "");
  if (keys.length === 0 || keys.length > PAGE) throw malformed();
  for (const key of keys) bucket.objects.delete(key);
  const isQuiet = valueIn(xml, "Quiet") === "true";
  const deleted = isQuiet ? [] : keys.map((Key) => `<Deleted>${elementsOf({ Key })}</Deleted>`);
  return document("DeleteResult", deleted.join(""));
}

/** A body that is no XML, or not what it is to be. */
export function malformed(): S3Refusal {
  return new S3Refusal(400, "MalformedXML", "The XML you provided was not well-formed");
}

/** Content as text. */
export function textOf(content: Chunks): string {
  return new TextDecoder().decode(Buffer.concat(content));
}

function listObjects({ request, bucket }: S3Call): S3Answer {
  if (!bucket.mayList) throw new S3Refusal(403, "AccessDenied", "Access Denied");
  const { query } = request;
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const token = query.get("continuation-token");
  const limit = limitOf(query.get("max-keys"), "max-keys");
  const after = token === undefined ? query.get("start-after") ?? "" : keyOf(token);
  const { keys, prefixes, next } = pageOf(bucket.objects, { prefix, delimiter, after, limit });
  const name = nameEncoder(query.get("encoding-type"));
  const head = elementsOf({
    Name: bucket.name,
    Prefix: name(prefix),
    Delimiter: delimiter === "" ? undefined : name(delimiter),
    MaxKeys: limit,
    EncodingType: query.get("encoding-type"),
    KeyCount: keys.length + prefixes.length,
    IsTruncated: next !== undefined,
    ContinuationToken: token,
    NextContinuationToken: next === undefined ? undefined : tokenOf(next),
    StartAfter: query.has("start-after") ? name(query.get("start-after") ?? "") : undefined,
  });
  const contents = keys.map((key) => contentsOf(name(key), bucket.objects.get(key)));
  return document("ListBucketResult", head + contents.join("") + groupsOf(prefixes.map(name)));
}

/** Written out, for there are many. */
function contentsOf(name: string, object: S3Object | undefined): string {
  if (object === undefined) throw new Error("BUG: listed, but not there");
  const { etag, size, modified } = object;
  return `<Contents><Key>${escaped(name)}</Key>` +
    `<LastModified>${new Date(modified).toISOString()}</LastModified>` +
    `<ETag>${escaped(etag)}</ETag><Size>${size}</Size>` +
    `<StorageClass>STANDARD</StorageClass></Contents>`;
}

/** The elements of common prefixes. */
export function groupsOf(prefixes: readonly string[]): string {
  return prefixes.map((Prefix) => `<CommonPrefixes>${elementsOf({ Prefix })}</CommonPrefixes>`)
    .join("");
}

/** How many are wanted on a page, and no more than there may be. */
export function limitOf(value: string | undefined, name: string): number {
  const limit = Number(value ?? PAGE);
  if (Number.isInteger(limit) && limit >= 0) return Math.min(limit, PAGE);
  throw new S3Refusal(
    400,
    "InvalidArgument",
    `Provided ${name} not an integer or within integer range`,
  );
}

/** How keys are written in lists: as they are, or as a form has them. */
export function nameEncoder(type: string | undefined): (key: string) => string {
  if (type === undefined) return (key) => key;
  if (type !== "url") {
    throw new S3Refusal(400, "InvalidArgument", "Invalid Encoding Method specified");
  }
  return (key) => encoded(key).replaceAll("%2F", "/").replaceAll("%20", "+");
}

/** Where to go on, in a form from which nobody can tell it. */
function tokenOf(key: string): string {
  return new TextEncoder().encode(`1/${key}`).toBase64();
}

function keyOf(token: string): string {
  const text = Buffer.from(token, "base64").toString();
  if (text.startsWith("1/")) return text.slice(2);
  throw new S3Refusal(400, "InvalidArgument", "The continuation token provided is incorrect");
}
