/**
 * Asks an S3 store: signs, keeps the pace the store takes, asks again where that may help, and tells in errors what to do.
 * Unaware of what is asked.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { StardagError } from "../../errors.ts";
import type { S3Address } from "./address.ts";
import type { S3Credentials } from "./credentials.ts";
import {
  isPassing,
  isSlowDown,
  isStale,
  isWrongRegion,
  lateLoss,
  type Loss,
  lossOf,
  type Refusal,
  refusalError,
  refusalOf,
} from "./errors.ts";
import { Pace } from "./pace.ts";
import { Attempts, RetryBudget } from "./retries.ts";
import { bucketUrl, type ResolvedS3Settings } from "./settings.ts";
import { EMPTY_HASH, encodeUri, sha256, sign } from "./signing.ts";

/** What is asked for. */
export interface S3Request {
  /** What it is for: errors begin with `Cannot` and this, and then the uri. */
  readonly action: string;
  /** Of AWS, e.g. `PutObject`. */
  readonly operation: string;
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly address: S3Address;
  /** Names and values, not encoded. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
  /** The codes of refusals that are answers like any other. */
  readonly accept?: readonly string[] | undefined;
  /** Gives it up; it rejects with the reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What was answered. */
export interface S3Answer<T = Uint8Array<ArrayBuffer>> {
  /** `""`, or the code of a refusal that was accepted; its content is `undefined`. */
  readonly code: string;
  readonly status: number;
  readonly headers: Headers;
  readonly content: T | undefined;
}

/** Content that comes as it is read. */
export interface Incoming {
  /** `null` where there is none. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** Ends the connection. */
  abort(): void;
}

/** What an attempt has come to. */
type Outcome<T> =
  | { readonly kind: "answered"; readonly response: Response; readonly content: T }
  | Refused
  | ({ readonly kind: "lost" } & Loss);

interface Refused {
  readonly kind: "refused";
  readonly response: Response;
  readonly refusal: Refusal;
  /** Whose request it was. */
  readonly credentials: S3Credentials | undefined;
}

/** What is made of an answer; `abort` ends the connection on which it comes. */
type Take<T> = (response: Response, abort: () => void) => T | Promise<T>;

/** What may be wrong with requests, and can be put right. */
type Fault = "credentials" | "clock" | "region";

/** How to reach the store. */
export interface S3ClientOptions {
  /** Where it is, and who asks. */
  readonly settings: ResolvedS3Settings;
  /** How long to wait for an answer, in milliseconds. */
  readonly timeout: number;
  /** How many requests may be under way at once. */
  readonly maxConcurrent: number;
  /** How many attempts more than needed there may be. */
  readonly retryBudget: number;
}

/** So many bytes a millisecond are taken at least when a body is sent: it has so much more time. */
const LEAST_RATE = 100;
const NO_BODY = new Uint8Array();

/** Asks an S3 store. All that is asked shares one pace and one budget of retries. */
export class S3Client {
  /** For how long nothing may come, in milliseconds. */
  readonly timeout: number;
  readonly #settings: ResolvedS3Settings;
  readonly #pace: Pace;
  readonly #budget: RetryBudget;
  /** By bucket, where they are other than the one that is set. */
  readonly #regions = new Map<string, string>();
  /** By bucket. */
  readonly #urls = new Map<string, URL>();
  /** By how much the clock of the store is ahead of this one, in milliseconds. */
  #skew = 0;

  /** Asks for nothing. */
  constructor({ settings, timeout, maxConcurrent, retryBudget }: S3ClientOptions) {
    this.#settings = settings;
    this.timeout = timeout;
    this.#pace = new Pace(maxConcurrent);
    this.#budget = new RetryBudget(retryBudget);
  }

  /** The attempts at something, by the budget that is shared with all else. */
  attempts(signal: AbortSignal | undefined): Attempts {
    return new Attempts(this.#budget, signal);
  }

  /** Where requests for a bucket go. */
  endpointOf(bucket: string): string {
    return this.#urlOf(bucket).origin;
  }

  /**
   * The answer with all of its body. Rejects with a `TargetError` for any other, and when there is none, with a
   * `PermissionError` where Deno denies it, with the reason of the signal.
   */
  async send(request: S3Request): Promise<S3Answer> {
    return await this.#ask(
      request,
      async (response) => new Uint8Array(await response.arrayBuffer()),
    );
  }

  /** The answer as soon as it begins. Who gets it has to read its content to the end, or to abort it. */
  async open(request: S3Request): Promise<S3Answer<Incoming>> {
    return await this.#ask(request, (response, abort) => ({ stream: response.body, abort }));
  }

  async #ask<T>(request: S3Request, take: Take<T>): Promise<S3Answer<T>> {
    const attempts = this.attempts(request.signal);
    const faults = new Set<Fault>();
    let asked = request;
    for (;;) {
      const outcome = await this.#attempt(asked, take);
      if (outcome.kind === "lost") {
        if (outcome.isRetriable && await attempts.again(outcome)) continue;
        throw outcome.error;
      }
      const { status, headers } = outcome.response;
      if (outcome.kind === "answered") {
        attempts.succeeded();
        return { code: "", status, headers, content: outcome.content };
      }
      const { refusal } = outcome;
      if (asked.accept?.includes(refusal.code)) {
        attempts.succeeded();
        return { code: refusal.code, status, headers, content: undefined };
      }
      if (asked.method === "HEAD" && !isPassing(refusal)) {
        asked = explained(asked);
        continue;
      }
      const fault = this.#putRight(request, outcome);
      if (fault !== undefined && !faults.has(fault)) {
        faults.add(fault);
        continue;
      }
      // Credentials that end soon may have to be got more than once.
      const mayPass = isPassing(refusal) || fault === "credentials";
      if (mayPass && await attempts.again(refusal)) continue;
      throw refusalError(request, refusal, this.endpointOf(request.address.bucket));
    }
  }

