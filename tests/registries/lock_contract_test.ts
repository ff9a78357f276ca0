import { assert, assertEquals } from "@std/assert";
import { LockLostError } from "../../src/errors.ts";
import { InMemoryRegistry } from "../../src/registries/in_memory_registry.ts";
import type {
  AcquireLockOptions,
  GlobalConcurrencyLockManager,
  LockAcquisition,
  LockHandle,
} from "../../src/registries/lock.ts";
import { lockContract, type LockPlace } from "../../src/testing/lock_contract.ts";

/** Locks of this process, with ways in which they can be wrong. */
class Locks implements LockPlace {
  readonly ttl = 1_000;
  readonly registry = new InMemoryRegistry();
  readonly held = new Map<string, { owner: string; endsAt: number }>();
  readonly faults: ReadonlySet<Fault>;
  readonly #timers = new Set<ReturnType<typeof setInterval>>();

  constructor(...faults: readonly Fault[]) {
    this.faults = new Set(faults);
  }

  manager(): GlobalConcurrencyLockManager {
    return new Manager(this, this.faults.has("one owner") ? "me" : crypto.randomUUID());
  }

  abandon(taskId: string): Promise<void> {
    this.held.set(taskId, { owner: "dead", endsAt: Date.now() + this.ttl });
    return Promise.resolve();
  }

  async steal(taskId: string): Promise<void> {
    await this.abandon(taskId);
  }

  /** Who has it now. */
  holder(taskId: string): string | undefined {
    const lock = this.held.get(taskId);
    const isHeld = lock !== undefined &&
      (this.faults.has("nothing expires") || Date.now() < lock.endsAt);
    return isHeld ? lock.owner : undefined;
  }

  every(delay: number, call: () => void): () => void {
    const timer = setInterval(call, delay);
    this.#timers.add(timer);
    return () => clearInterval(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    return Promise.resolve();
  }
}

class Manager implements GlobalConcurrencyLockManager {
  readonly ownerId: string;
  readonly #locks: Locks;
  readonly registry: InMemoryRegistry | undefined;

  constructor(locks: Locks, ownerId: string) {
    this.#locks = locks;
    this.ownerId = ownerId;
    this.registry = locks.faults.has("no registry") ? undefined : locks.registry;
  }

  async acquire(taskId: string, options: AcquireLockOptions = {}): Promise<LockAcquisition> {
    const { faults, held, registry, ttl } = this.#locks;
    const { checkTaskCompletion = true } = options;
    const signal = faults.has("no abort") ? undefined : options.signal;
    signal?.throwIfAborted();
    if (taskId === "" && !faults.has("odd")) throw new RangeError("no id");
    const key = faults.has("odd") ? taskId.trim().toLowerCase() : taskId;
    const isCompleted = registry.allTasks().some(({ id, status }) =>
      id === key && status === "completed"
    );
    if (isCompleted && (checkTaskCompletion || faults.has("always checks"))) {
      return { status: "already_completed" };
    }
    const owner = this.#locks.holder(key);
    if (faults.has("looks, then takes")) await Promise.resolve();
    if (owner !== undefined && !(faults.has("re-entrant") && owner === this.ownerId)) {
      return { status: "held_by_other", owner: faults.has("wrong owner") ? "x" : owner };
    }
    held.set(key, { owner: this.ownerId, endsAt: Date.now() + ttl });
    await Promise.resolve();
    const lock = new Handle(this.#locks, key, taskId, this.ownerId);
    if (signal?.aborted && !faults.has("late")) {
      if (!faults.has("keeps what is given up")) await lock.release();
      throw signal.reason;
    }
    if (faults.has("bound to the signal")) {
      signal?.addEventListener("abort", () => void lock.release());
    }
    return { status: "acquired", lock };
  }
}

class Handle implements LockHandle {
  readonly taskId: string;
  readonly complete?: (buildId: string) => Promise<void>;
  readonly #controller = new AbortController();
  readonly #locks: Locks;
  readonly #key: string;
  readonly #stop: () => void;
  readonly #owner: string;
  #isOver = false;

