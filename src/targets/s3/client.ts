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
import { unlessAborted } from "../../waiting.ts";
import { Deadline } from "./deadline.ts";
import {
  type ErrorOrigin,
  isPassing,
  isSlowDown,
  isStale,
  isWrongRegion,
  lateLoss,
  type Loss,
  lossOf,
  type Refusal,
  RefusalError,
  refusalOf,
  type RequestPurpose,
} from "./errors.ts";
import { Outage, type Sign } from "./outage.ts";
import { Pace } from "./pace.ts";
import { Attempts } from "./retries.ts";
import { bucketUrl, isRegion, type ResolvedS3Settings } from "./settings.ts";
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
  /** Whether the content is not wanted: where there is more than was asked for, it is left alone. */
  readonly isUnread?: boolean | undefined;
  /** Gives it up; it rejects with the reason. */
  readonly signal?: AbortSignal | undefined;
  /** Whether something is there by it alone: once it is sent, its answer is still waited for a little when it is given up. */
  readonly isDecisive?: boolean | undefined;
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

/** What is made of an answer, for which there is so much time. */
type Take<T> = (response: Response, deadline: Deadline, request: S3Request) => T | Promise<T>;

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
  /** For how long nothing may succeed, in milliseconds. */
  readonly outageTimeout: number;
}

/** So many bytes a millisecond are taken at least of all bodies that are sent at once: they have so much more time. */
const LEAST_RATE = 100;
/** So long the answer to what is decisive is waited for when it is given up, in milliseconds. */
const PATIENCE = 500;
const NO_BODY = new Uint8Array();

/** Asks an S3 store. All that is asked shares one pace, and in an outage all of it waits. */
export class S3Client {
  /** For how long nothing may come, in milliseconds. */
  readonly timeout: number;
  readonly #settings: ResolvedS3Settings;
  readonly #pace: Pace;
  readonly #outageTimeout: number;
  /** By bucket: each may be at another place. */
  readonly #outages = new Map<string, Outage>();
  /** By bucket: the error of a request that was given up, as the last one failed. */
  readonly #failures = new Map<string, (request: RequestPurpose) => StardagError>();
  /** How many bytes of bodies are under way. */
  #sending = 0;
  /** By bucket, where they are other than the one that is set. */
  readonly #regions = new Map<string, string>();
  /** By bucket. */
  readonly #urls = new Map<string, URL>();
  /** By how much the clock of the store is ahead of this one, in milliseconds. */
  #skew = 0;

  /** Asks for nothing. */
  constructor({ settings, timeout, maxConcurrent, outageTimeout }: S3ClientOptions) {
    this.#settings = settings;
    this.timeout = timeout;
    this.#pace = new Pace(maxConcurrent);
    this.#outageTimeout = outageTimeout;
  }

  /** The attempts at something in a bucket. */
  attempts(bucket: string, signal: AbortSignal | undefined): Attempts {
    return new Attempts({ outage: this.#outageOf(bucket), signal });
  }

  /** Where requests for a bucket go. */
  endpointOf(bucket: string): string {
    return this.#urlOf(bucket).origin;
  }

  /** What errors say of where they come from. */
  origin(bucket: string): ErrorOrigin {
    return { endpoint: this.endpointOf(bucket), unseen: this.#settings.unseen };
  }

  /**
   * The answer with all of its body. Rejects with a `TargetError` for any other, and when there is none, with a
   * `PermissionError` where Deno denies it, with the reason of the signal.
   */
  async send(request: S3Request): Promise<S3Answer> {
    return await this.#ask(request, contentOf);
  }

  /** The answer as soon as it begins. Who gets it has to read its content to the end, or to abort it. */
  async open(request: S3Request): Promise<S3Answer<Incoming>> {
    return await this.#ask(request, ({ body }, deadline) => ({
      stream: body,
      abort: () => deadline.abort(),
    }));
  }

  async #ask<T>(request: S3Request, take: Take<T>): Promise<S3Answer<T>> {
    const { bucket } = request.address;
    const attempts = this.attempts(bucket, request.signal);
    const faults = new Set<Fault>();
    let asked = request;
    for (;;) {
      const outcome = await this.#attempt(asked, take);
      if (outcome.kind === "lost") {
        if (outcome.isRetriable && await attempts.again(outcome)) continue;
        throw outcome.errorFor(request);
      }
      const { status, headers } = outcome.response;
      if (outcome.kind === "answered") {
        return { code: "", status, headers, content: outcome.content };
      }
      const { refusal } = outcome;
      if (asked.accept?.includes(refusal.code)) {
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
      throw new RefusalError(request, refusal, this.origin(bucket));
    }
  }

