/**
 * What `config registry add` and `config registry remove` do.
 *
 * @module
 */

import { addRegistry, removeProfile, removeRegistry } from "../config/config_change.ts";
import { quoted } from "../config/config_file.ts";
import { signIns } from "../config/sign_ins.ts";
import { ConfigError } from "../errors.ts";
import { tellDefaultIsGone } from "./change_profiles.ts";
import { checkNewName, unknownName } from "./choose.ts";
import type { CliIo } from "./cli_io.ts";
import { configFiles } from "./work_place.ts";

/** Options of `config registry add`. */
export interface AddRegistryOptions {
  readonly url: string;
  readonly json?: boolean | undefined;
}

/** Options of `config registry remove`. */
export interface RemoveRegistryOptions {
  readonly withProfiles?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Adds a registry, or changes its url. */
export async function addNamedRegistry(
  name: string,
  { url, json = false }: AddRegistryOptions,
  io: CliIo,
): Promise<void> {
  const action = `add the registry "${name}"`;
  const { home, own: before } = configFiles(action);
  if (before?.registries.has(name) !== true) checkNewName(action, "registry", name);
  await addRegistry(home, name, url);
  const { own } = configFiles(action);
  const now = own?.registries.get(name);
  const previous = before?.registries.get(name);
  if (json) {
    io.json({ name, url: now, previousUrl: previous ?? null });
    return;
  }
  io.print(
    previous === undefined || previous === now
      ? `The registry "${name}" is at ${now}`
      : `The registry "${name}" is at ${now} now, and was at ${previous}`,
  );
}

/** Removes a registry; not one that profiles use, unless they are to be removed, too. */
export async function removeNamedRegistry(
  name: string,
  { withProfiles = false, json = false }: RemoveRegistryOptions,
  io: CliIo,
): Promise<void> {
  const action = `remove the registry "${name}"`;
  const { home, own } = configFiles(action);
  const names = [...own?.registries.keys() ?? []];
  if (!names.includes(name)) throw unknownName(action, "registry", name, names);
  const profiles = [...own?.profiles ?? []]
    .flatMap(([profile, { registry }]) => registry === name ? [profile] : []);
  if (profiles.length > 0 && !withProfiles) {
    const [subject, rest] = profiles.length === 1
      ? ["profile", "uses it. Remove it"]
      : ["profiles", "use it. Remove them"];
    throw new ConfigError(
      `Cannot ${action}: the ${subject} ${quoted(profiles)} ${rest} first, or add --with-profiles`,
    );
  }
  for (const profile of profiles) await removeProfile(home, profile);
  await removeRegistry(home, name);
  if (json) io.json({ removed: name, removedProfiles: profiles });
  else {
    const too = profiles.length === 0 ? "" : `, and with it ${quoted(profiles)}`;
    io.print(`Removed the registry "${name}"${too}`);
  }
  const wasDefault = profiles.find((profile) => profile === own?.defaultProfile);
  if (wasDefault !== undefined) tellDefaultIsGone(wasDefault, io);
  const isSignedIn = signIns(home, names).some(({ registryName }) => registryName === name);
  if (isSignedIn) {
    io.tell(`What was signed in with is kept. Remove it with "stardag auth logout -r ${name}"`);
  }
}
