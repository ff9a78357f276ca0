/**
 * Lets so many tasks run at once; others wait for their turn. Unaware of how they are run.
 *
 * @module
 */

import { isThenable } from "../thenable.ts";
import { TaskContext } from "../tasks/run_context.ts";
import type { AnyTask, RunContext } from "../tasks/task.ts";
import type { TaskOutcome } from "./executor.ts";

/** Places for tasks, taken in the order of asking. */
export class Lane {
  readonly #size: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;
  /** Whether those that wait are being started: one that ends at once does not start the next inside of its own end. */
  #isStarting = false;

  constructor(size: number) {
    this.#size = size;
  }

  /** Starts the task when there is a place; one that is to stop before that fails with the reason. */
  run(
    task: AnyTask,
    context: RunContext,
    start: () => TaskOutcome | Promise<TaskOutcome>,
  ): TaskOutcome | Promise<TaskOutcome> {
    if (this.#running < this.#size) return this.#start(start);
    const { runnerSignal: signal } = TaskContext.of(context);
    const known = context instanceof TaskContext ? context : undefined;
    known?.wait();
    return new Promise((resolve) => {
      const stop = (): void => {
        this.#waiting.delete(begin);
        resolve({ kind: "failed", error: signal.reason });
      };
      const begin = (): void => {
        signal.removeEventListener("abort", stop);
        resolve(this.#start(start));
        known?.begin(task);
      };
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      this.#waiting.add(begin);
    });
  }

  #start(start: () => TaskOutcome | Promise<TaskOutcome>): TaskOutcome | Promise<TaskOutcome> {
    this.#running++;
    let outcome: TaskOutcome | Promise<TaskOutcome>;
    try {
      outcome = start();
    } catch (error) {
      outcome = { kind: "failed", error };
    }
    if (isThenable(outcome)) return outcome.finally(() => this.#leave());
    this.#leave();
    return outcome;
  }

  #leave(): void {
    this.#running--;
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      for (const begin of this.#waiting) {
        if (this.#running >= this.#size) return;
        this.#waiting.delete(begin);
        begin();
      }
    } finally {
      this.#isStarting = false;
    }
  }
}
