/**
 * The locks of the registry service: asked for, renewed as long as they are held, given back together with the completion.
 * Unaware of how a build waits for one.
 *
 * @module
 */

import { validate } from "@std/uuid";
import { z } from "zod";
import { ConfigError, LockLostError, messageOf, RegistryError } from "../errors.ts";
import { describe, isPlainObject } from "../json.ts";
import { checkOptions } from "../options.ts";
import type { ApiAnswer, ApiClient, ApiRequest } from "./api_client.ts";
import { ApiRegistry, clientOf } from "./api_registry.ts";
import type {
  AcquireLockOptions,
  GlobalConcurrencyLockManager,
  LockAcquisition,
  LockHandle,
} from "./lock.ts";
import { registryProvider } from "./registry_provider.ts";

/** Options of {@linkcode RegistryGlobalConcurrencyLockManager}. */
export interface RegistryGlobalConcurrencyLockManagerOptions {
  /** The registry whose service has the locks; that of `registryProvider` unless told. */
  readonly registry?: ApiRegistry | undefined;
  /** A UUID under which the locks are held; a random one unless told. Who has the same has the same locks. */
  readonly ownerId?: string | undefined;
  /**
   * How long the service keeps a lock for an owner that is not heard of any more, in milliseconds; 60,000 unless told. The
   * service counts in whole seconds, so it is rounded up there.
   */
  readonly ttl?: number | undefined;
}

/** All of {@linkcode RegistryGlobalConcurrencyLockManagerOptions}, to tell what is none. */
const OPTIONS = [
  "registry",
  "ownerId",
  "ttl",
] as const satisfies readonly (keyof RegistryGlobalConcurrencyLockManagerOptions)[];

/** The shortest and the longest time to live. */
const TTL = [1000, 2 ** 31 - 1] as const;
/** After which part of its time to live a lock is renewed. */
const RENEWED_AFTER = 1 / 3;
/** After which part that is tried again; as long has the service to answer when it is asked too late. */
const AGAIN_AFTER = 1 / 12;

/**
 * Gives out the locks of the registry service. One manager can serve many builds at once, also of the same tasks: it knows
 * what it has given out. Each manager is an owner of its own.
 *
 * Builds that tell the same `ApiRegistry` record the completion of a task in one step with giving its lock back. Nothing
 * must be closed; a process that ends without giving its locks back keeps them from others for as long as `ttl`.
 *
 * @example
 * ```ts ignore
 * import * as sd from "@stardag/core";
 *
 * const registry = new sd.ApiRegistry({ url: "http://localhost:8000", apiKey: Deno.env.get("STARDAG_API_KEY") });
 * const globalLockManager = new sd.RegistryGlobalConcurrencyLockManager({ registry });
 * await sd.build(task, { registry, globalLockManager });
 * ```
 */
export class RegistryGlobalConcurrencyLockManager implements GlobalConcurrencyLockManager {
  /** A UUID, under which the service knows who has a lock. */
  readonly ownerId: string;
  /** The registry whose service has the locks. */
  readonly registry: ApiRegistry;
  readonly #ttl: number;
  /** Ids of the tasks whose locks are held, asked for, or on their way back. */
  readonly #taken = new Set<string>();

  /**
   * Connects to nothing. Throws `ConfigError` when no registry is handed in and the one in force is no `ApiRegistry`,
   * `TypeError` and `RangeError` for other options that cannot work.
   */
  constructor(options: RegistryGlobalConcurrencyLockManagerOptions = {}) {
    const action = "lock tasks by the registry";
    checkOptions(options, OPTIONS, action);
    const { ownerId = crypto.randomUUID(), ttl = 60_000 } = options;
    if (typeof ownerId !== "string" || !validate(ownerId)) {
      throw new TypeError(
        `Cannot ${action}: ownerId is ${describe(ownerId)}. Give a UUID, or none`,
      );
    }
    if (!(typeof ttl === "number" && ttl >= TTL[0] && ttl <= TTL[1])) {
      throw new RangeError(
        `Cannot ${action}: ttl is ${describe(ttl)}. Give milliseconds from ${TTL[0]} to ${TTL[1]}`,
      );
    }
    const registry: unknown = options.registry ?? registryProvider.get();
    if (!(registry instanceof ApiRegistry)) {
      throw new ConfigError(
        `Cannot ${action}: the registry ${
          describe(registry)
        } is no service that has locks. Hand in an ApiRegistry, ` +
          `set STARDAG_REGISTRY_URL and STARDAG_API_KEY, or use a FileLockManager, which needs no service`,
      );
    }
    this.ownerId = ownerId;
    this.registry = registry;
    this.#ttl = ttl;
  }

