/**
 * The configuration: which registry is told what is built, as whom, and where outputs are kept. From variables
 * `STARDAG_*`, then the project's `.stardag/config.toml`, then the user's, then defaults.
 *
 * @module
 */

import { z } from "zod";
import { ConfigError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import { type Provider, provider } from "../provider.ts";
import { quoted } from "./config_file.ts";
import { type ConfigContext, readContext } from "./context.ts";
import { type AccessToken, readAccessToken } from "./credentials.ts";
import { DEFAULT_API_URL } from "./registry_url.ts";
import { Secret } from "./secret.ts";
import { Sources } from "./sources.ts";
import {
  DEFAULT_TARGET_ROOT_KEY,
  environmentRoots,
  readTargetRoot,
  readTargetRoots,
  type TargetRoots,
  toTargetRoot,
} from "./target_roots.ts";

/** All that is configured. What is secret in it shows nowhere unless it is asked for: see {@linkcode Secret}. */
export interface StardagConfig {
  /** Where outputs are kept. */
  readonly target: {
    /**
     * From key to root: an absolute local path or a uri, with a slash at its end. In the configuration as it is loaded
     * `default` is missing when what would tell it may not be read.
     */
    readonly roots: Readonly<Record<string, string>>;
  };
  /** How the registry is reached. */
  readonly api: {
    /**
     * Whether builds are told to it: when its url, a profile, or a key is set, unless STARDAG_NO_REGISTRY is. Else `url` is
     * where one would be.
     */
    readonly isUsed: boolean;
    /** Its url, without a slash at its end. */
    readonly url: string;
    /** How long an answer may take, in milliseconds. */
    readonly timeout: number;
  };
  /** Which registry, workspace and environment are worked with, and as whom. */
  readonly context: ConfigContext;
  /** The key that says who is calling, and for which environment. */
  readonly apiKey: Secret | undefined;
  /** In place of a key, the token of who has signed in; `undefined` also when it has expired. */
  readonly accessToken: AccessToken | undefined;
}

/** Options of {@linkcode loadConfig}. */
export interface LoadConfigOptions {
  /** Whether the nearest `.stardag/config.toml` is read, from the current folder up; on unless told. */
  readonly useProjectConfig?: boolean | undefined;
}

const DEFAULT_TIMEOUT_SECONDS = 30;

/** No timer takes more. */
const MOST_TIMEOUT_SECONDS = 2_147_483;

/** What may stand in a header. */
const API_KEY = /^[\x21-\x7e]+$/;

/**
 * Reads the configuration anew: variables, then files of the project and of the user, then defaults.
 *
 * Deno never asks for a permission: what may not be read counts as not set, unless a variable names it. Throws
 * `ConfigError` for what cannot be read or does not exist, with file, line and choices; `PermissionError` for a profile
 * that `STARDAG_PROFILE` names and that may not be read.
 *
 * @example
 * ```ts
 * import { loadConfig } from "@stardag/core";
 *
 * const { api, context, target } = loadConfig();
 * console.log(api.url, context.profile, target.roots);
 * ```
 */
export function loadConfig(options: LoadConfigOptions = {}): StardagConfig {
  checkOptions(options, ["useProjectConfig"], "load the configuration");
  const { useProjectConfig = true } = options;
  const sources = new Sources();
  const { url, context, isOff } = readContext(sources, useProjectConfig);
  let ofEnvironment: TargetRoots | undefined;
  const roots = readTargetRoots(() =>
    ofEnvironment ??= environmentRoots(sources, url, context, [])
  );
  const apiKey = readApiKey(sources);
  return {
    target: { roots },
    api: {
      isUsed: !isOff && (url !== undefined || apiKey !== undefined),
      url: url ?? DEFAULT_API_URL,
      timeout: readTimeout(sources),
    },
    context,
    apiKey,
    accessToken: apiKey === undefined ? readAccessToken(sources, context) : undefined,
  };
}

/** What was set in code, if anything was. */
const given: Provider<StardagConfig | undefined> = provider<StardagConfig | undefined>(() =>
  undefined
);
let loaded: StardagConfig | undefined;

/** The configuration in force: what `loadConfig()` gave when it was first needed, unless one is set. */
export const configProvider: Provider<StardagConfig> = {
  get(): StardagConfig {
    return given.get() ?? (loaded ??= loadConfig());
  },
  set(config: StardagConfig | undefined): void {
    loaded = undefined;
    given.set(config);
  },
  override(config: StardagConfig): Disposable {
    return given.override(config);
  },
};

/**
 * The target root configured for a key: an absolute local path or a uri, with a slash at its end.
 *
 * A configuration that is set in code tells all of them. Otherwise `STARDAG_TARGET_ROOTS__<KEY>` goes before the entry in
 * `STARDAG_TARGET_ROOTS`, a JSON object from key to root; then come those of the environment that is worked with, as far as
 * the files may be read that tell them; then, for `default`, `~/.stardag/local-target-roots/default/default`. `<KEY>` is the
 * key in upper case, with `_` for whatever a name of a variable cannot hold. An empty variable counts as not set, and so
 * does the one of the single key when Deno may not read it and the other tells the root. No more is read than it takes.
 * Throws `ConfigError`, and `PermissionError` when what may not be read could tell the root.
 */
export function getTargetRoot(key: string = DEFAULT_TARGET_ROOT_KEY): string {
  const roots = given.get()?.target.roots;
  if (roots === undefined) return readTargetRoot(key);
  const root = Object.hasOwn(roots, key) ? roots[key] : undefined;
  if (root !== undefined) return toTargetRoot(root, `target.roots["${key}"] of the configuration`);
  const keys = quoted(Object.keys(roots));
  throw new ConfigError(
    `Cannot find the target root "${key}": the configuration that is set has ${keys}. Add it to its target.roots`,
  );
}

function readTimeout(sources: Sources): number {
  const text = sources.variable("STARDAG_API_TIMEOUT");
  if (text === undefined) return DEFAULT_TIMEOUT_SECONDS * 1000;
  const seconds = z.coerce.number().min(0.001).max(MOST_TIMEOUT_SECONDS).safeParse(text);
  if (seconds.success) return seconds.data * 1000;
  throw new ConfigError(
    `Cannot use STARDAG_API_TIMEOUT: it is "${text}", which is no number of seconds above 0. Set it e.g. to ${DEFAULT_TIMEOUT_SECONDS}`,
  );
}

function readApiKey(sources: Sources): Secret | undefined {
  const key = sources.variable("STARDAG_API_KEY");
  if (key === undefined) return undefined;
  if (API_KEY.test(key)) return new Secret(key);
  throw new ConfigError(
    "Cannot use STARDAG_API_KEY: it has a space, a line break or another character that no key has. " +
      "Set it to the key alone",
  );
}
