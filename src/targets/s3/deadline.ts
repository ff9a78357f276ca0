/**
 * Ends what takes longer than it may. Unaware of what that is.
 *
 * @module
 */

/** A time after which something is aborted, unless it was aborted before. */
export class Deadline implements Disposable {
  readonly #milliseconds: number;
  readonly #given: AbortSignal | undefined;
  readonly #patience: number;
  readonly #controller = new AbortController();
  readonly #onAbort = (): void => {
    if (this.#patience === 0) return this.#controller.abort(this.#given?.reason);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(this.#given?.reason), this.#patience);
  };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLate = false;

  /** The time begins. The signal, which is not aborted yet, aborts as well, so many milliseconds later. */
  constructor(milliseconds: number, signal?: AbortSignal, patience: number = 0) {
    this.#milliseconds = milliseconds;
    this.#given = signal;
    this.#patience = patience;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.restart();
  }

  /** Aborted when it is time, or before. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was time. */
  get isLate(): boolean {
    return this.#isLate;
  }

  /** The time begins anew. */
  restart(): void {
    if (this.#given?.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.#controller.abort();
    }, this.#milliseconds);
  }

  /** Lets the program end before it is time. */
  unref(): this {
    if (this.#timer !== undefined) Deno.unrefTimer(this.#timer);
    return this;
  }

  /** Aborts now; also when its time does not count any more. */
  abort(): void {
    this.#controller.abort();
  }

  /** Its time does not count any more, nor does the signal that was given. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#given?.removeEventListener("abort", this.#onAbort);
  }
}
