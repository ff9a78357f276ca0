/**
 * Keeps what somebody has signed in with to a registry, and removes it. All functions reject with `ConfigError` and
 * `PermissionError`.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { type Credentials, credentialsFile, REMEDY } from "./credentials.ts";
import { changeFile, changeJsonFile, namesIn } from "./file_change.ts";
import { accessTokenPath, credentialsPath } from "./paths.ts";
import type { Secret } from "./secret.ts";

const SECRET = { isSecret: true };

/** Of the seconds that a token is good for, those after which a new one is had, so that none ends on its way. */
const USED_LIFE = 0.8;

/** A token as it was given. */
export interface GivenToken {
  /** The token. */
  readonly token: Secret;
  /** For how long it is good, in seconds from now. */
  readonly expiresIn: number;
}

/** Keeps a token for as long as it should be used. */
export async function writeAccessToken(
  home: string,
  registryName: string,
  user: string,
  workspaceId: string,
  { token, expiresIn }: GivenToken,
): Promise<void> {
  const path = accessTokenPath(home, registryName, user, workspaceId);
  const file = {
    access_token: token.reveal(),
    expires_at: Date.now() / 1000 + USED_LIFE * expiresIn,
  };
  await changeFile(path, () => JSON.stringify(file, null, 2), SECRET);
}

/** Keeps what a user has signed in with. */
export async function writeCredentials(
  home: string,
  registryName: string,
  user: string,
  { refreshToken, tokenEndpoint, clientId }: Omit<Credentials, "session">,
): Promise<void> {
  const file = {
    token_endpoint: tokenEndpoint,
    client_id: clientId,
    refresh_token: refreshToken?.reveal(),
  };
  const path = credentialsPath(home, registryName, user);
  await changeFile(path, () => JSON.stringify(file, null, 2), SECRET);
}

/**
 * Keeps the refresh token that was given for one that is used up, unless the user has signed out or in again meanwhile.
 */
export async function replaceRefreshToken(
  home: string,
  registryName: string,
  user: string,
  { used, next }: { readonly used: Secret; readonly next: Secret },
): Promise<void> {
  await changeJsonFile(
    credentialsPath(home, registryName, user),
    credentialsFile,
    REMEDY,
    (file) =>
      file?.refresh_token === used.reveal() ? { ...file, refresh_token: next.reveal() } : file,
    SECRET,
  );
}

/**
 * Removes all that a user has signed in with to a registry. Resolves to whether there was anything.
 */
export async function removeCredentials(
  home: string,
  registryName: string,
  user: string,
): Promise<boolean> {
  const paths = [credentialsPath(home, registryName, user)];
  const ofNone = accessTokenPath(home, registryName, user, "");
  const folder = dirname(ofNone);
  const start = basename(ofNone, ".json");
  for (const name of await namesIn(folder)) {
    // With another "__" it is somebody else's.
    const isOwn = name.startsWith(start) && /^(?!.*__).*\.json$/.test(name.slice(start.length));
    if (isOwn) paths.push(join(folder, name));
  }
  let wasAny = false;
  for (const path of paths) {
    const wasThere = await changeFile(path, () => undefined, SECRET);
    wasAny ||= wasThere;
  }
  return wasAny;
}
