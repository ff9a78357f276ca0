/**
 * An error as it is told to a person. Unaware of where it comes from.
 *
 * @module
 */

import { messageOf, StardagError } from "../errors.ts";
import { printable } from "../reporters/text_width.ts";
import { locationIn } from "../stack.ts";

export { messageOf };

/** The message, and where in code of the user it was thrown; with `isVerbose` the whole stack. */
export function errorText(error: unknown, isVerbose: boolean): string {
  if (isVerbose) return printable(stackOf(error));
  const message = printable(messageOf(error));
  const location = error instanceof Error && !(error instanceof StardagError)
    ? locationIn(`${error.stack}`)
    : undefined;
  return location === undefined || message.includes(location.url)
    ? message
    : printable(`${message}\n  at ${location.url}:${location.position}`);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return messageOf(error);
  const { stack = error.message, cause } = error;
  return cause === undefined ? stack : `${stack}\nCaused by: ${stackOf(cause)}`;
}
