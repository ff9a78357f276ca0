/**
 * Options that do not exist are refused: one that is misspelt would silently do nothing.
 *
 * @module
 */

import { describe } from "./json.ts";

/** Throws `TypeError` when the options are none, or an option is not among the known ones; `action` is what cannot be done, for the message. */
export function checkOptions(given: object, known: readonly string[], action: string): void {
  const options: unknown = given;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(
      `Cannot ${action}: the options are ${describe(options)}. Give an object with some of ${
        known.join(", ")
      }`,
    );
  }
  for (const option of Object.keys(given)) {
    if (!known.includes(option)) {
      throw new TypeError(
        `Cannot ${action}: there is no option "${option}". The options are ${known.join(", ")}`,
      );
    }
  }
}
