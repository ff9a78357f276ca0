/**
 * What `run` is handed. Knows whether a task can have stopped because it was asked to: only one that has looked at its
 * signal can.
 *
 * @module
 */

import type { RunContext } from "./task.ts";

/** The context of one attempt at a task. */
export class TaskContext implements RunContext {
  readonly attempt: number;
  readonly #signal: AbortSignal;
  #hasLooked = false;
  #isGivenUp = false;

  constructor(signal: AbortSignal, attempt: number) {
    this.#signal = signal;
    this.attempt = attempt;
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

  /** Whether the task was asked to stop and may have done so: then what it returns may not be all, and what it throws no failure. */
  get mayHaveStopped(): boolean {
    return this.#hasLooked && this.#signal.aborted;
  }

  /** Why the task is to stop; `undefined` while it is not. */
  get reason(): unknown {
    return this.#signal.aborted ? this.#signal.reason : undefined;
  }

  /** Whether nobody waits any more for what comes of the attempt: it is not to be stored. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** Nobody waits for the attempt from here on. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  /** Throws when what the task returned may not be all, or nobody waits for it. */
  throwIfCutShort(): void {
    if (this.#hasLooked || this.#isGivenUp) this.#signal.throwIfAborted();
  }
}
