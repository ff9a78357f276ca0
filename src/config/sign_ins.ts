/**
 * Who has signed in to which registries, by the files that are kept of it. Unaware of what is in them.
 *
 * @module
 */

import { basename, join } from "@std/path";
import { changeFile } from "./file_change.ts";
import { PermissionError } from "../errors.ts";
import { accessTokenFolder, credentialsFolder, credentialsPath } from "./paths.ts";
import { isAbsence, mayReadFile } from "./sources.ts";

/** Somebody who has signed in. */
export interface SignIn {
  readonly registryName: string;
  readonly user: string;
}

/**
 * Who has signed in. `registries` are the names that are known; of other registries the name is made of what there is.
 * Throws `PermissionError`.
 */
export function signIns(home: string, registries: readonly string[]): readonly SignIn[] {
  const found = new Map<string, SignIn>();
  const starts = registries.map((name) => {
    return { name, start: basename(credentialsPath(home, name, ""), ".json") };
  }).sort((a, b) => b.start.length - a.start.length);
  const add = (text: string): void => {
    const known = starts.find(({ start }) => text.startsWith(start));
    const at = known === undefined ? text.lastIndexOf("__") : known.start.length - "__".length;
    if (at < 1) return;
    const registryName = known?.name ?? text.slice(0, at);
    const user = text.slice(at + "__".length).replaceAll("_at_", "@");
    found.set(JSON.stringify([registryName, user]), { registryName, user });
  };
  for (const name of jsonFilesIn(credentialsFolder(home))) add(name.slice(0, -5));
  for (const name of jsonFilesIn(accessTokenFolder(home))) {
    add(name.slice(0, Math.max(0, name.lastIndexOf("__"))));
  }
  return [...found.values()];
}

/** Removes what everybody has signed in with. Rejects with `ConfigError` and `PermissionError`. */
export async function removeAllCredentials(home: string): Promise<void> {
  for (const folder of [credentialsFolder(home), accessTokenFolder(home)]) {
    for (const name of jsonFilesIn(folder)) {
      await changeFile(join(folder, name), () => undefined, { isSecret: true });
    }
  }
}

function jsonFilesIn(folder: string): readonly string[] {
  if (!mayReadFile(folder)) {
    const flag = `--allow-read=${folder}`;
    throw new PermissionError(
      `Cannot tell who has signed in: Deno may not read "${folder}". Run with ${flag}, which is where that is kept`,
      { flag },
    );
  }
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => name.endsWith(".json")).sort();
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}
