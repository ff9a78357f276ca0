/**
 * Global locks that the test decides on: who has one, and whether it gets lost.
 */

import { LockLostError } from "../../src/errors.ts";
import type {
  AcquireLockOptions,
  GlobalConcurrencyLockManager,
  LockAcquisition,
  LockHandle,
} from "../../src/registries/lock.ts";
import type { Registry } from "../../src/registries/registry.ts";

/** Locks that several managers share. */
export class LockTable {
  /** By id of the task, who has its lock. */
  readonly owners = new Map<string, string>();
  /** What has happened, e.g. `"acquire a"`, with the names that were given to tasks. */
  readonly log: string[] = [];
  readonly #names = new Map<string, string>();
  readonly #losses = new Map<string, AbortController>();
  /** What is answered in place of what would be, if anything; it may throw. */
  answer: (taskId: string, options: AcquireLockOptions) => LockAcquisition | undefined = () =>
    undefined;

  /** What a task is called in the log. */
  name(task: { readonly id: string }, name: string): void {
    this.#names.set(task.id, name);
  }

  manager(ownerId: string, registry?: Registry): GlobalConcurrencyLockManager {
    return {
      ownerId,
      registry,
      acquire: (taskId, options = {}) => {
        options.signal?.throwIfAborted();
        return Promise.try(() => this.#acquire(taskId, ownerId, options, registry));
      },
    };
  }

  /** Whoever has the lock of the task loses it. */
  lose({ id }: { readonly id: string }): void {
    this.owners.delete(id);
    this.#losses.get(id)!.abort(new LockLostError("The lock was lost", { taskId: id }));
  }

  #acquire(
    taskId: string,
    ownerId: string,
    options: AcquireLockOptions,
    registry: Registry | undefined,
  ): LockAcquisition {
    this.#note("ask for", taskId);
    const answer = this.answer(taskId, options);
    if (answer !== undefined) return answer;
    const owner = this.owners.get(taskId);
    if (owner !== undefined) return { status: "held_by_other", owner };
    this.owners.set(taskId, ownerId);
    this.#note("get", taskId);
    const loss = new AbortController();
    this.#losses.set(taskId, loss);
    const giveBack = (how: string): Promise<void> => {
      if (this.#losses.get(taskId) === loss && this.owners.get(taskId) === ownerId) {
        this.#note(how, taskId);
        this.owners.delete(taskId);
        this.#losses.delete(taskId);
      }
      return Promise.resolve();
    };
    const lock: LockHandle = {
      taskId,
      signal: loss.signal,
      release: () => giveBack("release"),
      [Symbol.asyncDispose]: () => giveBack("release"),
      ...registry !== undefined && {
        complete: async (buildId: string) => {
          await giveBack("complete");
          await registry.taskComplete(buildId, { id: taskId } as never);
        },
      },
    };
    return { status: "acquired", lock };
  }

  #note(what: string, taskId: string): void {
    this.log.push(`${what} ${this.#names.get(taskId) ?? taskId}`);
  }
}
