/**
 * HTTP to the registry service: where it is, who asks, how long to wait, when to ask again, and errors that say what to
 * do. Unaware of what the service is told and asked.
 *
 * @module
 */

import type { z } from "zod";
import { checkRegistryUrl, netFlag } from "../config/registry_url.ts";
import {
  ApiError,
  AuthorizationError,
  EnvironmentAccessError,
  InvalidApiKeyError,
  InvalidTokenError,
  messageOf,
  NotAuthenticatedError,
  NotFoundError,
  PermissionError,
  RegistryError,
  StardagError,
  TokenExpiredError,
} from "../errors.ts";
import { describe, isPlainObject, parseJson } from "../json.ts";
import { checkOptions } from "../options.ts";
import { backOff } from "../tasks/run_policy.ts";
import { passed, retryAfterOf } from "../waiting.ts";
import { claimsOf } from "./jwt.ts";

/** How to reach the registry service, and who asks: an API key, or a token for one environment; never both. */
export interface ApiClientOptions {
  /** Where it is, e.g. `https://stardag.example.org`. What stands below it, `/api/v1`, is not part of it. */
  readonly url: string | URL;
  /** An API key of an environment, `sk_...`. */
  readonly apiKey?: string | undefined;
  /** An access token, or what gives one; needs `environmentId`. */
  readonly token?: string | TokenSource | undefined;
  /** Id of the environment. An API key is of one environment and needs none. */
  readonly environmentId?: string | undefined;
  /** How long to wait for an answer, in milliseconds; 30,000 unless told. */
  readonly timeout?: number | undefined;
  /** What is used in place of the global `fetch`, e.g. one with certificates or a proxy of its own. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
}

/**
 * Gives an access token. Called when the first one is needed, when four fifths of its time are over (if it is a JWT that
 * says when it ends), and when the service calls it expired; `previous` is the one that is not to be given again.
 */
export type TokenSource = (previous: string | undefined) => string | Promise<string>;

/** What is asked of the service. */
export interface ApiRequest {
  /** What it is for: errors begin with `Cannot` and this. */
  readonly action: string;
  /** Whether it looks or does something. */
  readonly method: "GET" | "POST";
  /** What stands after `/api/v1`, with its parts encoded, e.g. `/builds`. */
  readonly path: string;
  /** What is `undefined` or empty is left out. The last one is cut when it is too long for an address. */
  readonly query?: Readonly<Record<string, string | undefined>> | undefined;
  /** The body, as JSON text. */
  readonly json?: string | undefined;
  /** Whether it may be sent again when it may have been carried out already; it may unless told. */
  readonly isIdempotent?: boolean | undefined;
  /** Whether the service may answer 500 when two do this at once, so that one more try helps; not unless told. */
  readonly canCollide?: boolean | undefined;
  /** Whether what came with a status from 300, and its `detail` if it has one, is an answer like any other; none is unless told. */
  readonly accept?: ((status: number, detail: unknown) => boolean) | undefined;
  /** When aborted, it is not sent again, and rejects with the reason unless the try that is under way succeeds. */
  readonly signal?: AbortSignal | undefined;
  /** When aborted, the try that is under way is given up, too, and it rejects with the reason. */
  readonly abandon?: AbortSignal | undefined;
}

/** What the service has answered. */
export interface ApiAnswer {
  /** The status, e.g. 200. */
  readonly status: number;
  /** The body, from JSON. Throws `RegistryError` when it is none. */
  readonly body: unknown;
  /** The body, checked. Throws `RegistryError` when it does not fit. */
  as<S extends z.ZodType>(schema: S): z.output<S>;
}

/** All of {@linkcode ApiClientOptions}, to tell what is none. */
const OPTIONS = [
  "url",
  "apiKey",
  "token",
  "environmentId",
  "timeout",
  "fetch",
] as const satisfies readonly (keyof ApiClientOptions)[];

/** When to ask again: up to three times, so that a restart of the service goes unnoticed. */
const RETRIES = {
  maxAttempts: 4,
  minTimeout: 500,
  maxTimeout: 10_000,
  multiplier: 2,
  jitter: 0.5,
  isRetriable: () => true,
};
/** A service that wants to be left alone for longer is given up, in milliseconds. */
const LONGEST_RETRY_AFTER = 60_000;
/** Answers of a service, or of what stands before it, that is overloaded or about to be restarted. */
const PASSING: ReadonlySet<number> = new Set([502, 503, 504]);
/** The longest address in bytes, from the path on: common proxies take 8 KiB with method and protocol around it. */
const LONGEST_ADDRESS = 8 * 1024 - 64;
/** The longest text of a service that goes into a message. */
const LONGEST_DETAIL = 500;
/** The longest time a timer can wait, in milliseconds. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** A token, and when to ask for the next and for how long it is good, as times. */
interface Token {
  readonly text: string;
  readonly renewAt: number;
  readonly endsAt: number;
}

/** A request that got no answer. */
interface Unanswered {
  readonly error: RegistryError;
  /** Whether another try may help and does no harm. */
  readonly isRetriable: boolean;
}

/**
 * Asks the service, and asks again where that may help: when it cannot be reached, and on 429, 502, 503 and 504. A
 * request that is not idempotent is only sent again when it was certainly not carried out. Nothing is followed
 * elsewhere, and what the service answers is read to its end, so that connections are kept.
 */
export class ApiClient {
  /** Where the service is, without a slash at its end. */
  readonly url: string;
  readonly #apiKey: string | undefined;
  readonly #source: string | TokenSource | undefined;
  readonly #environmentId: string | undefined;
  readonly #timeout: number;
  readonly #fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** The token in use; a promise while it is asked for. */
  #token: Token | Promise<Token> | undefined;
  readonly #underWay = new Map<Promise<ApiAnswer>, AbortController>();
  #isClosed = false;

