/**
 * What somebody has signed in with to a registry. Unaware of how that is done, and of the registry.
 *
 * @module
 */

import { z } from "zod";
import type { ConfigContext } from "./context.ts";
import { readJsonFile } from "./json_file.ts";
import { accessTokenPath, credentialsPath } from "./paths.ts";
import { Secret } from "./secret.ts";
import type { Sources } from "./sources.ts";

/** What one shows a registry for a few minutes. */
export interface AccessToken {
  /** The token. */
  readonly token: Secret;
  /** From when on it is not to be used any more. */
  readonly expiresAt: Date;
}

/** What one gets access tokens with. Each part is there if the way of signing in has it. */
export interface Credentials {
  /** What a new token is given for. */
  readonly refreshToken: Secret | undefined;
  /** The url that gives it. */
  readonly tokenEndpoint: string | undefined;
  /** As what program. */
  readonly clientId: string | undefined;
}

const REMEDY = 'Remove it and sign in with "stardag auth login"';

const accessTokenFile = () => z.looseObject({ access_token: z.string(), expires_at: z.number() });

const credentialsFile = () =>
  z.looseObject({
    refresh_token: z.string().optional(),
    token_endpoint: z.string().optional(),
    client_id: z.string().optional(),
  });

/** The token kept for the workspace; `undefined` when there is none, it has expired, or may not be read. */
export function readAccessToken(
  sources: Sources,
  { registryName, user, workspaceId }: ConfigContext,
): AccessToken | undefined {
  if (registryName === undefined || user === undefined || workspaceId === undefined) {
    return undefined;
  }
  const home = sources.home();
  if (home === undefined) return undefined;
  const path = accessTokenPath(home, registryName, user, workspaceId);
  const file = readJsonFile(sources, path, accessTokenFile, REMEDY);
  if (file === undefined || file.expires_at * 1000 <= Date.now()) return undefined;
  return { token: new Secret(file.access_token), expiresAt: new Date(file.expires_at * 1000) };
}

/** What the user has signed in with; `undefined` when that has not happened, or may not be read. */
export function readCredentials(
  sources: Sources,
  { registryName, user }: ConfigContext,
): Credentials | undefined {
  if (registryName === undefined || user === undefined) return undefined;
  const home = sources.home();
  if (home === undefined) return undefined;
  const path = credentialsPath(home, registryName, user);
  const file = readJsonFile(sources, path, credentialsFile, REMEDY);
  return file && {
    refreshToken: file.refresh_token === undefined ? undefined : new Secret(file.refresh_token),
    tokenEndpoint: file.token_endpoint,
    clientId: file.client_id,
  };
}
