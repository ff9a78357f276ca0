/**
 * What a global lock is: of all builds on all machines that want to run a task, one at a time has it. Unaware of how a
 * build waits for one, and of where it is kept.
 *
 * @module
 */

import type { Registry } from "./registry.ts";

/** How an attempt to get the lock of a task went. */
export type LockAcquisition =
  /** It is held from now on, until it is released or lost. */
  | { readonly status: "acquired"; readonly lock: LockHandle }
  /** The manager knows that the task is complete. Only its target knows for sure. */
  | { readonly status: "already_completed" }
  /** Somebody else has it. */
  | { readonly status: "held_by_other"; readonly owner?: string | undefined }
  /** As many locks as there may be at once are held. */
  | { readonly status: "concurrency_limit_reached"; readonly message?: string | undefined };

/** Options of {@linkcode GlobalConcurrencyLockManager.acquire}. */
export interface AcquireLockOptions {
  /**
   * Whether a manager that knows of completed tasks gives no lock for one; it does unless told. A build says no when a task
   * that is said to be complete has no output.
   */
  readonly checkTaskCompletion?: boolean | undefined;
  /** Gives the attempt up, which then rejects; a lock that was got all the same is released. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Gives out locks, one per task id. `acquire` asks once and never waits for others: that is for the build to do. It
 * rejects when it cannot tell who has the lock: with a `RegistryError`, whose `isOutage` says that another try may do, or
 * with any other error.
 */
export interface GlobalConcurrencyLockManager {
  /** Who holds the locks that it gives out, as others see it. */
  readonly ownerId: string;
  /** The registry that knows of its locks, if one does: {@linkcode LockHandle.complete} is for builds that tell this one. */
  readonly registry?: Registry | undefined;
  /**
   * The longest time after which it is worth to ask again, in milliseconds, where it costs little; builds that are not told
   * otherwise keep to it.
   */
  readonly askAgainWithin?: number | undefined;
  /** Asks for the lock of a task. One that this manager has given out already is held by another for it, too. */
  acquire(taskId: string, options?: AcquireLockOptions): Promise<LockAcquisition>;
}

/** A lock that is held, and renewed by itself as long as it is. */
export interface LockHandle extends AsyncDisposable {
  /** Id of the task that it is for. */
  readonly taskId: string;
  /** Aborted with a `LockLostError` when it was lost: somebody else may have it. Never aborted once it is released. */
  readonly signal: AbortSignal;
  /** Gives it back. Does nothing the second time, nor when it was lost. */
  release(): Promise<void>;
  /**
   * Gives it back and has the registry know, in one step, that the build has completed the task; only where the manager is
   * part of a registry. Also after the lock was lost: the output is there all the same. Rejects with a `RegistryError` when
   * that is not recorded; what is still held then ends by itself.
   */
  complete?(buildId: string): Promise<void>;
}