  /** Checks the options. Throws `TypeError` and `RangeError`, which never show a key or a token. */
  constructor(options: ApiClientOptions) {
    const action = "reach a registry";
    checkOptions(options, OPTIONS, action);
    const { url, apiKey, token, environmentId, timeout = 30_000 } = options;
    this.url = checkRegistryUrl(url, (fault) =>
      new TypeError(
        `Cannot ${action}: its url ${fault}. Give one such as "https://stardag.example.org"`,
      ));
    if (apiKey !== undefined && token !== undefined) {
      throw new TypeError(
        `Cannot ${action}: there are both an apiKey and a token. Give one of them`,
      );
    }
    if (apiKey !== undefined) checkSecret(apiKey, "apiKey", action);
    if (token !== undefined && typeof token !== "function") checkSecret(token, "token", action);
    if (!(typeof timeout === "number" && timeout >= 1 && timeout <= LONGEST_TIMEOUT)) {
      throw new RangeError(
        `Cannot ${action}: timeout is ${
          describe(timeout)
        }. Give milliseconds from 1 to ${LONGEST_TIMEOUT}`,
      );
    }
    this.#apiKey = apiKey;
    this.#source = token;
    this.#environmentId = environmentId;
    this.#timeout = timeout;
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
  }

  /**
   * Rejects with `ApiError` for an answer from 300 on that is not accepted, with `RegistryError` when there is none, with
   * `PermissionError` when Deno may not connect, and with what the source of tokens throws, if that is an error of this package.
   */
  request(request: ApiRequest): Promise<ApiAnswer> {
    const controller = new AbortController();
    const answer = this.#request(request, controller);
    this.#underWay.set(answer, controller);
    const ended = (): void => void this.#underWay.delete(answer);
    answer.then(ended, ended);
    return answer;
  }

