/**
 * Global locks without a service: files in a place that all builds share. Unaware of what is locked, and why.
 *
 * @module
 */

import { validate } from "@std/uuid";
import { toTargetRoot } from "../config/target_roots.ts";
import { ConfigError, LockLostError, messageOf } from "../errors.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import { targetFactoryProvider } from "../targets/factory.ts";
import { fileError } from "../targets/file_error.ts";
import { RemoteTarget } from "../targets/remote.ts";
import { isInMemoryUri } from "../tasks/output_uri.ts";
import type {
  AcquireLockOptions,
  GlobalConcurrencyLockManager,
  LockAcquisition,
  LockHandle,
} from "./lock.ts";
import { type HeldLock, LOCK_NAME_PART, type LockPlace, LOCKS } from "./lock_place.ts";

/** Options of {@linkcode FileLockManager}. */
export interface FileLockManagerOptions {
  /**
   * Below which locks are kept, in `.stardag/locks`: a folder, or the uri of a place in a remote file system that takes heed
   * of conditions, such as `s3://bucket/prefix`. The default target root unless told.
   */
  readonly root?: string | URL | undefined;
  /**
   * How long a lock lasts without being renewed, in milliseconds; 60,000 unless told. It is renewed three times as often,
   * so this is how long a build may stand still before others, on other machines, take it for dead.
   */
  readonly ttl?: number | undefined;
  /**
   * Who holds the locks, as others see it; process id and a random part unless told. Letters, digits, `.`, `_` and `-`, up
   * to 100.
   */
  readonly ownerId?: string | undefined;
  /**
   * Name of this machine; `Deno.hostname()` unless told, where Deno permits it. No two machines that share the folder may
   * have the same; empty when it is not known.
   */
  readonly host?: string | undefined;
  /** By how much the clocks of machines that share the folder may differ, in milliseconds; 10,000 unless told. */
  readonly clockSkew?: number | undefined;
}

const OPTIONS = ["root", "ttl", "ownerId", "host", "clockSkew"];
const ACTION = "make a FileLockManager";
/** No timer takes more. */
const MOST_TTL = 2_147_483_647;
/** Many machines are called so. */
const NO_HOST = /^localhost\b/i;

/**
 * Locks of tasks in a folder that all builds share: the default target root unless told, so that builds which share their
 * outputs run each task once, without any service. The folder may be on this machine, or on a mount of several.
 *
 * What holds a lock and is killed loses it at once to others on the same machine, if Deno tells the name of that
 * (`--allow-sys=hostname`, or `host`), and to all others when the lock expires. On the same machine, nobody who lives loses
 * a lock, be it too busy to renew it.
 *
 * Throws `ConfigError` for a root that is no local folder: when it is made, or for the default one at the first lock.
 *
 * @example
 * ```ts
 * import { FileLockManager } from "@stardag/core";
 *
 * const root = await Deno.makeTempDir();
 * const [one, other] = [new FileLockManager({ root }), new FileLockManager({ root })];
 * const id = crypto.randomUUID();
 * const acquisition = await one.acquire(id);
 * console.log(acquisition.status); // "acquired"
 * console.log((await other.acquire(id)).status); // "held_by_other"
 * if (acquisition.status === "acquired") await acquisition.lock.release();
 * ```
 */
export class FileLockManager implements GlobalConcurrencyLockManager {
  /** Who holds the locks. */
  readonly ownerId: string;
  /** A look at a lock costs little. */
  readonly askAgainWithin = 2000;
  readonly #root: string | undefined;
  readonly #ttl: number;
  readonly #host: string | undefined;
  readonly #clockSkew: number;
  #locks: LockPlace | undefined;

  /** Reads nothing; see the options. Throws `RangeError` for what these cannot be. */
  constructor(options: FileLockManagerOptions = {}) {
    checkOptions(options, OPTIONS, ACTION);
    const { root, ttl = 60_000, ownerId = newOwner(), host, clockSkew = 10_000 } = options;
    checkTime("ttl", ttl, 1);
    checkTime("clockSkew", clockSkew, 0);
    checkName("ownerId", ownerId);
    if (host !== undefined && host !== "") checkName("host", host);
    this.ownerId = ownerId;
    this.#root = root === undefined
      ? undefined
      : checkedRoot(toTargetRoot(root instanceof URL ? root.href : root, "its option root"));
    this.#ttl = ttl;
    this.#host = host;
    this.#clockSkew = clockSkew;
  }

