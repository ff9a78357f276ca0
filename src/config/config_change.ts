/**
 * Changes the user's `config.toml`: its registries and profiles, and which profile is used. All else in it stays as it
 * is, comments too. All functions reject with `ConfigError` and `PermissionError`.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { choices, type ConfigFile, parseConfigFile, type Profile } from "./config_file.ts";
import { changeFile } from "./file_change.ts";
import { configPath } from "./paths.ts";
import { registryUrl } from "./registry_url.ts";
import { editToml, type TomlEdit } from "./toml_text.ts";

/** Adds a registry, or gives the one of that name another url. */
export async function addRegistry(home: string, name: string, url: string): Promise<void> {
  checkName(name, "registry");
  const value = registryUrl(url, () => `the url of the registry "${name}"`);
  await changeConfig(home, () => [{ path: ["registry", name, "url"], value }]);
}

/** Removes a registry. Resolves to whether there was one of that name. */
export function removeRegistry(home: string, name: string): Promise<boolean> {
  return changeConfig(home, () => [{ path: ["registry", name], value: undefined }]);
}

/** Adds a profile, or replaces what the one of that name says. */
export async function addProfile(home: string, name: string, profile: Profile): Promise<void> {
  checkName(name, "profile");
  const { registry, user, workspace, environment } = profile;
  const edits = Object.entries({
    registry,
    user,
    workspace,
    organization: undefined, // what workspaces were called once
    environment,
  }).map(([key, value]) => ({ path: ["profile", name, key], value }));
  await changeConfig(home, () => edits);
}

/** Removes a profile, which is not the default one any more. Resolves to whether there was one of that name. */
export function removeProfile(home: string, name: string): Promise<boolean> {
  return changeConfig(home, ({ defaultProfile }) => [
    { path: ["profile", name], value: undefined },
    ...defaultProfile === name ? [{ path: ["default", "profile"], value: undefined }] : [],
  ]);
}

/** Makes a profile the default one. Rejects also when there is none of that name in the file. */
export async function useProfile(home: string, name: string): Promise<void> {
  await changeConfig(home, ({ path, profiles }) => {
    if (profiles.has(name)) return [{ path: ["default", "profile"], value: name }];
    const { state, remedy } = choices(`profiles in "${path}"`, [...profiles.keys()]);
    throw new ConfigError(`Cannot use the profile "${name}": ${state}. ${remedy} it`);
  });
}

/** Resolves to whether that changed anything. */
function changeConfig(
  home: string,
  edits: (config: ConfigFile) => readonly TomlEdit[],
): Promise<boolean> {
  const path = configPath(home);
  return changeFile(path, (text) => {
    const edited = editToml(text ?? "", edits(parseConfigFile(path, text ?? "", true)));
    if (edited === undefined) {
      throw new ConfigError(
        `Cannot change the configuration in "${path}": the entry is written in a way that only people can change. ` +
          `Change it there`,
      );
    }
    parseConfigFile(path, edited, true);
    return edited === "" ? text : edited;
  }, { isSecret: false });
}

function checkName(name: string, what: string): void {
  if (name !== "") return;
  throw new ConfigError(`Cannot add a ${what}: its name is empty. Give it one`);
}
