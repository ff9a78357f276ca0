/**
 * Has somebody sign in with a browser, until it comes back, time is over, or somebody presses Ctrl-C.
 *
 * @module
 */

import { ConfigError, InterruptedError } from "../errors.ts";
import type { SignInMethod } from "../registries/account.ts";
import { authorize, redeem, type SignedIn } from "../registries/authorization.ts";
import type { ProviderRequest } from "../registries/identity_provider.ts";
import { openInBrowser } from "./browser.ts";
import { CallbackListener } from "./callback_listener.ts";
import type { CliIo } from "./cli_io.ts";

/** How. */
export interface BrowserSignInOptions {
  /** Whether to open the browser; else its user does. */
  readonly browser: boolean;
  /** How long to wait for it, in seconds. */
  readonly timeout: number;
  /** Where it comes back to. */
  readonly port: number;
}

/**
 * Rejects with `RegistryError` and `PermissionError` as `authorize()` and `redeem()` do, with `ConfigError` when nobody
 * signs in or the port is taken, and with `InterruptedError` after Ctrl-C.
 */
export async function signedInWithBrowser(
  method: SignInMethod,
  request: ProviderRequest,
  { browser, timeout, port }: BrowserSignInOptions,
  io: CliIo,
): Promise<SignedIn & { readonly tokenEndpoint: string }> {
  await using listener = new CallbackListener<SignedIn>(port);
  const authorization = await authorize(method, listener.redirectUri, request);
  const { url, state, tokenEndpoint } = authorization;
  using patience = new Patience(request.action, timeout);
  const signedIn = listener.result(
    state,
    (code) => redeem(code, authorization, request),
    patience.signal,
  );
  io.tell(`${browser ? "Your browser opens. If it does not, go" : "Go"} to\n\n  ${url}\n`);
  if (browser) await openInBrowser(url);
  return { ...await signedIn, tokenEndpoint };
}

/** Ends with the time, and with Ctrl-C. */
class Patience implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #onInterrupt: () => void;

  constructor(action: string, seconds: number) {
    const end = (error: Error): void => this.#controller.abort(error);
    this.#timer = setTimeout(() =>
      end(
        new ConfigError(
          `Cannot ${action}: the browser has not come back within ${seconds} s. ` +
            `Try again, or give it more time with --timeout`,
        ),
      ), seconds * 1000);
    this.#onInterrupt = () => {
      const message = `Cannot ${action}: it was interrupted. Try again when you like`;
      end(new InterruptedError(message, { signal: "SIGINT" }));
      Deno.removeSignalListener("SIGINT", this.#onInterrupt); // another one ends the program
    };
    Deno.addSignalListener("SIGINT", this.#onInterrupt);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    Deno.removeSignalListener("SIGINT", this.#onInterrupt);
  }
}
