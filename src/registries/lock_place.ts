/**
 * Where locks are kept, as who gives them out sees it. Unaware of how.
 *
 * @module
 */

/** Where locks are, below a root. */
export const LOCKS = ".stardag/locks";

/** What owners and machines may be called, for it is part of a file's name. */
export const LOCK_NAME_PART = /^[\w.-]{1,100}$/;

/** A remote lock that is free has a random text of this length in it, one that is held more. */
export const FREE_LENGTH = 36;

/** A place with locks, in which one owner takes them. */
export interface LockPlace {
  /** Where the lock of an id is; the id is a part of the path, and may have no slashes. */
  pathOf(id: string): string;
  /** Takes a lock for so many milliseconds from now, or tells who has it. */
  take(id: string, ttl: number, signal?: AbortSignal): Promise<HeldLock | LockHolder>;
}

/** A lock that was taken. */
export interface HeldLock {
  /** Until when it is held, in milliseconds since 1970. */
  readonly expiry: number;
  /**
   * Has it last for so many milliseconds from now. False when it was lost; throws when that cannot be told before it
   * expires.
   */
  renew(ttl: number): boolean | Promise<boolean>;
  /** Gives it back, if it is still held. Never throws: one that cannot be given back expires. */
  drop(): void | Promise<void>;
}

/** Somebody else, who has a lock. */
export interface LockHolder {
  /** Unknown when it has just changed hands. */
  readonly owner: string | undefined;
}