  /** One attempt, when it is its turn. */
  async #attempt<T>(request: S3Request, take: Take<T>): Promise<Outcome<T>> {
    const { address: { bucket }, body = NO_BODY, signal } = request;
    const permit = await this.#pace.permit(signal);
    let isSlowed = false;
    let sign: Sign = "none";
    try {
      const trial = await this.#outageOf(bucket).trial(signal);
      if (trial === undefined) throw this.#failures.get(bucket)!(request);
      this.#sending += body.length;
      try {
        const outcome = await this.#exchange(request, take);
        sign = this.#signOf(outcome, bucket);
        isSlowed = isOverloaded(outcome, body);
        return outcome;
      } finally {
        this.#sending -= body.length;
        trial.end(sign);
      }
    } finally {
      permit.release(isSlowed);
    }
  }

  /** Sends a request and takes what is answered. */
  async #exchange<T>(request: S3Request, take: Take<T>): Promise<Outcome<T>> {
    const { method, body = NO_BODY, signal } = request;
    const credentials = await unlessAborted(this.#settings.credentials.get(), signal);
    const timeout = Math.ceil(
      this.timeout + (body.length === 0 ? 0 : this.#sending) / LEAST_RATE,
    );
    signal?.throwIfAborted();
    using deadline = new Deadline(timeout, signal, request.isDecisive ? PATIENCE : 0);
    try {
      const { url, headers } = this.#signed(request, body, credentials);
      const response = await fetch(url, {
        method,
        headers,
        ...body.length > 0 && { body },
        redirect: "manual",
        signal: deadline.signal,
      });
      if (response.ok) {
        const content = await take(response, deadline, request);
        const refusal = lateRefusal(request, response, content);
        if (refusal === undefined) return { kind: "answered", response, content };
        return { kind: "refused", response, refusal, credentials };
      }
      const said = new TextDecoder().decode(await contentOf(response, deadline));
      const text = withoutSecrets(said, credentials);
      const refusal = refusalOf(response.status, response.headers, text);
      return { kind: "refused", response, refusal, credentials };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof StardagError) throw error;
      const origin = this.origin(request.address.bucket);
      const loss = deadline.isLate ? lateLoss(timeout, origin) : lossOf(error, origin);
      return { kind: "lost", ...loss };
    }
  }

  /** What an attempt tells of the store. A failure is kept for those that are given up for its sake. */
  #signOf(outcome: Outcome<unknown>, bucket: string): Sign {
    if (outcome.kind === "answered") return "alive";
    if (outcome.kind === "lost") {
      if (!outcome.isRetriable) return "none";
      this.#failures.set(bucket, outcome.errorFor);
      return "failed";
    }
    const { refusal } = outcome;
    if (refusal.status < 500 || !isPassing(refusal)) return "alive";
    const origin = this.origin(bucket);
    this.#failures.set(bucket, (request) => new RefusalError(request, refusal, origin));
    return "failed";
  }

  #outageOf(bucket: string): Outage {
    let outage = this.#outages.get(bucket);
    if (outage === undefined) {
      outage = new Outage(this.#outageTimeout);
      this.#outages.set(bucket, outage);
    }
    return outage;
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
    const { region } = refusal;
    // It becomes part of a host's name: whoever answers is not to choose that freely.
    if (!isWrongRegion(refusal) || region === undefined || !isRegion(region)) return undefined;
    this.#regions.set(bucket, region);
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
  return { ...request, method: "GET", headers, accept, isUnread: true };
}

/** Whether there may be more under way than store and network take at once. */
function isOverloaded(outcome: Outcome<unknown>, { length }: Uint8Array): boolean {
  if (outcome.kind === "refused") return isSlowDown(outcome.refusal);
  return outcome.kind === "lost" && outcome.isLate && length > 0;
}

/** All of the body, which may take any time as long as something comes. */
async function contentOf(
  { status, body }: Response,
  deadline: Deadline,
  { isUnread = false }: Pick<S3Request, "isUnread"> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  if (isUnread && status !== 206) {
    deadline.abort();
    return NO_BODY;
  }
  const reader = body?.getReader();
  const cancel = (): void => void reader?.cancel().catch(() => {});
  // The signal that fetch was given may not reach it any more when its answer has begun.
  deadline.signal.addEventListener("abort", cancel);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let read = await reader?.read(); read?.value; read = await reader?.read()) {
    deadline.restart();
    chunks.push(read.value);
  }
  deadline.signal.throwIfAborted();
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
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
