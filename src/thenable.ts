/**
 * Whatever can be awaited, also what is no `Promise`: query builders, promises of other libraries.
 *
 * @module
 */

/** Whether awaiting the value gives another one. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    typeof (value as { readonly then?: unknown }).then === "function";
}
