/**
 * The version of the package, the one in `deno.json`.
 *
 * @module
 */

/** What `stardag version` says. */
export const VERSION = "0.1.0";
