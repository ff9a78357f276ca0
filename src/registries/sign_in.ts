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
import { replaceRefreshToken, writeAccessToken } from "../config/credentials_change.ts";
import { lockFile } from "../config/file_change.ts";
import { configPath, credentialsPath } from "../config/paths.ts";
import { netFlag } from "../config/registry_url.ts";
import { Secret } from "../config/secret.ts";
import { Sources } from "../config/sources.ts";
import {
  ConfigError,
  messageOf,
  PermissionError,
  RegistryError,
  TokenExpiredError,
} from "../errors.ts";
import { ApiClient, type TokenSource } from "./api_client.ts";

const ACTION = "sign in";

/** Where a user works. */
interface Account {
  readonly home: string;
  readonly registryName: string;
  readonly user: string;
  readonly workspaceId: string;
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
    const account = accountOf(config);
    let obstacle: unknown;
    using _ = await turn(account).catch((error) => ignoreUnwritable(obstacle = error));
    const meanwhile = keptToken(config, previous);
    if (meanwhile !== undefined) return meanwhile;
    const grant = grantOf(readCredentials(new Sources(), config.context));
    if (grant === undefined) throw signedOut(config);
    if (grant.kind === "refresh" && obstacle !== undefined) throw unkeepable(account, obstacle);
    const token = grant.kind === "session"
      ? grant.token
      : await refresh(grant, config, account, successors);
    return await exchange(token, config, account);
  };
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

function accountOf(config: StardagConfig): Account {
  const { registryName, user, workspaceId } = config.context;
  const home = new Sources().home();
  const isKnown = registryName !== undefined && user !== undefined && workspaceId !== undefined;
  if (!isKnown || home === undefined) throw signedOut(config);
  return { home, registryName, user, workspaceId };
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
  grant: RefreshGrant,
  config: StardagConfig,
  { home, registryName, user }: Account,
  successors: Successors,
): Promise<Secret> {
  const used = grant.refreshToken;
  const refreshToken = successors.get(used.reveal()) ?? used;
  const tokens = await askProvider({ ...grant, refreshToken }, config);
  if (tokens.refresh_token !== undefined) {
    const next = new Secret(tokens.refresh_token);
    successors.set(used.reveal(), next);
    await replaceRefreshToken(home, registryName, user, { used, next }).catch((cause) => {
      throw new ConfigError(
        `Cannot ${ACTION} to the registry "${registryName}" as "${user}": the refresh token is used up, and ` +
          `its successor cannot be kept: ${
            messageOf(cause)
          }. Then sign in again with "stardag auth login"`,
        { cause },
      );
    });
  }
  return new Secret(tokens.access_token);
}

/** The registry's token for one of the identity provider. It is kept where that is possible. */
async function exchange(
  token: Secret,
  { api: { url, timeout }, context }: StardagConfig,
  { home, registryName, user, workspaceId }: Account,
): Promise<string> {
  const client = new ApiClient({ url, timeout, token: token.reveal() });
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
  if (grantOf(readCredentials(new Sources(), context)) !== undefined) {
    await writeAccessToken(home, registryName, user, workspaceId, given).catch(ignoreUnwritable);
  }
  return access_token;
}

function ignoreUnwritable(error: unknown): undefined {
  if (!(error instanceof PermissionError || error instanceof ConfigError)) throw error;
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token?: string | undefined;
}

/** Asks the identity provider for tokens. */
async function askProvider(grant: RefreshGrant, { api, context }: StardagConfig): Promise<Tokens> {
  const cannot = (state: string, remedy = "Check whether it is up"): string =>
    `Cannot ${ACTION} to the registry "${context.registryName}" as "${context.user}": ` +
    `its identity provider at "${new URL(grant.tokenEndpoint).origin}" ${state}. ${remedy}`;
  const { status, text } = await sent(grant, api.timeout, cannot);
  if (status === 429 || status >= 500) {
    throw new RegistryError(cannot(`answers ${status}`), { isOutage: true });
  }
  if (status >= 400) {
    const code = errorCode(text);
    const said = code === undefined ? `${status}` : `${status} "${code}"`;
    throw new TokenExpiredError(
      cannot(
        `answers ${said}: the sign-in has ended`,
        'Sign in again with "stardag auth login", or set STARDAG_API_KEY, or build with STARDAG_NO_REGISTRY=1',
      ),
      { status, detail: code },
    );
  }
  const tokens = read(
    text,
    z.object({ access_token: z.string(), refresh_token: z.string().optional() }),
  );
  if (tokens !== undefined) return tokens;
  throw new RegistryError(cannot(`answers ${status} without a token`), { isOutage: false });
}

async function sent(
  { tokenEndpoint, refreshToken, clientId }: RefreshGrant,
  timeout: number,
  cannot: (state: string, remedy?: string) => string,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(tokenEndpoint, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: refreshToken.reveal(),
        client_id: clientId,
      }),
      redirect: "manual",
      signal: AbortSignal.timeout(timeout),
    });
    return { status: response.status, text: await response.text() };
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotCapable)) {
      const said = messageOf(cause).replace(/error sending request for url \(.*?\): /s, "");
      const state = `cannot be reached (${said})`;
      throw new RegistryError(cannot(state), { isOutage: true, cause });
    }
    const flag = netFlag(tokenEndpoint);
    const remedy = `Run with ${flag}, which lets it give new tokens`;
    throw new PermissionError(cannot("may not be asked", remedy), { flag, cause });
  }
}

/** What OAuth calls the error. Nothing else of the answer is shown: it may repeat what was sent. */
function errorCode(text: string): string | undefined {
  return read(text, z.object({ error: z.string().regex(/^[a-z_]{1,40}$/) }))?.error;
}

function read<S extends z.ZodType>(text: string, schema: S): z.output<S> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function signedOut({ api }: StardagConfig): ConfigError {
  return new ConfigError(
    `Cannot ${ACTION} to the registry at "${api.url}": what was signed in with is gone. ` +
      `Sign in with "stardag auth login", or set STARDAG_API_KEY`,
  );
}
