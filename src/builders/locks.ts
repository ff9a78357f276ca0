/**
 * The global locks of one build: whether a task may run now, is complete by the work of others, or has to wait for them.
 * Unaware of how tasks are run, and of where locks are kept.
 *
 * @module
 */

import { LockUnavailableError, messageOf, RegistryError } from "../errors.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import type {
  GlobalConcurrencyLockManager,
  LockAcquisition,
  LockHandle,
} from "../registries/lock.ts";
import type { Registry } from "../registries/registry.ts";
import type { AnyTask } from "../tasks/task.ts";

/** How a build uses global locks, by which of several builds at once only one runs a task. Times are in milliseconds. */
export interface GlobalLockConfig {
  /** Whether tasks are locked, all or those for which it says so; all unless told. */
  readonly enabled?: boolean | ((task: AnyTask) => boolean) | undefined;
  /**
   * How long the output is waited for of a task that the lock manager calls complete; 30,000 unless told. After that the
   * task is run.
   */
  readonly completionRetryTimeout?: number | undefined;
  /** How often it is looked for meanwhile; every 1,000 unless told. */
  readonly completionRetryInterval?: number | undefined;
  /**
   * How long a task waits for its lock while somebody else has it; 300,000 unless told, `Infinity` for as long as it takes.
   * After that it has failed; with `null` it does not wait, and fails at once.
   */
  readonly lockWaitTimeout?: number | null | undefined;
  /** After what time the lock is asked for again; 1,000 unless told. Each time the output is looked for first. */
  readonly lockWaitInitialInterval?: number | undefined;
  /** By how much longer it takes each time; 2 unless told. */
  readonly lockWaitBackoffFactor?: number | undefined;
  /** The longest that this takes; 30,000 unless told, or what the lock manager says, which is 2,000 for files. */
  readonly lockWaitMaxInterval?: number | undefined;
  /** Whether the build ends, as `"exit_early"`, when all that it could go on with is locked by others; not unless told. */
  readonly exitEarlyWhenAllLocked?: boolean | undefined;
}

/** The same with nothing left out. */
export type LockSettings = { readonly [K in keyof GlobalLockConfig]-?: Given<GlobalLockConfig[K]> };
type Given<T> = Exclude<T, undefined>;

const DEFAULTS: LockSettings = {
  enabled: true,
  completionRetryTimeout: 30_000,
  completionRetryInterval: 1000,
  lockWaitTimeout: 300_000,
  lockWaitInitialInterval: 1000,
  lockWaitBackoffFactor: 2,
  lockWaitMaxInterval: 30_000,
  exitEarlyWhenAllLocked: false,
};

/** The longest time that a timer takes. */
const LONGEST = 2 ** 31 - 1;
/** So often a task begins anew after its lock was lost. */
const MOST_LOSSES = 3;
/** By how much of its length an interval is cut by chance, so that those who wait do not ask all at once. */
const JITTER = 0.25;

/** Checks what is given of a {@linkcode GlobalLockConfig}. Throws `TypeError` and `RangeError`. */
export function lockSettingsOf(
  config: GlobalLockConfig,
  manager: GlobalConcurrencyLockManager | undefined,
): LockSettings {
  const names = Object.keys(DEFAULTS) as (keyof GlobalLockConfig)[];
  checkOptions(config, names, "build with globalLockConfig");
  const given = Object.entries(config).filter(([, value]) => value !== undefined);
  const lockWaitMaxInterval = manager?.askAgainWithin ?? DEFAULTS.lockWaitMaxInterval;
  const settings: LockSettings = {
    ...DEFAULTS,
    lockWaitMaxInterval,
    ...Object.fromEntries(given),
  };
  const wrong = (name: keyof GlobalLockConfig, advice: string): string =>
    `Cannot build with globalLockConfig.${name} ${describe(settings[name])}: give ${advice}`;
  for (const name of names) {
    const value = settings[name];
    if (name === "enabled") {
      if (typeof value === "boolean" || typeof value === "function") continue;
      throw new TypeError(wrong(name, "true, false, or a function from task to these"));
    }
    if (name === "exitEarlyWhenAllLocked") {
      if (typeof value === "boolean") continue;
      throw new TypeError(wrong(name, "true or false"));
    }
    if (name === "lockWaitTimeout" && (value === null || value === Infinity)) continue;
    const [least, unit] = name === "lockWaitBackoffFactor" ? [1, "a factor"] : [0, "milliseconds"];
    if (typeof value === "number" && value >= least && value <= LONGEST) continue;
    throw new RangeError(wrong(name, `${unit} from ${least} to ${LONGEST}`));
  }
  return settings;
}

