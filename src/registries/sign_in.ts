/**
 * Access tokens of who has signed in with the command line: the one that is kept, or a new one, which is kept in its
 * turn. Unaware of how one signs in, and of what the tokens are shown for.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { z } from "zod";
import type { StardagConfig } from "../config/config.ts";
import {
  grantOf,
  readAccessToken,
  readCredentials,
  type RefreshGrant,
} from "../config/credentials.ts";
import {
  type GivenToken,
  replaceRefreshToken,
  writeAccessToken,
} from "../config/credentials_change.ts";
import { lockFile } from "../config/file_change.ts";
import { configPath, credentialsPath } from "../config/paths.ts";
import { Secret } from "../config/secret.ts";
import { Sources } from "../config/sources.ts";
import { ConfigError, messageOf, PermissionError, TokenExpiredError } from "../errors.ts";
import { ApiClient, type TokenSource } from "./api_client.ts";
import { askForTokens, providerMessage } from "./identity_provider.ts";

const ACTION = "sign in";

/** Of the configuration, what it takes to sign in. */
export type SignInConfig = Pick<StardagConfig, "api" | "context">;

/** Who signs in where. */
interface Account {
  readonly home: string;
  readonly registryName: string;
  readonly user: string;
}

/** By refresh token that is used up, the one that was given for it: for when that could not be kept. */
type Successors = Map<string, Secret>;

/**
 * Gives the token that is kept, until four fifths of its time are over; then a new one. Of several programs that need one
 * at once, one gets it for all, so that no refresh token is used twice; and none is used where the next one cannot be
 * kept, for that would end the sign-in. An access token that cannot be kept is had again by who needs it next.
 *
 * The source rejects with `TokenExpiredError` when one has to sign in again, with `ConfigError` when there is nothing to
 * get a token with, with `ConfigError` and `PermissionError` when the next refresh token cannot be kept, and with
 * `RegistryError` and `PermissionError` when the identity provider or the registry cannot be asked.
 */
export function signedInToken(config: StardagConfig): TokenSource {
  const successors: Successors = new Map();
  return async (previous) => {
    const before = keptToken(config, previous);
    if (before !== undefined) return before;
    const { workspaceId } = config.context;
    if (workspaceId === undefined) throw signedOut(config);
    const account = accountOf(config);
    let obstacle: unknown;
    using _ = await turn(account).catch((error) => ignoreUnwritable(obstacle = error));
    const meanwhile = keptToken(config, previous);
    if (meanwhile !== undefined) return meanwhile;
    const identity = await granted(config, account, successors, obstacle);
    return (await workspaceToken(identity, workspaceId, config)).token.reveal();
  };
}

/**
 * A new token of the identity provider, or the session with a registry that signs people in itself: what `workspaceToken()`
 * takes. The refresh token that comes with it is kept. Rejects as `signedInToken()` does.
 */
export async function identityToken(config: SignInConfig): Promise<Secret> {
  const account = accountOf(config);
  let obstacle: unknown;
  using _ = await turn(account).catch((error) => ignoreUnwritable(obstacle = error));
  return await granted(config, account, new Map(), obstacle);
}

/** What the credentials are good for. `obstacle` is why nothing can be kept, if that is so. */
async function granted(
  config: SignInConfig,
  account: Account,
  successors: Successors,
  obstacle: unknown,
): Promise<Secret> {
  const grant = grantOf(readCredentials(new Sources(), config.context));
  if (grant === undefined) throw signedOut(config);
  if (grant.kind === "session") return grant.token;
  if (obstacle !== undefined) throw unkeepable(account, obstacle);
  return await refresh(grant, config, account, successors);
}

function keptToken(
  { context, accessToken }: StardagConfig,
  previous: string | undefined,
): string | undefined {
  const isOver = accessToken !== undefined && accessToken.expiresAt.getTime() <= Date.now();
  const kept = readAccessToken(new Sources(), context) ?? (isOver ? undefined : accessToken);
  const token = kept?.token.reveal();
  return token === previous ? undefined : token;
}

