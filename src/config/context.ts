/**
 * Which registry, workspace and environment are worked with: from variables and the profile in use.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { resolveIds } from "./caches.ts";
import { accountForProject, choices, type Profile, readConfigFiles } from "./config_file.ts";
import { registryUrl } from "./registry_url.ts";
import type { Sources } from "./sources.ts";

/** Which registry, workspace and environment are worked with, and as whom. */
export interface ConfigContext {
  /** The profile in use. */
  readonly profile: string | undefined;
  /** The name of the registry in the files; there is none for a url that only a variable tells. */
  readonly registryName: string | undefined;
  /** Whose sign-in to that registry is used. */
  readonly user: string | undefined;
  /** The workspace as it is set: slug or id. */
  readonly workspace: string | undefined;
  /** Its id; `undefined` also when only its slug is known. */
  readonly workspaceId: string | undefined;
  /** The environment as it is set: slug or id. */
  readonly environment: string | undefined;
  /** Its id; `undefined` also when only its slug is known. */
  readonly environmentId: string | undefined;
}

/** What is worked with, and the url of the registry where anything tells it. */
export interface Contact {
  readonly url: string | undefined;
  readonly context: ConfigContext;
  /** Whether there is to be no registry, whatever else is set. */
  readonly isOff: boolean;
}

const NOTHING: ConfigContext = {
  profile: undefined,
  registryName: undefined,
  user: undefined,
  workspace: undefined,
  workspaceId: undefined,
  environment: undefined,
  environmentId: undefined,
};

/** As in Python. */
const ON: ReadonlySet<string> = new Set(["1", "true", "t", "yes", "y", "on"]);
const OFF: ReadonlySet<string> = new Set(["0", "false", "f", "no", "n", "off"]);

/**
 * Each variable says otherwise than the profile for itself alone. With the url of another registry nothing of the profile
 * is left, for its ids and its user belong to the registry that it names. Throws `ConfigError` for what is set and not
 * there, `PermissionError` for what is named by a variable and may not be read.
 */
export function readContext(sources: Sources, useProjectConfig: boolean): Contact {
  if (isOff(sources)) return { url: undefined, context: NOTHING, isOff: true };
  const active = activeProfile(sources, useProjectConfig);
  const url = givenUrl(sources) ?? active?.url;
  const inUse = active?.url === url ? active : undefined;
  const registryName = inUse?.registry;
  const workspace = sources.variable("STARDAG_WORKSPACE_ID") ?? inUse?.workspace;
  const environment = sources.variable("STARDAG_ENVIRONMENT_ID") ?? inUse?.environment;
  const ids = resolveIds(sources, registryName, workspace, environment);
  const context = {
    profile: inUse?.name,
    registryName,
    user: inUse?.user,
    workspace,
    environment,
    ...ids,
  };
  return { url, context, isOff: false };
}

function isOff(sources: Sources): boolean {
  const text = sources.variable("STARDAG_NO_REGISTRY");
  if (text === undefined || OFF.has(text.toLowerCase())) return false;
  if (ON.has(text.toLowerCase())) return true;
  throw new ConfigError(
    `Cannot use STARDAG_NO_REGISTRY: it is "${text}", which is neither yes nor no. Set it to 1 or 0`,
  );
}

/** Python has come to call the variable STARDAG_API_URL, which goes before the other. */
function givenUrl(sources: Sources): string | undefined {
  for (const name of ["STARDAG_API_URL", "STARDAG_REGISTRY_URL"]) {
    const text = sources.variable(name);
    if (text !== undefined) return registryUrl(text, () => name);
  }
  return undefined;
}

interface ActiveProfile extends Profile {
  readonly name: string;
  readonly url: string;
}

function activeProfile(sources: Sources, useProjectConfig: boolean): ActiveProfile | undefined {
  const asked = sources.variable("STARDAG_PROFILE");
  const files = readConfigFiles(sources, useProjectConfig);
  const withDefault = files.find(({ defaultProfile }) => defaultProfile !== undefined);
  const name = asked ?? withDefault?.defaultProfile;
  if (name === undefined) return undefined;

  const file = files.find(({ profiles }) => profiles.has(name));
  const profile = file?.profiles.get(name);
  const requireAll = (state: string, purpose: string): void => {
    if (useProjectConfig) accountForProject(sources);
    sources.requireAll(state, purpose);
  };
  if (file === undefined || profile === undefined) {
    const source = asked ? "STARDAG_PROFILE" : withDefault?.place("default", "profile");
    const known = choices("profiles", files.flatMap(({ profiles }) => [...profiles.keys()]));
    const state = `Cannot use the profile "${name}" of ${source}: ${known.state}`;
    requireAll(state, "which is where profiles are set");
    throw new ConfigError(`${state}. ${known.remedy} [profile.${name}]`);
  }

  const url = files.map(({ registries }) => registries.get(profile.registry))
    .find((url) => url !== undefined);
  if (url === undefined) {
    const known = choices("registries", files.flatMap(({ registries }) => [...registries.keys()]));
    const place = file.place("profile", name, "registry");
    const state = `Cannot use the profile "${name}": its registry in ${place}, is ` +
      `"${profile.registry}", and ${known.state}`;
    requireAll(state, "which is where registries are set");
    throw new ConfigError(
      `${state}. ${known.remedy} [registry.${profile.registry}] with its url`,
    );
  }
  // A project may give a name of the user's another url, but it does not get what the user has signed in with.
  const own = files.find(({ isOfUser }) => isOfUser)?.registries.get(profile.registry);
  return {
    ...profile,
    name,
    url,
    user: own === url ? profile.user : undefined,
  };
}
