/**
 * When to ask again: later each time, and not for ever. Unaware of what is asked.
 *
 * @module
 */

import { passed } from "../../waiting.ts";

/** How often one thing is tried. */
const MOST_ATTEMPTS = 8;
/** As how many attempts one counts that has taken all the time it had. */
const LATE = 3;
/** The wait after the first attempt, and the longest, in milliseconds. */
const FIRST_WAIT = 50;
const LONGEST_WAIT = 10_000;
/** A store that wants to be left alone for longer is given up, in milliseconds. */
const LONGEST_RETRY_AFTER = 60_000;
/** What a success at the first attempt adds to the budget. */
const REFILL = 0.1;

/**
 * How many attempts more than needed there may be, over all that is asked: each takes one, and a success gives back what it
 * took. When a store is out of order, it is soon used up, and everything fails at once.
 */
export class RetryBudget {
  readonly #most: number;
  #left: number;

  /** Full at first. */
  constructor(most: number) {
    this.#most = most;
    this.#left = most;
  }

  /** Whether there was one left, which is taken. */
  take(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** Something has succeeded after so many attempts more than needed. */
  giveBack(count: number): void {
    this.#left = Math.min(this.#most, this.#left + Math.max(count, REFILL));
  }
}

/** Options of {@linkcode Attempts.again}. */
export interface AgainOptions {
  /** For how long the store wants to be left alone, in milliseconds. */
  readonly retryAfter?: number | undefined;
  /** Whether it has taken all the time it had. */
  readonly isLate?: boolean | undefined;
}

/** The attempts at one thing. */
export class Attempts {
  readonly #budget: RetryBudget;
  readonly #signal: AbortSignal | undefined;
  #failed = 0;
  #taken = 0;

  /** Waits end when the signal is aborted. */
  constructor(budget: RetryBudget, signal: AbortSignal | undefined) {
    this.#budget = budget;
    this.#signal = signal;
  }

  /** Whether one has failed since something succeeded. */
  get hasFailed(): boolean {
    return this.#failed > 0;
  }

  /**
   * One has failed: waits, for as long as the store wants at least, until it is time for the next. False when there is to be
   * none. Rejects with the reason of the signal when that is aborted.
   */
  async again({ retryAfter = 0, isLate = false }: AgainOptions = {}): Promise<boolean> {
    this.#failed += isLate ? LATE : 1;
    if (this.#failed >= MOST_ATTEMPTS || retryAfter > LONGEST_RETRY_AFTER) return false;
    if (!this.#budget.take()) return false;
    this.#taken++;
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.#failed - 1));
    this.#signal?.throwIfAborted();
    await passed(retryAfter + longest * (0.5 + Math.random() / 2), [this.#signal]);
    this.#signal?.throwIfAborted();
    return true;
  }

  /** One has succeeded. */
  succeeded(): void {
    this.#budget.giveBack(this.#taken);
    this.#failed = this.#taken = 0;
  }
}
