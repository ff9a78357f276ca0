/**
 * Work that never waits keeps timers, signals and everything else from their turn. This gives it to them, now and then.
 *
 * @module
 */

/** How long work may keep the event loop to itself, in milliseconds. */
const TIME_SLICE = 50;
/** Looking at the clock costs something, too: it is done after so many steps at most, after each where steps are long. */
const MOST_UNTIL_LOOK = 64;
/** Kept from before a test replaces it: a clock that stands still must not keep the work. */
const realSetTimeout = setTimeout;

/** Counts the steps of some work. */
export class TimeSlice {
  #start = performance.now();
  #untilLook = 1;
  #steps = 1;
  readonly #turns: number;

  /** `turns` is how often the event loop gets its turn at a time: a signal of the system may take two. */
  constructor(turns: number) {
    this.#turns = turns;
  }

  /** To be asked after each step: whether it is time to give the event loop its turn. */
  get isOver(): boolean {
    if (--this.#untilLook > 0) return false;
    const isOver = performance.now() - this.#start > TIME_SLICE;
    this.#steps = isOver ? 1 : Math.min(2 * this.#steps, MOST_UNTIL_LOOK);
    this.#untilLook = this.#steps;
    return isOver;
  }

  /** Lets timers fire and signals arrive. */
  async giveTurn(): Promise<void> {
    for (let turn = 0; turn < this.#turns; turn++) {
      await new Promise((resolve) => realSetTimeout(resolve));
    }
    this.#start = performance.now();
  }
}
