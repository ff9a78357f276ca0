/**
 * Target roots: from variables, the active environment and the default. Unaware of targets.
 *
 * @module
 */

import { fromFileUrl, join, resolve } from "@std/path";
import { ConfigError, messageOf, PermissionError } from "../errors.ts";
import { cachedTargetRoots } from "./caches.ts";
import { quoted } from "./config_file.ts";
import { type ConfigContext, readContext } from "./context.ts";
import { defaultTargetRootPath, homeVariable } from "./paths.ts";
import { DEFAULT_API_URL } from "./registry_url.ts";
import { mayReadAllVariables, Sources } from "./sources.ts";

/** The key of the target root that is used where none is named. */
export const DEFAULT_TARGET_ROOT_KEY = "default";

const ROOTS_VARIABLE = "STARDAG_TARGET_ROOTS";

/** From key to root, as they were told. */
export type TargetRoots = ReadonlyMap<string, string>;

/** The root of a key by variables, then by the active environment, then by default. Throws when nothing tells it. */
export function readTargetRoot(key: string): string {
  const told = toldRoot(key, () => {
    const sources = new Sources();
    const { url, context } = readContext(sources, true);
    return environmentRoots(sources, url, context, variablesOf(key));
  });
  if (told.root !== undefined) return told.root;
  if (key === DEFAULT_TARGET_ROOT_KEY) return defaultTargetRoot();
  const keys = quoted([...told.keys, DEFAULT_TARGET_ROOT_KEY]);
  const example = JSON.stringify({ [key]: "/data/stardag" });
  throw new ConfigError(
    `Cannot find the target root "${key}": there is none of that key, only ${keys}. ` +
      `Set ${variableOf(key)}=/data/stardag, or ${ROOTS_VARIABLE}='${example}'`,
  );
}

/** All roots that are told and may be read, given those of the active environment. */
export function readTargetRoots(
  ofEnvironment: () => TargetRoots,
): Readonly<Record<string, string>> {
  const sources = new Sources();
  const fromVariable = parseRoots(sources.variable(ROOTS_VARIABLE));
  const keys = new Set([
    DEFAULT_TARGET_ROOT_KEY,
    ...fromVariable.keys(),
    ...unlessDenied(ofEnvironment)?.keys() ?? [],
  ]);
  const known = new Set([...keys].map(variableOf));
  for (const name of mayReadAllVariables() ? Object.keys(Deno.env.toObject()) : []) {
    const key = name.startsWith(`${ROOTS_VARIABLE}__`) ? name.slice(ROOTS_VARIABLE.length + 2) : "";
    if (key !== "" && !known.has(name)) keys.add(key.toLowerCase());
  }
  const roots = [...keys].flatMap((key) => {
    const told = unlessDenied(() => toldRoot(key, ofEnvironment));
    const isDefault = told !== undefined && key === DEFAULT_TARGET_ROOT_KEY;
    const root = told?.root ??
      (isDefault && sources.home() !== undefined ? defaultTargetRoot() : undefined);
    return root === undefined ? [] : [[key, root] as const];
  });
  return Object.fromEntries(roots);
}

/**
 * The roots of an environment, as they were told last; none when no environment is set. Throws `PermissionError` when one
 * is, and what may not be read could tell others. `variables` are those that its flag is to grant besides.
 */
export function environmentRoots(
  sources: Sources,
  url: string | undefined,
  { environment, workspaceId, environmentId }: ConfigContext,
  variables: readonly string[],
): TargetRoots {
  if (environment === undefined) return new Map();
  const roots = workspaceId === undefined || environmentId === undefined
    ? undefined
    : cachedTargetRoots(sources, url ?? DEFAULT_API_URL, workspaceId, environmentId);
  const state = `Cannot find the target roots: they are those of the environment "${environment}"`;
  sources.requireAll(state, "which tells where its outputs are kept", variables);
  return roots ?? new Map();
}

/** What is told of a root, not by default, and the keys that there are where it is not. */
function toldRoot(
  key: string,
  ofEnvironment: () => TargetRoots,
): { readonly root?: string; readonly keys: readonly string[] } {
  const sources = new Sources();
  const keyVariable = variableOf(key);
  const own = sources.variable(keyVariable);
  if (own !== undefined) return { root: toTargetRoot(own, keyVariable), keys: [] };

  const fromVariable = parseRoots(sources.variable(ROOTS_VARIABLE));
  if (sources.isUnseen(ROOTS_VARIABLE)) {
    throw notPermitted(key, `Deno may not read ${ROOTS_VARIABLE}`);
  }
  const given = fromVariable.get(key);
  if (given !== undefined) {
    return { root: toTargetRoot(given, `${ROOTS_VARIABLE} at "${key}"`), keys: [] };
  }
  if (sources.isUnseen(keyVariable)) {
    const keys = quoted([...fromVariable.keys(), DEFAULT_TARGET_ROOT_KEY]);
    const others = key === DEFAULT_TARGET_ROOT_KEY
      ? ""
      : `${ROOTS_VARIABLE} has only ${keys}, and `;
    throw notPermitted(key, `${others}Deno may not read ${keyVariable}`);
  }
  const roots = ofEnvironment();
  const root = roots.get(key);
  const keys = [...fromVariable.keys(), ...roots.keys()];
  if (root === undefined) return { keys };
  return { root: toTargetRoot(root, `"${key}" of the environment's target roots`), keys };
}

