/**
 * The address of a registry, checked.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { describe } from "../json.ts";

/** Where a registry is when nothing says otherwise. */
export const DEFAULT_API_URL = "http://localhost:8000";

/**
 * The url of a registry without slashes at its end. Throws what `fail` makes of what is wrong with it, which never shows
 * what may be secret: it must be `http` or `https`, without a password and a query.
 */
export function checkRegistryUrl(url: unknown, fail: (fault: string) => Error): string {
  const text = String(url);
  if (text.includes("@")) {
    throw fail("has a user name or a password in it, which are set elsewhere");
  }
  const parsed = /\s/.test(text) ? null : URL.parse(text);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw fail(`is ${describe(url)}, which is no http or https url`);
  }
  if (/[?#]/.test(text)) throw fail(`has "?" or "#" after "${text.replace(/[?#].*/s, "")}"`);
  return text.replace(/\/+$/, "");
}

/** The url that is set somewhere; `source` says in errors where. Throws `ConfigError`. */
export function registryUrl(text: string, source: () => string): string {
  return checkRegistryUrl(text, (fault) =>
    new ConfigError(
      `Cannot use ${source()}: it ${fault}. Set it to a url, e.g. "${DEFAULT_API_URL}"`,
    ));
}

/** The flag with which Deno lets a program connect to where a url is. */
export function netFlag(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `--allow-net=${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}
