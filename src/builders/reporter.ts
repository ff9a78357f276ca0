/**
 * What watches a build: the contract of reporters, and what they are told. Unaware of how anything is shown.
 *
 * @module
 */

import type { TaskFailedError } from "../errors.ts";
import type { AnyTask } from "../tasks/task.ts";
import { isThenable } from "../thenable.ts";
import type { BuildSummary, TaskCount } from "./summary.ts";

/**
 * Watches a build. All methods are optional; one that is not there costs nothing. The build does not wait for what
 * they do later, but at its end. What a reporter throws, at once or later, does not touch the build: it is told in
 * `summary.warnings`, and the reporter is not called again.
 */
export interface Reporter {
  /** The build begins to look for what is missing. `progress` stays up to date: look at it whenever you want. */
  onBuildStart?(progress: BuildProgress): void | Promise<void>;
  /** It is known what is to be built, but for what tasks will yield. */
  onDiscoveryEnd?(progress: BuildProgress): void | Promise<void>;
  /** Something happened to a task. Called for each event of each task, so do little. */
  onTaskEvent?(event: TaskEvent): void | Promise<void>;
  /** A task that runs in a worker has written a line to its console; what tasks write here is seen as it is. */
  onTaskOutput?(task: AnyTask, line: string): void | Promise<void>;
  /** Something is not as it should be, though the build goes on. */
  onWarning?(message: string): void | Promise<void>;
  /** The build has ended; waited for. */
  onBuildEnd?(summary: BuildSummary): void | Promise<void>;
  /** In place of `onBuildEnd`: the build could not tell what to do, and rejects with this error; waited for. */
  onBuildError?(error: unknown): void | Promise<void>;
}

/** How far a build is: the counts so far, which add up with those that run and are suspended, and change as it goes on. */
export interface BuildProgress extends TaskCount {
  /** It looks for what is missing; waits for the registry to know of it; builds; waits for the registry to know all of it. */
  readonly phase: "discovering" | "building" | "recording";
  /** Under way. */
  readonly running: number;
  /** Wait for what they yielded to be complete. */
  readonly suspended: number;
  /** Wait for what they require, for a place or a slot to begin or to go on, or for the time of their next attempt. */
  readonly pending: number;
  /** Of those pending, how many wait for a lock that somebody else has. */
  readonly waitingForLock: number;
  /** Attempts that failed and were, or will be, followed by another. */
  readonly retried: number;
  /** The last of them: which attempt at which task, and what it threw. */
  readonly lastRetry:
    | { readonly task: AnyTask; readonly attempt: number; readonly error: unknown }
    | undefined;
  /** Whether the build was asked to stop, by a failure or from outside. */
  readonly isStopping: boolean;
  /** The failures so far. */
  readonly errors: readonly TaskFailedError[];
  /** The tasks under way, longest first; those that never wait for anything are not seen. */
  runningTasks(): Iterable<AnyTask>;
}

/** What happened to a task. */
export type TaskEvent =
  /** It was complete when the build looked, or when it got to it: others have completed it. */
  | { readonly kind: "previously_completed"; readonly task: AnyTask }
  /** It cannot begin yet, for somebody else has its lock; told once. */
  | {
    readonly kind: "waiting_for_lock";
    readonly task: AnyTask;
    /** Who has the lock, where that is known. */
    readonly owner: string | undefined;
  }
  /** An attempt at it begins; the first has the number 1. */
  | { readonly kind: "started"; readonly task: AnyTask; readonly attempt: number }
  /** It yielded, and waits for these tasks. */
  | { readonly kind: "suspended"; readonly task: AnyTask; readonly requires: readonly AnyTask[] }
  /** What it yielded is complete, and it goes on. */
  | { readonly kind: "resumed"; readonly task: AnyTask }
  /** An attempt failed; the next one begins after `delay` milliseconds. */
  | {
    readonly kind: "retrying";
    readonly task: AnyTask;
    readonly attempt: number;
    readonly error: unknown;
    readonly delay: number;
  }
  /** Its output is there. */
  | { readonly kind: "completed"; readonly task: AnyTask }
  /** It failed, for good, in this attempt; 0 when it could not even begin. */
  | {
    readonly kind: "failed";
    readonly task: AnyTask;
    readonly attempt: number;
    readonly error: TaskFailedError;
  }
  /** It cannot run, or not go on in this attempt, because a task that it requires failed; 0 when it had not begun. */
  | {
    readonly kind: "skipped";
    readonly task: AnyTask;
    readonly attempt: number;
    readonly because: AnyTask;
  }
  /** It was given up when the build was stopped. */
  | { readonly kind: "cancelled"; readonly task: AnyTask };

/** Several reporters as one, of which those that throw are let go. */
export class Reporters {
  #reporters: readonly Reporter[];
  #watching: readonly Reporter[] = [];
  readonly #onThrow: (error: unknown) => void;
  /** What reporters still do. */
  readonly #pending = new Set<PromiseLike<void>>();

  /** `onThrow` is told what a reporter threw. */
  constructor(reporters: readonly Reporter[], onThrow: (error: unknown) => void) {
    this.#reporters = reporters;
    this.#onThrow = onThrow;
    this.#sort();
  }

  /** Whether anybody wants to know what happens to each task. */
  get wantTaskEvents(): boolean {
    return this.#watching.length > 0;
  }

  buildStarted(progress: BuildProgress): void {
    for (const each of this.#reporters) this.#try(each, () => each.onBuildStart?.(progress));
  }

  discoveryEnded(progress: BuildProgress): void {
    for (const each of this.#reporters) this.#try(each, () => each.onDiscoveryEnd?.(progress));
  }

  taskEvent(event: TaskEvent): void {
    for (const each of this.#watching) this.#try(each, () => each.onTaskEvent!(event));
  }

  taskWrote(task: AnyTask, line: string): void {
    for (const each of this.#reporters) this.#try(each, () => each.onTaskOutput?.(task, line));
  }

  warned(message: string): void {
    for (const each of this.#reporters) this.#try(each, () => each.onWarning?.(message));
  }

  async buildEnded(summary: BuildSummary): Promise<void> {
    await this.#settled();
    for (const each of this.#reporters) this.#try(each, () => each.onBuildEnd?.(summary));
    await this.#settled();
  }

  async buildBroke(error: unknown): Promise<void> {
    await this.#settled();
    for (const each of this.#reporters) this.#try(each, () => each.onBuildError?.(error));
    await this.#settled();
  }

  #try(reporter: Reporter, tell: () => void | Promise<void>): void {
    try {
      const told = tell();
      if (!isThenable(told)) return;
      const ended = told.then(undefined, (error) => this.#letGo(reporter, error));
      this.#pending.add(ended);
      ended.then(() => this.#pending.delete(ended));
    } catch (error) {
      this.#letGo(reporter, error);
    }
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  #letGo(reporter: Reporter, error: unknown): void {
    if (!this.#reporters.includes(reporter)) return;
    this.#reporters = this.#reporters.filter((each) => each !== reporter);
    this.#sort();
    this.#onThrow(error);
  }

  #sort(): void {
    this.#watching = this.#reporters.filter(({ onTaskEvent }) => onTaskEvent !== undefined);
  }
}
