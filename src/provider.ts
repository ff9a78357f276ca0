/**
 * A replaceable default: what the package uses where nothing is handed in, e.g. the target factory. Made on first use.
 *
 * @module
 */

/** Holds one default of the package; replace it with `set`, or for one block with `override`. */
export interface Provider<T> {
  /** The value in force. */
  get(): T;
  /** Replaces the value from here on; `undefined` goes back to the default. */
  set(value: T | undefined): void;
  /** Replaces the value until the returned handle is disposed: `using _ = provider.override(value)`. */
  override(value: T): Disposable;
}

/** A provider whose default is made by `makeDefault` when it is first asked for, and not before. */
export function provider<T>(makeDefault: () => T): Provider<T> {
  let base: { readonly value: T } | undefined;
  // A list and not one saved value: overrides of concurrent code may end in any order.
  const overrides: { readonly value: T }[] = [];
  return {
    get(): T {
      const top = overrides.at(-1) ?? (base ??= { value: makeDefault() });
      return top.value;
    },
    set(value: T | undefined): void {
      base = value === undefined ? undefined : { value };
    },
    override(value: T): Disposable {
      const entry = { value };
      overrides.push(entry);
      return {
        [Symbol.dispose](): void {
          const at = overrides.indexOf(entry);
          if (at >= 0) overrides.splice(at, 1);
        },
      };
    },
  };
}
