/**
 * The registry service on a port of this machine: answers as `WireRegistry` says to who has a key or a token, and does what a
 * service does on a bad day when a test wants it to.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { parseJson, rawJson } from "../../src/json.ts";
import type { InMemoryRegistry } from "../../src/registries/in_memory_registry.ts";
import { WireRegistry } from "../registries/wire.ts";
import { Accounts } from "./accounts.ts";
import { LocalServer } from "./local_server.ts";

/** A request as it came. */
export interface ReceivedRequest {
  /** Counts from 1. */
  readonly number: number;
  readonly method: string;
  /** From the host on, with the query. */
  readonly path: string;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body; `""` for none. */
  readonly text: string;
  /** The body, from JSON; `null` for none. */
  readonly body: unknown;
}

/** What goes wrong with a request. `isDone` says that it is carried out all the same, which the client is not told. */
export type Fault =
  /** Something else is answered. */
  | (Answer & { readonly kind: "answer"; readonly isDone?: boolean })
  /** The connection ends without an answer. */
  | { readonly kind: "drop"; readonly isDone?: boolean }
  /** It takes time. */
  | { readonly kind: "wait"; readonly until: Promise<unknown> };

/** What the service has answers ready for, besides those that come from what it was told. */
export const FAULTS = {
  outOfOrder: { kind: "answer", status: 500, body: "Internal Server Error" },
  badGateway: { kind: "answer", status: 502, body: "<html>Bad Gateway</html>" },
  unavailable: { kind: "answer", status: 503, body: "Service Unavailable" },
  late: { kind: "answer", status: 504, body: "Gateway Timeout" },
  tooMany: {
    kind: "answer",
    status: 429,
    body: { detail: "Too many requests" },
    headers: { "Retry-After": "2" },
  },
  drop: { kind: "drop" },
} as const satisfies Readonly<Record<string, Fault>>;

/** What it answers. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The longest first line that common proxies take. */
const LONGEST_LINE = 8192;

/** A registry service that listens until it is disposed. */
export class RegistryService extends LocalServer {
  /** The key that it knows. */
  readonly apiKey = "sk_the_key_of_the_tests";
  /** The tokens that it knows. */
  readonly tokens = new Set(["the.token.of-the-tests"]);
  /** The tokens that it has known. */
  readonly expiredTokens = new Set<string>();
  /** What it answers, and how. */
  readonly wire = new WireRegistry();
  /** Who may work where, and with which tokens. */
  readonly accounts = new Accounts(this);
  /** All that it got, also what it refused, in order. */
  readonly requests: ReceivedRequest[] = [];
  /** What goes wrong with a request, if anything. */
  fault: (request: ReceivedRequest) => Fault | undefined = () => undefined;
  /** How many requests were under way at once, at most. */
  mostUnderWay = 0;
  #underWay = 0;

  /** Starts one on a free port. */
  static async start(): Promise<RegistryService> {
    const service = new RegistryService();
    await service.up();
    return service;
  }

  /** What it was told. */
  get registry(): InMemoryRegistry {
    return this.wire.registry;
  }

  get environmentId(): string {
    return this.wire.environmentId;
  }

  /** What a client needs to be let in. */
  get options(): { readonly url: string; readonly apiKey: string } {
    return { url: this.url, apiKey: this.apiKey };
  }

  /** The token is not good any more. */
  expire(token: string): void {
    this.tokens.delete(token);
    this.expiredTokens.add(token);
  }

  protected override async receive(
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.#underWay);
    try {
      const text = await textOf(incoming).catch(() => undefined);
      if (text === undefined) return; // who has sent it was killed
      const request: ReceivedRequest = {
        number: this.requests.length + 1,
        method: incoming.method ?? "",
        path: incoming.url ?? "",
        headers: incoming.headers as Record<string, string>,
        text,
        body: text === "" ? null : parseJson(text),
      };
      this.requests.push(request);
      await this.#answer(request, response);
    } finally {
      this.#underWay--;
    }
  }

  async #answer(request: ReceivedRequest, response: ServerResponse): Promise<void> {
    const fault = this.fault(request);
    if (fault?.kind === "wait") await fault.until;
    if (fault === undefined || fault.kind === "wait") {
      return send(
        response,
        this.accounts.answer(request) ?? this.#admit(request) ?? this.wire.answer(request),
      );
    }
    if (fault.isDone === true) this.wire.answer(request);
    if (fault.kind === "answer") send(response, fault);
    else response.socket?.destroy();
  }

  /** Why the request is turned away, if it is. What an environment is not asked for with is not recorded: assumed. */
  #admit({ method, path, headers }: ReceivedRequest): Answer | undefined {
    const refuse = (status: number, detail: string, authenticate?: string): Answer => ({
      status,
      body: { detail },
      headers: authenticate === undefined ? {} : { "WWW-Authenticate": authenticate },
    });
    if (`${method} ${path} HTTP/1.1\r\n`.length > LONGEST_LINE) {
      return { status: 414, body: "<html>Request-URI Too Large</html>" };
    }
    const key = headers["x-api-key"];
    if (key !== undefined) return key === this.apiKey ? undefined : refuse(401, "Invalid API key");
    const token = headers.authorization?.replace(/^Bearer /, "");
    if (token === undefined) {
      return refuse(
        401,
        "Authentication required. Provide X-API-Key header or Bearer token.",
        'Bearer, ApiKey realm="sdk"',
      );
    }
    if (this.expiredTokens.has(token)) return refuse(401, "Token has expired", "Bearer");
    if (!this.tokens.has(token)) {
      return refuse(401, "Invalid token: Not enough segments", "Bearer");
    }
    const environmentId = new URL(path, this.url).searchParams.get("environment_id");
    if (environmentId === this.environmentId) return undefined;
    return environmentId === null
      ? refuse(400, "environment_id is required")
      : refuse(403, "Not a member of the workspace of this environment");
  }
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  let text = "";
  incoming.setEncoding("utf8");
  for await (const part of incoming) text += part;
  return text;
}

function send(response: ServerResponse, { status, body = "", headers = {} }: Answer): void {
  const isText = typeof body === "string";
  response.writeHead(status, {
    "content-type": isText ? "text/plain" : "application/json",
    ...headers,
  });
  response.end(isText ? body : JSON.stringify(body, exactly));
}

/** An integer of any size as it was sent. */
function exactly(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? rawJson(String(value)) : value;
}