  /**
   * Asks for the lock of a task: `acquired` or `held_by_other`. Rejects with a `RangeError` for what is no id of a task,
   * a `PermissionError` when Deno may not read and write below the root, a `TargetError` for what the system refuses.
   */
  async acquire(taskId: string, options: AcquireLockOptions = {}): Promise<LockAcquisition> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (!validate(taskId)) {
      throw new RangeError(
        `Cannot lock the task ${
          describe(taskId)
        }: that is no id of one. Give the id of a task, which is a UUID`,
      );
    }
    const locks = this.#locks ??= await this.#open();
    let taken;
    try {
      taken = await locks.take(taskId, this.#ttl, signal);
    } catch (error) {
      throw fileError(error, "write", locks.pathOf(taskId));
    }
    if ("owner" in taken) return { status: "held_by_other", owner: taken.owner };
    if (signal?.aborted) {
      await taken.drop();
      throw signal.reason;
    }
    return { status: "acquired", lock: new FileLock(taskId, taken, this.#ttl) };
  }

  async #open(): Promise<LockPlace> {
    const factory = targetFactoryProvider.get();
    const root = this.#root ?? checkedRoot(factory.getTargetRoot());
    const [owner, clockSkew] = [this.ownerId, this.#clockSkew];
    if (!isUri(root)) {
      const { LockFolder } = await import("./lock_folder.ts");
      const locks = new LockFolder(root, { owner, host: this.#host ?? hostname(), clockSkew });
      locks.sweep();
      return locks;
    }
    const folder = `${root}${LOCKS}/`;
    const target = factory.getTarget(`${folder}any`);
    const files = target instanceof RemoteTarget ? target.fileSystem.conditional : undefined;
    if (files === undefined) throw noLocks(root);
    const { LockObjects } = await import("./lock_objects.ts");
    return new LockObjects(files, folder, { owner, clockSkew });
  }
}

/** A lock that is held, wherever its file is. */
class FileLock implements LockHandle {
  readonly taskId: string;
  readonly #controller = new AbortController();
  readonly #held: HeldLock;
  readonly #ttl: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(taskId: string, held: HeldLock, ttl: number) {
    this.taskId = taskId;
    this.#held = held;
    this.#ttl = ttl;
    this.#renewIn(ttl / 3);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async release(): Promise<void> {
    await this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #renewIn(delay: number): void {
    this.#timer = setTimeout(() => void this.#renew(), delay);
    Deno.unrefTimer(this.#timer); // who forgets a lock can end all the same
  }

  async #renew(): Promise<void> {
    try {
      const renewed = this.#held.renew(this.#ttl);
      const isHeld = typeof renewed === "boolean" ? renewed : await renewed;
      if (this.#isOver) return;
      if (!isHeld) {
        return this.#lose(
          "it was taken over or removed. Leave such files alone, and if this process stood still for " +
            `longer than ${this.#ttl} ms, give its locks a longer ttl`,
        );
      }
      this.#renewIn(this.#ttl / 3);
    } catch (error) {
      if (this.#isOver) return;
      const left = this.#held.expiry - Date.now();
      if (left > 0) return this.#renewIn(Math.min(this.#ttl / 10, left));
      this.#lose(
        `it has expired, and cannot be renewed (${messageOf(error)}). ` +
          `See that the place of the locks is there and can be written to`,
        error,
      );
    }
  }

  #lose(reason: string, cause?: unknown): void {
    void this.#end();
    const message = `Cannot keep the lock of the task "${this.taskId}": ${reason}`;
    this.#controller.abort(new LockLostError(message, { taskId: this.taskId, cause }));
  }

  async #end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    await this.#held.drop();
  }
}

/** Tells people which process it is, and is nobody else's. */
function newOwner(): string {
  return `pid-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
}

function checkTime(option: string, value: unknown, least: number): void {
  if (typeof value === "number" && value >= least && value <= MOST_TTL) return;
  throw new RangeError(
    `Cannot ${ACTION}: ${option} is ${
      describe(value)
    }. Give milliseconds, from ${least} to ${MOST_TTL}`,
  );
}

function checkName(option: string, value: unknown): void {
  if (typeof value === "string" && LOCK_NAME_PART.test(value)) return;
  throw new RangeError(
    `Cannot ${ACTION}: ${option} is ${describe(value)}, and is to be part of the name of a file. ` +
      `Use letters, digits, ".", "_" and "-", up to 100 of them`,
  );
}

function checkedRoot(root: string): string {
  if (isInMemoryUri(root)) throw noLocks(root);
  return root;
}

function isUri(root: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(root);
}

function noLocks(root: string): ConfigError {
  return new ConfigError(
    `Cannot keep locks below "${root}": it is neither a folder nor in a store that takes heed of conditions, such as S3. ` +
      `Name a place that all builds share: new FileLockManager({ root: "/data/stardag" })`,
  );
}

/** The name of this machine, as far as it may be known without anybody being asked; else empty. */
function hostname(): string {
  if (Deno.permissions.querySync({ name: "sys", kind: "hostname" }).state !== "granted") return "";
  const name = Deno.hostname();
  return LOCK_NAME_PART.test(name) && !NO_HOST.test(name) ? name : "";
}
