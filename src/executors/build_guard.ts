/**
 * Keeps a program that a worker imports from building there: each worker would start builds with workers of their own.
 * Does nothing outside of workers.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";

let isRefused: (() => boolean) | undefined;

/** From here on, builds are refused while `isRefused` says so. Called by a worker before it imports anything. */
export function refuseBuildsWhile(refused: () => boolean): void {
  isRefused = refused;
}

/** Throws `ConfigError` in a worker that was asked to run a task and is about to build in place of that. */
export function checkMayBuild(): void {
  if (isRefused?.() !== true) return;
  throw new ConfigError(
    "Cannot build in a worker that imports this module to run one of its tasks. Have it build only where it is the " +
      "program itself, by the guard: if (import.meta.main) { await sd.build(...) }",
  );
}
