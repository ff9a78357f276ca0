/**
 * What `config profile add`, `use` and `remove` do.
 *
 * @module
 */

import { addProfile, removeProfile, useProfile } from "../config/config_change.ts";
import type { ConfigFile, Profile } from "../config/config_file.ts";
import { Sources } from "../config/sources.ts";
import { ConfigError, StardagError } from "../errors.ts";
import { checkNewName, chosen, unknownName } from "./choose.ts";
import type { CliIo } from "./cli_io.ts";
import {
  choosableRegistries,
  type ConfigFiles,
  configFiles,
  profilesIn,
  registriesIn,
  workPlace,
} from "./work_place.ts";

/** Options of `config profile add`. */
export interface AddProfileOptions {
  readonly registry?: string | undefined;
  readonly workspace?: string | undefined;
  readonly environment?: string | undefined;
  readonly user?: string | undefined;
  readonly default?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Options of the others. */
interface JsonOption {
  readonly json?: boolean | undefined;
}

/** Adds a profile. Where somebody is signed in, what it names is looked up, so that it can be used at once. */
export async function addNamedProfile(
  name: string,
  options: AddProfileOptions,
  io: CliIo,
): Promise<void> {
  const action = `add the profile "${name}"`;
  const files = configFiles(action);
  if (files.own?.profiles.has(name) !== true) checkNewName(action, "profile", name);
  const { slug: registry } = await chosen(choosableRegistries(registriesIn(files.files)), {
    action,
    what: "registry",
    wanted: options.registry,
    usual: profileInUse(files)?.registry,
  }, io);
  const profile = await lookedUp(action, { ...options, registry }, files, io);
  await addProfile(files.home, name, profile);
  const isDefault = options.default === true || files.own?.defaultProfile === name;
  if (options.default === true) await useProfile(files.home, name);
  if (options.json === true) {
    io.json({ name, ...profile, user: profile.user ?? null, isDefault });
    return;
  }
  io.print(
    isDefault
      ? `The profile "${name}" is the default`
      : `The profile "${name}" is there. Use it with STARDAG_PROFILE=${name}`,
  );
}

function profileInUse({ files }: ConfigFiles): Profile | undefined {
  const name = new Sources().variable("STARDAG_PROFILE") ?? defaultIn(files)?.name;
  return name === undefined ? undefined : profilesIn(files).get(name)?.profile;
}

/** Asks the registry for what is named, and for what is not. Where it cannot be asked, all has to be named. */
async function lookedUp(
  action: string,
  options: AddProfileOptions & { readonly registry: string },
  { own }: ConfigFiles,
  io: CliIo,
): Promise<Profile> {
  const { registry, workspace, environment, user } = options;
  try {
    if (own?.registries.has(registry) !== true) {
      throw new ConfigError(
        `Cannot ${action}: nobody is signed in to "${registry}". Sign in first`,
      );
    }
    const place = await workPlace(action, options, io);
    const { account } = place;
    const found = await chosen(
      await account.workspaces(),
      { action, what: "workspace", wanted: workspace },
      io,
    );
    const foundIn = await chosen(
      await account.environments(found.id),
      { action, what: "environment", wanted: environment },
      io,
    );
    await account.targetRoots(found.id, foundIn.id);
    return { registry, user: place.user, workspace: found.slug, environment: foundIn.slug };
  } catch (error) {
    if (!(error instanceof StardagError)) throw error;
    if (workspace === undefined || environment === undefined) {
      throw new ConfigError(`${error.message}, or name both --workspace and --environment`, {
        cause: error,
      });
    }
    io.tell(`Not looked up whether there is such a place. ${error.message}`);
    return { registry, user, workspace, environment };
  }
}

/** Makes a profile the default one. */
export async function useNamedProfile(
  name: string,
  { json = false }: JsonOption,
  io: CliIo,
): Promise<void> {
  const action = `use the profile "${name}"`;
  const { home, own } = configFiles(action);
  const names = [...own?.profiles.keys() ?? []];
  if (!names.includes(name)) throw unknownName(action, "profile", name, names);
  await useProfile(home, name);
  if (json) io.json({ default: name });
  else io.print(`The profile "${name}" is the default`);
  const variable = new Sources().variable("STARDAG_PROFILE");
  const inForce = defaultIn(configFiles(action).files);
  if (variable !== undefined && variable !== name) {
    io.tell(`STARDAG_PROFILE is "${variable}" and goes before it`);
  } else if (inForce !== undefined && inForce.name !== name) {
    io.tell(`${inForce.place} says "${inForce.name}" and goes before it here`);
  }
}

/** Removes a profile, and tells when it was the default one. */
export async function removeNamedProfile(
  name: string,
  { json = false }: JsonOption,
  io: CliIo,
): Promise<void> {
  const action = `remove the profile "${name}"`;
  const { home, own } = configFiles(action);
  const names = [...own?.profiles.keys() ?? []];
  if (!names.includes(name)) throw unknownName(action, "profile", name, names);
  await removeProfile(home, name);
  const wasDefault = own?.defaultProfile === name;
  const now = defaultIn(configFiles(action).files)?.name ?? null;
  if (json) io.json({ removed: name, wasDefault, default: now });
  else io.print(`Removed the profile "${name}"`);
  if (wasDefault) tellDefaultIsGone(name, io);
  if (new Sources().variable("STARDAG_PROFILE") === name) {
    io.tell("STARDAG_PROFILE still names it. Unset it");
  }
}

/** Tells that a profile was the default one, and which one is now. */
export function tellDefaultIsGone(name: string, io: CliIo): void {
  const now = defaultIn(configFiles("read the configuration").files);
  io.tell(
    `The profile "${name}" was the default. ` +
      (now === undefined
        ? 'There is none now: choose one with "stardag config profile use <name>"'
        : `The default here is "${now.name}" of ${now.place}`),
  );
}

/** The profile that is used where no variable names one. */
function defaultIn(
  files: readonly ConfigFile[],
): { readonly name: string; readonly place: string } | undefined {
  const file = files.find(({ defaultProfile }) => defaultProfile !== undefined);
  return file?.defaultProfile === undefined
    ? undefined
    : { name: file.defaultProfile, place: file.place("default", "profile") };
}
