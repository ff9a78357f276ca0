/**
 * How far a build is and how its tasks ended, as told by its schedule.
 *
 * @module
 */

import type { TaskFailedError } from "../errors.ts";
import type { AnyTask } from "../tasks/task.ts";
import type { BuildProgress } from "./reporter.ts";
import type { Schedule } from "./schedule.ts";
import type { TaskCount, TaskResult } from "./summary.ts";

/** What reporters see of a build; `phase` is set by the build. */
export class Progress implements BuildProgress {
  phase: BuildProgress["phase"] = "discovering";
  readonly errors: readonly TaskFailedError[];
  readonly #schedule: Schedule;
  readonly #running: ReadonlyMap<number, unknown>;
  readonly #signal: AbortSignal;
  readonly #waitingForLock: () => number;
  readonly #retried: () => number;
  readonly #lastRetry: () => BuildProgress["lastRetry"];

  constructor({ schedule, errors, running, signal, waitingForLock, retried, lastRetry }: {
    readonly schedule: Schedule;
    readonly errors: readonly TaskFailedError[];
    /** By node. */
    readonly running: ReadonlyMap<number, unknown>;
    readonly signal: AbortSignal;
    waitingForLock(): number;
    retried(): number;
    lastRetry(): BuildProgress["lastRetry"];
  }) {
    this.errors = errors;
    this.#schedule = schedule;
    this.#running = running;
    this.#signal = signal;
    this.#waitingForLock = waitingForLock;
    this.#retried = retried;
    this.#lastRetry = lastRetry;
  }

  get discovered(): number {
    return this.#schedule.size;
  }

  get previouslyCompleted(): number {
    return this.#schedule.previouslyCompleted;
  }

  get succeeded(): number {
    return this.#schedule.counts.complete - this.previouslyCompleted;
  }

  get failed(): number {
    return this.#schedule.counts.failed;
  }

  get skipped(): number {
    return this.#schedule.counts.skipped;
  }

  get cancelled(): number {
    return this.#schedule.counts.cancelled;
  }

  get running(): number {
    return this.#schedule.counts.running;
  }

  get suspended(): number {
    return this.#schedule.counts.suspended;
  }

  get pending(): number {
    return this.#schedule.counts.waiting + this.#schedule.counts.ready;
  }

  get waitingForLock(): number {
    return this.#waitingForLock();
  }

  get retried(): number {
    return this.#retried();
  }

  get lastRetry(): BuildProgress["lastRetry"] {
    return this.#lastRetry();
  }

  get isStopping(): boolean {
    return this.#signal.aborted;
  }

  *runningTasks(): Iterable<AnyTask> {
    for (const node of this.#running.keys()) yield this.#schedule.task(node);
  }
}

/** The counts as they are now. */
export function countsOf(
  { discovered, previouslyCompleted, succeeded, failed, skipped, cancelled, pending }: TaskCount,
): TaskCount {
  return { discovered, previouslyCompleted, succeeded, failed, skipped, cancelled, pending };
}

/** How each task ended; `lastErrors` are of attempts that were to be followed by others, by node. */
export function resultsOf(
  schedule: Schedule,
  errors: readonly TaskFailedError[],
  lastErrors: ReadonlyMap<number, unknown>,
): readonly TaskResult[] {
  const failures = new Map(errors.map((error) => [error.taskId, error]));
  return Array.from({ length: schedule.size }, (_, node) => {
    const task = schedule.task(node);
    const state = schedule.result(node);
    const because = schedule.blamed(node);
    const error = state === "failed" ? failures.get(task.id) : lastErrors.get(node);
    return {
      task,
      state,
      ...(because !== undefined && { because: schedule.task(because) }),
      ...(error !== undefined && { error }),
    };
  });
}
