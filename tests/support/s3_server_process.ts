/**
 * The S3 server in a process of its own, so that what it costs is not counted with what is measured:
 * `deno run -A tests/support/s3_server_process.ts '{"latency":20}'` writes its url, and ends with its standard input.
 */

import { fromFileUrl } from "@std/path";
import { randomOf } from "./random.ts";
import { faultsAtRate } from "./s3_faults.ts";
import {
  OWN_CREDENTIALS,
  OWN_REGION,
  type S3Server,
  type S3ServerOptions,
  startS3Server,
} from "./s3_server.ts";

/** Options of {@linkcode S3ServerProcess.start}. */
export interface S3ProcessOptions extends S3ServerOptions {
  /** How long each answer takes at least, in milliseconds. */
  readonly latency?: number;
  /** Up to how much longer it takes, at random. */
  readonly jitter?: number;
  /** The share of requests that go wrong; none unless told. */
  readonly faultRate?: number;
  /** Of what is random; 1 unless told. */
  readonly seed?: number;
}

/** What it has counted. */
export interface S3Counts {
  readonly total: number;
  /** How many requests there were of each operation. */
  readonly requests: Readonly<Record<string, number>>;
  readonly connections: number;
  /** How many were under way at once, at most. */
  readonly mostUnderWay: number;
}

/** A process with an S3 server. */
export class S3ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly region: string;
  readonly credentials = OWN_CREDENTIALS;
  readonly #process: Deno.ChildProcess;

  private constructor(url: string, region: string, process: Deno.ChildProcess) {
    this.url = url;
    this.region = region;
    this.#process = process;
  }

  /** Starts one; it listens until it is disposed, and no longer than this process lives. */
  static async start(options: S3ProcessOptions = {}): Promise<S3ServerProcess> {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", fromFileUrl(import.meta.url), JSON.stringify(options)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value = "" } = await reader.read();
    await reader.cancel();
    return new S3ServerProcess(value.trim(), options.region ?? OWN_REGION, process);
  }

  /** What it has counted since it was told to forget. */
  counts(): Promise<S3Counts> {
    return this.#ask("counts") as Promise<S3Counts>;
  }

  /** Makes it count anew. */
  async forget(): Promise<void> {
    await this.#ask("forget");
  }

  /** Puts an empty object at each of the keys. */
  async load(bucket: string, keys: Iterable<string>): Promise<void> {
    await this.#ask(`load?bucket=${bucket}`, [...keys].join("\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stdin.close();
    await this.#process.status;
  }

  async #ask(what: string, body = ""): Promise<unknown> {
    const response = await fetch(`${this.url}/_/${what}`, { method: "POST", body });
    return await response.json();
  }
}

function addRoutes(server: S3Server): void {
  server.routes.set("/_/counts", (): S3Counts => ({
    total: server.total,
    requests: Object.fromEntries(server.requests),
    connections: server.connections,
    mostUnderWay: server.mostUnderWay,
  }));
  server.routes.set("/_/forget", () => server.forget());
  server.routes.set(
    "/_/load",
    (query, body) => server.load(query.get("bucket") ?? "", body.split("\n")),
  );
}

if (import.meta.main) {
  const options: S3ProcessOptions = JSON.parse(Deno.args[0] ?? "{}");
  const { latency = 0, jitter = 0, faultRate = 0, seed = 1 } = options;
  await using server = await startS3Server(options);
  const random = randomOf(seed);
  server.latency = () => latency + jitter * random();
  server.fault = faultsAtRate(faultRate, randomOf(seed + 1));
  addRoutes(server);
  await Deno.stdout.write(new TextEncoder().encode(`${server.url}\n`));
  await new Response(Deno.stdin.readable).bytes();
}
