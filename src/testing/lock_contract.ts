/**
 * What every manager of global locks must do, as tests. Unaware of which one it is, and of where the locks are kept.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import { LockLostError, RegistryError } from "../errors.ts";
import type {
  AcquireLockOptions,
  GlobalConcurrencyLockManager,
  LockHandle,
} from "../registries/lock.ts";
import type { Registry } from "../registries/registry.ts";
import { TargetFactory, targetFactoryProvider } from "../targets/factory.ts";
import { task } from "../tasks/define_task.ts";

/** Where the locks of one test are kept; disposed when it has ended. */
export interface LockPlace extends AsyncDisposable {
  /** How long a lock lasts that its owner does not renew any more, in milliseconds. */
  readonly ttl: number;
  /** Makes a manager of these locks: each is another owner. */
  manager(): GlobalConcurrencyLockManager;
  /** Has yet another owner take a lock that is free, and never renew it, as one whose machine was switched off. */
  abandon(taskId: string): Promise<void>;
  /** Has yet another owner take the lock from who holds it, as though that one had not renewed it in time. */
  steal(taskId: string): Promise<void>;
}

/** Options of {@linkcode lockContract}. */
export interface LockContractOptions {
  /** Whether its locks have `complete()`, and its managers a registry; they do not unless told. */
  readonly completes?: boolean | undefined;
  /**
   * Lets so many milliseconds go by for the managers and where the locks are kept. Unless told, the clock of this process
   * is replaced by a `FakeTime` before the place is made, and moved on.
   */
  readonly pass?: ((milliseconds: number) => Promise<void>) | undefined;
}

/** What one test has at hand. */
interface Scene {
  readonly place: LockPlace;
  /** The ids of two tasks. */
  readonly ids: readonly [string, string];
  /** Three managers. */
  readonly managers: readonly [Manager, Manager, Manager];
}

/** A scene whose time can pass. */
interface TimedScene extends Scene {
  /** Lets a tenth of `ttl` go by. */
  step(): Promise<void>;
}

type Manager = GlobalConcurrencyLockManager;

/** Also when the task is known to be complete. */
const ANYWAY: AcquireLockOptions = { checkTaskCompletion: false };

/** How many ask for one lock at once. */
const CONTENDERS = 8;

/** None of them is the id of a task. */
const ODD_IDS: readonly string[] = [
  "..",
  ".",
  "",
  " ",
  "../x",
  "../../x",
  "/x",
  "x/y",
  "x\\y",
  "x",
  "X",
  "x.lock",
  "x%2Fy",
  "x?y=1",
  "x#y",
  "x\0y",
  "x\ny",
  "ä日本🎉\ud800",
  "x".repeat(1_000),
  "nul",
];

const one = task({
  namespace: "stardag.testing.lock_contract",
  name: "one",
  params: { world: z.string() },
  output: z.int(),
  run: () => 1,
});

/**
 * Registers the tests that any manager of global locks must pass. `make` makes a place for each test; it may have locks
 * of others.
 *
 * @example
 * ```ts ignore
 * import { lockContract } from "@stardag/core/testing";
 *
 * lockContract("MyLockManager", () => new MyLockPlace());
 * ```
 */
