/**
 * Signs requests to AWS's services by its Signature Version 4, as S3 reads it: paths are taken as they are and encoded
 * once. Unaware of where keys come from and of what is asked for.
 *
 * @module
 */

// All at once: Web Crypto would go to another thread and back for each of six steps, at some times the cost.
import { createHash, createHmac } from "node:crypto";
import type { S3Credentials } from "./credentials.ts";

/** A request that is about to be sent. */
export interface SignableRequest {
  /** In upper case. */
  readonly method: string;
  /** With path and query encoded by {@linkcode encodeUri}. */
  readonly url: URL;
  /** Those that are to be signed: all that the server acts upon. */
  readonly headers: Headers;
  /** SHA-256 of the body, in hex. */
  readonly payloadHash: string;
}

/** Options of {@linkcode sign}. */
export interface SignOptions {
  /** Whose signature it is. */
  readonly credentials: S3Credentials;
  /** Where the service is, e.g. `eu-west-1`. */
  readonly region: string;
  /** Which service it is for, as AWS calls it: `s3`, `sts`. */
  readonly service: string;
  /** When it is sent by the clock of the server; now by this machine's unless told. */
  readonly now?: Date | undefined;
}

/** What a signature is good for: a day, a region, a service. */
export interface SignatureScope {
  /** Such as `20130524T000000Z`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** What of a request is signed. */
export interface CanonicalParts {
  readonly method: string;
  /** Not encoded. */
  readonly path: string;
  /** Names and values, not encoded, in any order. */
  readonly query: Iterable<readonly [string, string]>;
  /** Names and values in any order, with `host`. */
  readonly headers: Iterable<readonly [string, string]>;
  readonly payloadHash: string;
}

/** SHA-256 of an empty body. */
export const EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** The headers with which the request is to be sent: those given, and what makes up the signature. */
export function sign(
  { method, url, headers, payloadHash }: SignableRequest,
  { credentials, region, service, now = new Date() }: SignOptions,
): Headers {
  const scope = { date: compact(now), region, service };
  const sent = new Headers(headers);
  sent.set("x-amz-date", scope.date);
  if (service === "s3") sent.set("x-amz-content-sha256", payloadHash);
  if (credentials.sessionToken !== undefined) {
    sent.set("x-amz-security-token", credentials.sessionToken);
  }
  const { text, signedHeaders } = canonicalRequest({
    method,
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers: [...sent, ["host", url.host]],
    payloadHash,
  });
  const signature = signatureOf(stringToSign(text, scope), credentials, scope);
  sent.set(
    "authorization",
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scopeText(scope)}, ` +
      `SignedHeaders=${signedHeaders}, Signature=${signature}`,
  );
  return sent;
}

/** SHA-256 in hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Percent-encodes all but what RFC 3986 calls unreserved, in UTF-8; in a path not `/` either. */
export function encodeUri(text: string, kind: "path" | "value"): string {
  const encoded = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return kind === "path" ? encoded.replaceAll("%2F", "/") : encoded;
}

/** The request in the one form in which both sides sign it, and the names of the headers in it. */
export function canonicalRequest({ method, path, query, headers, payloadHash }: CanonicalParts): {
  readonly text: string;
  readonly signedHeaders: string;
} {
  const pairs = Array.from(
    query,
    ([name, value]) => [encodeUri(name, "value"), encodeUri(value, "value")] as const,
  ).sort(([a, x], [b, y]) => compare(a, b) || compare(x, y));
  const values = new Map<string, string>();
  for (const [header, value] of headers) {
    const name = header.toLowerCase();
    const text = value.trim().replace(/\s+/g, " ");
    const before = values.get(name);
    values.set(name, before === undefined ? text : `${before},${text}`);
  }
  const names = [...values.keys()].sort(compare);
  const signedHeaders = names.join(";");
  const text = [
    method,
    encodeUri(path, "path"),
    pairs.map((pair) => pair.join("=")).join("&"),
    ...names.map((name) => `${name}:${values.get(name)}`),
    "",
    signedHeaders,
    payloadHash,
  ].join("\n");
  return { text, signedHeaders };
}

/** What the signature is made of. */
export function stringToSign(canonicalRequest: string, scope: SignatureScope): string {
  return `AWS4-HMAC-SHA256\n${scope.date}\n${scopeText(scope)}\n${sha256(canonicalRequest)}`;
}

/** The signature, in hex. */
export function signatureOf(
  text: string,
  credentials: S3Credentials,
  scope: SignatureScope,
): string {
  return createHmac("sha256", keyOf(credentials, scope)).update(text).digest("hex");
}

const keys = new WeakMap<S3Credentials, Map<string, Uint8Array>>();

/** What is signed with in a scope: the same for a day. */
function keyOf(credentials: S3Credentials, scope: SignatureScope): Uint8Array {
  const name = scopeText(scope);
  let ofCredentials = keys.get(credentials);
  if (ofCredentials === undefined) keys.set(credentials, ofCredentials = new Map());
  let key = ofCredentials.get(name);
  if (key === undefined) {
    key = new TextEncoder().encode(`AWS4${credentials.secretAccessKey}`);
    for (const part of name.split("/")) key = createHmac("sha256", key).update(part).digest();
    ofCredentials.set(name, key);
  }
  return key;
}

function scopeText({ date, region, service }: SignatureScope): string {
  return `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
}

/** Such as `20130524T000000Z`. */
function compact(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d+/g, "");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
