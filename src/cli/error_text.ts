/**
 * An error as it is told to a person. Unaware of where it comes from.
 *
 * @module
 */

import { messageOf, StardagError } from "../errors.ts";
import { locationIn, type SourceLocation } from "../stack.ts";

export { messageOf };

/** The message, and where in code of the user it was thrown; with `isVerbose` the whole stack. */
export function errorText(error: unknown, isVerbose: boolean): string {
  if (isVerbose) return stackOf(error, new Set());
  const message = messageOf(error);
  const location = locationOf(error, new Set());
  return location === undefined || message.includes(location.url)
    ? message
    : `${message}\n  at ${location.url}:${location.position}`;
}

/** Where code of the user threw it, or its cause. */
function locationOf(error: unknown, seen: Set<unknown>): SourceLocation | undefined {
  if (!(error instanceof Error) || error instanceof StardagError || seen.has(error)) {
    return undefined;
  }
  return locationIn(`${error.stack}`) ?? locationOf(error.cause, seen.add(error));
}

/** An error that is its own cause is told of once. */
function stackOf(error: unknown, told: Set<unknown>): string {
  if (!(error instanceof Error)) return messageOf(error);
  told.add(error);
  const { stack = error.message, cause } = error;
  return cause === undefined || told.has(cause)
    ? stack
    : `${stack}\nCaused by: ${stackOf(cause, told)}`;
}