  /**
   * Asks the service for the lock of a task. Rejects with `RegistryError` when that cannot tell, with `TypeError` when the
   * id is no UUID, and with the reason of a signal that is aborted: once the service has answered, so that nothing is left.
   */
  async acquire(
    taskId: string,
    { checkTaskCompletion = true, signal }: AcquireLockOptions = {},
  ): Promise<LockAcquisition> {
    if (typeof taskId !== "string" || !validate(taskId)) {
      throw new TypeError(
        `Cannot lock a task by the registry: its id is ${
          describe(taskId)
        }. Give the id of a task, a UUID`,
      );
    }
    // To the service it would be the same owner who asks again.
    if (this.#taken.has(taskId)) return { status: "held_by_other", owner: this.ownerId };
    this.#taken.add(taskId);
    const calls = new LockCalls(this, taskId, this.#ttl);
    let lock: RegistryLockHandle | undefined;
    const onEnd = (): void => void this.#taken.delete(taskId);
    try {
      const askedAt = Date.now();
      const status = await calls.acquire(checkTaskCompletion, signal);
      if (status !== "acquired") return status;
      lock = new RegistryLockHandle(calls, this.#ttl, askedAt, onEnd);
    } finally {
      if (lock === undefined) onEnd();
    }
    if (signal?.aborted === true) {
      await lock.release();
      throw signal.reason;
    }
    return { status: "acquired", lock };
  }
}

/** A lock of the service. */
class RegistryLockHandle implements LockHandle {
  readonly taskId: string;
  readonly #calls: LockCalls;
  readonly #ttl: number;
  readonly #onEnd: () => void;
  readonly #lost = new AbortController();
  /** Aborted when the lock is not renewed any more: it is lost or given back. */
  readonly #over = new AbortController();
  /** Until when it is held for certain: the service counts from when it has heard. */
  #endsAt: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Why it could not be renewed the last time, if it could not. */
  #failure: unknown;
  /** How it is given back. */
  #giving: Promise<void> | undefined;

  constructor(calls: LockCalls, ttl: number, askedAt: number, onEnd: () => void) {
    this.taskId = calls.taskId;
    this.#calls = calls;
    this.#ttl = ttl;
    this.#onEnd = onEnd;
    this.#endsAt = askedAt + ttl;
    this.#wait(ttl * RENEWED_AFTER, () => this.#renew());
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  async release(): Promise<void> {
    // What comes of the first time is told there.
    if (this.#giving !== undefined) return void await Promise.allSettled([this.#giving]);
    if (this.#over.signal.aborted) return;
    await (this.#giving = this.#give(async () => {
      try {
        await this.#calls.release();
      } catch (error) {
        // It ends by itself then.
        if (!(error instanceof RegistryError && error.isOutage)) throw error;
      }
    }));
  }

  async complete(buildId: string): Promise<void> {
    let isRecorded = false;
    if (!this.#over.signal.aborted) {
      await (this.#giving = this.#give(async () => {
        isRecorded = await this.#calls.release(buildId);
      }));
    }
    // What was lost meanwhile is complete all the same.
    if (!isRecorded) await this.#calls.registry.taskComplete(buildId, { id: this.taskId });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #give(send: () => Promise<void>): Promise<void> {
    this.#stop();
    try {
      await send();
    } finally {
      this.#onEnd();
    }
  }

  async #renew(): Promise<void> {
    const askedAt = Date.now();
    // The event loop may have been busy for so long that it is over here; the service knows whether it is there, too.
    const left = this.#endsAt - askedAt;
    const patience = left > 0 ? left : this.#ttl * AGAIN_AFTER;
    this.#wait(patience, () => this.#isNotRenewed());
    try {
      const isHeld = await this.#calls.renew(this.#over.signal);
      if (this.#over.signal.aborted) return;
      if (!isHeld) return this.#isLost("the registry has given it to somebody else, or none");
      this.#endsAt = askedAt + this.#ttl;
      this.#failure = undefined;
      this.#wait(this.#ttl * RENEWED_AFTER, () => this.#renew());
    } catch (error) {
      if (this.#over.signal.aborted) return;
      this.#failure = error;
      const left = this.#endsAt - Date.now();
      const again = this.#ttl * AGAIN_AFTER;
      if (left > again) this.#wait(again, () => this.#renew());
      else this.#wait(left, () => this.#isNotRenewed());
    }
  }

  #isNotRenewed(): void {
    const failure = this.#failure;
    const why = failure === undefined ? "the registry does not answer" : messageOf(failure);
    this.#isLost(`it could not be renewed for ${this.#ttl} ms (${why})`, failure);
  }

  #isLost(why: string, cause?: unknown): void {
    this.#stop();
    this.#onEnd();
    this.#lost.abort(
      new LockLostError(
        `Cannot keep the lock of the task "${this.taskId}": ${why}. Give it a longer ttl if its owner can be out of reach ` +
          `for so long`,
        { taskId: this.taskId, cause },
      ),
    );
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#over.abort();
  }