/** What may be done with a task now. */
export type LockTurn =
  /** It may run: its lock is held. */
  | { readonly kind: "run" }
  /** It is complete: others have run it. */
  | { readonly kind: "complete" }
  /** Others have its lock; it is asked for again by itself. */
  | { readonly kind: "wait"; readonly owner: string | undefined; readonly isFirst: boolean }
  /** It cannot be had, or cannot be asked for. */
  | { readonly kind: "failed"; readonly error: unknown };

/** What is told of locks. */
export interface LocksOptions {
  readonly manager: GlobalConcurrencyLockManager;
  readonly settings: LockSettings;
  /** Aborted when the build stops. */
  readonly signal: AbortSignal;
  /** It is time to ask again for the lock of a node. */
  onDue(node: number): void;
  /** Something is not as it should be, though it goes on. */
  warn(message: string): void;
}

type Timer = ReturnType<typeof setTimeout>;

/** How long a node has waited, and what comes next. */
interface Wait {
  isTold: boolean;
  /** For others that have the lock, and for the output of a task that is said to be complete. */
  waited: number;
  waitedForOutput: number;
  interval: number;
}

/** The locks of one build, by node. */
export class Locks {
  readonly #options: LocksOptions;
  readonly #held = new Map<number, LockHandle>();
  readonly #waits = new Map<number, Wait>();
  /** How often the lock of a node was lost. */
  readonly #losses = new Map<number, number>();
  /** Handles that are not given back yet, and what gives them back. */
  readonly #open = new Set<LockHandle>();
  readonly #releasing = new Set<Promise<void>>();
  /** What asks for locks now. */
  readonly #asking = new Set<Promise<LockTurn>>();
  /** They run until a lock is asked for again. */
  readonly #timers = new Map<number, Timer>();
  /** Of these, those of locks that nobody is known to have. */
  readonly #unclear = new Set<number>();
  #hasWarned = false;

  constructor(options: LocksOptions) {
    this.#options = options;
  }

  /** Whether the node needs a lock before it runs, or goes on. Throws what `enabled` throws, and as `isLost` does. */
  areWanted(node: number, task: AnyTask): boolean {
    const { enabled } = this.#options.settings;
    if (this.#held.has(node) && !this.isLost(node)) return false;
    const answer: unknown = typeof enabled === "function" ? enabled(task) : enabled;
    if (typeof answer === "boolean") return answer;
    throw new TypeError(
      `globalLockConfig.enabled gave ${describe(answer)} for it. Have it give true or false`,
    );
  }

  /** Aborted when the lock of the node is lost. */
  signal(node: number): AbortSignal | undefined {
    return this.#held.get(node)?.signal;
  }

  /** How many nodes wait for others that have their lock. */
  get waiting(): number {
    return this.#waits.size;
  }

  /** Whether some lock will be asked for again by itself. */
  get areWaiting(): boolean {
    return this.#timers.size > 0;
  }

  /** Whether others have all the locks that will be; not when nobody could say, nor when an output is to come. */
  get areTaken(): boolean {
    return this.#timers.size > 0 && this.#unclear.size === 0;
  }

  /** Asks for the lock of a node. Never rejects. */
  take(node: number, task: AnyTask): Promise<LockTurn> {
    const turn = this.#turn(node, task);
    this.#asking.add(turn);
    turn.then(() => this.#asking.delete(turn));
    return turn;
  }

  async #turn(node: number, task: AnyTask): Promise<LockTurn> {
    try {
      const turn = await this.#take(node, task);
      if (turn.kind !== "wait") this.#endWait(node);
      return turn;
    } catch (error) {
      this.#endWait(node);
      return { kind: "failed", error };
    }
  }

  #endWait(node: number): void {
    this.#waits.delete(node);
    this.#unclear.delete(node);
  }

