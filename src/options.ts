/**
 * Options that do not exist are refused: one that is misspelt would silently do nothing.
 *
 * @module
 */

/** Throws `TypeError` when an option is not among the known ones; `action` is what cannot be done, for the message. */
export function checkOptions(given: object, known: readonly string[], action: string): void {
  for (const option of Object.keys(given)) {
    if (!known.includes(option)) {
      throw new TypeError(
        `Cannot ${action}: there is no option "${option}". The options are ${known.join(", ")}`,
      );
    }
  }
}
