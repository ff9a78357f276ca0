/**
 * Where the configuration is kept and what its files are called, the same as for Python's command line. Reads nothing.
 *
 * @module
 */

import { join } from "@std/path";

/** The variable that names the home folder. */
export function homeVariable(): string {
  return Deno.build.os === "windows" ? "USERPROFILE" : "HOME";
}

/** Registries and profiles: of the user, given the home folder; of a project, given its folder. */
export function configPath(folder: string): string {
  return join(folder, ".stardag", "config.toml");
}

/** Holds what users have signed in with. */
export function credentialsFolder(home: string): string {
  return join(home, ".stardag", "credentials");
}

/** Holds the tokens that these were last exchanged for. */
export function accessTokenFolder(home: string): string {
  return join(home, ".stardag", "access-token-cache");
}

/** What a user has signed in with to a registry. */
export function credentialsPath(home: string, registryName: string, user: string): string {
  return join(credentialsFolder(home), `${nameOf(registryName, user)}.json`);
}

/** The token for a workspace that the credentials were last exchanged for. */
export function accessTokenPath(
  home: string,
  registryName: string,
  user: string,
  workspaceId: string,
): string {
  const file = `${nameOf(registryName, user)}__${withoutSlashes(workspaceId)}.json`;
  return join(accessTokenFolder(home), file);
}

/** The ids that the slugs of workspaces and environments stand for. */
export function idCachePath(home: string): string {
  return join(home, ".stardag", "id-cache.json");
}

/** The target roots of environments. */
export function targetRootCachePath(home: string): string {
  return join(home, ".stardag", "target-root-cache.json");
}

/** The target root where nothing says otherwise. */
export function defaultTargetRootPath(home: string): string {
  return join(home, ".stardag", "local-target-roots", "default", "default");
}

/** The local copies of files in S3 where nothing says otherwise. */
export function defaultS3CachePath(home: string): string {
  return join(home, ".stardag", "cache", "s3");
}

function nameOf(registryName: string, user: string): string {
  const userName = user.replaceAll("@", "_at_").replaceAll(/[/\\:]/g, "_");
  return `${withoutSlashes(registryName)}__${userName}`;
}

/** No name leads out of its folder. (Of these, Python's command line only changes the user.) */
function withoutSlashes(name: string): string {
  return name.replaceAll(/[/\\]/g, "_");
}
