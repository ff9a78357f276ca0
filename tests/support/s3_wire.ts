/** How S3 is spoken: requests as they came, answers, errors, XML. Unaware of what is stored. */

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** Content, in the pieces in which it came. */
export type Chunks = readonly Uint8Array[];

/** A request as it came. */
export interface S3Request {
  /** Counts from 1. */
  readonly number: number;
  readonly method: string;
  /** As AWS calls it, e.g. `GetObject`. */
  readonly operation: string;
  /** As it was sent, not decoded, with the query. */
  readonly path: string;
  /** `""` where none is named. */
  readonly bucket: string;
  /** Decoded; `""` for what concerns the bucket. */
  readonly key: string;
  /** Decoded names and values. */
  readonly query: ReadonlyMap<string, string>;
  /** By name in lower case. */
  readonly headers: IncomingHttpHeaders;
}

/** A request with what became of it. */
export interface S3LoggedRequest extends S3Request {
  /** Of the body, in bytes. */
  size: number;
  /** Of the answer; 0 when there was none. */
  status: number;
  /** Of the error that was answered, e.g. `NoSuchKey`; `""` for none. */
  code: string;
}

/** What is answered. */
export interface S3Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Chunks;
}

/** What is refused, with the code and the further elements by which AWS says why. */
export class S3Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    details: Readonly<Record<string, string>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
    this.headers = headers;
  }

  /** The answer that tells it. */
  answer(resource: string, requestId: string): S3Answer {
    const elements = { Code: this.code, Message: this.message, ...this.details };
    const body = xmlOf(
      "Error",
      elementsOf({ ...elements, Resource: resource, RequestId: requestId }),
    );
    return { status: this.status, headers: { ...XML, ...this.headers }, body };
  }
}

const XML = { "content-type": "application/xml" };

/** An answer with a document. */
export function document(name: string, content: string): S3Answer {
  return { status: 200, headers: XML, body: xmlOf(name, content) };
}

/** A whole document. */
function xmlOf(name: string, content: string): string {
  const namespace = name === "Error" ? "" : ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name}${namespace}>${content}</${name}>`;
}

/** One element for each value that there is. */
export function elementsOf(values: Readonly<Record<string, unknown>>): string {
  let text = "";
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) text += `<${name}>${escaped(String(value))}</${name}>`;
  }
  return text;
}

// deno-lint-ignore no-control-regex
const UNSAFE = /[&<>"\x00-\x1f\x7f]/;

/** Text inside an element. */
export function escaped(text: string): string {
  if (!UNSAFE.test(text)) return text;
  return text.replace(new RegExp(UNSAFE, "g"), (char) => {
    if (char === "&") return "&amp;";
    if (char === "<") return "&lt;";
    if (char === ">") return "&gt;";
    return char === '"' ? "&quot;" : `&#${char.charCodeAt(0)};`;
  });
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** The texts inside all elements of this name. */
export function textsIn(xml: string, name: string): readonly string[] {
  const texts = xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, "g"));
  return Array.from(texts, ([, text = ""]) => text);
}

/** The text inside the one element of this name, as it was before it was made XML. */
export function valueIn(xml: string, name: string): string | undefined {
  return textsIn(xml, name)[0]?.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (
    whole,
    hex?: string,
    decimal?: string,
    entity?: string,
  ) => {
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return ENTITIES[entity ?? ""] ?? whole;
  });
}

/** Percent-encoded as signatures have it: all but letters, digits and `-._~`. */
export function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The query, in which `+` stands for a space. */
function queryOf(search: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const pair of search.split("&")) {
    if (pair === "") continue;
    const [name = "", ...value] = pair.split("=");
    query.set(decodedForm(name), decodedForm(value.join("=")));
  }
  return query;
}

function decodedForm(text: string): string {
  return decoded(text.replaceAll("+", " "));
}

/** Percent-decoded; as it is where that cannot be done. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What is asked for. */
export function requestOf(
  incoming: Pick<IncomingMessage, "method" | "url" | "headers">,
  number: number,
): S3LoggedRequest {
  const { method = "", url: path = "", headers } = incoming;
  const [rawPath = "", ...search] = path.split("?");
  const host = headers.host?.split(":")[0] ?? "";
  const isVirtual = host.endsWith(VIRTUAL);
  const [first = "", ...rest] = rawPath.slice(1).split("/");
  const bucket = isVirtual ? host.slice(0, -VIRTUAL.length) : decoded(first);
  const key = decoded(isVirtual ? rawPath.slice(1) : rest.join("/"));
  const query = queryOf(search.join("?"));
  const operation = operationOf(method, bucket, key, query);
  const request = { number, method, operation, path, bucket, key, query, headers };
  return { ...request, size: 0, status: 0, code: "" };
}

/** What stands behind the bucket in the name of a host. */
const VIRTUAL = ".localhost";

/** The name of what is asked for, as AWS has it. */
function operationOf(
  method: string,
  bucket: string,
  key: string,
  query: ReadonlyMap<string, string>,
): string {
  if (bucket === "") return "ListBuckets";
  if (key === "") return bucketOperation(method, query);
  const isPart = query.has("uploadId");
  switch (method) {
    case "GET":
      return isPart ? "ListParts" : "GetObject";
    case "HEAD":
      return "HeadObject";
    case "PUT":
      return isPart ? "UploadPart" : "PutObject";
    case "DELETE":
      return isPart ? "AbortMultipartUpload" : "DeleteObject";
    case "POST":
      if (query.has("uploads")) return "CreateMultipartUpload";
      if (isPart) return "CompleteMultipartUpload";
  }
  return method;
}

function bucketOperation(method: string, query: ReadonlyMap<string, string>): string {
  switch (method) {
    case "GET":
      if (query.has("uploads")) return "ListMultipartUploads";
      if (query.has("location")) return "GetBucketLocation";
      return query.get("list-type") === "2" ? "ListObjectsV2" : "ListObjects";
    case "HEAD":
      return "HeadBucket";
    case "PUT":
      return "CreateBucket";
    case "POST":
      if (query.has("delete")) return "DeleteObjects";
  }
  return method;
}
