/**
 * The attempts at tasks that have a timeout, or are not the first: their contexts and their clocks. Unaware of what comes
 * of an attempt.
 *
 * @module
 */

import { TaskTimeoutError } from "../errors.ts";
import { type AttemptObserver, TaskContext } from "../tasks/run_context.ts";
import type { AnyTask } from "../tasks/task.ts";
import { policyOf } from "../tasks/type_registry.ts";

/** An attempt at a task. */
export interface Attempt {
  readonly context: TaskContext;
  /** Set when its time is over. */
  readonly timedOut: TaskTimeoutError | undefined;
  /** What the attempt before it threw. */
  readonly lastError: unknown;
}

/** What is told of attempts, and how long they may go on. */
export interface AttemptsOptions {
  /** Aborted when the build stops. */
  readonly signal: AbortSignal;
  /** Is told what an executor has to say of attempts. */
  readonly observer: AttemptObserver;
  /** How long an attempt may go on after its time is over, in milliseconds. */
  readonly gracePeriod: number;
  /** The grace period of an attempt is over, too. */
  onOverdue(node: number, attempt: Attempt): void;
  /** It is time for the next attempt at a node. */
  onDue(node: number): void;
}

type Timer = ReturnType<typeof setTimeout>;

interface Clocked extends Attempt {
  timedOut: TaskTimeoutError | undefined;
  /** Aborts this attempt alone, when it has a timeout. */
  readonly controller: AbortController | undefined;
  /** In milliseconds. */
  readonly timeout: number;
  /** The time that is left, in milliseconds, and since when it runs. */
  left: number;
  since: number;
  /** Runs while the attempt does: until its time is over, and then until it was to have stopped. */
  timer: Timer | undefined;
}

/** The attempts of one build, by node. */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #attempts = new Map<number, Clocked>();
  /** The timers of nodes that wait for their next attempt. */
  readonly #backOffs = new Map<number, Timer>();

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** The nodes with an attempt that has not ended. */
  get nodes(): Iterable<number> {
    return this.#attempts.keys();
  }

  /** Whether some node waits for its next attempt. */
  get areWaiting(): boolean {
    return this.#backOffs.size > 0;
  }

  /** The attempt under way at a node; `undefined` for a first one without a timeout. */
  get(node: number): Attempt | undefined {
    return this.#attempts.get(node);
  }

  /**
   * The context of the attempt at a node: of the one that was prepared, else of the first one. `lock` stops it, too.
   */
  contextOf(node: number, task: AnyTask, lock: AbortSignal | undefined): TaskContext {
    const prepared = this.#attempts.get(node);
    if (prepared !== undefined && lock === undefined) return prepared.context;
    const timeout = policyOf(task)?.timeout;
    if (timeout === undefined && lock === undefined) {
      return new TaskContext(this.#options.signal, 1, this.#options.observer);
    }
    const number = prepared?.context.attempt ?? 1;
    return this.#add(node, number, timeout, prepared?.lastError, lock).context;
  }

  /** Prepares the next attempt at a node, for which it is time after `delay` milliseconds. */
  prepare(node: number, task: AnyTask, number: number, lastError: unknown, delay: number): void {
    this.#add(node, number, policyOf(task)?.timeout, lastError);
    const timer = setTimeout(() => {
      this.#backOffs.delete(node);
      this.#options.onDue(node);
    }, delay);
    this.#backOffs.set(node, timer);
  }

  /** Has the time of the attempt run, if it has a timeout. */
  startClock(node: number): void {
    const attempt = this.#attempts.get(node);
    if (attempt?.controller === undefined) return;
    attempt.since = performance.now();
    attempt.timer = setTimeout(() => this.#timeOut(node, attempt), attempt.left);
  }

  /** Has its time stand still: the attempt has ended, or waits for what it yielded. */
  stopClock(node: number): Attempt | undefined {
    const attempt = this.#attempts.get(node);
    if (attempt?.controller === undefined) return attempt;
    clearTimeout(attempt.timer);
    attempt.left = Math.max(0, attempt.left - (performance.now() - attempt.since));
    return attempt;
  }

  /** The attempt at the node has ended. */
  delete(node: number): void {
    this.#attempts.delete(node);
  }

  /** Stops all clocks but those of grace periods: nobody waits for time to pass any more. */
  stop(): void {
    for (const timer of this.#backOffs.values()) clearTimeout(timer);
    this.#backOffs.clear();
    for (const { timer, timedOut } of this.#attempts.values()) {
      if (timedOut === undefined) clearTimeout(timer);
    }
  }

  #add(
    node: number,
    number: number,
    timeout: number | undefined,
    lastError: unknown,
    lock?: AbortSignal,
  ): Clocked {
    const { signal: stop, observer } = this.#options;
    const controller = timeout === undefined ? undefined : new AbortController();
    const signals = [stop, controller?.signal, lock].filter((each) => each !== undefined);
    const signal = signals.length === 1 ? stop : AbortSignal.any(signals);
    const attempt: Clocked = {
      context: new TaskContext(signal, number, observer),
      timedOut: undefined,
      lastError,
      controller,
      timeout: timeout ?? Infinity,
      left: timeout ?? Infinity,
      since: 0,
      timer: undefined,
    };
    this.#attempts.set(node, attempt);
    return attempt;
  }

  #timeOut(node: number, attempt: Clocked): void {
    const { timeout } = attempt;
    attempt.timedOut = new TaskTimeoutError(
      `It took longer than its timeout of ${timeout} ms. Have it end earlier, or give it more time`,
      { timeout },
    );
    const { gracePeriod, onOverdue } = this.#options;
    attempt.timer = setTimeout(() => onOverdue(node, attempt), gracePeriod);
    attempt.controller!.abort(attempt.timedOut);
  }
}
