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
  /** Of a registry that signs people in itself: what it takes in place of a token of an identity provider. */
  readonly session?: AccessToken | undefined;
  /** What a new token is given for. */
  readonly refreshToken: Secret | undefined;
  /** The url that gives it. */
  readonly tokenEndpoint: string | undefined;
  /** As what program. */
  readonly clientId: string | undefined;
}

/** What to do about a file that cannot be read. */
export const REMEDY = 'Remove it and sign in with "stardag auth login"';

const accessTokenFile = () => z.looseObject({ access_token: z.string(), expires_at: z.number() });

/** What is in a file of credentials. */
export interface CredentialsFile {
  readonly refresh_token?: string | undefined;
  readonly token_endpoint?: string | undefined;
  readonly client_id?: string | undefined;
  readonly session_token?: string | undefined;
  readonly session_expires_at?: number | undefined;
}

/** Its schema; what else is in the file is kept. */
export function credentialsFile(): z.ZodType<CredentialsFile> {
  return z.looseObject({
    refresh_token: z.string().optional(),
    token_endpoint: z.url({ protocol: /^https?$/ }).optional(),
    client_id: z.string().optional(),
    session_token: z.string().optional(),
    session_expires_at: z.number().optional(),
  });
}

/** What can be exchanged for an access token: a session of the registry itself, or what an identity provider takes. */
export type Grant = { readonly kind: "session"; readonly token: Secret } | RefreshGrant;

/** What an identity provider gives a token for. */
export interface RefreshGrant {
  readonly kind: "refresh";
  readonly refreshToken: Secret;
  readonly tokenEndpoint: string;
  readonly clientId: string;
}

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
  return validToken(file?.access_token, file?.expires_at);
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
    session: validToken(file.session_token, file.session_expires_at),
    refreshToken: file.refresh_token === undefined ? undefined : new Secret(file.refresh_token),
    tokenEndpoint: file.token_endpoint,
    clientId: file.client_id,
  };
}

/** What the credentials hold that can be exchanged; `undefined` when that is nothing. */
export function grantOf(credentials: Credentials | undefined): Grant | undefined {
  const { session, refreshToken, tokenEndpoint, clientId } = credentials ?? {};
  if (session !== undefined) return { kind: "session", token: session.token };
  return refreshToken === undefined || tokenEndpoint === undefined || clientId === undefined
    ? undefined
    : { kind: "refresh", refreshToken, tokenEndpoint, clientId };
}

function validToken(
  token: string | undefined,
  expiresAt: number | undefined,
): AccessToken | undefined {
  if (token === undefined || expiresAt === undefined || expiresAt * 1000 <= Date.now()) {
    return undefined;
  }
  return { token: new Secret(token), expiresAt: new Date(expiresAt * 1000) };
}
