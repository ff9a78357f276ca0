/**
 * An S3 server on a port of this machine, for tests: checks signatures, hashes and conditions as AWS does, counts what it
 * is asked, and does what a server does on a bad day when a test wants it to. Keeps everything in memory. In a process of
 * its own: `s3_server_process.ts`.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { contentOf, reset, send } from "./s3_connection.ts";
import { LocalServer } from "./local_server.ts";
import { digestsOf, hashOf } from "./s3_digests.ts";
import { S3_REFUSALS, type S3Fault, type S3FaultHook } from "./s3_faults.ts";
import { objectOperations } from "./s3_operations.ts";
import { admit, type S3Credentials } from "./s3_signature.ts";
import { S3Bucket, type S3BucketOptions, type S3Object, sizeOf } from "./s3_store.ts";
import { uploadOperations } from "./s3_uploads.ts";
import {
  type Chunks,
  document,
  elementsOf,
  requestOf,
  type S3Answer,
  type S3LoggedRequest,
  S3Refusal,
  type S3Request,
} from "./s3_wire.ts";

/** Options of {@linkcode startS3Server}. */
export interface S3ServerOptions {
  /** A free one, unless told. */
  readonly port?: number;
  /** Of buckets that do not say otherwise; `us-east-1` unless told. */
  readonly region?: string;
  /** One called `bucket`, unless told. */
  readonly buckets?: Readonly<Record<string, S3BucketOptions>>;
  /** Of all parts of an upload but the last; 5 MiB unless told. */
  readonly minPartSize?: number;
}

/** What is answered, as JSON, to what is no request of S3. */
export type S3Route = (query: URLSearchParams, body: string) => unknown;

/** Credentials that every server knows from the start, and that never expire. */
export const OWN_CREDENTIALS: S3Credentials = {
  accessKeyId: "AKIDOFTHETESTS",
  secretAccessKey: "the/secret+of=the/tests",
};

/** In which a server is that is not told another. */
export const OWN_REGION = "us-east-1";

const operations = { ...objectOperations, ...uploadOperations };

/** Starts one; it listens until it is disposed. */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const server = new S3Server(options);
  await server.up();
  return server;
}

/** An S3 server that listens. */
export class S3Server extends LocalServer {
  readonly region: string;
  /** By name. */
  readonly buckets = new Map<string, S3Bucket>();
  /** Those that it knows from the start, and that never expire. */
  readonly credentials = OWN_CREDENTIALS;
  /** All that it got, also what it refused, in order. */
  readonly log: S3LoggedRequest[] = [];
  /** How many requests there were of each operation. */
  readonly requests = new Map<string, number>();
  /**
   * What it answers besides S3, by path. `/_/credentials?lifetime=2000` gives new ones, as a container's endpoint of AWS
   * does.
   */
  readonly routes = new Map<string, S3Route>([
    ["/_/credentials", (query) => this.#issued(Number(query.get("lifetime") ?? Infinity))],
  ]);
  /** What goes wrong with a request, if anything. */
  fault: S3FaultHook = () => undefined;
  /** How long each answer takes at least, in milliseconds. */
  latency: number | (() => number) = 0;
  /** How many requests may be under way at once; the others are told to slow down. */
  mostConcurrent = Infinity;
  /** By how much its clock goes before that of this machine, in milliseconds. */
  clockOffset = 0;
  /** Whether it takes `If-Match` and `If-None-Match` of writes for nothing, as some servers do. */
  ignoresConditions = false;
  /** Whether it answers 301 to who signs for another region than that of the bucket, as other regions of AWS do; else 400. */
  redirects = false;
  /** How many requests were under way at once, at most. */
  mostUnderWay = 0;
  readonly #minPartSize: number;
  readonly #known = new Map<string, S3Credentials>();
  #underWay = 0;
  #ids = 0;

  /** Use {@linkcode startS3Server}. */
  constructor(
    { port = 0, region = OWN_REGION, buckets = { bucket: {} }, minPartSize = 5 << 20 }:
      S3ServerOptions,
  ) {
    super(port);
    this.region = region;
    this.#minPartSize = minPartSize;
    this.#known.set(this.credentials.accessKeyId, this.credentials);
    for (const [name, bucket] of Object.entries(buckets)) this.addBucket(name, bucket);
  }

  /** How many requests there were, of all operations. */
  get total(): number {
    return this.log.length;
  }

  /** A bucket more. */
  addBucket(name: string, options: S3BucketOptions = {}): S3Bucket {
    const bucket = new S3Bucket(name, this.region, options);
    this.buckets.set(name, bucket);
    return bucket;
  }

  /** New credentials of a session, good for so many milliseconds. */
  issue(lifetime = Infinity): Required<S3Credentials> {
    const id = ++this.#ids;
    const issued = {
      accessKeyId: `ASIA${id}`,
      secretAccessKey: `secret/${id}`,
      sessionToken: `token/of+the=session/${id}`,
      expires: this.#now() + lifetime,
    };
    this.#known.set(issued.accessKeyId, issued);
    return issued;
  }

  #issued(lifetime: number): Readonly<Record<string, unknown>> {
    const { accessKeyId, secretAccessKey, sessionToken, expires } = this.issue(lifetime);
    return {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      Expiration: new Date(Math.min(expires, 8.64e15)).toISOString(),
    };
  }

