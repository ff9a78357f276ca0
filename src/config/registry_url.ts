/**
 * The address of a registry, checked.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";

/** Where a registry is when nothing says otherwise. */
export const DEFAULT_API_URL = "http://localhost:8000";

/**
 * The url of a registry without slashes at its end. `source` says in errors where it is set. Throws `ConfigError` for
 * anything but `http` and `https`, and for one with a password, which it does not show.
 */
export function registryUrl(text: string, source: () => string): string {
  const bad = (state: string): ConfigError =>
    new ConfigError(
      `Cannot use ${source()}: ${state}. Set it to a url, e.g. "${DEFAULT_API_URL}"`,
    );
  if (text.includes("@")) throw bad("it has a user or a password in it, which are set elsewhere");
  const url = URL.parse(text);
  const isUrl = url !== null && /^https?:$/.test(url.protocol) && url.search + url.hash === "";
  if (!isUrl) throw bad(`it is "${text}", which is no http or https url without a query`);
  return text.replace(/\/+$/, "");
}