  /** Gives up what is under way, which rejects, and resolves when that has ended. Nothing can be asked after it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const controller of this.#underWay.values()) controller.abort();
    await Promise.allSettled(this.#underWay.keys());
  }

  async #request(request: ApiRequest, controller: AbortController): Promise<ApiAnswer> {
    let expired: string | undefined;
    for (let attempt = 1;; attempt++) {
      if (this.#isClosed) throw this.#closed(request);
      request.signal?.throwIfAborted();
      const token = await this.#validToken(request, expired);
      const sent = await this.#send(request, token, controller);
      let wait = backOff(RETRIES, attempt);
      if (sent instanceof Answer) {
        if (sent.status < 300 || request.accept?.(sent.status, sent.detail) === true) return sent;
        const error = this.#errorOf(request, sent, token);
        if (
          error instanceof TokenExpiredError && typeof this.#source === "function" &&
          expired === undefined
        ) {
          // The next try has another token; that there was an old one does not count.
          expired = token;
          attempt--;
          continue;
        }
        if (attempt >= RETRIES.maxAttempts || !isPassing(sent.status, request, attempt)) {
          throw error;
        }
        wait += sent.retryAfter;
        if (wait > LONGEST_RETRY_AFTER) throw error;
      } else if (attempt >= RETRIES.maxAttempts || !sent.isRetriable) {
        throw sent.error;
      }
      await passed(wait, [controller.signal, request.signal]);
    }
  }

  /** The token to send; `undefined` where there is none to send. `expired` is one that the service has refused. */
  async #validToken(request: ApiRequest, expired: string | undefined): Promise<string | undefined> {
    if (typeof this.#source !== "function") return this.#source;
    const known = this.#token;
    if (known instanceof Promise) return (await known).text;
    const isExpired = known !== undefined && known.text === expired;
    if (known !== undefined && !isExpired && Date.now() < known.renewAt) return known.text;
    // Reserved before anything is awaited, so that those who come meanwhile share it.
    const asked = this.#askForToken(request, this.#source, known, isExpired);
    this.#token = asked;
    asked.then((token) => this.#token = token, () => this.#token = undefined);
    return (await asked).text;
  }

  async #askForToken(
    request: ApiRequest,
    source: TokenSource,
    previous: Token | undefined,
    isExpired: boolean,
  ): Promise<Token> {
    try {
      const text = await source(previous?.text);
      checkSecret(text, "token", request.action);
      const now = Date.now();
      // One that has ended when it is given is of another clock: then the service says when it ends.
      const told = endOf(text);
      const endsAt = told > now ? told : Infinity;
      return { text, endsAt, renewAt: now + 0.8 * (endsAt - now) };
    } catch (error) {
      // What was asked for in good time may still be had later.
      if (previous !== undefined && !isExpired && Date.now() < previous.endsAt) return previous;
      if (error instanceof StardagError) throw error;
      throw new RegistryError(
        `Cannot ${request.action}: no token can be had for the registry at "${this.url}": ${
          messageOf(error)
        }`,
        { isOutage: false, cause: error },
      );
    }
  }