  async #attempt<T>(request: S3Request, take: Take<T>): Promise<Outcome<T>> {
    const { method, body = NO_BODY, signal } = request;
    const permit = await this.#pace.permit(signal);
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    signal?.addEventListener("abort", abort, { once: true });
    const timeout = Math.ceil(this.timeout + body.length / LEAST_RATE);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      controller.abort();
    }, timeout);
    let isSlowed = false;
    try {
      signal?.throwIfAborted();
      const credentials = await this.#settings.credentials.get();
      const { url, headers } = this.#signed(request, body, credentials);
      const response = await fetch(url, {
        method,
        headers,
        ...body.length > 0 && { body },
        redirect: "manual",
        signal: controller.signal,
      });
      if (response.ok) {
        const content = await take(response, abort);
        const refusal = lateRefusal(request, response, content);
        if (refusal === undefined) return { kind: "answered", response, content };
        return { kind: "refused", response, refusal, credentials };
      }
      const text = withoutSecrets(await response.text(), credentials);
      const refusal = refusalOf(response.status, response.headers, text);
      isSlowed = isSlowDown(refusal);
      return { kind: "refused", response, refusal, credentials };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof StardagError) throw error;
      const endpoint = this.endpointOf(request.address.bucket);
      const loss = isLate ? lateLoss(request, endpoint, timeout) : lossOf(request, error, endpoint);
      return { kind: "lost", ...loss };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      permit.release(isSlowed);
    }
  }

  /** Where the request goes, and its headers. */
  #signed(
    { method, address: { bucket, key }, query, headers }: S3Request,
    body: Uint8Array<ArrayBuffer>,
    credentials: S3Credentials | undefined,
  ): { readonly url: URL; readonly headers: Headers } {
    const region = this.#regionOf(bucket);
    const url = new URL(this.#urlOf(bucket).href + encodeUri(key, "path") + queryText(query));
    const signedHeaders = new Headers(headers);
    // Some stores want it of whatever is stored, and all check it.
    if (method === "PUT") signedHeaders.set("content-md5", md5(body));
    const sent = credentials === undefined ? signedHeaders : sign({
      method,
      url,
      headers: signedHeaders,
      payloadHash: body.length === 0 ? EMPTY_HASH : sha256(body),
    }, { credentials, region, service: "s3", now: new Date(Date.now() + this.#skew) });
    // Else what is stored compressed would be unpacked on the way, and could not be read in parts.
    sent.set("accept-encoding", "identity");
    return { url, headers: sent };
  }

  /** Puts right what a request was refused for, as far as that can be; tells what it was. */
  #putRight(
    { address: { bucket } }: S3Request,
    { refusal, credentials }: Refused,
  ): Fault | undefined {
    if (isStale(refusal)) {
      if (credentials === undefined) return undefined;
      return this.#settings.credentials.refuse(credentials) ? "credentials" : undefined;
    }
    if (refusal.code === "RequestTimeTooSkewed") {
      if (Number.isNaN(refusal.date)) return undefined;
      this.#skew = refusal.date - Date.now();
      return "clock";
    }
    if (!isWrongRegion(refusal) || refusal.region === undefined) return undefined;
    this.#regions.set(bucket, refusal.region);
    this.#urls.delete(bucket);
    return "region";
  }

  #regionOf(bucket: string): string {
    return this.#regions.get(bucket) ?? this.#settings.region;
  }

  /** Where the bucket is, with a slash at the end. */
  #urlOf(bucket: string): URL {
    let url = this.#urls.get(bucket);
    if (url === undefined) {
      url = bucketUrl(this.#settings, bucket, this.#regionOf(bucket));
      this.#urls.set(bucket, url);
    }
    return url;
  }
}

/** The same as a request whose answer says why it is refused, which that to a HEAD does not. */
function explained(request: S3Request): S3Request {
  const headers = { ...request.headers, range: "bytes=0-0" };
  const accept = [...request.accept ?? [], "NoSuchKey", "InvalidRange"];
  return { ...request, method: "GET", headers, accept };
}

/** What a store says, which may show what it was sent. */
function withoutSecrets(text: string, credentials: S3Credentials | undefined): string {
  const { secretAccessKey = "", sessionToken = "" } = credentials ?? {};
  return [secretAccessKey, sessionToken].filter((secret) => secret !== "")
    .reduce((rest, secret) => rest.replaceAll(secret, "..."), text);
}

/** The error that a success turned out to be: what takes long begins to be answered before it is done. */
function lateRefusal(
  { method }: S3Request,
  { status, headers }: Response,
  content: unknown,
): Refusal | undefined {
  if (method !== "POST" || !(content instanceof Uint8Array)) return undefined;
  const text = new TextDecoder().decode(content);
  return /^\s*(?:<\?.*?\?>\s*)?<Error[\s>]/s.test(text)
    ? refusalOf(status, headers, text)
    : undefined;
}

function queryText(query: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(query).map(([name, value]) =>
    `${encodeUri(name, "value")}=${encodeUri(value, "value")}`
  );
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

function md5(body: Uint8Array): string {
  return createHash("md5").update(body).digest("base64");
}
