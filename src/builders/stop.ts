/**
 * How a build is asked to stop, by whom, and for how long what is under way may go on after that. Unaware of tasks.
 *
 * @module
 */

import { InterruptedError } from "../errors.ts";
import type { BuildSettings } from "./build_options.ts";
import { onSystemSignal } from "./system_signals.ts";

type Timer = ReturnType<typeof setTimeout>;

/** Who is told of it, besides those who look at the signal. */
export interface StopOptions
  extends Pick<BuildSettings, "signal" | "handleSignals" | "gracePeriod"> {
  /** Called once, when the build is asked to stop. */
  onStop(): void;
  /** Called once, when what was asked to stop has had its time. */
  onGraceEnd(): void;
}

/** The end of one build before all is done. */
export class Stop {
  readonly #options: StopOptions;
  readonly #controller = new AbortController();
  readonly #askedFromOutside = Promise.withResolvers<void>();
  readonly #graceEnd = Promise.withResolvers<void>();
  #graceTimer: Timer | undefined;
  #isGraceOver = false;
  #reason: unknown;

  constructor(options: StopOptions) {
    this.#options = options;
  }

  /** Aborted when the build is asked to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether nothing new is begun. */
  get isAsked(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Why the build was stopped from outside, if it was. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Whether what was asked to stop has had its time. */
  get isGraceOver(): boolean {
    return this.#isGraceOver;
  }

  /** Resolves when that is so. */
  get graceEnd(): Promise<void> {
    return this.#graceEnd.promise;
  }

  /** Asks the build to stop. */
  ask(reason: unknown): void {
    if (this.isAsked) return;
    this.startGrace();
    this.#controller.abort(reason);
    this.#options.onStop();
  }

  /** Has the outside stop the build, until what it gives is disposed. */
  listen(): Disposable {
    const { signal, handleSignals } = this.#options;
    const onAbort = (): void => this.#askFromOutside(signal?.reason);
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    const unlisten = handleSignals === true
      ? onSystemSignal((name) =>
        this.#askFromOutside(
          new InterruptedError(`The build was stopped by ${name}`, { signal: name }),
        )
      )
      : undefined;
    return {
      [Symbol.dispose]: (): void => {
        signal?.removeEventListener("abort", onAbort);
        unlisten?.();
        clearTimeout(this.#graceTimer);
      },
    };
  }

  /** Has the grace period begin, if it has not. */
  startGrace(): void {
    this.#graceTimer ??= setTimeout(() => {
      this.#isGraceOver = true;
      this.#options.onGraceEnd();
      this.#graceEnd.resolve();
    }, this.#options.gracePeriod);
  }

  /**
   * Waits for a call to others, once the build is stopped from outside for no more than a part of the grace period. Whether it
   * has ended.
   */
  async atMost(call: Promise<void>): Promise<boolean> {
    let timer: Timer | undefined;
    let isOver = false;
    const late = this.#askedFromOutside.promise.then(() =>
      new Promise<boolean>((resolve) => {
        if (!isOver) timer = setTimeout(() => resolve(false), this.#options.gracePeriod / 4);
      })
    );
    try {
      return await Promise.race([call.then(() => true), late]);
    } finally {
      isOver = true;
      clearTimeout(timer);
    }
  }

  #askFromOutside(reason: unknown): void {
    this.#reason ??= reason;
    this.#askedFromOutside.resolve();
    this.ask(reason);
  }
}
