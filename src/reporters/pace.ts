/**
 * How fast a build goes, and when it will be done. Unaware of what it does.
 *
 * @module
 */

/** How far back the pace looks, in milliseconds. */
const WINDOW = 60_000;
const SAMPLE_EVERY = 1000;
/** What is told of the pace needs this many tasks to stand on, and an estimate this many milliseconds. */
const LEAST_DONE = 5;
const LEAST_TIME = 3000;

/** The pace of a build. */
export class Pace {
  #samples: { readonly time: number; readonly done: number; readonly total: number }[] = [];

  /** Tasks per second; `undefined` while nobody knows. */
  rate: number | undefined;
  /** Milliseconds until all is done; `undefined` where that cannot be said, as while tasks are still being added. */
  timeLeft: number | undefined;

  /** Takes in how far the build is; what it tells changes once a second. */
  look(time: number, done: number, total: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && time - last.time < SAMPLE_EVERY) return;
    this.#samples.push({ time, done, total });
    while (time - this.#samples[0]!.time > WINDOW) this.#samples.shift();
    const first = this.#samples[0]!;
    const passed = time - first.time;
    const ended = done - first.done;
    const isKnown = passed > 0 && ended >= LEAST_DONE;
    this.rate = isKnown ? ended / passed * 1000 : undefined;
    this.timeLeft = isKnown && passed >= LEAST_TIME && first.total === total
      ? (total - done) / ended * passed
      : undefined;
  }
}
