/**
 * The files `config.toml` of a project and of the user: registries, profiles and which profile is used. Unaware of
 * variables and of what the profile in use leads to.
 *
 * @module
 */

import { parse } from "@std/toml";
import { dirname } from "@std/path";
import { z } from "zod";
import { ConfigError, messageOf } from "../errors.ts";
import { mapOf } from "./json_file.ts";
import { configPath } from "./paths.ts";
import { registryUrl } from "./registry_url.ts";
import { mayReadFile, type Sources } from "./sources.ts";
import { lineOf } from "./toml_text.ts";

/** One such file. */
export interface ConfigFile {
  /** The full path. */
  readonly path: string;
  /** Whether it is the user's, and not a project's. */
  readonly isOfUser: boolean;
  /** From name to url, without a slash at its end. */
  readonly registries: ReadonlyMap<string, string>;
  /** By name. */
  readonly profiles: ReadonlyMap<string, Profile>;
  /** The profile in use where no variable names one. */
  readonly defaultProfile: string | undefined;
  /** The place of an entry, for a message: the file, and the line where that is found. */
  place(...keys: readonly string[]): string;
}

/** One entry `[profile.<name>]`. */
export interface Profile {
  /** The name of a registry. */
  readonly registry: string;
  /** Who has signed in to it. */
  readonly user: string | undefined;
  /** Slug or id. */
  readonly workspace: string;
  /** Slug or id. */
  readonly environment: string;
}

function content() {
  const name = z.string().min(1);
  const profile: z.ZodType<Profile> = z.looseObject({
    registry: name,
    user: name.optional(),
    workspace: name.optional(),
    organization: name.optional(), // what workspaces were called once
    environment: name,
  }).transform(({ registry, user, workspace, organization, environment }, context) => {
    const either = workspace ?? organization;
    if (either !== undefined) return { registry, user, workspace: either, environment };
    context.addIssue({ code: "custom", path: ["workspace"], message: "it is missing" });
    return z.NEVER;
  });
  return z.looseObject({
    registry: mapOf(z.looseObject({ url: name })).optional(),
    profile: mapOf(profile).optional(),
    default: z.looseObject({ profile: name.optional() }).optional(),
  });
}

/** The files that there are and that may be read, the one that goes before the other first. Throws `ConfigError`. */
export function readConfigFiles(
  sources: Sources,
  useProjectConfig: boolean,
): readonly ConfigFile[] {
  const home = sources.home();
  const ofUser = home === undefined ? undefined : configPath(home);
  const ofProject = useProjectConfig ? readNearest(sources) : undefined;
  const text = ofUser === undefined ? undefined : sources.text(ofUser);
  return [
    ...ofProject === undefined ? [] : [ofProject],
    ...ofUser === undefined || text === undefined ? [] : [parseConfigFile(ofUser, text, true)],
  ];
}

/** That of the current folder or of the nearest one above it. Those that may not be read count as not there. */
function readNearest(sources: Sources): ConfigFile | undefined {
  for (let folder = Deno.cwd();; folder = dirname(folder)) {
    const path = configPath(folder);
    const text = mayReadFile(path) ? sources.text(path) : undefined;
    if (text !== undefined) return parseConfigFile(path, text, false);
    if (folder === dirname(folder)) return undefined;
  }
}

/** What is in such a file. Throws `ConfigError` with file and line. */
export function parseConfigFile(path: string, text: string, isOfUser: boolean): ConfigFile {
  let parsed: unknown;
  try {
    parsed = parse(text);
  } catch (error) {
    // Its message names the line, over several lines.
    const reason = messageOf(error).replace(/^Parse error on /, "").replaceAll(/\s+/g, " ").trim();
    throw new ConfigError(
      `Cannot read the configuration in "${path}": it is not TOML, ${reason}. Correct it there`,
      { cause: error },
    );
  }
  const place = (...keys: readonly string[]): string => {
    const line = lineOf(text, keys);
    return `"${path}"${line === undefined ? "" : `, line ${line}`}`;
  };
  const checked = content().safeParse(parsed);
  if (!checked.success) {
    const { path: keys = [], message } = checked.error.issues[0] ?? {};
    const names = keys.map(String);
    throw new ConfigError(
      `Cannot read the configuration in ${place(...names)}: ` +
        `${names.join(".")} is not as it should be (${message}). Correct it there`,
      { cause: checked.error },
    );
  }
  const { registry, profile, default: defaults } = checked.data;
  const registries = [...registry ?? []].map(([name, { url }]) =>
    [
      name,
      registryUrl(url, () => `registry.${name}.url in ${place("registry", name, "url")}`),
    ] as const
  );
  return {
    path,
    isOfUser,
    registries: new Map(registries),
    profiles: profile ?? new Map(),
    defaultProfile: defaults?.profile,
    place,
  };
}

/** Names as a message gives them. */
export function quoted(names: readonly string[]): string {
  return names.length === 0 ? "none" : [...new Set(names)].map((name) => `"${name}"`).join(", ");
}