export function lockContract(
  name: string,
  make: () => LockPlace | Promise<LockPlace>,
  { completes = false, pass }: LockContractOptions = {},
): void {
  const test = (fact: string, prove: (scene: Scene) => Promise<void>): void =>
    Deno.test(`${name} ${fact}`, async () => {
      await using place = await make();
      await prove(sceneOf(place));
    });
  const timedTest = (fact: string, prove: (scene: TimedScene) => Promise<void>): void =>
    Deno.test(`${name} ${fact}`, async () => {
      using time = pass === undefined ? new FakeTime() : undefined;
      await using place = await make();
      const step = async (): Promise<void> => {
        await pass?.(place.ttl / 10);
        await time?.tickAsync(place.ttl / 10);
      };
      await prove({ ...sceneOf(place), step });
    });

  test("gives a lock to one at a time", async ({ ids: [id], managers: [a, b] }) => {
    const lock = await acquired(a, id);
    assertEquals(lock.taskId, id);
    assert(!lock.signal.aborted);
    await assertHeld(b, id, a);
    await lock.release();
    const next = await acquired(b, id);
    await assertHeld(a, id, b);
    await next.release();
    await (await acquired(a, id)).release();
  });

  test("gives no lock twice, not even to who has it", async ({ ids: [id], managers: [a] }) => {
    await using _ = await acquired(a, id);
    await assertHeld(a, id, a);
    await assertHeld(a, id, a);
  });

  test("gives the locks of several tasks at once", async ({ ids: [id, other], managers: [a, b] }) => {
    await using _ = await acquired(a, id);
    await using _other = await acquired(a, other);
    await assertHeld(b, id, a);
    await assertHeld(b, other, a);
  });

  test("gives a lock to one of many that ask at once", async ({ place, ids: [id] }) => {
    const managers = Array.from({ length: CONTENDERS }, () => place.manager());
    assertEquals(new Set(managers.map(({ ownerId }) => ownerId)).size, CONTENDERS);
    for (let round = 0; round < 5; round++) {
      const lock = await assertOneOf(managers, id);
      for (const manager of managers) await assertHeld(manager, id);
      await lock.release();
    }
  });

  test("gives a lock once to one that asks many times at once", async ({ ids: [id], managers }) => {
    const [a, b] = managers;
    await using _ = await assertOneOf(Array<Manager>(CONTENDERS).fill(a), id);
    await assertHeld(b, id, a);
  });

  test("gives a lock back once, whoever has it then", async ({ ids: [id], managers: [a, b, c] }) => {
    const lock = await acquired(a, id);
    await Promise.all([lock.release(), lock.release()]);
    {
      await using next = await acquired(b, id);
      await lock.release();
      await lock[Symbol.asyncDispose]();
      await assertHeld(c, id, b);
      assert(!lock.signal.aborted && !next.signal.aborted);
    }
    await (await acquired(c, id)).release();
  });

  test("gives no lock to who does not want it any more", async ({ ids: [id], managers: [a, b] }) => {
    const reason = new Error("on purpose");
    const options = { signal: AbortSignal.abort(reason) };
    assertStrictEquals(await assertRejects(() => a.acquire(id, options)), reason);
    await (await acquired(b, id)).release();
  });

  test("gives back a lock that is given up while it is asked for", async ({ ids: [id], managers }) => {
    const [a, b] = managers;
    const [reason, controller] = [new Error("on purpose"), new AbortController()];
    const attempt = a.acquire(id, { signal: controller.signal });
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => attempt), reason);
    await (await acquired(b, id)).release();
  });

  test("leaves a lock alone when the signal it was asked for with is aborted later", async (scene) => {
    const { ids: [id], managers: [a, b] } = scene;
    const controller = new AbortController();
    const acquisition = await a.acquire(id, { signal: controller.signal });
    assert(acquisition.status === "acquired");
    controller.abort();
    assert(!acquisition.lock.signal.aborted);
    await assertHeld(b, id, a);
    await acquisition.lock.release();
  });

  test("refuses an odd id, or keeps its lock apart", async ({ managers: [a, b] }) => {
    const locks: LockHandle[] = [];
    for (const id of ODD_IDS) {
      const acquisition = await a.acquire(id).catch((error: unknown) => {
        assertInstanceOf(error, Error);
      });
      if (acquisition === undefined) continue;
      assertEquals(acquisition.status, "acquired", JSON.stringify(id));
      if (acquisition.status === "acquired") locks.push(acquisition.lock);
    }
    for (const { taskId } of locks) await assertHeld(b, taskId, a);
    for (const lock of locks) await lock.release();
    for (const { taskId } of locks) await (await acquired(b, taskId)).release();
  });

  timedTest("renews a lock for as long as it is held", async ({ ids: [id], managers, step }) => {
    const [a, b] = managers;
    const lock = await acquired(a, id);
    for (let steps = 0; steps < 35; steps++) {
      await step();
      await assertHeld(b, id, a);
    }
    assert(!lock.signal.aborted);
    await lock.release();
    await (await acquired(b, id)).release();
  });

  timedTest("gives the lock of a dead owner to one when it has expired", async (scene) => {
    const { place, ids: [id], step } = scene;
    const managers = Array.from({ length: CONTENDERS }, () => place.manager());
    await place.abandon(id);
    for (let steps = 0; steps < 9; steps++) {
      for (const manager of managers) await assertHeld(manager, id);
      await step();
    }
    for (let steps = 0; steps < 2; steps++) await step();
    await (await assertOneOf(managers, id)).release();
  });

  timedTest("tells who has lost a lock, and leaves it with who has it", async (scene) => {
    const { place, ids: [id], managers: [a, b], step } = scene;
    const lock = await acquired(a, id);
    await place.steal(id);
    for (let steps = 0; steps < 8 && !lock.signal.aborted; steps++) {
      await step();
      await assertHeld(b, id);
    }
    assert(lock.signal.aborted, "it was not told in time");
    assertInstanceOf(lock.signal.reason, LockLostError);
    assertEquals(lock.signal.reason.taskId, id);
    await lock.release();
    await assertHeld(b, id);
  });

  timedTest("does not tell that a lock is lost that was given back", async (scene) => {
    const { place, ids: [id, other], managers: [a], step } = scene;
    const lock = await acquired(a, id);
    await using _ = await acquired(a, other);
    await lock.release();
    await place.abandon(id);
    for (let steps = 0; steps < 8; steps++) await step();
    assert(!lock.signal.aborted);
  });

  if (!completes) {
    test("has no registry", async ({ ids: [id], managers: [a] }) => {
      assertEquals(a.registry, undefined);
      await using lock = await acquired(a, id);
      assertEquals(lock.complete, undefined);
    });
    return;
  }

  test("has its registry know of a task that is completed with its lock", async (scene) => {
    const { managers: [a, b] } = scene;
    const { registry, id, buildId } = await registered(a);
    const lock = await acquired(a, id);
    assert(lock.complete !== undefined);
    await lock.complete(buildId);
    assert(!lock.signal.aborted);
    assertEquals((await registry.taskGetMetadata(id)).status, "completed");
    for (const manager of [a, b]) {
      assertEquals(await manager.acquire(id), { status: "already_completed" });
    }
    await using _ = await acquired(b, id, ANYWAY);
    await lock.release();
    await assertHeld(a, id, b, ANYWAY);
  });

  timedTest("says truly whether a task is completed whose lock was lost", async (scene) => {
    const { place, managers: [a, b] } = scene;
    const { registry, id, buildId } = await registered(a);
    const lock = await acquired(a, id);
    await place.steal(id);
    const isRecorded = await lock.complete?.(buildId).then(() => true, (error: unknown) => {
      assertInstanceOf(error, RegistryError);
      return false;
    });
    const { status } = await registry.taskGetMetadata(id);
    assertEquals(status === "completed", isRecorded);
    await lock.release();
    await assertHeld(b, id, undefined, ANYWAY);
  });
}

