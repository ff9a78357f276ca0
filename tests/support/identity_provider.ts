/**
 * An identity provider on a port of this machine that gives tokens for refresh tokens, each of which is good once. It
 * tells a registry service of the tokens that it gives.
 */

import type { RegistryService } from "./registry_service.ts";

/** Listens until it is disposed. */
export class IdentityProvider implements AsyncDisposable {
  /** The forms that it got, in order. */
  readonly requests: URLSearchParams[] = [];
  /** What it answers in place of tokens. */
  fault: (() => Response) | undefined;
  /** The refresh token that is good now. */
  refreshToken = "refresh-0-hidden";
  /** Whether a refresh token is good once; else for ever. */
  isRotating = true;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(service: RegistryService) {
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, async (request) => {
      const form = new URLSearchParams(await request.text());
      const count = this.requests.push(form);
      if (this.fault !== undefined) return this.fault();
      const isForm = request.headers.get("content-type")?.includes("x-www-form-urlencoded");
      if (form.get("grant_type") !== "refresh_token" || !isForm) {
        return Response.json({ error: "unsupported_grant_type" }, { status: 400 });
      }
      if (form.get("client_id") !== "cli") {
        return Response.json({ error: "invalid_client" }, { status: 401 });
      }
      const given = form.get("refresh_token");
      if (given !== this.refreshToken) {
        const error_description = `${given} is not active`;
        return Response.json({ error: "invalid_grant", error_description }, { status: 400 });
      }
      const access_token = `identity-${count}-hidden`;
      service.identityTokens.add(access_token);
      if (!this.isRotating) return Response.json({ access_token });
      this.refreshToken = `refresh-${count}-hidden`;
      return Response.json({ access_token, refresh_token: this.refreshToken });
    });
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
}
