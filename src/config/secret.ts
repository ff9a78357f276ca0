/**
 * A text that must not be shown by accident: an API key, a token. Unaware of what it is for.
 *
 * @module
 */

const SHOWN = "[secret]";

/** Holds a secret; only `reveal()` gives it. Printed, put into a text or written as JSON it is `[secret]`. */
export class Secret {
  readonly #value: string;

  /** Takes the secret. */
  constructor(value: string) {
    this.#value = value;
  }

  /** The secret itself. */
  reveal(): string {
    return this.#value;
  }

  /** Not the secret. */
  toString(): string {
    return SHOWN;
  }

  /** Not the secret. */
  toJSON(): string {
    return SHOWN;
  }

  /** Not the secret. */
  [Symbol.for("Deno.customInspect")](): string {
    return SHOWN;
  }
}