  async #take(node: number, task: AnyTask): Promise<LockTurn> {
    const { manager, settings, signal } = this.#options;
    this.#unclear.delete(node);
    const wait = this.#waits.get(node);
    if (wait !== undefined && await task.complete()) return { kind: "complete" };
    const waitedForOutput = wait?.waitedForOutput ?? 0;
    const checkTaskCompletion = waitedForOutput < settings.completionRetryTimeout;
    let answer: LockAcquisition;
    const askedAt = Date.now();
    try {
      answer = await manager.acquire(task.id, { signal, checkTaskCompletion });
    } catch (error) {
      if (!(error instanceof RegistryError && error.isOutage)) throw error;
      return this.#outage(node, task, error, Date.now() - askedAt);
    }
    switch (answer.status) {
      case "acquired":
        return await this.#acquired(node, task, answer.lock);
      case "already_completed": {
        if (await task.complete()) return { kind: "complete" };
        if (!checkTaskCompletion) {
          throw new TypeError(
            "the lock manager gives no lock for it, for it calls it complete, though it was told not to look at that",
          );
        }
        const left = settings.completionRetryTimeout - waitedForOutput;
        const delay = Math.max(0, Math.min(left, settings.completionRetryInterval));
        this.#unclear.add(node);
        return this.#wait(node, undefined, delay, "waitedForOutput");
      }
      case "held_by_other": {
        const { owner } = answer;
        const who = owner === undefined ? "" : `, "${owner}"`;
        return this.#waitForOthers(node, task, `somebody else has its lock${who}`, owner);
      }
      case "concurrency_limit_reached": {
        const said = answer.message === undefined ? "" : ` (${answer.message})`;
        return this.#waitForOthers(node, task, `as many locks are held as there may be${said}`);
      }
      default:
        answer satisfies never;
        throw new TypeError(
          `the lock manager gave the status ${describe((answer as LockAcquisition).status)}`,
        );
    }
  }

  async #acquired(node: number, task: AnyTask, lock: LockHandle): Promise<LockTurn> {
    this.#open.add(lock);
    try {
      // Others may have completed it since it was looked at last.
      if (!await task.complete()) {
        this.#held.set(node, lock);
        return { kind: "run" };
      }
      this.#give(lock);
      return { kind: "complete" };
    } catch (error) {
      this.#give(lock);
      throw error;
    }
  }

  /** Waits as for a lock that somebody else has, until the manager can be reached again. */
  #outage(node: number, task: AnyTask, error: RegistryError, asked: number): LockTurn {
    const { signal } = this.#options;
    if (signal.aborted) return { kind: "failed", error: signal.reason };
    this.#waitOf(node).waited += Math.max(0, asked); // the clock may have been set back
    const state = messageOf(error);
    if (!this.#hasWarned) this.#options.warn(`Tasks wait, for locks cannot be asked for: ${state}`);
    this.#hasWarned = true;
    this.#unclear.add(node);
    return this.#waitForOthers(node, task, `its lock cannot be asked for: ${state}`);
  }

  #waitForOthers(node: number, task: AnyTask, why: string, owner?: string): LockTurn {
    const { lockWaitTimeout, lockWaitBackoffFactor, lockWaitMaxInterval } = this.#options.settings;
    const wait = this.#waitOf(node);
    const { waited, interval } = wait;
    const left = (lockWaitTimeout ?? 0) - waited;
    if (left <= 0) {
      throw new LockUnavailableError(
        `It could not begin within ${waited} ms, for ${why}. Build again later, or have it wait longer by ` +
          `globalLockConfig.lockWaitTimeout`,
        { taskId: task.id, owner },
      );
    }
    wait.interval = Math.min(interval * lockWaitBackoffFactor, lockWaitMaxInterval);
    const delay = Math.min(left, Math.round(interval * (1 - JITTER * Math.random())));
    return this.#wait(node, owner, delay, "waited");
  }

  #wait(
    node: number,
    owner: string | undefined,
    delay: number,
    counted: "waited" | "waitedForOutput",
  ): LockTurn {
    const { signal } = this.#options;
    if (signal.aborted) return { kind: "failed", error: signal.reason };
    const wait = this.#waitOf(node);
    const isFirst = !wait.isTold;
    wait.isTold = true;
    // A delay of nothing counts, too: else what is to come to an end would not.
    wait[counted] += Math.max(delay, 1);
    const timer = setTimeout(() => {
      this.#timers.delete(node);
      this.#options.onDue(node);
    }, delay);
    this.#timers.set(node, timer);
    return { kind: "wait", owner, isFirst };
  }

  #waitOf(node: number): Wait {
    const { lockWaitInitialInterval, lockWaitMaxInterval } = this.#options.settings;
    let wait = this.#waits.get(node);
    if (wait === undefined) {
      const interval = Math.min(lockWaitInitialInterval, lockWaitMaxInterval);
      wait = { isTold: false, waited: 0, waitedForOutput: 0, interval };
      this.#waits.set(node, wait);
    }
    return wait;
  }

  /**
   * Whether the lock of the node was lost while it was held; it is not held any more after this. Throws what its signal was
   * aborted with when that has happened too often.
   */
  isLost(node: number): boolean {
    const lock = this.#held.get(node);
    if (lock?.signal.aborted !== true) return false;
    this.#held.delete(node);
    this.#open.delete(lock);
    const losses = (this.#losses.get(node) ?? 0) + 1;
    this.#losses.set(node, losses);
    if (losses > MOST_LOSSES) throw lock.signal.reason;
    return true;
  }

  /** Gives back the lock of the node, if it is held. */
  release(node: number): void {
    const lock = this.#held.get(node);
    this.#held.delete(node);
    if (lock !== undefined) this.#give(lock);
  }

  /**
   * What gives back the lock of the completed node and has the registry know; `undefined` where that is not one step. Then it
   * is given back now.
   */
  completion(
    node: number,
    registry: Registry | undefined,
  ): ((buildId: string) => Promise<void>) | undefined {
    const lock = this.#held.get(node);
    if (
      lock?.complete === undefined || registry === undefined ||
      this.#options.manager.registry !== registry
    ) {
      this.release(node);
      return undefined;
    }
    this.#held.delete(node);
    return async (buildId) => {
      await lock.complete!(buildId);
      this.#open.delete(lock);
    };
  }

  /** Nothing is waited for any more. */
  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#waits.clear();
  }

  /** Resolves when no lock is asked for any more: one that comes late is given back by then. */
  async idle(): Promise<void> {
    await Promise.all(this.#asking);
  }

  /** Gives back all that is still held, and resolves when that is done. */
  async close(): Promise<void> {
    this.stop();
    for (const lock of this.#open) this.#give(lock);
    await Promise.all(this.#releasing);
  }

  #give(lock: LockHandle): void {
    this.#open.delete(lock);
    const released = (async () => await lock.release())().catch((error) =>
      this.#options.warn(
        `Cannot give back the lock of the task "${lock.taskId}": ${messageOf(error)}`,
      )
    );
    this.#releasing.add(released);
    released.then(() => this.#releasing.delete(released));
  }
}
