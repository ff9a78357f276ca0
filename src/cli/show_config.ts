/**
 * What the commands of `config` do that show what is configured, and where each value comes from. What is secret is not
 * shown.
 *
 * @module
 */

import { cachedTargetRoots } from "../config/caches.ts";
import { loadConfig, type StardagConfig } from "../config/config.ts";
import type { ConfigFile } from "../config/config_file.ts";
import { accessTokenPath, targetRootCachePath } from "../config/paths.ts";
import { Sources } from "../config/sources.ts";
import { targetRootVariable } from "../config/target_roots.ts";
import type { CliIo } from "./cli_io.ts";
import { table } from "./table.ts";
import { type ConfigFiles, configFiles, profilesIn, registriesIn } from "./work_place.ts";

/** Options of these commands. */
export interface ShowConfigOptions {
  readonly json?: boolean | undefined;
}

/** A value in force, and what tells it. */
interface Setting {
  readonly name: string;
  readonly value: string | number | boolean | null;
  readonly source: string;
}

const BY_DEFAULT = "default";

/** Shows all that is in force. */
export function showConfig({ json = false }: ShowConfigOptions, io: CliIo): void {
  const files = configFiles("show the configuration");
  const config = loadConfig();
  const settings = settingsOf(config, files);
  const targetRoots = targetRootsOf(config, files);
  if (json) {
    io.json({
      files: files.files.map(({ path }) => path),
      settings: byName(settings),
      targetRoots: byName(targetRoots),
    });
    return;
  }
  io.print(table(["setting", "value", "from"], settings.map(rowOf)));
  io.print("");
  io.print(table(["target root", "value", "from"], targetRoots.map(rowOf)));
}

/** Lists the registries. */
export function listRegistries({ json = false }: ShowConfigOptions, io: CliIo): void {
  const { files } = configFiles("list the registries");
  const registries = [...registriesIn(files)].map(([name, url]) => {
    const file = files.find(({ registries }) => registries.has(name));
    return { name, url, source: file?.place("registry", name) ?? "" };
  });
  if (json) io.json(registries);
  else if (registries.length === 0) {
    io.tell('There are none. Add one with "stardag config registry add <name> --url <url>"');
  } else {
    const rows = registries.map(({ name, url, source }) => [name, url, source]);
    io.print(table(["name", "url", "from"], rows));
  }
}

/** Lists the profiles. */
export function listProfiles({ json = false }: ShowConfigOptions, io: CliIo): void {
  const { files } = configFiles("list the profiles");
  const variable = new Sources().variable("STARDAG_PROFILE");
  const inUse = variable ?? files.find(({ defaultProfile }) => defaultProfile)?.defaultProfile;
  const profiles = [...profilesIn(files)].map(([name, { profile, file }]) => {
    const source = file.place("profile", name);
    return { name, ...profile, user: profile.user ?? null, isInUse: name === inUse, source };
  });
  if (json) io.json(profiles);
  else if (profiles.length === 0) {
    io.tell('There are none. "stardag auth login" makes one');
  } else {
    const rows = profiles.map(({ name, registry, user, workspace, environment, isInUse }) => [
      name,
      registry,
      user ?? "",
      workspace,
      environment,
      isInUse ? "in use" : "",
    ]);
    io.print(table(["name", "registry", "user", "workspace", "environment", ""], rows));
  }
  if (inUse !== undefined && !profilesIn(files).has(inUse)) {
    io.tell(`The profile in use is "${inUse}", and there is none of that name`);
  }
}

/** Lists the target roots in force. */
export function listTargetRoots({ json = false }: ShowConfigOptions, io: CliIo): void {
  const roots = targetRootsOf(loadConfig(), configFiles("list the target roots"));
  if (json) io.json(byName(roots));
  else io.print(table(["key", "root", "from"], roots.map(rowOf)));
}

function settingsOf(config: StardagConfig, { home, files }: ConfigFiles): readonly Setting[] {
  const { api, context, apiKey, accessToken } = config;
  const { profile, registryName, user, workspace, workspaceId, environment } = context;
  const sources = new Sources();
  const isSet = (name: string): boolean => sources.variable(name) !== undefined;
  const ofProfile = (...keys: readonly string[]): string =>
    placeIn(files, ["profile", profile ?? "", ...keys]);
  const set = (value: string | number | undefined, source: string): Omit<Setting, "name"> =>
    value === undefined ? { value: null, source: "" } : { value, source };
  const first = (variables: readonly string[], otherwise: () => string): string =>
    variables.find(isSet) ?? otherwise();
  const settings: Readonly<Record<string, Omit<Setting, "name">>> = {
    registryIsUsed: {
      value: api.isUsed,
      source: first(["STARDAG_NO_REGISTRY"], () => ""),
    },
    profile: set(profile, first(["STARDAG_PROFILE"], () => placeIn(files, ["default", "profile"]))),
    registry: set(registryName, ofProfile("registry")),
    url: set(
      api.isUsed ? api.url : undefined,
      first(
        ["STARDAG_API_URL", "STARDAG_REGISTRY_URL"],
        () =>
          registryName === undefined
            ? BY_DEFAULT
            : placeIn(files, ["registry", registryName, "url"]),
      ),
    ),
    user: set(user, ofProfile("user")),
    workspace: set(workspace, first(["STARDAG_WORKSPACE_ID"], () => ofProfile("workspace"))),
    environment: set(
      environment,
      first(["STARDAG_ENVIRONMENT_ID"], () => ofProfile("environment")),
    ),
    timeoutSeconds: set(api.timeout / 1000, first(["STARDAG_API_TIMEOUT"], () => BY_DEFAULT)),
    apiKey: set(apiKey && String(apiKey), "STARDAG_API_KEY"),
    accessToken: set(
      accessToken && `${accessToken.token}, until ${accessToken.expiresAt.toISOString()}`,
      `"${accessTokenPath(home, registryName ?? "", user ?? "", workspaceId ?? "")}"`,
    ),
  };
  return Object.entries(settings).map(([name, setting]) => ({ name, ...setting }));
}

function targetRootsOf(
  { target, api, context: { workspaceId, environmentId } }: StardagConfig,
  { home }: ConfigFiles,
): readonly Setting[] {
  const ofEnvironment = workspaceId === undefined || environmentId === undefined
    ? undefined
    : cachedTargetRoots(new Sources(), api.url, workspaceId, environmentId);
  return Object.entries(target.roots).map(([name, value]) => ({
    name,
    value,
    source: targetRootVariable(name) ??
      (ofEnvironment?.has(name) === true ? `"${targetRootCachePath(home)}"` : BY_DEFAULT),
  }));
}

/** Where an entry is, in the first file that has it. */
function placeIn(
  files: readonly ConfigFile[],
  [table = "", name = "", ...keys]: readonly string[],
): string {
  const has = ({ registries, profiles, defaultProfile }: ConfigFile): boolean =>
    table === "registry"
      ? registries.has(name)
      : table === "profile"
      ? profiles.has(name)
      : defaultProfile !== undefined;
  return files.find(has)?.place(table, name, ...keys) ?? BY_DEFAULT;
}

function byName(settings: readonly Setting[]): Readonly<Record<string, Omit<Setting, "name">>> {
  return Object.fromEntries(settings.map(({ name, ...setting }) => [name, setting]));
}

function rowOf({ name, value, source }: Setting): readonly string[] {
  return [name, `${value ?? "-"}`, source];
}
