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
import { isPlainObject } from "../json.ts";
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
  const profile: z.ZodType<Profile> = z.preprocess(
    // What workspaces were called once.
    (entry) => isPlainObject(entry) ? { workspace: entry.organization, ...entry } : entry,
    z.looseObject({
      registry: name,
      user: name.optional(),
      organization: name.optional(),
      workspace: name,
      environment: name,
    }),
  ).transform(({ registry, user, workspace, environment }) => {
    return { registry, user, workspace, environment };
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
  for (const path of projectPaths()) {
    const text = mayReadFile(path) ? sources.text(path) : undefined;
    if (text !== undefined) return parseConfigFile(path, text, false);
  }
  return undefined;
}

/** For the account of what may not be read: where a project's file would go before the one that was found. */
export function accountForProject(sources: Sources): void {
  for (const path of projectPaths()) {
    if (sources.text(path) !== undefined) return;
  }
}

/** Where a project's file may be, the nearest first. */
function* projectPaths(): Generator<string> {
  const start = workingFolder();
  if (start === undefined) return;
  for (let folder = start;; folder = dirname(folder)) {
    yield configPath(folder);
    if (folder === dirname(folder)) return;
  }
}

/** `undefined` when it was removed. */
function workingFolder(): string | undefined {
  try {
    return Deno.cwd();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
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
  const checked = content().safeParse(parsed, { error: faultOf });
  if (!checked.success) {
    const issues = checked.error.issues.map(({ path, message }) => {
      const names = path.map(String);
      return { fault: `${names.join(".")} (${message})`, at: place(...names) };
    });
    const at = issues[0]?.at;
    const faults = issues.filter((issue) => issue.at === at).map(({ fault }) => fault);
    const verb = faults.length === 1 ? "is not as it" : "are not as they";
    throw new ConfigError(
      `Cannot read the configuration in ${at}: ${
        faults.join(", ")
      } ${verb} should be. Correct it there`,
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

/** What is wrong with an entry, in the words of TOML; `undefined` for what Zod says of it. */
function faultOf({ code, expected, input }: z.core.$ZodRawIssue): string | undefined {
  if (input === undefined) return "it is missing";
  const isTable = expected === "object" || expected === "record";
  return code === "invalid_type" && isTable ? "expected a table" : undefined;
}

/** Which names there are, and how the advice begins about one that is none of them; what to add comes after it. */
export function choices(
  what: string,
  names: readonly string[],
): { readonly state: string; readonly remedy: string } {
  return names.length === 0
    ? { state: `there are no ${what}`, remedy: "Add" }
    : { state: `the ${what} are ${quoted(names)}`, remedy: "Name one of these, or add" };
}

/** Names as a message gives them. */
export function quoted(names: readonly string[]): string {
  return names.length === 0 ? "none" : [...new Set(names)].map((name) => `"${name}"`).join(", ");
}
