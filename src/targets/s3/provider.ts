/**
 * Where files of `s3://` are unless told: in S3, with local copies of them when variables ask for that.
 *
 * @module
 */

import { defaultS3CachePath, homeVariable } from "../../config/paths.ts";
import { Sources } from "../../config/sources.ts";
import { toTargetRoot } from "../../config/target_roots.ts";
import { ConfigError, messageOf, PermissionError } from "../../errors.ts";
import { isPlainObject } from "../../json.ts";
import { type Provider, provider } from "../../provider.ts";
import { CachedRemoteFileSystem, type CachedRemoteFileSystemOptions } from "../cached_remote.ts";
import type { RemoteFileSystem } from "../remote.ts";
import { S3FileSystem } from "./file_system.ts";

const USE_CACHE = "STARDAG_TARGET_S3_USE_CACHE";
/** Both are in use: the first one goes before the other. */
const CACHE_PREFIXES = ["STARDAG_TARGET_S3_CACHE__", "STARDAG_TARGET_S3_CACHE_"];

/**
 * Where outputs below roots of `s3://` are kept: an {@linkcode S3FileSystem} unless one is set.
 *
 * With `STARDAG_TARGET_S3_USE_CACHE=true` it is wrapped in a {@linkcode CachedRemoteFileSystem}. Its options are then read
 * from `STARDAG_TARGET_S3_CACHE_ROOT` (`~/.stardag/cache/s3` unless told), `STARDAG_TARGET_S3_CACHE_ROOT_BY_PREFIX` (a JSON
 * object) and `STARDAG_TARGET_S3_CACHE_ALLOW_CACHE_CHECK_EXISTS`; two underscores after `CACHE` mean the same. Variables
 * are read when the file system is first needed; one that is empty or may not be read counts as not set. Throws
 * `ConfigError` for what they cannot be, and `PermissionError` when the home folder is needed and may not be known.
 */
export const s3FileSystemProvider: Provider<RemoteFileSystem> = provider<RemoteFileSystem>(() => {
  const sources = new Sources();
  const s3 = new S3FileSystem();
  const fileSystem = isOn(sources, USE_CACHE)
    ? new CachedRemoteFileSystem({ fileSystem: s3, ...cacheOptions(sources) })
    : s3;
  fromConfiguration.add(fileSystem);
  return fileSystem;
});

const fromConfiguration = new WeakSet<RemoteFileSystem>();

/** Whether it is one that the provider has made: other processes with the same variables have the same one. */
export function isFromConfiguration(fileSystem: RemoteFileSystem): boolean {
  return fromConfiguration.has(fileSystem);
}

function cacheOptions(sources: Sources): Omit<CachedRemoteFileSystemOptions, "fileSystem"> {
  const variable = (name: string): string => {
    const [first = "", second = ""] = CACHE_PREFIXES.map((prefix) => prefix + name);
    return sources.variable(first) === undefined ? second : first;
  };
  const root = variable("ROOT");
  const told = sources.variable(root);
  return {
    root: told === undefined ? defaultRoot(sources) : folder(told, root),
    rootByPrefix: foldersByPrefix(sources, variable("ROOT_BY_PREFIX")),
    allowCacheCheckExists: isOn(sources, variable("ALLOW_CACHE_CHECK_EXISTS")),
  };
}

function isOn(sources: Sources, variable: string): boolean {
  const text = sources.variable(variable) ?? "false";
  if (/^(?:1|true|t|yes|y|on)$/i.test(text)) return true;
  if (/^(?:0|false|f|no|n|off)$/i.test(text)) return false;
  throw new ConfigError(
    `Cannot use ${variable}: it is "${text}", which says neither yes nor no. Set it to true or false`,
  );
}

function foldersByPrefix(sources: Sources, variable: string): Readonly<Record<string, string>> {
  const text = sources.variable(variable) ?? "{}";
  const bad = (state: string, cause?: unknown): ConfigError =>
    new ConfigError(
      `Cannot use ${variable}: it is '${text}', ${state}. Set it to a JSON object from prefix to folder, e.g. ` +
        `'{"s3://bucket/":"/var/cache/stardag"}'`,
      { cause },
    );
  let folders: unknown;
  try {
    folders = JSON.parse(text);
  } catch (error) {
    throw bad(`which is not JSON (${messageOf(error)})`, error);
  }
  if (!isPlainObject(folders)) throw bad("which is not a JSON object");
  const entries = Object.entries(folders).map(([prefix, path]) => {
    if (!prefix.startsWith("s3://")) throw bad(`where "${prefix}" does not start with "s3://"`);
    if (typeof path !== "string") throw bad(`where the folder of "${prefix}" is not a string`);
    return [prefix, folder(path, variable)] as const;
  });
  return Object.fromEntries(entries);
}

function folder(path: string, variable: string): string {
  const full = /^(?!file:)[a-z][a-z0-9+.-]+:/i.test(path) ? "" : toTargetRoot(path, variable);
  if (full !== "") return full;
  throw new ConfigError(
    `Cannot use ${variable}: "${path}" is no local folder. Set it to one, e.g. "/var/cache/stardag"`,
  );
}

function defaultRoot(sources: Sources): string {
  const home = sources.home();
  if (home !== undefined) return defaultS3CachePath(home);
  const [variable, root] = [homeVariable(), `${CACHE_PREFIXES[1]}ROOT`];
  const state = `Cannot find the home folder, below which copies are kept as ${USE_CACHE} asks for`;
  const instead = `set ${root}=/var/cache/stardag`;
  if (!sources.isUnseen(variable)) {
    throw new ConfigError(`${state}: ${variable} is not set. Set it, or ${instead}`);
  }
  const flag = `--allow-env=${[USE_CACHE, root, variable].join()}`;
  throw new PermissionError(
    `${state}: Deno may not read ${variable}. Run with ${flag}, or ${instead}`,
    { flag },
  );
}