  constructor(locks: Locks, key: string, taskId: string, owner: string) {
    this.taskId = taskId;
    this.#locks = locks;
    this.#key = key;
    this.#owner = owner;
    this.#stop = locks.every(locks.ttl / 3, () => this.#renew());
    if (locks.faults.has("no complete")) return;
    this.complete = async (buildId) => {
      if (!locks.faults.has("records nothing")) {
        locks.registry.taskComplete(buildId, { id: taskId });
      }
      if (!locks.faults.has("completes only")) await this.release();
    };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  release(): Promise<void> {
    const { faults, held } = this.#locks;
    if (this.#isOver && !faults.has("releases again")) return Promise.resolve();
    this.#isOver = true;
    if (!faults.has("renews what is given back")) this.#stop();
    if (this.#isHeld() || faults.has("releases again") || faults.has("releases what is lost")) {
      if (!faults.has("releases nothing")) held.delete(this.#key);
    }
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #renew(): void {
    const { faults, held, ttl } = this.#locks;
    if (faults.has("renews nothing")) return;
    if (this.#isHeld() || faults.has("renews what is lost")) {
      held.set(this.#key, { owner: this.#owner, endsAt: Date.now() + ttl });
    } else if (!faults.has("does not tell")) {
      const { taskId } = this;
      const isOdd = faults.has("tells something else");
      this.#controller.abort(isOdd ? new Error("lost") : new LockLostError("lost", { taskId }));
    }
  }

  #isHeld(): boolean {
    return this.#locks.holder(this.#key) === this.#owner;
  }
}

/** Ways to be wrong, and the beginning of a fact that tells. */
const FAULTS = {
  "re-entrant": "gives no lock twice",
  "looks, then takes": "gives a lock to one of many that ask at once",
  "one owner": "gives a lock to one of many that ask at once",
  "wrong owner": "gives a lock to one at a time",
  "odd": "refuses an odd id",
  "no abort": "gives no lock to who does not want it any more",
  "late": "gives back a lock that is given up while it is asked for",
  "keeps what is given up": "gives back a lock that is given up while it is asked for",
  "bound to the signal": "leaves a lock alone when the signal",
  "releases nothing": "gives a lock to one at a time",
  "releases again": "gives a lock back once",
  "releases what is lost": "tells who has lost a lock",
  "renews nothing": "renews a lock for as long as it is held",
  "renews what is given back": "does not tell that a lock is lost that was given back",
  "renews what is lost": "tells who has lost a lock",
  "does not tell": "tells who has lost a lock",
  "tells something else": "tells who has lost a lock",
  "nothing expires": "gives the lock of a dead owner to one",
  "no registry": "has its registry know",
  "no complete": "has its registry know",
  "records nothing": "has its registry know",
  "completes only": "has its registry know",
  "always checks": "has its registry know",
};
type Fault = keyof typeof FAULTS;

for (const [fault, fact] of Object.entries(FAULTS) as [Fault, string][]) {
  Deno.test(`lockContract() catches locks with the fault "${fault}"`, async () => {
    const failed = await failuresOf(() => new Locks(fault));
    assert(failed.some((name) => name.startsWith(fact)), `it fails: ${failed.join("; ")}`);
  });
}

Deno.test("lockContract() passes locks without a fault", async () => {
  assertEquals(await failuresOf(() => Promise.resolve(new Locks())), []);
});

Deno.test("lockContract() tells when there is a registry that was not said to be", async () => {
  const failed = await failuresOf(() => new Locks(), false);
  assertEquals(failed, ["has no registry"]);
  assertEquals(await failuresOf(() => new Locks("no registry", "no complete"), false), []);
});

/** The facts that do not hold for the locks. */
async function failuresOf(
  make: () => Locks | Promise<Locks>,
  completes = true,
): Promise<readonly string[]> {
  const facts: { readonly name: string; readonly prove: () => Promise<void> }[] = [];
  const { test } = Deno;
  const collect = (name: string, prove: () => Promise<void>): void => {
    facts.push({ name: name.replace("L ", ""), prove });
  };
  Object.assign(Deno, { test: collect });
  try {
    lockContract("L", make, { completes });
  } finally {
    Object.assign(Deno, { test });
  }
  const failed: string[] = [];
  for (const { name, prove } of facts) await prove().catch(() => failed.push(name));
  return failed;
}
