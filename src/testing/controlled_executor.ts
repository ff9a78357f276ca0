/**
 * An executor for tests that runs nothing: the test says how and when each task ends. Unaware of the DAG.
 *
 * @module
 */

import type { TaskExecutor, TaskOutcome } from "../executors/executor.ts";
import type { AnyTask, RunContext } from "../tasks/task.ts";

/**
 * Holds every task that a build submits until the test ends it, so that any order of events can be staged.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { ControlledExecutor } from "@stardag/core/testing";
 *
 * const done = new Set<string>();
 * @sd.register
 * class Step extends sd.BaseTask({ name: "Step" }) {
 *   override complete() {
 *     return done.has(this.id);
 *   }
 *   override run() {}
 * }
 * const step = new Step();
 * const executor = new ControlledExecutor();
 * const building = sd.build(step, { executor });
 * await executor.submitted(step);
 * executor.end(step, { kind: "complete" });
 * (await building).throwIfFailed();
 * ```
 */
export class ControlledExecutor implements TaskExecutor {
  readonly maxConcurrent: number;
  /** Every submission so far, in order; a task that was suspended comes again. */
  readonly log: AnyTask[] = [];
  /** The tasks that were given up. */
  readonly discarded: AnyTask[] = [];
  readonly #running = new Map<string, (outcome: TaskOutcome) => void>();
  readonly #contexts = new Map<string, RunContext>();
  readonly #waiting = new Map<string, (() => void)[]>();

  /** Takes any number of tasks at once unless told. */
  constructor({ maxConcurrent = Infinity }: { readonly maxConcurrent?: number } = {}) {
    this.maxConcurrent = maxConcurrent;
  }

  submit(task: AnyTask, context: RunContext): Promise<TaskOutcome> {
    this.log.push(task);
    this.#contexts.set(task.id, context);
    const outcome = new Promise<TaskOutcome>((resolve) => this.#running.set(task.id, resolve));
    for (const resolve of this.#waiting.get(task.id) ?? []) resolve();
    this.#waiting.delete(task.id);
    return outcome;
  }

  discard(task: AnyTask): Promise<void> {
    this.discarded.push(task);
    return Promise.resolve();
  }

  /** Waits until the build has submitted the task. */
  submitted(task: AnyTask): Promise<void> {
    if (this.isRunning(task)) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(task.id);
      if (waiting === undefined) this.#waiting.set(task.id, [resolve]);
      else waiting.push(resolve);
    });
  }

  /** Whether the task is submitted and has not ended. */
  isRunning(task: AnyTask): boolean {
    return this.#running.has(task.id);
  }

  /** What the task was last run with. */
  context(task: AnyTask): RunContext {
    const context = this.#contexts.get(task.id);
    if (context === undefined) {
      throw new Error(`Cannot give the context of ${task}: it was not submitted`);
    }
    return context;
  }

  /** Ends the task. Throws when it is not running. */
  end(task: AnyTask, outcome: TaskOutcome): void {
    const resolve = this.#running.get(task.id);
    if (resolve === undefined) throw new Error(`Cannot end ${task}: it is not running`);
    this.#running.delete(task.id);
    resolve(outcome);
  }
}
