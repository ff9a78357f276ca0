/**
 * A build that only exists in the test: tells a reporter what the test says has happened.
 */

import { TaskFailedError } from "../../mod.ts";
import type { BuildProgress, Reporter } from "../../src/builders/reporter.ts";
import { BuildSummary } from "../../src/builders/summary.ts";
import type { AnyTask } from "../../src/tasks/task.ts";

type Counts = {
  -readonly [K in keyof BuildProgress as BuildProgress[K] extends number ? K : never]: number;
};

export class FakeBuild implements BuildProgress, Counts {
  phase: BuildProgress["phase"] = "discovering";
  discovered = 0;
  previouslyCompleted = 0;
  succeeded = 0;
  failed = 0;
  skipped = 0;
  cancelled = 0;
  running = 0;
  suspended = 0;
  waitingForLock = 0;
  retried = 0;
  lastRetry: BuildProgress["lastRetry"];
  isStopping = false;
  readonly errors: TaskFailedError[] = [];
  readonly warnings: string[] = [];
  readonly #running = new Map<string, AnyTask>();
  readonly #start = Date.now();

  constructor(readonly reporter: Reporter) {
    reporter.onBuildStart?.(this);
  }

  get pending(): number {
    return this.discovered - this.previouslyCompleted - this.succeeded - this.failed -
      this.skipped - this.cancelled - this.running - this.suspended;
  }

  runningTasks(): Iterable<AnyTask> {
    return this.#running.values();
  }

  /** The discovery is over: so many tasks are to be run. */
  found(toRun: number, previouslyCompleted = 0): void {
    this.discovered = toRun + previouslyCompleted;
    this.previouslyCompleted = previouslyCompleted;
    this.phase = "building";
    this.reporter.onDiscoveryEnd?.(this);
  }

  started(...tasks: readonly AnyTask[]): void {
    for (const task of tasks) {
      this.#running.set(task.id, task);
      this.running++;
      this.reporter.onTaskEvent?.({ kind: "started", task, attempt: 1 });
    }
  }

  completed(...tasks: readonly AnyTask[]): void {
    for (const task of tasks) {
      this.#ended(task);
      this.succeeded++;
      this.reporter.onTaskEvent?.({ kind: "completed", task });
    }
  }

  retrying(task: AnyTask, error: unknown, delay: number): void {
    this.#ended(task);
    this.retried++;
    this.lastRetry = { task, attempt: 1, error };
    this.reporter.onTaskEvent?.({ kind: "retrying", task, attempt: 1, error, delay });
  }

  /** What is thrown comes from nowhere, unless a place is given. */
  fails(task: AnyTask, cause: unknown, place?: string): void {
    if (cause instanceof Error) {
      cause.stack = place === undefined ? `${cause}` : `${cause}\n    at run (${place})`;
    }
    this.#ended(task);
    this.failed++;
    const message = cause instanceof Error ? cause.message : String(cause);
    const error = new TaskFailedError(`Cannot complete ${task}: ${message}`, {
      taskId: task.id,
      path: () => [],
      cause,
    });
    this.errors.push(error);
    this.reporter.onTaskEvent?.({ kind: "failed", task, attempt: 1, error });
  }

  warned(message: string): void {
    this.warnings.push(message);
    this.reporter.onWarning?.(message);
  }

  /** The build ends with what has happened so far. */
  async ended(): Promise<void> {
    await this.reporter.onBuildEnd?.(this.#summary());
  }

  #ended(task: AnyTask): void {
    if (this.#running.delete(task.id)) this.running--;
  }

  #summary(): BuildSummary {
    const { discovered, previouslyCompleted, succeeded, failed, skipped, cancelled } = this;
    const pending = this.pending + this.running + this.suspended;
    return new BuildSummary({
      status: failed > 0 ? "failure" : pending > 0 ? "cancelled" : "success",
      taskCount: {
        discovered,
        previouslyCompleted,
        succeeded,
        failed,
        skipped,
        cancelled,
        pending,
      },
      errors: this.errors,
      warnings: this.warnings,
      duration: Date.now() - this.#start,
      retried: this.retried,
      buildId: "00000000-0000-0000-0000-000000000000",
      reason: undefined,
      tasks: () => [],
    });
  }
}