  async #send(
    request: ApiRequest,
    token: string | undefined,
    controller: AbortController,
  ): Promise<Answer | Unanswered> {
    const { method, json } = request;
    const headers = new Headers();
    if (this.#apiKey !== undefined) headers.set("X-API-Key", this.#apiKey);
    if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
    if (json !== undefined) headers.set("Content-Type", "application/json");
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      controller.abort();
    }, this.#timeout);
    try {
      const response = await this.#fetch(this.#address(request, token), {
        method,
        headers,
        ...json !== undefined && { body: json },
        // A service elsewhere is not told the key.
        redirect: "manual",
        signal: request.abandon === undefined
          ? controller.signal
          : AbortSignal.any([controller.signal, request.abandon]),
      });
      return new Answer(request, this.url, response, await response.text());
    } catch (error) {
      if (error instanceof StardagError) throw error;
      if (error instanceof Deno.errors.NotCapable) throw this.#permissionError(request, error);
      if (request.abandon?.aborted) throw request.abandon.reason;
      if (this.#isClosed) return { error: this.#closed(request), isRetriable: false };
      if (isLate) return { error: this.#late(request, error), isRetriable: false };
      return this.#lost(request, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #address({ path, query = {} }: ApiRequest, token: string | undefined): string {
    const start = `${this.url}/api/v1${path}`;
    const given = new URLSearchParams();
    if (token !== undefined && this.#environmentId !== undefined) {
      given.set("environment_id", this.#environmentId);
    }
    let room = LONGEST_ADDRESS - new URL(start).pathname.length - given.toString().length;
    for (const [name, text = ""] of Object.entries(query)) {
      if (text === "") continue;
      room -= name.length + 2;
      const cut = cutToRoom(text, room);
      given.set(name, cut);
      room -= encodedLength(cut);
    }
    return given.size === 0 ? start : `${start}?${given}`;
  }

  #lost(request: ApiRequest, error: unknown): Unanswered {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    // The address may be long, and is told already.
    const why = messageOf(cause).replace(/^error sending request .*?(?=client error \()/s, "");
    const isReceived = !why.startsWith("client error (Connect)");
    return {
      error: new RegistryError(
        `Cannot ${request.action}: the registry at "${this.url}" cannot be reached (${why}). ` +
          `Check its url, and whether it is up`,
        { isOutage: true, cause: error },
      ),
      isRetriable: !isReceived || request.isIdempotent !== false,
    };
  }

  #late({ action }: ApiRequest, cause: unknown): RegistryError {
    return new RegistryError(
      `Cannot ${action}: the registry at "${this.url}" has not answered within ${this.#timeout} ms. ` +
        `Check whether it is up, or give it more time by the option timeout, or STARDAG_API_TIMEOUT`,
      { isOutage: true, cause },
    );
  }

  #closed({ action }: ApiRequest): RegistryError {
    return new RegistryError(
      `Cannot ${action}: the registry at "${this.url}" was closed here. Close it when nothing is told any more`,
      { isOutage: false },
    );
  }

  #permissionError({ action }: ApiRequest, cause: Deno.errors.NotCapable): PermissionError {
    const flag = netFlag(this.url);
    return new PermissionError(
      `Cannot ${action}: Deno may not connect to the registry at "${this.url}". Run with ${flag}, ` +
        `which lets it tell the registry what is built`,
      { flag, cause },
    );
  }

  #errorOf({ action, path }: ApiRequest, answer: Answer, token: string | undefined): ApiError {
    const { status } = answer;
    let detail = detailText(answer.detail ?? answer.text);
    // What stands before a service may show what it was sent.
    for (const secret of [this.#apiKey, token]) {
      if (secret !== undefined) detail = detail?.replaceAll(secret, "...");
    }
    detail = detail?.slice(0, LONGEST_DETAIL);
    const said = detail === undefined ? `${status}` : `${status} "${detail}"`;
    const fail = (Kind: typeof ApiError, remedy: string): ApiError =>
      new Kind(
        `Cannot ${action}: the registry at "${this.url}" answers ${said}. ${remedy}`,
        { status, detail },
      );
    if (status < 400) {
      const { location } = answer;
      return fail(
        ApiError,
        `It sends on to "${location}", which is not followed: set its url to where it is`,
      );
    }
    switch (status) {
      case 401:
        return fail(...unauthenticated(detail));
      case 403:
        return /environment/i.test(detail ?? "")
          ? fail(EnvironmentAccessError, "Ask for access to the environment, or choose another")
          : fail(AuthorizationError, "Ask for access, or use another key or account");
      case 404:
        return fail(
          NotFoundError,
          isOfId(path, answer.detail)
            ? "Check the id, and that it is of this environment"
            : "Check its url: this is no address of a registry service",
        );
      default:
        return fail(
          ApiError,
          status === 429 || status >= 500
            ? "Try again later; if that does not help, ask who runs it"
            : "Check that the service and this package fit together",
        );
    }
  }
}

/** An answer whose body is read, and made a value when it is wanted. */
class Answer implements ApiAnswer {
  readonly status: number;
  readonly text: string;
  /** Where it sends on to. */
  readonly location: string | null;
  /** For how long the service wants to be left alone, in milliseconds. */
  readonly retryAfter: number;
  readonly #action: string;
  readonly #url: string;

  constructor({ action }: ApiRequest, url: string, { status, headers }: Response, text: string) {
    this.status = status;
    this.text = text;
    this.location = headers.get("Location");
    this.retryAfter = retryAfterOf(headers);
    this.#action = action;
    this.#url = url;
  }

