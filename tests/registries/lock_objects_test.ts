import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { ConfigError, LockLostError, TargetError } from "../../src/errors.ts";
import { FileLockManager, type FileLockManagerOptions } from "../../src/registries/file_lock.ts";
import type { LockHandle } from "../../src/registries/lock.ts";
import { LockObjects } from "../../src/registries/lock_objects.ts";
import { TargetFactory, targetFactoryProvider } from "../../src/targets/factory.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import type { ConditionalFiles, RemoteFileSystem } from "../../src/targets/remote.ts";
import { lockContract, type LockPlace } from "../../src/testing/lock_contract.ts";

const TTL = 60_000;
const SKEW = 10_000;
const ROOT = "s3://bucket/some where/";
const LOCKS = `${ROOT}.stardag/locks/`;

/** A remote file system with locks. */
class Site implements LockPlace {
  readonly ttl = TTL;
  readonly fileSystem = new MemoryRemoteFileSystem();
  readonly #override: Disposable;

  constructor(fileSystem: RemoteFileSystem | undefined = undefined) {
    this.#override = targetFactoryProvider.override(
      new TargetFactory({
        targetRoots: { default: ROOT },
        fileSystems: { "s3://": fileSystem ?? this.fileSystem },
      }),
    );
  }

  manager(options: FileLockManagerOptions = {}): FileLockManager {
    return new FileLockManager({ root: ROOT, clockSkew: 0, ...options });
  }

  async abandon(taskId: string): Promise<void> {
    const locks = new LockObjects(this.fileSystem.conditional, LOCKS, {
      owner: "dead",
      clockSkew: 0,
    });
    assert("drop" in await locks.take(taskId, Date.now() + TTL));
  }

  async steal(taskId: string): Promise<void> {
    const state = { expiry: Date.now() + TTL, owner: "thief", token: crypto.randomUUID() };
    await this.fileSystem.write(this.path(taskId), JSON.stringify(state));
  }

  path(taskId: string): string {
    return `${LOCKS}${taskId}.lock`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#override[Symbol.dispose]();
    return Promise.resolve();
  }
}

lockContract("FileLockManager in a remote file system", () => new Site());

async function acquired(manager: FileLockManager, taskId: string): Promise<LockHandle> {
  const acquisition = await manager.acquire(taskId);
  assert(acquisition.status === "acquired", acquisition.status);
  return acquisition.lock;
}

/** The file system's conditional writes, each done by `write`, which is handed the real one. */
function writing(
  { conditional }: MemoryRemoteFileSystem,
  write: (
    real: ConditionalFiles["write"],
    ...args: Parameters<ConditionalFiles["write"]>
  ) => ReturnType<ConditionalFiles["write"]>,
): Disposable {
  const real = conditional.write;
  const own = conditional as { write: ConditionalFiles["write"] };
  own.write = (...args) => write(real, ...args);
  return { [Symbol.dispose]: () => void (own.write = real) };
}

Deno.test("a remote lock is one file below the root, and one request takes it when it is new", async () => {
  await using site = new Site();
  const id = crypto.randomUUID();
  let writes = 0;
  using _ = writing(site.fileSystem, (real, ...args) => {
    writes++;
    return real(...args);
  });
  // The default root, too.
  const lock = await acquired(new FileLockManager({ ownerId: "me" }), id);
  assertEquals(writes, 1);
  const files = await Array.fromAsync(site.fileSystem.list(ROOT), ({ uri }) => uri);
  assertEquals(files, [site.path(id)]);
  const other = await site.manager().acquire(id);
  assertEquals(other, { status: "held_by_other", owner: "me" });
  await lock.release();
  assertEquals(writes, 3);
});

Deno.test("a remote lock is had by one of many who take over what a dead owner has left", async () => {
  using time = new FakeTime();
  await using site = new Site();
  const id = crypto.randomUUID();
  await site.abandon(id);
  time.tick(TTL + 1);
  const all = await Promise.all(Array.from({ length: 16 }, () => site.manager().acquire(id)));
  const locks = all.flatMap((each) => each.status === "acquired" ? [each.lock] : []);
  assertEquals(locks.length, 1);
  await locks[0]!.release();
});

Deno.test("a remote lock outlives its expiry by as much as clocks may differ", async () => {
  using time = new FakeTime();
  await using site = new Site();
  const id = crypto.randomUUID();
  await site.abandon(id);
  const manager = site.manager({ clockSkew: SKEW });
  time.tick(TTL + SKEW);
  assertEquals((await manager.acquire(id)).status, "held_by_other");
  time.tick(1);
  await (await acquired(manager, id)).release();
});

Deno.test("a remote lock whose renewal fails is tried again, and lost when it has expired", async () => {
  using time = new FakeTime();
  await using site = new Site();
  const id = crypto.randomUUID();
  const lock = await acquired(site.manager(), id);
  {
    using _ = writing(site.fileSystem, () => Promise.reject(new Error("on purpose")));
    for (let passed = 0; passed < TTL - 1_000; passed += 1_000) await time.tickAsync(1_000);
    assert(!lock.signal.aborted);
  }
  await time.tickAsync(TTL / 10);
  assert(!lock.signal.aborted, "it was renewed in time");
  using _ = writing(site.fileSystem, () => Promise.reject(new Error("on purpose")));
  for (let passed = 0; passed < 2 * TTL; passed += 1_000) await time.tickAsync(1_000);
  const { reason } = lock.signal;
  assertInstanceOf(reason, LockLostError);
  assertStringIncludes(
    reason.message,
    "it has expired, and cannot be renewed (on purpose). See that",
  );
  await lock.release();
});

Deno.test("a renewal that comes too late is given up, and the lock is lost", async () => {
  using time = new FakeTime();
  await using site = new Site();
  const lock = await acquired(site.manager({ ttl: 30 }), crypto.randomUUID());
  const signals: (AbortSignal | undefined)[] = [];
  using _ = writing(site.fileSystem, (_real, _uri, _content, _version, options) => {
    signals.push(options?.signal);
    return new Promise((_, reject) => {
      options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
    });
  });
  await time.tickAsync(10);
  assertEquals(signals.length, 1);
  time.now += 30;
  const lost = new Promise((resolve) => lock.signal.addEventListener("abort", resolve));
  await lost;
  assert(signals[0]?.aborted);
});

Deno.test("a remote lock that is given back while it is renewed is free afterwards", async () => {
  using time = new FakeTime();
  await using site = new Site();
  const id = crypto.randomUUID();
  const lock = await acquired(site.manager(), id);
  const gate = Promise.withResolvers<void>();
  using _ = writing(site.fileSystem, async (real, ...args) => {
    await gate.promise;
    return await real(...args);
  });
  await time.tickAsync(TTL / 3);
  const released = lock.release();
  gate.resolve();
  await released;
  assert(!lock.signal.aborted);
  await (await acquired(site.manager(), id)).release();
});

Deno.test("a file that is no lock in the place of one is an error that names it", async () => {
  await using site = new Site();
  const id = crypto.randomUUID();
  await site.fileSystem.write(site.path(id), "hello");
  const error = await assertRejects(() => site.manager().acquire(id), TargetError);
  assertStringIncludes(error.message, `"${site.path(id)}": what is there is no lock`);
});

Deno.test("a remote file system that takes no heed of conditions is refused", async () => {
  const { exists, readable, write } = MemoryRemoteFileSystem.prototype;
  await using site = new Site({ exists, readable, write });
  const error = await assertRejects(
    () => site.manager().acquire(crypto.randomUUID()),
    ConfigError,
  );
  assertStringIncludes(error.message, `Cannot keep locks below "${ROOT}"`);
});
