/** Stand-in for `jsr:@std/testing/time`: the part of `FakeTime` that this repository uses. */

/** The clock is used wrongly: faked twice, restored twice, or turned back. */
export class TimeError extends Error {
  override name = "TimeError";
}

/** Replaces `Date` and the timers with ones that move only when told; restored by `using` or `restore()`. */
export class FakeTime {
  readonly #start: number;
  readonly #timers = new Map<number, Timer>();
  #now: number;
  #nextId = 1;

  /** Starts at `start`, or at the time of the real clock. */
  constructor(start?: number | string | Date | null) {
    if (active !== undefined) {
      throw new TimeError("Cannot construct FakeTime: time is already faked");
    }
    this.#start = start === undefined || start === null
      ? real.Date.now()
      : new real.Date(start).valueOf();
    if (Number.isNaN(this.#start)) {
      throw new TimeError(`Cannot construct FakeTime: "${start}" is no time`);
    }
    this.#now = this.#start;
    active = this;
    Object.assign(globalThis, this.#fakes());
  }

  /** When it started, in milliseconds since 1970. */
  get start(): number {
    return this.#start;
  }

  /** The time, in milliseconds since 1970; setting it runs the timers due until then, in order. */
  get now(): number {
    return this.#now;
  }

  set now(value: number) {
    if (value < this.#now) throw new TimeError("Cannot set current time: time cannot go backwards");
    for (let timer = this.#earliest(); timer && timer.due <= value; timer = this.#earliest()) {
      this.#now = timer.due;
      if (timer.every === undefined) this.#timers.delete(timer.id);
      else this.#timers.set(timer.id, { ...timer, due: timer.due + timer.every });
      timer.call();
    }
    this.#now = value;
  }

  /** Resolves after `ms` of the real clock. */
  delay(ms: number): Promise<void> {
    return new Promise((resolve) => real.setTimeout(resolve, ms));
  }

  /** Lets everything go on that waits for no timer. */
  async runMicrotasks(): Promise<void> {
    await this.delay(0);
  }

  /** Moves the time on by `ms`. */
  tick(ms = 0): void {
    this.now += ms;
  }

  /** `runMicrotasks()`, then `tick(ms)`. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.tick(ms);
  }

  /** Moves the time on to the next timer; false when there is none. */
  next(): boolean {
    const timer = this.#earliest();
    if (timer === undefined) return false;
    this.now = timer.due;
    return true;
  }

  /** `runMicrotasks()`, then `next()`. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** `next()` until no timer is left. */
  runAll(): void {
    while (this.next());
  }

  /** `nextAsync()` until no timer is left. */
  async runAllAsync(): Promise<void> {
    while (await this.nextAsync());
  }

  /** Puts the real clock back. */
  restore(): void {
    if (active !== this) throw new TimeError("Cannot restore time: time is already restored");
    active = undefined;
    Object.assign(globalThis, real);
  }

  /** `restore()`. */
  [Symbol.dispose](): void {
    this.restore();
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (earliest === undefined || timer.due < earliest.due) earliest = timer;
    }
    return earliest;
  }

  #add(callback: TimerCallback, delay: number, args: readonly unknown[], repeat: boolean): number {
    const id = this.#nextId++;
    const every = Math.max(repeat ? 1 : 0, Math.floor(delay));
    this.#timers.set(id, {
      id,
      due: this.#now + every,
      every: repeat ? every : undefined,
      call: () => callback(...args),
    });
    return id;
  }

  #fakes(): Record<keyof typeof real, unknown> {
    const clear = (id?: number): void => {
      if (id !== undefined) this.#timers.delete(id);
    };
    const now = (): number => this.#now;
    return {
      Date: new Proxy(real.Date, {
        apply: () => new real.Date(now()).toString(),
        construct: (target, args, newTarget) =>
          Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
        get: (target, key) => key === "now" ? now : Reflect.get(target, key),
      }),
      setTimeout: (callback: TimerCallback, delay = 0, ...args: unknown[]) =>
        this.#add(callback, delay, args, false),
      setInterval: (callback: TimerCallback, delay = 0, ...args: unknown[]) =>
        this.#add(callback, delay, args, true),
      clearTimeout: clear,
      clearInterval: clear,
    };
  }
}

type TimerCallback = (...args: unknown[]) => unknown;

interface Timer {
  readonly id: number;
  readonly due: number;
  /** For an interval, in milliseconds. */
  readonly every: number | undefined;
  readonly call: () => unknown;
}

const real = { Date, setTimeout, setInterval, clearTimeout, clearInterval };

let active: FakeTime | undefined;
