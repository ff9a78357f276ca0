/**
 * When to ask again: later each time, and not for ever. Unaware of what is asked.
 *
 * @module
 */

import { passed } from "../../waiting.ts";
import type { Outage } from "./outage.ts";

/** How often one thing is tried unless told. */
const MOST_ATTEMPTS = 8;
/** As how many attempts one counts that has taken all the time it had. */
const LATE = 3;
/** The wait after the first attempt, and the longest, in milliseconds. */
const FIRST_WAIT = 50;
const LONGEST_WAIT = 10_000;
/** A store that wants to be left alone for longer is given up, in milliseconds. */
const LONGEST_RETRY_AFTER = 60_000;

/** Options of {@linkcode Attempts}. */
export interface AttemptsOptions {
  /** How many there may be; 8 unless told. */
  readonly most?: number | undefined;
  /** Whether the store is out of order, which is not the fault of what is tried. */
  readonly outage?: Outage | undefined;
  /** Waits end when it is aborted. */
  readonly signal?: AbortSignal | undefined;
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
  readonly #most: number;
  readonly #outage: Outage | undefined;
  readonly #signal: AbortSignal | undefined;
  #failed = 0;

  /** None is made yet. */
  constructor({ most = MOST_ATTEMPTS, outage, signal }: AttemptsOptions = {}) {
    this.#most = most;
    this.#outage = outage;
    this.#signal = signal;
  }

  /**
   * One has failed: waits, for as long as the store wants at least, until it is time for the next. False when there is to be
   * none. In an outage it does not count, and there is no wait but that for the store. Rejects with the reason of the signal
   * when that is aborted.
   */
  async again({ retryAfter = 0, isLate = false }: AgainOptions = {}): Promise<boolean> {
    this.#signal?.throwIfAborted();
    if (retryAfter > LONGEST_RETRY_AFTER || this.#outage?.isGivenUp) return false;
    let wait = 0;
    if (!this.#outage?.isOn) {
      this.#failed += isLate ? LATE : 1;
      if (this.#failed >= this.#most) return false;
      const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.#failed - 1));
      wait = longest * (0.5 + Math.random() / 2);
    }
    await passed(retryAfter + wait, [this.#signal]);
    this.#signal?.throwIfAborted();
    return true;
  }

  /** One has succeeded: what failed before counts no more. */
  succeeded(): void {
    this.#failed = 0;
  }
}