  /** Does it after a while, in place of what was to be done next. A lock alone does not keep the process. */
  #wait(milliseconds: number, next: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(next, milliseconds);
    Deno.unrefTimer(this.#timer);
  }
}

/** What the service is asked about one lock for its owner. */
class LockCalls {
  readonly taskId: string;
  readonly registry: ApiRegistry;
  readonly #client: ApiClient;
  readonly #owner: { readonly owner_id: string };
  readonly #life: { readonly ttl_seconds: number };

  constructor(
    { registry, ownerId }: RegistryGlobalConcurrencyLockManager,
    taskId: string,
    ttl: number,
  ) {
    this.taskId = taskId;
    this.registry = registry;
    this.#client = clientOf(registry);
    this.#owner = { owner_id: ownerId };
    this.#life = { ttl_seconds: Math.ceil(ttl / 1000) };
  }

  async acquire(
    checkTaskCompletion: boolean,
    signal: AbortSignal | undefined,
  ): Promise<"acquired" | Exclude<LockAcquisition, { status: "acquired" }>> {
    const json = { ...this.#life, check_task_completion: checkTaskCompletion };
    const answer = await this.#send("acquire", json, {
      accept: (status, detail) => isRefusal(status, detail),
      signal,
    });
    switch (answer.status) {
      case 423:
        return { status: "held_by_other" };
      case 429: {
        const { detail } = answer.as(
          z.object({ detail: z.object({ error_message: z.string().nullish() }) }),
        );
        return { status: "concurrency_limit_reached", message: detail.error_message ?? undefined };
      }
    }
    const { status } = answer.as(z.object({ status: z.enum(["acquired", "already_completed"]) }));
    return status === "acquired" ? status : { status };
  }

  /** Whether it is still held. */
  async renew(signal: AbortSignal): Promise<boolean> {
    return (await this.#send("renew", this.#life, { accept: isConflict, signal, abandon: signal }))
      .status !== 409;
  }

  /** Whether it was still held; if so, the build has completed the task where one is told. */
  async release(buildId?: string): Promise<boolean> {
    const json = buildId === undefined
      ? { task_completed: false }
      : { task_completed: true, build_id: buildId };
    const answer = await this.#send("release", json, { accept: isConflict });
    if (answer.status === 409) return false;
    return answer.as(z.object({ released: z.boolean() })).released;
  }

  #send(
    step: "acquire" | "renew" | "release",
    json: Readonly<Record<string, unknown>>,
    more: Pick<ApiRequest, "accept" | "signal" | "abandon">,
  ): Promise<ApiAnswer> {
    return this.#client.request({
      action: `${step} the lock of the task "${this.taskId}"`,
      method: "POST",
      path: `/locks/${this.taskId}/${step}`,
      json: JSON.stringify({ ...this.#owner, ...json }),
      ...more,
    });
  }
}

/** Whether the service gives no lock; a 429 can come from what stands before it, too. */
function isRefusal(status: number, detail: unknown): boolean {
  return status === 423 ||
    status === 429 && isPlainObject(detail) && detail.status === "concurrency_limit_reached";
}

/** Whether a lock is not held by who thinks so. */
function isConflict(status: number): boolean {
  return status === 409;
}