/** The variable that tells the root of a key, if one does. Throws `ConfigError` when it cannot be read. */
export function targetRootVariable(key: string): string | undefined {
  const sources = new Sources();
  if (sources.variable(variableOf(key)) !== undefined) return variableOf(key);
  return parseRoots(sources.variable(ROOTS_VARIABLE)).has(key) ? ROOTS_VARIABLE : undefined;
}

/**
 * A root as it is written by people, made the prefix of the uris below it: an absolute local path, or the uri it is, with a
 * slash at its end. Takes relative paths, `~`, `file://` urls and slashes too many; `source` says in errors where it is set.
 */
export function toTargetRoot(root: string, source: string): string {
  if (typeof root !== "string" || root.trim() === "") {
    const value = typeof root === "string" ? `"${root}"` : `of type ${typeof root}`;
    throw new ConfigError(
      `Cannot use a target root: ${source} is ${value}. Set it to a folder or a uri, e.g. "/data/stardag"`,
    );
  }
  if (root.startsWith("file:")) return withSlash(localPath(root));
  if (root.endsWith("://")) return root;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(root)) return withSlash(root);
  if (/^~(?=[\\/]|$)/.test(root)) return withSlash(join(home(source), root.slice(1)));
  return withSlash(resolve(root));
}

/** The path that a `file:` url names. Throws `ConfigError` for one with too few slashes, which would name another. */
export function localPath(url: string): string {
  if (Deno.build.os === "windows" || /^file:\/\/(?:localhost)?\//i.test(url)) {
    return fromFileUrl(url);
  }
  throw new ConfigError(
    `Cannot use "${url}": it names no file of this machine. ` +
      `Write three slashes before the path, e.g. "file:///data/stardag"`,
  );
}

function defaultTargetRoot(): string {
  const folder = home(
    `the target root "${DEFAULT_TARGET_ROOT_KEY}" is unless ${ROOTS_VARIABLE} says otherwise`,
  );
  return withSlash(defaultTargetRootPath(folder));
}

function home(source: string): string {
  const sources = new Sources();
  const value = sources.home();
  if (value !== undefined) return value;
  const variable = homeVariable();
  const instead = `set ${ROOTS_VARIABLE}='{"${DEFAULT_TARGET_ROOT_KEY}":"/data/stardag"}'`;
  const state = `Cannot find the home folder, where ${source}`;
  if (!sources.isUnseen(variable)) {
    throw new ConfigError(`${state}: ${variable} is not set. Set it, or ${instead}`);
  }
  const flag = `--allow-env=${variablesOf(DEFAULT_TARGET_ROOT_KEY).join(",")}`;
  throw new PermissionError(
    `${state}: Deno may not read ${variable}. Run with ${flag}, or ${instead}`,
    { flag },
  );
}

function parseRoots(text: string | undefined): TargetRoots {
  if (text === undefined) return new Map();
  const bad = (state: string, cause?: unknown): ConfigError =>
    new ConfigError(
      `Cannot read the target roots: ${ROOTS_VARIABLE} is '${text}', ${state}. ` +
        `Set it to a JSON object from key to root, e.g. ` +
        `${ROOTS_VARIABLE}='{"${DEFAULT_TARGET_ROOT_KEY}":"/data/stardag"}'`,
      { cause },
    );
  let roots: unknown;
  try {
    roots = JSON.parse(text);
  } catch (error) {
    throw bad(`which is not JSON (${messageOf(error)})`, error);
  }
  if (typeof roots !== "object" || roots === null || Array.isArray(roots)) {
    throw bad("which is not a JSON object");
  }
  const entries = Object.entries(roots).map(([key, root]: [string, unknown]) => {
    if (typeof root === "string") return [key, root] as const;
    throw bad(`where the root of "${key}" is ${JSON.stringify(root)} and not a string`);
  });
  return new Map(entries);
}

/** All that could tell the root: one variable fewer, and another root might be taken without a word. */
function variablesOf(key: string): readonly string[] {
  const isDefault = key === DEFAULT_TARGET_ROOT_KEY;
  return [ROOTS_VARIABLE, variableOf(key), ...isDefault ? [homeVariable()] : []];
}

function variableOf(key: string): string {
  return `${ROOTS_VARIABLE}__${key.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
}

function notPermitted(key: string, state: string): PermissionError {
  const flag = `--allow-env=${variablesOf(key).join(",")}`;
  return new PermissionError(
    `Cannot find the target root "${key}": ${state}. Run with ${flag}, which tells where outputs are kept`,
    { flag },
  );
}

function unlessDenied<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof PermissionError) return undefined;
    throw error;
  }
}

function withSlash(root: string): string {
  return root.replace(/\/+$/, "") + "/";
}
