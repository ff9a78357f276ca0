/**
 * Where outputs are kept: the target roots, read from the environment when one is asked for. Unaware of targets.
 *
 * @module
 */

import { fromFileUrl, join, resolve } from "@std/path";
import { ConfigError, messageOf, PermissionError } from "../errors.ts";

/** The key of the target root that is used where none is named. */
export const DEFAULT_TARGET_ROOT_KEY = "default";

const ROOTS_VARIABLE = "STARDAG_TARGET_ROOTS";

/**
 * The target root configured for a key: an absolute local path or a uri, with a slash at its end.
 *
 * `STARDAG_TARGET_ROOTS__<KEY>` goes before the entry in `STARDAG_TARGET_ROOTS`, a JSON object from key to root; when
 * neither is set, `default` is `~/.stardag/local-target-roots/default/default`. `<KEY>` is the key in upper case, with `_`
 * for whatever a name of a variable cannot hold. An empty variable counts as not set, and so does the one of the single key
 * when Deno may not read it and the other tells the root. Throws `ConfigError`, and `PermissionError` when what may not be read could tell the root.
 */
export function getTargetRoot(key: string = DEFAULT_TARGET_ROOT_KEY): string {
  const keyVariable = `${ROOTS_VARIABLE}__${key.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
  const own = readVariable(keyVariable);
  if (typeof own === "string") return toTargetRoot(own, keyVariable);

  const isDefault = key === DEFAULT_TARGET_ROOT_KEY;
  const all = readVariable(ROOTS_VARIABLE);
  // All that could tell the root: one variable fewer, and another root might be taken without a word.
  const needed = [ROOTS_VARIABLE, keyVariable, ...isDefault ? [homeVariable()] : []].join(",");
  if (all instanceof Deno.errors.NotCapable) {
    throw notPermitted(key, `Deno may not read ${ROOTS_VARIABLE}`, needed, all);
  }
  const roots = all === undefined ? {} : parseRoots(all);
  const root = Object.hasOwn(roots, key) ? roots[key] : undefined;
  if (root !== undefined) return toTargetRoot(root, `${ROOTS_VARIABLE} at "${key}"`);
  if (isDefault) {
    if (own instanceof Deno.errors.NotCapable) {
      throw notPermitted(key, `Deno may not read ${keyVariable}`, needed, own);
    }
    return defaultTargetRoot();
  }

  const keys = [...new Set([...Object.keys(roots), DEFAULT_TARGET_ROOT_KEY])]
    .map((known) => `"${known}"`).join(", ");
  if (own instanceof Deno.errors.NotCapable) {
    const state = `${ROOTS_VARIABLE} has only ${keys}, and Deno may not read ${keyVariable}`;
    throw notPermitted(key, state, needed, own);
  }
  const example = JSON.stringify({ [key]: "/data/stardag" });
  throw new ConfigError(
    `Cannot find the target root "${key}": there is none of that key, only ${keys}. ` +
      `Set ${keyVariable}=/data/stardag, or ${ROOTS_VARIABLE}='${example}'`,
  );
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
  return withSlash(join(folder, ".stardag", "local-target-roots", "default", "default"));
}

function home(source: string): string {
  const variable = homeVariable();
  const value = readVariable(variable);
  if (typeof value === "string") return value;
  const instead = `set ${ROOTS_VARIABLE}='{"${DEFAULT_TARGET_ROOT_KEY}":"/data/stardag"}'`;
  const state = `Cannot find the home folder, where ${source}`;
  if (value === undefined) {
    throw new ConfigError(`${state}: ${variable} is not set. Set it, or ${instead}`);
  }
  const flag = `--allow-env=${ROOTS_VARIABLE},${ROOTS_VARIABLE}__DEFAULT,${variable}`;
  throw new PermissionError(
    `${state}: Deno may not read ${variable}. Run with ${flag}, or ${instead}`,
    { flag, cause: value },
  );
}

function homeVariable(): string {
  return Deno.build.os === "windows" ? "USERPROFILE" : "HOME";
}

/** The value; `undefined` when it is not set or empty; the error when it may not be read. */
function readVariable(name: string): string | undefined | Deno.errors.NotCapable {
  try {
    return Deno.env.get(name) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return error;
    throw error;
  }
}

function parseRoots(text: string): Record<string, string> {
  const bad = (state: string, cause?: unknown): ConfigError =>
    new ConfigError(
      `Cannot read the target roots: ${ROOTS_VARIABLE} is "${text}", ${state}. ` +
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
  for (const [key, root] of Object.entries(roots)) {
    if (typeof root !== "string") {
      throw bad(`where the root of "${key}" is ${JSON.stringify(root)} and not a string`);
    }
  }
  return roots as Record<string, string>;
}

function withSlash(root: string): string {
  return root.replace(/\/+$/, "") + "/";
}

function notPermitted(
  key: string,
  state: string,
  variables: string,
  cause: Deno.errors.NotCapable,
): PermissionError {
  const flag = `--allow-env=${variables}`;
  return new PermissionError(
    `Cannot find the target root "${key}": ${state}. Run with ${flag}, which tells where outputs are kept`,
    { flag, cause },
  );
}
