/**
 * What a browser comes back to after it has signed somebody in: a page on this machine alone, for as long as it takes.
 * Unaware of what the code that it brings is good for.
 *
 * @module
 */

import { ConfigError, messageOf, PermissionError } from "../errors.ts";
import { Secret } from "../config/secret.ts";
import { printableLine } from "../reporters/text_width.ts";

/** Of all that can be reached from elsewhere, it is none. */
const HOSTNAME = "127.0.0.1";
const PATH = "/callback";
/** How long what is under way gets at the end, in milliseconds. */
const GRACE = 500;

/** What comes back is taken only with this. */
interface Expected<T> {
  readonly state: string;
  /** Makes something of the code; the page says whether that has succeeded. */
  readonly redeem: (code: Secret) => Promise<T>;
}

/** Listens for the one request that brings a code, and is deaf to all others. */
export class CallbackListener<T> implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #result = Promise.withResolvers<T>();
  #expected: Expected<T> | undefined;

  /** Listens on the port; 0 takes any that is free. Throws `ConfigError` when it is taken, and `PermissionError`. */
  constructor(port: number) {
    this.#result.promise.catch(() => {}); // it may fail before anybody waits
    try {
      this.#server = Deno.serve(
        { hostname: HOSTNAME, port, onListen() {}, onError: () => page(500, FAILED, "") },
        (request) => this.#answer(request),
      );
    } catch (cause) {
      throw listenError(port, cause);
    }
  }

  /** The address that a browser is sent back to. */
  get redirectUri(): string {
    return `http://localhost:${this.#server.addr.port}${PATH}`;
  }

  /**
   * What was made of the first code that comes with the state. Rejects with what `redeem` rejects with, with `ConfigError`
   * when somebody declined, and with the reason of the signal.
   */
  async result(
    state: string,
    redeem: (code: Secret) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    this.#expected = { state, redeem };
    const onAbort = (): void => this.#result.reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    try {
      return await this.#result.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Ends it when what is under way is answered. A request that never comes to its end is not waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, GRACE);
    this.#server.unref();
    await Promise.race([this.#server.shutdown(), late.promise]);
    clearTimeout(timer);
  }

  async #answer({ method, url, headers }: Request): Promise<Response> {
    const { pathname, searchParams: query } = new URL(url);
    // A page elsewhere whose name leads here has another one.
    const { host } = new URL(this.redirectUri);
    if (headers.get("host") !== host) return page(421, FAILED, `This page is ${host}.`);
    if (pathname !== PATH) return page(404, FAILED, "There is no such page.");
    if (method !== "GET") return page(405, FAILED, "");
    const states = query.getAll("state");
    const expected = this.#expected;
    if (expected === undefined || states.length !== 1 || states[0] !== expected.state) {
      return page(400, FAILED, "This does not belong to a sign-in that was begun here.");
    }
    const [code, error] = ["code", "error"].map((name) => query.get(name) || undefined);
    if (code === undefined && error === undefined) {
      return page(400, FAILED, "There is neither a code nor an error.");
    }
    this.#expected = undefined; // all that come after it are deaf to
    try {
      if (error !== undefined || code === undefined) throw declined(error, query);
      this.#result.resolve(await expected.redeem(new Secret(code)));
      return page(200, "Signed in", "You can close this page and go on in the terminal.");
    } catch (error) {
      this.#result.reject(error);
      return page(400, FAILED, messageOf(error));
    }
  }
}

function declined(error: string | undefined, query: URLSearchParams): ConfigError {
  const said = [error, query.get("error_description")].filter((each) => each)
    .map((each) => printableLine(`${each}`).slice(0, 300)).join(": ");
  return new ConfigError(
    `Cannot sign in: the identity provider says "${said}". Sign in once more, or ask who runs it`,
  );
}

function listenError(port: number, cause: unknown): unknown {
  const address = `${HOSTNAME}:${port}`;
  if (cause instanceof Deno.errors.AddrInUse) {
    return new ConfigError(
      `Cannot sign in: another program listens on ${address}, where the browser is to come back to. ` +
        "End it, or sign in there if it is another sign-in",
      { cause },
    );
  }
  if (!(cause instanceof Deno.errors.NotCapable)) return cause;
  const flag = `--allow-net=${address}`;
  return new PermissionError(
    `Cannot sign in: Deno may not listen on ${address}. Run with ${flag}, which is where the browser comes back to`,
    { flag, cause },
  );
}

const FAILED = "Not signed in";

function page(status: number, title: string, text: string): Response {
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${title} - stardag</title>
<h1>${title}</h1>
<p>${escaped(text)}</p>
</html>
`;
  return new Response(body, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      // The browser does not keep what is about to end.
      "connection": "close",
    },
  });
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
