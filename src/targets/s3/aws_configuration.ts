/**
 * What AWS's variables and shared files say, as far as they may be read: nothing is read before it is asked for. Unaware
 * of what it is for.
 *
 * @module
 */

import { join } from "@std/path";
import { choices } from "../../config/config_file.ts";
import { checkRegistryUrl } from "../../config/registry_url.ts";
import { mayReadFile, Sources } from "../../config/sources.ts";
import { ConfigError, PermissionError } from "../../errors.ts";
import { type AwsSettings, parseSharedFile } from "./shared_files.ts";

/** The services of AWS that are asked. */
export type AwsService = "s3" | "sts";

const DEFAULT_PROFILE = "default";
const NONE: AwsSettings = new Map();

/** One look at the variables and files. */
export class AwsConfiguration {
  /** Keeps account of what could not be read. */
  readonly sources: Sources = new Sources();
  readonly #profile: string | undefined;
  #files: SharedFiles | undefined;

  /** Reads nothing. `profile` goes before that of the variable. */
  constructor(profile: string | undefined) {
    this.#profile = profile;
  }

  /** Where the profiles are, for a message; empty when no file may be known. */
  get places(): string {
    return this.#read().paths.map((path) => `"${path}"`).join(" and ");
  }

  /** The profile in use. */
  get profileName(): string {
    return this.#profile ?? this.sources.variable("AWS_PROFILE") ?? DEFAULT_PROFILE;
  }

  /** The settings of a profile; `undefined` when there is none of this name. */
  profile(name: string): AwsSettings | undefined {
    return this.#read().profiles.get(name);
  }

  /** The same of one that somebody named; only `default` need not be there. Throws `ConfigError`, `PermissionError`. */
  requiredProfile(name: string): AwsSettings {
    const profile = this.profile(name);
    if (profile !== undefined) return profile;
    if (name === DEFAULT_PROFILE) return NONE;
    const cannot = `Cannot use the profile "${name}" for S3`;
    this.sources.requireAll(`${cannot}: it was not found`, "which is where profiles are set");
    const { state, remedy } = choices("profiles", [...this.#read().profiles.keys()]);
    throw new ConfigError(`${cannot}: ${state}. ${remedy} "${name}" to ${this.places}`);
  }

  /** Where things are; `undefined` when it is not set. */
  region(): string | undefined {
    return this.sources.variable("AWS_REGION") ?? this.sources.variable("AWS_DEFAULT_REGION") ??
      this.#setting("region");
  }

  /** Whether the bucket is to be in the path; `undefined` when nothing is said of it. */
  pathStyle(): boolean | undefined {
    switch (this.#setting("s3.addressing_style")) {
      case "path":
        return true;
      case "virtual":
        return false;
      default:
        return undefined;
    }
  }

  /** Where a service is that is not AWS's, without a slash at its end. Throws `ConfigError` for what is no url. */
  endpoint(service: AwsService): string | undefined {
    if (this.#isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")) {
      return undefined;
    }
    for (const name of [`AWS_ENDPOINT_URL_${service.toUpperCase()}`, "AWS_ENDPOINT_URL"]) {
      const url = this.sources.variable(name);
      if (url !== undefined) return checkedEndpoint(url, name);
    }
    const services = this.#setting("services");
    const url = this.#read().services.get(services ?? "")?.get(`${service}.endpoint_url`) ??
      this.#setting("endpoint_url");
    const place = `endpoint_url of the profile "${this.profileName}"`;
    return url === undefined ? undefined : checkedEndpoint(url, place);
  }

  /** The value of a variable that something else needs. Throws `ConfigError`, or `PermissionError`. */
  requiredVariable(name: string, neededBy: string): string {
    const value = this.sources.variable(name);
    if (value !== undefined) return value;
    if (this.sources.isUnseen(name)) throw denied(name, neededBy, `--allow-env=${name}`);
    throw new ConfigError(
      `Cannot get credentials for S3: ${name}, which ${neededBy} needs, is not set. Set it`,
    );
  }

  /** The text of a file that something names, without what is around it. Throws `ConfigError`, or `PermissionError`. */
  requiredText(path: string, namedBy: string): string {
    const text = this.sources.text(path)?.trim();
    if (text) return text;
    if (!mayReadFile(path)) throw denied(`"${path}"`, namedBy, `--allow-read=${path}`);
    throw new ConfigError(
      `Cannot get credentials for S3: there is nothing in "${path}" of ${namedBy}. Correct that`,
    );
  }

  #setting(name: string): string | undefined {
    return this.profile(this.profileName)?.get(name) || undefined;
  }

  #isTrue(variable: string, setting: string): boolean {
    const value = this.sources.variable(variable) ?? this.#setting(setting);
    return value?.toLowerCase() === "true";
  }

  #read(): SharedFiles {
    return this.#files ??= readSharedFiles(this.sources);
  }
}

/** The two files. */
interface SharedFiles {
  readonly paths: readonly string[];
  readonly profiles: ReadonlyMap<string, AwsSettings>;
  readonly services: ReadonlyMap<string, AwsSettings>;
}

function readSharedFiles(sources: Sources): SharedFiles {
  const credentials = sharedPath(sources, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  const config = sharedPath(sources, "AWS_CONFIG_FILE", "config");
  const profiles = new Map<string, AwsSettings>();
  const services = new Map<string, AwsSettings>();
  for (const [heading, settings] of sectionsOf(sources, config)) {
    const [, kind, name = heading] = /^(profile|services) (.*)$/.exec(heading) ?? [];
    if (kind === "services") services.set(name, settings);
    // `[profile default]` goes before `[default]`; what else has no kind is no profile.
    else if (kind === "profile" || (name === DEFAULT_PROFILE && !profiles.has(name))) {
      profiles.set(name, settings);
    }
  }
  for (const [name, settings] of sectionsOf(sources, credentials)) {
    profiles.set(name, new Map([...profiles.get(name) ?? [], ...settings]));
  }
  const paths = [credentials, config].filter((path) => path !== undefined);
  return { paths, profiles, services };
}

function sectionsOf(sources: Sources, path: string | undefined): ReadonlyMap<string, AwsSettings> {
  return parseSharedFile((path === undefined ? undefined : sources.text(path)) ?? "");
}

/** Where such a file is; `undefined` when the home folder is not known. */
function sharedPath(sources: Sources, variable: string, file: string): string | undefined {
  const path = sources.variable(variable);
  if (path !== undefined && !/^~[/\\]/.test(path)) return path;
  const home = sources.home();
  return home && join(home, path?.slice(2) ?? join(".aws", file));
}

function denied(what: string, neededBy: string, flag: string): PermissionError {
  return new PermissionError(
    `Cannot get credentials for S3: Deno may not read ${what}, which ${neededBy} needs. Run with ${flag}`,
    { flag },
  );
}

/** What the hosts of AWS's services in a region end with. */
export function domainOf(region: string): string {
  return region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

/** The url of a service, without a slash at its end. Throws `ConfigError`; `source` is where it is set. */
export function checkedEndpoint(url: string, source: string): string {
  return checkRegistryUrl(url, (fault) =>
    new ConfigError(
      `Cannot use ${source}: it ${fault}. Set it to the url of the service, e.g. "http://localhost:9000"`,
    ));
}
