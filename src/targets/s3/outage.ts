/**
 * What to do while nothing succeeds: all wait, one tries from time to time. Unaware of what is tried.
 *
 * @module
 */

import { passed } from "../../waiting.ts";

/** So many failures without a success between them are no accident. */
const OUTAGE = 4;
/** The waits between trials, in milliseconds. */
const FIRST_WAIT = 50;
const LONGEST_WAIT = 2_000;
/** What has failed so long ago says nothing of now, in milliseconds. */
const FORGOTTEN = 60_000;
/** The longest time a timer can wait, in milliseconds. */
const FOR_EVER = 2 ** 31 - 1;

/** What an attempt tells of the store: nothing when it was given up. */
export type Sign = "alive" | "failed" | "none";

/** An attempt that may be made. */
export interface Trial {
  /** Has to be called when it is over. */
  end(sign: Sign): void;
}

/**
 * Whether a store is out of order. When some requests in a row have failed, whoever has sent them, one is tried at a time,
 * later each time, and the others wait until one succeeds. A store that does not come back in time is given up: what is asked
 * while one is tried fails at once.
 */
export class Outage {
  readonly #longest: number;
  /** Since something has succeeded, and the times of the first and the last. */
  #failures = 0;
  #since = 0;
  #last = 0;
  /** How often one was tried alone, whether that is so now, and when it is time for the next. */
  #trials = 0;
  #isTried = false;
  #next = 0;
  /** Aborted when anything of this has changed. */
  #change = new AbortController();

  /** `longest` is how many milliseconds it may last. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** Whether it is out of order. */
  get isOn(): boolean {
    return this.#failures >= OUTAGE;
  }

  /** Whether it is so for too long. */
  get isGivenUp(): boolean {
    return this.isOn && performance.now() - this.#since >= this.#longest;
  }

  /** Waits until an attempt may be made; `undefined` when the store is given up. Rejects with the reason of the signal. */
  async trial(signal: AbortSignal | undefined): Promise<Trial | undefined> {
    const now = performance.now();
    if (!this.#isTried && now - this.#last > FORGOTTEN) this.#failures = this.#trials = 0;
    while (this.isOn) {
      signal?.throwIfAborted();
      const wait = this.isGivenUp ? 0 : this.#next - performance.now();
      if (!this.#isTried && wait <= 0) {
        this.#isTried = true;
        this.#changed();
        return { end: (sign) => this.#ended(sign, true) };
      }
      if (this.isGivenUp) return undefined;
      await passed(this.#isTried ? FOR_EVER : wait, [signal, this.#change.signal]);
    }
    signal?.throwIfAborted();
    return { end: (sign) => this.#ended(sign, false) };
  }

  #ended(sign: Sign, isAlone: boolean): void {
    const now = performance.now();
    if (isAlone) this.#isTried = false;
    if (sign === "alive") {
      this.#failures = this.#trials = 0;
    } else if (sign === "failed") {
      // What was sent before the outage has nothing new to say.
      if (this.isOn && !isAlone) return;
      if (this.#failures++ === 0) this.#since = now;
      this.#last = now;
      if (this.isOn) this.#next = now + Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#trials++);
    }
    this.#changed();
  }

  #changed(): void {
    const change = this.#change;
    this.#change = new AbortController();
    change.abort();
  }
}
