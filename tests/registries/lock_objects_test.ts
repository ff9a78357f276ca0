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
    assert("drop" in await locks.take(taskId, TTL));
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

Deno.test("a remote lock whose answer comes late is renewed before it is held", async () => {
  using time = new FakeTime();
  await using site = new Site();
  const id = crypto.randomUUID();
  let writes = 0;
  using _ = writing(site.fileSystem, async (real, ...args) => {
    if (++writes === 1) time.tick(TTL + 1);
    return await real(...args);
  });
  const acquisition = await site.manager().acquire(id);
  // It took longer than a lock lasts, so that another one may have it by now, or will soon.
  const other = await site.manager().acquire(id);
  const held = [acquisition, other].flatMap((each) =>
    each.status === "acquired" ? [each.lock] : []
  );
  assertEquals(held.length, 1);
  assert(writes > 1);
  await held[0]!.release();
});

Deno.test("a remote lock is asked for no longer than its signal wants, nor than it would last", async () => {
  await using site = new Site();
  // A request under way keeps the process, where timers of signals do not.
  const request = setInterval(() => {}, 1_000);
  using _ = writing(site.fileSystem, async (_real, _uri, _content, _version, options) => {
    const signal = options?.signal;
    assert(signal);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    throw signal.reason;
  });
  const controller = new AbortController();
  const asked = site.manager().acquire(crypto.randomUUID(), { signal: controller.signal });
  controller.abort(new Error("not wanted"));
  await assertRejects(() => asked, Error, "not wanted");
  await assertRejects(
    () => site.manager({ ttl: 20 }).acquire(crypto.randomUUID()),
    TargetError,
    "the store has not answered within 20 ms",
  );
  clearInterval(request);
});

const MADE = {
  "are made": [true],
  "are not made": [false],
  "are made in part": [true, false, false],
};

for (const [made, pattern] of Object.entries(MADE)) {
  Deno.test(`a remote lock is kept when renewals ${made} and nobody knows`, async () => {
    using time = new FakeTime();
    await using site = new Site();
    const id = crypto.randomUUID();
    const lock = await acquired(site.manager({ ownerId: "me" }), id);
    let tries = 0;
    for (let round = 0; round < 2; round++) {
      {
        using _ = writing(site.fileSystem, async (real, ...args) => {
          if (pattern[tries++ % pattern.length]) await real(...args);
          throw new Error("the answer was lost");
        });
        for (let passed = 0; passed < TTL / 2; passed += 1_000) await time.tickAsync(1_000);
      }
      for (let passed = 0; passed < TTL; passed += 1_000) await time.tickAsync(1_000);
    }
    assert(!lock.signal.aborted, `${lock.signal.reason}`);
    assertEquals(await site.manager().acquire(id), { status: "held_by_other", owner: "me" });
    await lock.release();
    await (await acquired(site.manager(), id)).release();
  });
}

Deno.test("a remote lock is lost when somebody has taken it while nobody knew whether it was renewed", async () => {
  using time = new FakeTime();
  await using site = new Site();
  const id = crypto.randomUUID();
  const lock = await acquired(site.manager(), id);
  {
    using _ = writing(site.fileSystem, () => Promise.reject(new Error("the answer was lost")));
    await time.tickAsync(TTL / 3);
    await site.steal(id);
  }
  for (let passed = 0; passed < TTL / 3; passed += 1_000) await time.tickAsync(1_000);
  assertInstanceOf(lock.signal.reason, LockLostError);
});

Deno.test("a remote lock that cannot be renewed is lost when it expires, not later", async () => {
  using time = new FakeTime();
  await using site = new Site();
  const lock = await acquired(site.manager(), crypto.randomUUID());
  using _ = writing(site.fileSystem, () => Promise.reject(new Error("on purpose")));
  for (let passed = 0; passed < TTL - 500; passed += 500) await time.tickAsync(500);
  assert(!lock.signal.aborted);
  for (let passed = 0; passed < 1_000; passed += 500) await time.tickAsync(500);
  assert(lock.signal.aborted);
});

Deno.test("two free remote locks are told apart", async () => {
  await using site = new Site();
  const ids = [crypto.randomUUID(), crypto.randomUUID()];
  for (const id of ids) await (await acquired(site.manager(), id)).release();
  const contents = await Promise.all(
    ids.map(async (id) => {
      const found = await site.fileSystem.conditional.read(site.path(id));
      return new TextDecoder().decode(found?.content);
    }),
  );
  // Else what was to take one long ago could take it still.
  assert(contents[0] !== contents[1]);
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
