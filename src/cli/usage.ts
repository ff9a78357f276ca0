/**
 * What was asked for cannot be meant: the exit code is 2. Not among the errors of the package, as nobody but the command
 * line ever sees it.
 *
 * @module
 */

/** A command was used wrongly. The message says what to do. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}
