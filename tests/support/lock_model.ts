/**
 * How a build waits for the lock of a task, told naively. Unaware of the build: it is told what is answered, and when.
 */

/** How a build waits for locks; in milliseconds. */
export interface LockSpec {
  /** For how long while others have one; `null` for not at all. */
  readonly timeout: number | null;
  /** When it is asked for again: after this, then after twice as long each time, */
  readonly interval: number;
  /** but never after more than this. */
  readonly longestInterval: number;
  /** For how long, and how often, the output is looked for of a task that is said to be complete. */
  readonly outputTimeout: number;
  readonly outputInterval: number;
  readonly exitsEarly: boolean;
}

/** What comes of it when a lock is asked for. */
export type LockAnswer =
  | "acquired"
  | "others have it"
  | "too many are held"
  | "said to be complete"
  | "outage"
  | "refused";

/** For whom or what a task waits, since it was first told that it cannot have its lock. */
interface LockWait {
  /** When the lock is to be asked for again. */
  readonly due: number;
  /** Others have the lock; else nobody could say, or the task is said to be complete. */
  readonly isTaken: boolean;
  /** How long it has waited in all: for others, and for the output. */
  readonly forOthers: number;
  readonly forOutput: number;
  /** For how long it waits for others the next time. */
  readonly interval: number;
}

/** A task whose lock gets lost more often has failed. */
const MOST_LOSSES = 3;

/** The lock of one task, as one build has to see it. */
export class TaskLock {
  state: "none" | "held" | "lost" = "none";
  wait: LockWait | undefined;
  readonly #spec: LockSpec | undefined;
  #losses = 0;
  #askedAt = 0;

  constructor(spec: LockSpec | undefined) {
    this.#spec = spec;
  }

  /** Whether the lock manager is believed when it says that the task is complete. */
  get isBelieved(): boolean {
    return (this.wait?.forOutput ?? 0) < this.#spec!.outputTimeout;
  }

  /** Whether it is lost, and was so often that the task has failed. */
  get isLostTooOften(): boolean {
    return this.state === "lost" && this.#losses === MOST_LOSSES;
  }

  /** It is to be asked for again if it was lost. */
  forgetLoss(): void {
    if (this.state === "lost") this.#losses++;
    this.state = "none";
  }

  /** It is neither held nor waited for any more. */
  end(): void {
    this.state = "none";
    this.wait = undefined;
  }

  /** It is asked for. */
  asked(now: number): void {
    this.#askedAt = now;
  }

  /** It cannot be had now; `false` when it has been waited for long enough. */
  waitForOthers(now: number, isTaken: boolean): boolean {
    const { timeout, longestInterval } = this.#spec!;
    const { forOutput, interval } = this.#waitSoFar;
    // What cannot be reached may take long to say so.
    const forOthers = this.#waitSoFar.forOthers + (isTaken ? 0 : now - this.#askedAt);
    const left = (timeout ?? 0) - forOthers;
    if (left <= 0) return false;
    const delay = Math.min(interval, left);
    this.wait = {
      due: now + delay,
      isTaken,
      forOthers: forOthers + Math.max(delay, 1),
      forOutput,
      interval: Math.min(2 * interval, longestInterval),
    };
    return true;
  }

  /** The task is said to be complete, and has no output. */
  waitForOutput(now: number): void {
    const { outputTimeout, outputInterval } = this.#spec!;
    const { forOutput } = this.#waitSoFar;
    const delay = Math.min(outputTimeout - forOutput, outputInterval);
    this.wait = {
      ...this.#waitSoFar,
      due: now + delay,
      isTaken: false,
      forOutput: forOutput + Math.max(delay, 1),
    };
  }

  get #waitSoFar(): LockWait {
    const { interval } = this.#spec!;
    return this.wait ?? { due: 0, isTaken: false, forOthers: 0, forOutput: 0, interval };
  }
}
