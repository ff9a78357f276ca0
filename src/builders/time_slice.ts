/**
 * Work that never waits keeps timers, signals and everything else from their turn. This gives it to them, now and then.
 *
 * @module
 */

/** How long work may keep the event loop to itself, in milliseconds. */
const TIME_SLICE = 50;
/** Kept from before a test replaces it: a clock that stands still must not keep the work. */
const realSetTimeout = setTimeout;

/** How long some work has kept the event loop to itself. */
export class TimeSlice {
  #start = Date.now();
  readonly #turns: number;

  /** `turns` is how often the event loop gets its turn at a time: a signal of the system may take two. */
  constructor(turns: number) {
    this.#turns = turns;
  }

  /** To be asked after each step of others, which may take any time: whether to give the event loop its turn. */
  get isOver(): boolean {
    return Date.now() - this.#start > TIME_SLICE;
  }

  /** Lets timers fire and signals arrive. */
  async giveTurn(): Promise<void> {
    for (let turn = 0; turn < this.#turns; turn++) {
      await new Promise((resolve) => realSetTimeout(resolve));
    }
    this.#start = Date.now();
  }
}
