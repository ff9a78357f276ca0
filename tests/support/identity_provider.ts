/**
 * An identity provider on a port of this machine: signs in whoever comes with a browser, and gives tokens for the code that
 * the browser takes back, and for refresh tokens, each of which is good once. It tells a registry service of itself and of
 * the tokens that it gives.
 */

import type { RegistryService } from "./registry_service.ts";

/** Where it sends browsers back to. */
const REDIRECT_URI = /^http:\/\/localhost:\d+\/callback$/;

/** Listens until it is disposed. */
export class IdentityProvider implements AsyncDisposable {
  /** The forms that it got, in order. */
  readonly requests: URLSearchParams[] = [];
  /** Where browsers were sent, in order. */
  readonly authorizations: URLSearchParams[] = [];
  /** What it answers in place of tokens, if anything. */
  fault: (() => Response | Promise<Response | undefined>) | undefined;
  /** The refresh token that is good now. */
  refreshToken = "refresh-0-hidden";
  /** Whether a refresh token is good once; else for ever. */
  isRotating = true;
  /** Who signs in. */
  user: string | undefined = "me@example.com";
  /** What was asked for with a code. */
  readonly #codes = new Map<string, URLSearchParams>();
  readonly #service: RegistryService;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(service: RegistryService) {
    this.#service = service;
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
    service.accounts.method = { oidc_issuer: `${this.url}/issuer/`, oidc_client_id: "cli" };
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** What somebody has who signed in. */
  get credentials() {
    return {
      refresh_token: this.refreshToken,
      token_endpoint: `${this.url}/oauth/token`,
      client_id: "cli",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case "/issuer/.well-known/openid-configuration":
        return Response.json({
          issuer: `${this.url}/issuer/`,
          authorization_endpoint: `${this.url}/authorize?tenant=tests`,
          token_endpoint: this.credentials.token_endpoint,
        });
      case "/authorize":
        return this.#authorize(searchParams);
      case "/oauth/token":
        return await this.#giveTokens(request);
      default:
        return new Response("Not found", { status: 404 });
    }
  }

  /** Somebody signs in, and is sent back with a code. */
  #authorize(query: URLSearchParams): Response {
    this.authorizations.push(query);
    const redirectUri = query.get("redirect_uri") ?? "";
    const isAsAgreed = query.get("tenant") === "tests" && query.get("response_type") === "code" &&
      query.get("client_id") === "cli" && query.get("code_challenge_method") === "S256";
    if (!isAsAgreed || !REDIRECT_URI.test(redirectUri)) return refusal("invalid_request");
    const code = `code-${this.authorizations.length}-hidden`;
    this.#codes.set(code, query);
    const back = new URL(redirectUri);
    back.searchParams.set("code", code);
    back.searchParams.set("state", query.get("state") ?? "");
    return Response.redirect(back, 302);
  }

  async #giveTokens(request: Request): Promise<Response> {
    const form = new URLSearchParams(await request.text());
    const count = this.requests.push(form);
    const fault = await this.fault?.();
    if (fault !== undefined) return fault;
    if (form.get("client_id") !== "cli") return refusal("invalid_client", 401);
    if (!request.headers.get("content-type")?.includes("x-www-form-urlencoded")) {
      return refusal("invalid_request");
    }
    const access_token = `identity-${count}-hidden`;
    switch (form.get("grant_type")) {
      case "refresh_token": {
        const given = form.get("refresh_token");
        if (given !== this.refreshToken) {
          return refusal("invalid_grant", 400, `${given} is not active`);
        }
        this.#service.accounts.identityTokens.add(access_token);
        if (!this.isRotating) return Response.json({ access_token });
        this.refreshToken = `refresh-${count}-hidden`;
        return Response.json({ access_token, refresh_token: this.refreshToken });
      }
      case "authorization_code": {
        const code = form.get("code") ?? "";
        const asked = this.#codes.get(code);
        this.#codes.delete(code);
        const isItsOwn = asked?.get("redirect_uri") === form.get("redirect_uri") &&
          asked?.get("code_challenge") === await challengeOf(form.get("code_verifier") ?? "");
        if (!isItsOwn) return refusal("invalid_grant");
        this.#service.accounts.identityTokens.add(access_token);
        this.refreshToken = `refresh-${count}-hidden`;
        const id_token = this.user && unsigned({ sub: "1", email: this.user });
        return Response.json({ access_token, refresh_token: this.refreshToken, id_token });
      }
      default:
        return refusal("unsupported_grant_type");
    }
  }
}

function refusal(error: string, status = 400, error_description = "no"): Response {
  return Response.json({ error, error_description }, { status });
}

async function challengeOf(verifier: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64Url(new Uint8Array(hash));
}

/** A JWT that nobody checks. */
function unsigned(claims: object): string {
  const text = (value: object): string =>
    base64Url(new TextEncoder().encode(JSON.stringify(value)));
  return `${text({ alg: "none" })}.${text(claims)}.`;
}

function base64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
