/**
 * What a registry service answers about who works where: how one signs in, the workspaces of who has done so, their
 * environments and target roots, and tokens for them.
 */

import { WORKSPACE } from "../config/site.ts";
import type { Answer, ReceivedRequest, RegistryService } from "./registry_service.ts";

/** A workspace, or an environment in one. */
export interface Place {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
}

/** The accounts of a service. */
export class Accounts {
  /** How people sign in; `undefined` stands for a password of the registry's own. */
  method: { readonly oidc_issuer: string; readonly oidc_client_id: string } | undefined;
  /** The tokens of an identity provider that it takes. */
  readonly identityTokens = new Set<string>();
  /** For how long it says that a token of its own is good, in seconds. */
  expiresIn = 600;
  /** Of whoever signs in. */
  workspaces: readonly Place[] = [{ id: WORKSPACE, slug: "my-workspace", name: "Mine" }];
  /** By id of a workspace. */
  environments: Readonly<Record<string, readonly Place[]>>;
  readonly #service: RegistryService;

  constructor(service: RegistryService) {
    this.#service = service;
    const development = {
      id: service.wire.environmentId,
      slug: "development",
      name: "Development",
    };
    this.environments = { [WORKSPACE]: [development] };
  }

  /** The answer to what is asked of accounts. */
  answer({ path, headers, body }: ReceivedRequest): Answer | undefined {
    const token = headers.authorization?.replace(/^Bearer /, "") ?? "";
    const { pathname } = new URL(path, "http://registry/");
    if (pathname === "/api/v1/auth/config") return ok(this.method ?? { auth_mode: "local" });
    if (pathname === "/api/v1/auth/exchange") {
      return this.#exchange(token, body as { readonly workspace_id: string });
    }
    if (pathname === "/api/v1/ui/me") {
      if (!this.identityTokens.has(token)) return INVALID_TOKEN;
      return ok({ user: { email: "me@example.com" }, workspaces: this.workspaces });
    }
    const [, workspaceId, rest = ""] =
      /^\/api\/v1\/ui\/workspaces\/([^/]+)\/environments(.*)$/.exec(pathname) ?? [];
    return workspaceId === undefined ? undefined : this.#ofWorkspace(workspaceId, rest, token);
  }

  #exchange(token: string, { workspace_id }: { readonly workspace_id: string }): Answer {
    if (!this.identityTokens.has(token)) return INVALID_TOKEN;
    if (!this.workspaces.some(({ id }) => id === workspace_id)) {
      return { status: 403, body: { detail: "Not a member of the requested workspace" } };
    }
    const { tokens, expiredTokens } = this.#service;
    const access_token = `token.${tokens.size + expiredTokens.size}.of-${workspace_id}`;
    tokens.add(access_token);
    return ok({ access_token, token_type: "bearer", expires_in: this.expiresIn });
  }

  #ofWorkspace(workspaceId: string, rest: string, token: string): Answer {
    if (!this.#service.tokens.has(token)) return INVALID_TOKEN;
    if (!token.endsWith(`of-${workspaceId}`)) {
      return { status: 403, body: { detail: "Token is for another workspace" } };
    }
    const environments = this.environments[workspaceId] ?? [];
    if (rest === "") {
      return ok(environments.map((each) => ({ ...each, workspace_id: workspaceId })));
    }
    if (!environments.some(({ id }) => rest === `/${id}/target-roots`)) {
      return { status: 404, body: { detail: "Environment not found" } };
    }
    return ok(this.#service.wire.targetRoots.map((root, id) => ({ id: `${id}`, ...root })));
  }
}

const INVALID_TOKEN: Answer = { status: 401, body: { detail: "Invalid token" } };

function ok(body: unknown): Answer {
  return { status: 200, body };
}