  /** Puts an empty object at each of the keys, without a request; many at once are cheap. */
  load(bucketName: string, keys: Iterable<string>): void {
    const { objects } = this.bucket(bucketName);
    const empty = this.#objectOf([]);
    for (const key of keys) objects.set(key, empty);
  }

  /** Puts an object, without a request. */
  put(bucketName: string, key: string, content: string | Uint8Array): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.bucket(bucketName).objects.set(key, this.#objectOf([bytes]));
  }

  /** The content of an object, if there is one. */
  get(bucketName: string, key: string): Uint8Array | undefined {
    const object = this.bucket(bucketName).objects.get(key);
    return object && new Uint8Array(Buffer.concat(object.content));
  }

  /** A bucket that is there. */
  bucket(name: string): S3Bucket {
    const bucket = this.buckets.get(name);
    if (bucket !== undefined) return bucket;
    throw new S3Refusal(404, "NoSuchBucket", "The specified bucket does not exist", {
      BucketName: name,
    });
  }

  /** Begins to count anew. */
  forget(): void {
    this.log.length = 0;
    this.requests.clear();
    this.connections = 0;
    this.mostUnderWay = 0;
  }

  #now(): number {
    return Date.now() + this.clockOffset;
  }

  #objectOf(content: Chunks): S3Object {
    return {
      content,
      size: sizeOf(content),
      etag: `"${hashOf(content, "md5").toHex()}"`,
      modified: this.#now(),
      headers: { "content-type": "binary/octet-stream" },
      checksums: {},
    };
  }

  protected override async receive(
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.#underWay);
    try {
      const route = this.routes.get(incoming.url?.split("?")[0] ?? "");
      if (route !== undefined) return await answerRoute(incoming, response, route);
      const request = requestOf(incoming, this.log.length + 1);
      this.log.push(request);
      this.requests.set(request.operation, (this.requests.get(request.operation) ?? 0) + 1);
      const fault = this.#underWay > this.mostConcurrent
        ? { kind: "refuse", refusal: S3_REFUSALS.slowDown() } as const
        : this.fault(request);
      await this.#follow(request, fault, incoming, response);
    } finally {
      this.#underWay--;
    }
  }

  async #follow(
    request: S3LoggedRequest,
    fault: S3Fault | undefined,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const stopAt = fault?.kind === "reset" && fault.during === "request"
      ? Number(incoming.headers["content-length"] ?? 0) / 2
      : Infinity;
    const content = await contentOf(incoming, stopAt);
    if (content === undefined) return reset(response); // also when who has sent it has given up
    request.size = sizeOf(content);
    const latency = typeof this.latency === "number" ? this.latency : this.latency();
    if (latency > 0) await new Promise((resolve) => setTimeout(resolve, latency));
    if (fault?.kind === "wait") await fault.until;
    const answer = this.#answer(request, content, fault);
    if (fault?.kind === "reset" && fault.during === "answer") return reset(response);
    request.status = answer.status;
    const headers = {
      date: new Date(this.#now()).toUTCString(),
      server: "AmazonS3",
      "x-amz-request-id": idOf(request),
      ...answer.headers,
    };
    await send(response, { ...answer, headers }, request.method, fault);
  }

  /** What is answered; what is done besides. */
  #answer(request: S3LoggedRequest, content: Chunks, fault: S3Fault | undefined): S3Answer {
    try {
      if (fault?.kind === "refuse" && fault.isDone !== true) throw fault.refusal;
      if (fault?.kind === "reset" && fault.during === "answer" && fault.isDone !== true) {
        return { status: 0 };
      }
      if (fault?.kind === "refuse late" && request.operation === "CompleteMultipartUpload") {
        return { ...fault.refusal.answer(request.path, idOf(request)), status: 200 };
      }
      const answer = this.#perform(request, content);
      if (fault?.kind === "refuse") throw fault.refusal;
      return answer;
    } catch (error) {
      if (!(error instanceof S3Refusal)) throw error;
      request.code = error.code;
      return error.answer(request.path, idOf(request));
    }
  }

  #perform(request: S3Request, content: Chunks): S3Answer {
    const { operation, headers } = request;
    const isForAll = operation === "ListBuckets" || operation === "CreateBucket";
    const bucket = isForAll ? undefined : this.bucket(request.bucket);
    this.#admit(request, bucket);
    checkLength(request);
    const digests = digestsOf(content, headers);
    if (bucket === undefined) return this.#answerForAll(request);
    const perform = operations[operation];
    if (perform === undefined) {
      throw new S3Refusal(501, "NotImplemented", `There is no ${operation} here.`);
    }
    return perform({
      request,
      bucket,
      content,
      digests,
      now: this.#now(),
      newId: () => `upload-${++this.#ids}`,
      minPartSize: this.#minPartSize,
      ignoresConditions: this.ignoresConditions,
    });
  }

  #admit(request: S3Request, bucket: S3Bucket | undefined): void {
    if (request.headers.authorization === undefined) {
      if (bucket?.isPublic === true) return;
      throw new S3Refusal(403, "AccessDenied", "Access Denied");
    }
    admit(request, {
      credentials: this.#known,
      region: bucket?.region ?? this.region,
      redirects: this.redirects,
      now: this.#now(),
    });
  }

  #answerForAll({ operation, bucket }: S3Request): S3Answer {
    if (operation === "CreateBucket") {
      if (!this.buckets.has(bucket)) this.addBucket(bucket);
      return { status: 200, headers: { location: `/${bucket}` } };
    }
    const buckets = Array.from(
      this.buckets.keys(),
      (Name) => `<Bucket>${elementsOf({ Name })}</Bucket>`,
    );
    return document("ListAllMyBucketsResult", `<Buckets>${buckets.join("")}</Buckets>`);
  }
}

function idOf({ number }: S3Request): string {
  return `REQUEST${String(number).padStart(9, "0")}`;
}

/** Servers want to know the length of what they are to store. */
function checkLength({ operation, headers }: S3Request): void {
  const isStored = operation === "PutObject" || operation === "UploadPart";
  if (headers["transfer-encoding"] === undefined && !isStored) return;
  if (headers["content-length"] !== undefined) return;
  throw new S3Refusal(
    411,
    "MissingContentLength",
    "You must provide the Content-Length HTTP header.",
  );
}

async function answerRoute(
  incoming: IncomingMessage,
  response: ServerResponse,
  route: S3Route,
): Promise<void> {
  const text = Buffer.concat(await contentOf(incoming, Infinity) ?? []).toString();
  const answer = route(new URL(incoming.url ?? "", "http://s3").searchParams, text);
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(answer ?? null));
}
