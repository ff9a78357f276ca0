/**
 * What `run` is handed. Knows whether a task can have stopped because it was asked to: only one that has looked at its
 * signal can.
 *
 * @module
 */

import type { AnyTask, RunContext } from "./task.ts";

/** Who is told what an executor has to say of an attempt while it lasts. */
export interface AttemptObserver {
  /** The task has written a line to the console, somewhere where it would not be seen in the right place. */
  wrote(task: AnyTask, line: string): void;
  /** Something is not as it should be, though it fails no task. */
  warned(message: string): void;
  /** A task that waited for a place to run has got one: its time runs from here on. */
  began(task: AnyTask): void;
}

/** The context of one attempt at a task. */
export class TaskContext implements RunContext {
  readonly attempt: number;
  /** `undefined` where nobody watches. */
  readonly observer: AttemptObserver | undefined;
  readonly #signal: AbortSignal;
  #hasLooked = false;
  #isGivenUp = false;
  /** Made when it is asked for. */
  #givenUp: AbortController | undefined;
  #isStoring = false;
  /** How many of those who run it have it wait: one may hand it to another. */
  #waits = 0;

  constructor(signal: AbortSignal, attempt: number, observer?: AttemptObserver) {
    this.#signal = signal;
    this.attempt = attempt;
    this.observer = observer;
  }

  /** The context itself where it is one, else one for it. */
  static of(context: RunContext): TaskContext {
    return context instanceof TaskContext
      ? context
      : new TaskContext(context.signal, context.attempt);
  }

  get signal(): AbortSignal {
    this.#hasLooked = true;
    return this.#signal;
  }

  /** The same for who runs the task: it does not count as the task's look at it. */
  get runnerSignal(): AbortSignal {
    return this.#signal;
  }

  /** Whether the task has looked at its signal. */
  get hasLooked(): boolean {
    return this.#hasLooked;
  }

  /** Whether the task waits for a place to run: then its time does not run. */
  get isWaiting(): boolean {
    return this.#waits > 0;
  }

  /** The task waits for a place to run. Called by an executor while the task is submitted. */
  wait(): void {
    this.#waits++;
  }

  /** The task has got a place. */
  begin(task: AnyTask): void {
    if (this.#waits > 0 && --this.#waits === 0) this.observer?.began(task);
  }

  /** Whether the task was asked to stop and may have done so: then what it returns may not be all, and what it throws no failure. */
  get mayHaveStopped(): boolean {
    return (this.#hasLooked || this.#isGivenUp) && this.#signal.aborted;
  }

  /** Why the task is to stop; `undefined` while it is not. */
  get reason(): unknown {
    return this.#signal.aborted ? this.#signal.reason : undefined;
  }

  /** Whether nobody waits any more for what comes of the attempt: it is not to be stored. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** Nobody waits for the attempt from here on: what it stores is called off. */
  giveUp(): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    this.#givenUp?.abort(this.#whyGivenUp());
  }

  /** Aborted when nobody waits for the attempt any more. */
  get givenUp(): AbortSignal {
    if (this.#givenUp === undefined) {
      this.#givenUp = new AbortController();
      if (this.#isGivenUp) this.#givenUp.abort(this.#whyGivenUp());
    }
    return this.#givenUp.signal;
  }

  /** Whether the task has come so far that its output is being stored, after which it ends. */
  get isStoring(): boolean {
    return this.#isStoring;
  }

  /** Its output is stored from here on. Throws when what the task returned may not be all, or nobody waits for it. */
  beginStoring(): void {
    if (this.#hasLooked) this.#signal.throwIfAborted();
    if (this.#isGivenUp) throw this.#whyGivenUp();
    this.#isStoring = true;
  }

  #whyGivenUp(): unknown {
    return this.reason ?? new DOMException("Nobody waits for the task any more", "AbortError");
  }
}