function accountOf(config: SignInConfig): Account {
  const { registryName, user } = config.context;
  const home = new Sources().home();
  if (registryName === undefined || user === undefined || home === undefined) {
    throw signedOut(config);
  }
  return { home, registryName, user };
}

/** Waits until no other program is about to get a token. Rejects where the files beside the lock cannot be written. */
async function turn({ home, registryName, user }: Account): Promise<Disposable> {
  const folder = dirname(credentialsPath(home, registryName, user));
  return await lockFile(join(folder, ".refresh.lock"));
}

/** Why no refresh token is used. */
function unkeepable({ home, registryName, user }: Account, cause: unknown): Error {
  const state = `Cannot ${ACTION} to the registry "${registryName}" as "${user}": ` +
    "the next refresh token cannot be kept, without which the sign-in would end";
  if (!(cause instanceof PermissionError)) {
    return new ConfigError(`${state}: ${messageOf(cause)}`, { cause });
  }
  const folder = dirname(configPath(home));
  const flag = `--allow-read=${folder} --allow-write=${folder}`;
  return new PermissionError(`${state}. Run with ${flag}, which is where it is kept`, {
    flag,
    cause,
  });
}

/** A token of the identity provider. The refresh token that comes with it is kept, here at least until that succeeds. */
async function refresh(
  { refreshToken: used, tokenEndpoint, clientId }: RefreshGrant,
  { api }: SignInConfig,
  { home, registryName, user }: Account,
  successors: Successors,
): Promise<Secret> {
  const request = {
    action: `${ACTION} to the registry "${registryName}" as "${user}"`,
    timeout: api.timeout,
  };
  const given = await askForTokens(tokenEndpoint, {
    grant_type: "refresh_token",
    refresh_token: (successors.get(used.reveal()) ?? used).reveal(),
    client_id: clientId,
  }, request);
  if (given.kind === "refused") {
    const { status, code, answer } = given;
    const state = `answers ${answer}: the sign-in has ended`;
    const remedy =
      'Sign in again with "stardag auth login", or set STARDAG_API_KEY, or build with STARDAG_NO_REGISTRY=1';
    const message = providerMessage(request, tokenEndpoint, state, remedy);
    throw new TokenExpiredError(message, { status, detail: code });
  }
  const next = given.refreshToken;
  if (next !== undefined) {
    successors.set(used.reveal(), next);
    await replaceRefreshToken(home, registryName, user, { used, next }).catch((cause) => {
      throw new ConfigError(
        `Cannot ${request.action}: the refresh token is used up, and ` +
          `its successor cannot be kept: ${
            messageOf(cause)
          }. Then sign in again with "stardag auth login"`,
        { cause },
      );
    });
  }
  return given.accessToken;
}

/**
 * The registry's token for a workspace in exchange for one of the identity provider. It is kept where that is possible.
 * Rejects with `RegistryError` and `PermissionError`.
 */
export async function workspaceToken(
  identity: Secret,
  workspaceId: string,
  config: SignInConfig,
): Promise<GivenToken> {
  const { api: { url, timeout }, context } = config;
  const { home, registryName, user } = accountOf(config);
  const client = new ApiClient({ url, timeout, token: identity.reveal() });
  const answer = await client.request({
    action: ACTION,
    method: "POST",
    path: "/auth/exchange",
    json: JSON.stringify({ workspace_id: workspaceId }),
  });
  const { access_token, expires_in } = answer.as(
    z.object({ access_token: z.string(), expires_in: z.number() }),
  );
  const given = { token: new Secret(access_token), expiresIn: expires_in };
  // Whoever has signed out meanwhile leaves nothing behind.
  if (readCredentials(new Sources(), context) !== undefined) {
    await writeAccessToken(home, registryName, user, workspaceId, given).catch(ignoreUnwritable);
  }
  return given;
}

function ignoreUnwritable(error: unknown): undefined {
  if (!(error instanceof PermissionError || error instanceof ConfigError)) throw error;
}

function signedOut({ api }: SignInConfig): ConfigError {
  return new ConfigError(
    `Cannot ${ACTION} to the registry at "${api.url}": what was signed in with is gone. ` +
      `Sign in with "stardag auth login", or set STARDAG_API_KEY`,
  );
}
