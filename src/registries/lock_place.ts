/**
 * Where locks are kept, as who gives them out sees it. Unaware of how.
 *
 * @module
 */

/** Where locks are, below a root. */
export const LOCKS = ".stardag/locks";

/** What owners and machines may be called, for it is part of a file's name. */
export const LOCK_NAME_PART = /^[\w.-]{1,100}$/;

/** A place with locks, in which one owner takes them. */
export interface LockPlace {
  /** Where the lock of an id is; the id is a part of the path, and may have no slashes. */
  pathOf(id: string): string;
  /** Takes a lock until then, in milliseconds since 1970, or tells who has it. */
  take(id: string, expiry: number): Promise<HeldLock | LockHolder>;
}

/** A lock that was taken. */
export interface HeldLock {
  /** Has it expire then, and not at the time so far. False when it was lost; throws when that cannot be told in time. */
  renew(expiry: number, soFar: number): boolean | Promise<boolean>;
  /** Gives it back, if it is still held. Never throws: one that cannot be given back expires. */
  drop(): void | Promise<void>;
}

/** Somebody else, who has a lock. */
export interface LockHolder {
  /** Unknown when it has just changed hands. */
  readonly owner: string | undefined;
}
