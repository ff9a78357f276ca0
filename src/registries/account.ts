/**
 * What somebody may work with at a registry: workspaces, their environments and where these keep outputs. What is told is
 * kept for programs that come later. Unaware of how one signs in.
 *
 * @module
 */

import { z } from "zod";
import { rememberIds, rememberTargetRoots } from "../config/caches_change.ts";
import type { GivenToken } from "../config/credentials_change.ts";
import { checkRegistryUrl } from "../config/registry_url.ts";
import type { Secret } from "../config/secret.ts";
import { RegistryError } from "../errors.ts";
import { ApiClient } from "./api_client.ts";
import { type SignInConfig, workspaceToken } from "./sign_in.ts";

/** A workspace, or an environment in one. */
export interface Place {
  readonly id: string;
  /** What people write for it. */
  readonly slug: string;
  readonly name: string;
}

/** How a registry signs people in. */
export interface SignInMethod {
  /** The url of the identity provider. */
  readonly issuer: string;
  /** As what program this one is known there. */
  readonly clientId: string;
}

/** How the registry signs people in; `undefined` when that is not with an identity provider. Rejects with `RegistryError`. */
export async function signInMethod({ url, timeout }: SignInConfig["api"]): Promise<
  SignInMethod | undefined
> {
  const action = "sign in";
  const answer = await new ApiClient({ url, timeout }).request({
    action,
    method: "GET",
    path: "/auth/config",
  });
  const text = z.string().min(1).nullish().transform((value) => value ?? undefined);
  const { oidc_issuer: issuer, oidc_client_id: clientId, auth_mode } = answer.as(
    z.object({ oidc_issuer: text, oidc_client_id: text, auth_mode: text }),
  );
  if (auth_mode === "local" || issuer === undefined || clientId === undefined) return undefined;
  return {
    issuer: checkRegistryUrl(issuer, (fault) =>
      new RegistryError(
        `Cannot ${action}: the registry at "${url}" names an identity provider that ${fault}. Ask who runs it`,
        { isOutage: false },
      )),
    clientId,
  };
}

/** Who is signed in. All methods reject with `RegistryError`, `ConfigError` and `PermissionError`. */
export class Account {
  readonly #home: string;
  readonly #config: SignInConfig;
  readonly #registryName: string;
  readonly #identity: Secret;
  readonly #tokens = new Map<string, Promise<GivenToken>>();

  /** `identity` is what `workspaceToken()` takes. */
  constructor(home: string, registryName: string, config: SignInConfig, identity: Secret) {
    this.#home = home;
    this.#config = config;
    this.#registryName = registryName;
    this.#identity = identity;
  }

  /** The workspaces of the user. */
  async workspaces(): Promise<readonly Place[]> {
    const { workspaces } = await this.#ask(
      "list the workspaces",
      "/ui/me",
      this.#identity,
      z.object({ workspaces: z.array(place()) }),
    );
    await rememberIds(this.#home, this.#registryName, { workspaces: idsOf(workspaces) });
    return workspaces;
  }

  /** The environments of a workspace. */
  async environments(workspaceId: string): Promise<readonly Place[]> {
    const path = `/ui/workspaces/${encodeURIComponent(workspaceId)}/environments`;
    const { token } = await this.token(workspaceId);
    const found = await this.#ask("list the environments", path, token, z.array(place()));
    const environments = { [workspaceId]: idsOf(found) };
    await rememberIds(this.#home, this.#registryName, { environments });
    return found;
  }

  /** The target roots of an environment, from key to root, which are in force from then on. */
  async targetRoots(
    workspaceId: string,
    environmentId: string,
  ): Promise<Readonly<Record<string, string>>> {
    const path = `/ui/workspaces/${encodeURIComponent(workspaceId)}` +
      `/environments/${encodeURIComponent(environmentId)}/target-roots`;
    const { token } = await this.token(workspaceId);
    const schema = z.array(z.object({ name: z.string(), uri_prefix: z.string() }));
    const found = await this.#ask("list the target roots", path, token, schema);
    const roots = Object.fromEntries(found.map(({ name, uri_prefix }) => [name, uri_prefix]));
    await rememberTargetRoots(this.#home, this.#config.api.url, workspaceId, environmentId, roots);
    return roots;
  }

  /** A new token for a workspace, which is kept. */
  token(workspaceId: string): Promise<GivenToken> {
    const known = this.#tokens.get(workspaceId);
    if (known !== undefined) return known;
    const given = workspaceToken(this.#identity, workspaceId, this.#config);
    this.#tokens.set(workspaceId, given);
    return given;
  }

  async #ask<S extends z.ZodType>(
    action: string,
    path: string,
    token: Secret,
    schema: S,
  ): Promise<z.output<S>> {
    const { url, timeout } = this.#config.api;
    const client = new ApiClient({ url, timeout, token: token.reveal() });
    return (await client.request({ action, method: "GET", path })).as(schema);
  }
}

function place() {
  return z.object({ id: z.string(), slug: z.string(), name: z.string() });
}

function idsOf(places: readonly Place[]): Readonly<Record<string, string>> {
  return Object.fromEntries(places.map(({ slug, id }) => [slug, id]));
}
