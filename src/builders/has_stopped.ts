/**
 * Tells a task that has stopped because it was asked to from one that has failed.
 *
 * @module
 */

import { MissingOutputError } from "../errors.ts";

/** How far an error is followed to its causes. */
const MOST_CAUSES = 5;

/** Whether what a task threw, or left undone, says that it stopped because it was asked to. */
export function hasStopped(error: unknown, signal: AbortSignal): boolean {
  let at = error;
  for (let depth = 0; depth < MOST_CAUSES && at instanceof Error; depth++, at = at.cause) {
    if (at === signal.reason || at.name === "AbortError" || at.name === "TimeoutError") return true;
  }
  return at === signal.reason || error instanceof MissingOutputError;
}