function sceneOf(place: LockPlace): Scene {
  return {
    place,
    ids: [crypto.randomUUID(), crypto.randomUUID()],
    managers: [place.manager(), place.manager(), place.manager()],
  };
}

/** A task that the manager's registry knows, and a build of it. */
async function registered(
  { registry }: Manager,
): Promise<{ readonly registry: Registry; readonly id: string; readonly buildId: string }> {
  assert(registry !== undefined);
  using _ = targetFactoryProvider.override(
    new TargetFactory({ targetRoots: { default: "memory://lock-contract" } }),
  );
  const each = one({ world: crypto.randomUUID() });
  const buildId = await registry.buildStart([each]);
  await registry.taskRegister(buildId, each);
  return { registry, id: each.id, buildId };
}

/** The lock, which must be free. */
async function acquired(
  manager: Manager,
  taskId: string,
  options?: AcquireLockOptions,
): Promise<LockHandle> {
  const acquisition = await manager.acquire(taskId, options);
  assert(acquisition.status === "acquired", acquisition.status);
  return acquisition.lock;
}

/** Has all ask at once for the lock, which must be free, and gives it when one of them got it. */
async function assertOneOf(managers: readonly Manager[], taskId: string): Promise<LockHandle> {
  const acquisitions = await Promise.all(managers.map((manager) => manager.acquire(taskId)));
  const locks = acquisitions.flatMap((each) => each.status === "acquired" ? [each.lock] : []);
  assertEquals(locks.length, 1, "so many have got the lock");
  for (const { status } of acquisitions) {
    assert(status === "acquired" || status === "held_by_other");
  }
  return locks[0]!;
}

/** Another one has the lock: the holder, when it says who. */
async function assertHeld(
  manager: Manager,
  taskId: string,
  holder?: Manager,
  options?: AcquireLockOptions,
): Promise<void> {
  const acquisition = await manager.acquire(taskId, options);
  if (acquisition.status === "acquired") await acquisition.lock.release();
  assert(acquisition.status === "held_by_other", acquisition.status);
  if (holder !== undefined && acquisition.owner !== undefined) {
    assertEquals(acquisition.owner, holder.ownerId);
  }
}