  get body(): unknown {
    try {
      return parseJson(this.text);
    } catch { // what it throws quotes the text, which may be a token
      throw new RegistryError(
        `Cannot ${this.#action}: the registry at "${this.#url}" answers ${this.status} with a text that is no JSON. ` +
          `Check its url: this is no address of a registry service`,
        { isOutage: false },
      );
    }
  }

  as<S extends z.ZodType>(schema: S): z.output<S> {
    const { success, data, error } = schema.safeParse(this.body);
    if (success) return data;
    throw new RegistryError(
      `Cannot ${this.#action}: the answer of the registry at "${this.#url}" is not understood (${
        messageOf(error)
      }). Check that the service and this package fit together`,
      { isOutage: false, cause: error },
    );
  }

  /** What the body says of an error, `{"detail": ...}`; `undefined` where it is something else. */
  get detail(): unknown {
    try {
      const body: unknown = JSON.parse(this.text);
      return isPlainObject(body) ? body.detail : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Throws a `TypeError` for what cannot be sent as a key or a token; it does not show it. */
function checkSecret(secret: string, name: string, action: string): void {
  if (typeof secret === "string" && /^[!-~]+$/.test(secret)) return;
  const state = typeof secret !== "string"
    ? `of type ${typeof secret}`
    : secret === ""
    ? "empty"
    : "a text with spaces, line breaks or letters outside ASCII in it";
  throw new TypeError(`Cannot ${action}: the ${name} is ${state}. Give it as it was handed out`);
}

/** When a token ends, as far as it is a JWT that says so. What it says is only looked at, not trusted. */
function endOf(token: string): number {
  const { exp } = claimsOf(token);
  return typeof exp === "number" ? exp * 1000 : Infinity;
}

/** Whether it is an id in the path that the service does not know: others that answer 404 do not know the path. */
function isOfId(path: string, detail: unknown): boolean {
  const hasId = path.lastIndexOf("/") > 0;
  // What the framework of the service says where there is nothing at all.
  return hasId && detail !== undefined && detail !== "Not Found";
}

function isPassing(status: number, request: ApiRequest, attempt: number): boolean {
  // Only of 429 is it certain that nothing was done.
  if (status === 429) return true;
  if (status === 500) return request.canCollide === true && attempt === 1;
  return PASSING.has(status) && request.isIdempotent !== false;
}

/** What is said of an error, by the service or by what stands before it, as one line. */
function detailText(detail: unknown): string | undefined {
  if (Array.isArray(detail)) {
    return detail.map(({ loc, msg }) => `${Array.isArray(loc) ? loc.join(".") : loc}: ${msg}`).join(
      "; ",
    );
  }
  if (isPlainObject(detail)) {
    const { message, error_message } = detail;
    return [message, error_message].find((each) => typeof each === "string") ??
      JSON.stringify(detail);
  }
  return typeof detail === "string" && detail.trim() !== "" ? detail.trim() : undefined;
}

function unauthenticated(detail = ""): [typeof ApiError, string] {
  if (/expired/i.test(detail)) {
    return [TokenExpiredError, `Sign in again with "stardag auth login"`];
  }
  // Said of a missing key, too, which is spelled as the header then.
  if (/api key/i.test(detail)) {
    return [InvalidApiKeyError, "Check the key, e.g. in STARDAG_API_KEY, or have another one made"];
  }
  return detail === "" || /not authenticated|authentication required/i.test(detail)
    ? [NotAuthenticatedError, `Set STARDAG_API_KEY, or sign in with "stardag auth login"`]
    : [InvalidTokenError, `Sign in again with "stardag auth login"`];
}

/** The text, or as much of its beginning as fits when it is encoded. */
function cutToRoom(text: string, room: number): string {
  if (encodedLength(text) <= room) return text;
  const rest = " [...]";
  let left = room - encodedLength(rest);
  let end = 0;
  for (const character of text) {
    left -= encodedLength(character);
    if (left < 0) break;
    end += character.length;
  }
  return text.slice(0, end) + rest;
}

/** How long a text is in an address. */
function encodedLength(text: string): number {
  return new URLSearchParams([["", text]]).toString().length - 1;
}
