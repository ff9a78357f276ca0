/**
 * How many requests are under way at once: as many as the store takes. Halved when it asks to slow down, and then more
 * again, one by one. Unaware of what is asked.
 *
 * @module
 */

/** A place among the requests under way. */
export interface Permit {
  /** Gives it back; `isSlowed` when the store has asked to slow down. */
  release(isSlowed: boolean): void;
}

/** Bounds the requests under way of all that share it. */
export class Pace {
  readonly #most: number;
  #bound: number;
  #underWay = 0;
  /** How often the bound was halved. */
  #halvings = 0;
  readonly #waiting = new Set<() => void>();

  /** `most` is the highest bound, and the first. */
  constructor(most: number) {
    this.#most = most;
    this.#bound = most;
  }

  /** The bound now. */
  get bound(): number {
    return Math.floor(this.#bound);
  }

  /** A place, when there is one. Rejects with the reason of the signal when that is aborted before. */
  async permit(signal?: AbortSignal): Promise<Permit> {
    signal?.throwIfAborted();
    if (this.#underWay < this.bound) this.#underWay++;
    else await this.#turn(signal);
    const halvings = this.#halvings;
    return { release: (isSlowed) => this.#release(isSlowed, halvings) };
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      this.#waiting.delete(resolve);
      reject(signal?.reason);
    };
    this.#waiting.add(resolve);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  #release(isSlowed: boolean, halvings: number): void {
    this.#underWay--;
    if (!isSlowed) {
      this.#bound = Math.min(this.#most, this.#bound + 1 / this.#bound);
    } else if (halvings === this.#halvings) {
      // What was sent before the last halving has nothing new to say.
      this.#bound = Math.max(1, this.#bound / 2);
      this.#halvings++;
    }
    this.#admit();
  }

  /** Those who have waited longest, as many as there is room for. */
  #admit(): void {
    for (const admit of this.#waiting) {
      if (this.#underWay >= this.bound) return;
      this.#waiting.delete(admit);
      this.#underWay++;
      admit();
    }
  }
}
