/**
 * Who works where, for commands that ask a registry in their name: options go before the profile in use, and of what
 * neither tells there may be only one.
 *
 * @module
 */

import { loadConfig, type StardagConfig } from "../config/config.ts";
import { type ConfigFile, type Profile, readConfigFiles } from "../config/config_file.ts";
import { homeVariable } from "../config/paths.ts";
import { type SignIn, signIns } from "../config/sign_ins.ts";
import { Sources } from "../config/sources.ts";
import { ConfigError } from "../errors.ts";
import { Account } from "../registries/account.ts";
import { identityToken, type SignInConfig } from "../registries/sign_in.ts";
import { type Choosable, chosen } from "./choose.ts";
import type { CliIo } from "./cli_io.ts";

/** The files of the configuration. */
export interface ConfigFiles {
  /** The home folder. */
  readonly home: string;
  /** Those that there are, the one that goes before the other first. */
  readonly files: readonly ConfigFile[];
  /** The user's, which is what commands change. */
  readonly own: ConfigFile | undefined;
}

/** What was told of the place. */
export interface WorkPlaceOptions {
  readonly registry?: string | undefined;
  readonly user?: string | undefined;
}

/** Who works at which registry. */
export interface WorkPlace {
  readonly account: Account;
  readonly registryName: string;
  readonly user: string;
  /** What the profile in use says, where it is of this registry. */
  readonly context: StardagConfig["context"] | undefined;
}

/** Reads the files. Throws `ConfigError`, and `PermissionError` when the user's may not be read. */
export function configFiles(action: string): ConfigFiles {
  const sources = new Sources();
  const home = sources.home();
  const all = readConfigFiles(sources, true);
  const state = `Cannot ${action}: the configuration is kept in the home folder`;
  sources.requireAll(state, "which is where it is");
  if (home === undefined) {
    throw new ConfigError(`Cannot ${action}: ${homeVariable()} is not set. Set it to your home`);
  }
  const own = all.find(({ isOfUser }) => isOfUser);
  // In the home folder, and below it, the user's is the nearest as well.
  return { home, files: all.filter((file) => file === own || file.path !== own?.path), own };
}

/** The registries in force, from name to url. */
export function registriesIn(files: readonly ConfigFile[]): ReadonlyMap<string, string> {
  return new Map(files.toReversed().flatMap(({ registries }) => [...registries]));
}

/** The profiles in force, by name. */
export function profilesIn(
  files: readonly ConfigFile[],
): ReadonlyMap<string, { readonly profile: Profile; readonly file: ConfigFile }> {
  return new Map(
    files.toReversed().flatMap((file) =>
      [...file.profiles].map(([name, profile]) => [name, { profile, file }] as const)
    ),
  );
}

/** Registries as what can be chosen. */
export function choosableRegistries(
  registries: ReadonlyMap<string, string>,
): readonly Choosable[] {
  return [...registries].map(([name, url]) => ({ slug: name, id: name, name: url }));
}

/**
 * Has the user's sign-in used. It is never shown to another registry than that of the user's own file. Rejects as
 * `identityToken()` does, and with `UsageError` when it is not told where, or as whom.
 */
export async function workPlace(
  action: string,
  { registry, user }: WorkPlaceOptions,
  io: CliIo,
): Promise<WorkPlace> {
  const { home, own } = configFiles(action);
  const config = loadConfig();
  const registries = own?.registries ?? new Map<string, string>();
  const { slug: registryName, name: url } = await chosen(
    choosableRegistries(registries),
    { action, what: "registry", wanted: registry, usual: config.context.registryName },
    io,
  );
  const context = config.context.registryName === registryName ? config.context : undefined;
  const users = signIns(home, [...registries.keys()])
    .filter((each) => each.registryName === registryName);
  const name = user ?? context?.user ?? await onlyUser(action, users, registryName, io);
  const place: SignInConfig = {
    api: { ...config.api, url },
    context: { ...config.context, registryName, user: name },
  };
  const account = new Account(home, registryName, place, await identityToken(place));
  return { account, registryName, user: name, context };
}

async function onlyUser(
  action: string,
  users: readonly SignIn[],
  registryName: string,
  io: CliIo,
): Promise<string> {
  if (users.length === 0) {
    throw new ConfigError(
      `Cannot ${action}: nobody is signed in to the registry "${registryName}". ` +
        `Sign in with "stardag auth login"`,
    );
  }
  const choices = users.map(({ user }) => ({ slug: user, id: user, name: "" }));
  return (await chosen(choices, { action, what: "user" }, io)).slug;
}
