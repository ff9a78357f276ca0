import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { TargetFactory, targetFactoryProvider } from "../../src/targets/factory.ts";
import { toFileUrl } from "@std/path";
import { FakeTime } from "@std/testing/time";
import { ConfigError, LockLostError, PermissionError, TargetError } from "../../src/errors.ts";
import { FileLockManager, type FileLockManagerOptions } from "../../src/registries/file_lock.ts";
import type { LockHandle } from "../../src/registries/lock.ts";
import { LockFolder } from "../../src/registries/lock_folder.ts";
import { lockContract, type LockPlace } from "../../src/testing/lock_contract.ts";
import { Child } from "../targets/child.ts";
import { Disk, whyNotMounting } from "../targets/disk.ts";

const HOLDER = import.meta.resolve("./lock_holder.ts");
const TTL = 60_000;
const SKEW = 10_000;

/** Tests that look at what a killed process has left, which others take only by its expiry there. */
const ignore = Deno.build.os === "windows";

/** A folder with locks. */
class Site implements LockPlace {
  readonly ttl = TTL;
  readonly root = Deno.makeTempDirSync();
  readonly locks = `${this.root}/.stardag/locks`;
  readonly #host: string;
  /** Each looks once at what the dead have left. */
  readonly #dead = new Map<string, FileLockManager>();

  /** `host` is the machine that managers think they are on. */
  constructor(host = "here") {
    this.#host = host;
  }

  manager(options: FileLockManagerOptions = {}): FileLockManager {
    return new FileLockManager({ root: this.root, host: this.#host, clockSkew: 0, ...options });
  }

  /** Leaves a lock that looks like one of another machine, for nobody on this one has its file locked. */
  async abandon(taskId: string, host = "elsewhere"): Promise<void> {
    const manager = this.#dead.get(host) ?? this.manager({ host });
    this.#dead.set(host, manager);
    const lock = await acquired(manager, taskId);
    const [path, aside] = [`${this.locks}/${taskId}.lock`, `${this.root}/aside`];
    await Deno.rename(path, aside);
    await lock.release();
    await Deno.rename(aside, path);
  }

  /** Has a new owner take a lock, or try to, before anything else happens. */
  takeNow(taskId: string): void {
    const locks = new LockFolder(`${this.root}/`, { owner: "other", host: "here", clockSkew: 0 });
    locks.sweep();
    void locks.take(taskId, TTL);
  }

  async steal(taskId: string): Promise<void> {
    await Deno.remove(`${this.locks}/${taskId}.lock`, { recursive: true });
    await this.abandon(taskId);
  }

  /** Starts a program; see `lock_holder.ts`. */
  child(what: string, ids: readonly string[], { host = "here", ttl = TTL } = {}): Child {
    return new Child(HOLDER, [what, this.root, host, `${ttl}`, `${this.root}/log`, ...ids]);
  }

  /** What is in the folder of the locks. */
  left(): string[] {
    return namesIn(this.locks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

/** One on whose file system no file can be locked. */
class SiteWithoutLocks extends Site {
  readonly #original = Deno.FsFile.prototype.tryLockSync;

  constructor() {
    super();
    Deno.FsFile.prototype.tryLockSync = () => {
      throw new Deno.errors.NotSupported("no locks here");
    };
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    Deno.FsFile.prototype.tryLockSync = this.#original;
    await super[Symbol.asyncDispose]();
  }
}

lockContract("FileLockManager", () => new Site());
lockContract("FileLockManager without the name of its machine", () => new Site(""));
lockContract("FileLockManager where files cannot be locked", () => new SiteWithoutLocks());

function namesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

async function acquired(manager: FileLockManager, taskId: string): Promise<LockHandle> {
  const acquisition = await manager.acquire(taskId);
  assert(acquisition.status === "acquired", acquisition.status);
  return acquisition.lock;
}

/** Whether the manager gets the lock, which it then gives back. */
async function gets(manager: FileLockManager, taskId: string): Promise<boolean> {
  const acquisition = await manager.acquire(taskId);
  if (acquisition.status !== "acquired") return false;
  await acquisition.lock.release();
  return true;
}

/** Runs the action right before something is renamed for the `nth` time. */
function beforeRename(nth: number, action: () => unknown): Disposable {
  let count = 0;
  return renaming((rename, from, to) => {
    if (++count === nth) action();
    rename(from, to);
  });
}

type Rename = typeof Deno.renameSync;

/** Renames in another way, until it is disposed. */
function renaming(how: (rename: Rename, ...paths: Parameters<Rename>) => void): Disposable {
  const original = Deno.renameSync;
  Deno.renameSync = (from, to) => how(original, from, to);
  return { [Symbol.dispose]: () => void (Deno.renameSync = original) };
}

/** Leaves locks behind that have expired long ago. */
async function abandonExpired(site: Site, ids: readonly string[]): Promise<void> {
  using _ = new FakeTime(Date.now() - TTL - 2 * SKEW);
  for (const id of ids) await site.abandon(id);
}

Deno.test({
  name: "who has a lock and is killed loses it at once on the same machine, elsewhere by expiry",
  ignore,
  async fn() {
    await using site = new Site();
    const ids = ["here", "there", ""].map((host) => ({ host, id: crypto.randomUUID() }));
    const others = ids.map(({ host, id }) => ({
      manager: site.manager({ host, clockSkew: SKEW }),
      id,
    }));
    await using child = site.child("hold", ids.map(({ id }) => id));
    assertEquals(await child.line(), "has 3");
    for (const { manager, id } of others) assert(!await gets(manager, id));
    await child.kill();
    using time = new FakeTime();
    const had = (): Promise<boolean[]> =>
      Promise.all(others.map(({ manager, id }) => gets(manager, id)));
    assertEquals(await had(), [true, false, false]);
    time.tick(TTL + SKEW);
    assertEquals(await had(), [true, true, true]);
  },
});

for (const [holder, host] of [["there", "here"], ["there", ""], ["", "here"], ["", ""]] as const) {
  Deno.test(`a lock that has expired by more than clocks differ is had ("${holder}" by "${host}")`, async () => {
    await using site = new Site();
    using time = new FakeTime();
    const id = crypto.randomUUID();
    await site.abandon(id, holder);
    const manager = site.manager({ host, clockSkew: SKEW });
    time.tick(TTL + SKEW);
    assert(!await gets(manager, id));
    time.tick(1);
    assert(await gets(manager, id));
    assertEquals(site.left(), []);
  });
}

Deno.test({
  name: "who is too busy to renew a lock keeps it on the same machine",
  ignore,
  async fn() {
    await using site = new Site();
    const id = crypto.randomUUID();
    await using child = site.child("block", [id], { ttl: 90 });
    assertEquals(await child.line(), "has 1");
    {
      using time = new FakeTime();
      time.tick(100 * TTL);
      for (const host of ["here", "there", ""]) assert(!await gets(site.manager({ host }), id));
    }
    await child.tell();
    assertEquals(await child.line(), "renewed");
    assert(!await gets(site.manager(), id));
  },
});

for (const [what, code] of [["exit", 3], ["forget", 0]] as const) {
  Deno.test(`a process that has locks and ends by itself leaves nothing (${what})`, async () => {
    await using site = new Site();
    await using child = site.child(what, [crypto.randomUUID(), crypto.randomUUID()]);
    assertEquals(await child.line(), "has 2");
    assertEquals((await child.ended()).code, code);
    assertEquals(site.left(), []);
  });
}

Deno.test({
  name: "what killed processes have left is removed with the first lock that is taken",
  ignore,
  async fn() {
    await using site = new Site();
    const newId = (): string => crypto.randomUUID();
    const [id, live, unexpired] = [newId(), newId(), newId()];
    await using child = site.child("hold", [newId(), newId()]);
    assertEquals(await child.line(), "has 2");
    await using _ = await acquired(site.manager(), live);
    await site.abandon(id, "here");
    const temporary = `${newId()}.0123456789ab.tmp`;
    await Deno.rename(`${site.locks}/${id}.lock`, `${site.locks}/${temporary}`);
    await site.abandon(unexpired, "far-away");
    await abandonExpired(site, [newId()]);
    await child.kill();
    // As of ones that were killed while they took a lock or gave it back.
    await Deno.mkdir(`${site.locks}/${newId()}.0123456789ab.tmp`);
    await Deno.mkdir(`${site.locks}/${newId()}.lock`);
    // What is none of ours.
    await Deno.mkdir(`${site.locks}/notes.lock`);
    await Deno.writeTextFile(`${site.locks}/notes.txt`, "mine");

    assertEquals(site.left().length, 10);

    const manager = site.manager();
    assert(await gets(manager, id));
    assertEquals(
      site.left(),
      [`${live}.lock`, `${unexpired}.lock`, "notes.lock", "notes.txt"].sort(),
    );
    await Deno.mkdir(`${site.locks}/${newId()}.lock`);
    const before = site.left();
    assert(await gets(manager, id));
    assertEquals(site.left(), before, "it looks once");
  },
});

Deno.test("what cannot be swept keeps nobody from taking a lock, and nothing else from being swept", async () => {
  await using site = new Site();
  const ids = Array.from({ length: 12 }, () => crypto.randomUUID());
  const refused = ids.slice(0, 6);
  await abandonExpired(site, ids);
  const error = Object.assign(new Deno.errors.PermissionDenied("on purpose"), { code: "EACCES" });
  using _ = renaming((rename, from, to) => {
    if (refused.some((id) => String(from).includes(id))) throw error;
    rename(from, to);
  });
  const manager = site.manager();
  assert(await gets(manager, crypto.randomUUID()));
  assertEquals(site.left(), refused.map((id) => `${id}.lock`).sort());
  const rejected = await assertRejects(() => manager.acquire(refused[0]!), TargetError);
  assertEquals(rejected.cause, error);
});

Deno.test("of 16 machines, one gets each of 200 locks of dead owners", async () => {
  await using site = new Site();
  const ids = Array.from({ length: 200 }, () => crypto.randomUUID());
  const managers = Array.from({ length: 16 }, (_, i) => site.manager({ host: `host-${i % 15}` }));
  for (const manager of managers) assert(await gets(manager, ids[0]!)); // and sweeps
  await abandonExpired(site, ids);
  assertEquals(site.left().length, 200);
  for (const id of ids) {
    const asked = await Promise.all(managers.map((manager) => manager.acquire(id)));
    const locks = asked.flatMap((each) => each.status === "acquired" ? [each.lock] : []);
    assertEquals(locks.length, 1);
    await locks[0]!.release();
  }
  assertEquals(site.left(), []);
});

Deno.test({
  name: "of processes that ask for 200 locks of dead owners at once, one gets each",
  ignore,
  async fn() {
    await using site = new Site();
    const ids = Array.from({ length: 200 }, () => crypto.randomUUID());
    const children = ["a", "b", "c", "a"].map((host) => site.child("race", ids, { host }));
    try {
      for (const child of children) assertEquals(await child.line(), "ready");
      await abandonExpired(site, ids);
      assertEquals(site.left().length, 200);
      for (const child of children) await child.tell();
      const lines = await Promise.all(children.map((child) => child.line()));
      const won = lines.map((line) => JSON.parse(line ?? "null") as string[]);
      assertEquals(won.flat().sort(), [...ids].sort());
    } finally {
      for (const child of children) await child[Symbol.asyncDispose]();
    }
  },
});

Deno.test({
  name: "processes that take one lock in turns never have it at once, though some are killed",
  ignore,
  async fn() {
    await using site = new Site();
    const log = `${site.root}/log`;
    await Deno.writeTextFile(log, "");
    const id = crypto.randomUUID();
    const children = Array.from(
      { length: 5 },
      (_, i) => site.child(i < 3 ? "hammer" : "hammer on", [id]),
    );
    const lines = async (): Promise<string[]> => (await Deno.readTextFile(log)).split("\n");
    try {
      for (const child of children) assertEquals(await child.line(), "ready");
      for (const child of children) await child.tell();
      for (let kills = 0; kills < 2; kills++) {
        while ((await lines()).length < 200 * (kills + 1));
        assert(await children.pop()!.kill());
      }
      for (const child of children) assertEquals(await child.line(), "done");
    } finally {
      for (const child of children) await child[Symbol.asyncDispose]();
    }
    let [turns, cut] = [0, 0];
    let holder: string | undefined;
    for (const line of await lines()) {
      const [what, pid] = line.split(" ");
      if (what === "begin") {
        if (holder !== undefined) cut++; // killed, or not alone
        holder = pid;
        turns++;
      } else if (what === "end") {
        assertEquals(pid, holder, "two had it");
        holder = undefined;
      }
    }
    assert(turns >= 450 && cut <= 2, `${turns} turns, ${cut} cut off`);
    assert(await gets(site.manager(), crypto.randomUUID()));
    assertEquals(site.left(), []);
  },
});

/** What happens to a lock between the look at it and its being taken, and whether it is had all the same. */
const MEANWHILE: Readonly<
  Record<
    string,
    { left: boolean; happens(site: Site, path: string, id: string): void; had: boolean }
  >
> = {
  "somebody takes it": {
    left: false,
    happens: (site, _path, id) => site.takeNow(id),
    had: false,
  },
  "somebody wants it from its dead owner, too": {
    left: true,
    happens: (site, _path, id) => site.takeNow(id),
    had: true,
  },
  "its owner is not dead after all and renews it": {
    left: true,
    happens(_site, path) {
      const [name = ""] = namesIn(path);
      const renewed = `${Date.now() + TTL}`.padStart(13, "0") + name.slice(13);
      Deno.renameSync(`${path}/${name}`, `${path}/${renewed.replace("~elsewhere~", "~far~")}`);
    },
    had: false,
  },
  "its owner is not dead after all and gives it back": {
    left: true,
    happens: (_site, path) => Deno.removeSync(path, { recursive: true }),
    had: true,
  },
  "its owner is giving it back": {
    left: true,
    happens: (_site, path) => Deno.removeSync(`${path}/${namesIn(path)[0]}`),
    had: true,
  },
  "somebody takes what is being made for what a dead one has left": {
    left: false,
    happens(site) {
      const [made] = site.left().filter((name) => name.endsWith(".tmp"));
      const folder = `${site.locks}/${made}`;
      Deno.removeSync(`${folder}/${namesIn(folder)[0]}`);
    },
    had: true,
  },
  "the same, and has done so": {
    left: false,
    happens(site) {
      const [made] = site.left().filter((name) => name.endsWith(".tmp"));
      Deno.removeSync(`${site.locks}/${made}`, { recursive: true });
    },
    had: true,
  },
};

for (const [what, { left, happens, had }] of Object.entries(MEANWHILE)) {
  Deno.test(`a lock is had by one when, while it is taken, ${what}`, async () => {
    await using site = new Site();
    const id = crypto.randomUUID();
    const path = `${site.locks}/${id}.lock`;
    const [one, another] = [site.manager({ ownerId: "one" }), site.manager()];
    assert(await gets(one, id) && await gets(another, id));
    if (left) await abandonExpired(site, [id]);
    let acquisition;
    {
      using _ = beforeRename(1, () => happens(site, path, id));
      acquisition = await one.acquire(id);
    }
    assertEquals(acquisition.status, had ? "acquired" : "held_by_other");
    assert(!await gets(another, id));
    assertEquals(site.left(), [`${id}.lock`]);
    assertEquals(namesIn(path).length, 1);
    if (acquisition.status === "acquired") {
      await acquisition.lock.release();
      assertEquals(site.left(), []);
    }
  });
}

/** Runs the action on each file that is made, right after that. */
function afterMaking(action: (path: string) => void): Disposable {
  const original = Deno.openSync;
  Deno.openSync = (path, options) => {
    const file = original(path, options);
    if (options?.createNew) action(String(path));
    return file;
  };
  return { [Symbol.dispose]: () => void (Deno.openSync = original) };
}

Deno.test({
  name:
    "who takes a lock while another one looks at what is being made for it takes it all the same",
  ignore,
  async fn() {
    await using site = new Site();
    const [one, other] = [site.manager(), site.manager()];
    const [id, swept] = [crypto.randomUUID(), crypto.randomUUID()];
    assert(await gets(one, id) && await gets(other, id));
    let looking: Deno.FsFile | undefined;
    {
      using _ = afterMaking((path) => {
        looking ??= Deno.openSync(path);
        looking.tryLockSync(true);
      });
      await using _lock = await acquired(one, id);
      looking?.close();
      assert(!await gets(other, id));
    }
    let sweeps = 0;
    using _ = afterMaking(() => sweeps++ === 0 && site.takeNow(swept));
    await using _lock = await acquired(one, id);
    assertEquals(sweeps, 3);
    assert(!await gets(other, id));
  },
});

Deno.test("who takes a lock while others sweep takes it all the same", async () => {
  await using site = new Site();
  const id = crypto.randomUUID();
  const original = Deno.mkdirSync;
  let swept = 0;
  Deno.mkdirSync = (path, options) => {
    original(path, options);
    if (String(path).endsWith(".tmp") && swept++ < 5) Deno.removeSync(path);
  };
  try {
    assert(await gets(site.manager(), id));
    assertEquals(swept, 6);
  } finally {
    Deno.mkdirSync = original;
  }
});

Deno.test("a lock whose file could not be locked is had by nobody else on the same machine", async () => {
  await using site = new Site();
  const [one, other] = [site.manager(), site.manager()];
  const id = crypto.randomUUID();
  assert(await gets(other, id));
  const original = Deno.FsFile.prototype.tryLockSync;
  Deno.FsFile.prototype.tryLockSync = () => {
    throw new Error("no locks left");
  };
  try {
    await acquired(one, id);
  } finally {
    Deno.FsFile.prototype.tryLockSync = original;
  }
  assert(!await gets(other, id));
});

Deno.test("a lock whose file may not be opened is had when it has expired", async () => {
  await using site = new Site();
  using time = new FakeTime();
  const id = crypto.randomUUID();
  const manager = site.manager({ host: "elsewhere" });
  assert(await gets(manager, id));
  await site.abandon(id);
  const original = Deno.openSync;
  Deno.openSync = (path, options) => {
    if (!options?.createNew) throw new Deno.errors.PermissionDenied("somebody's");
    return original(path, options);
  };
  try {
    assert(!await gets(manager, id));
    time.tick(TTL + 1);
    assert(await gets(manager, id));
  } finally {
    Deno.openSync = original;
  }
});

Deno.test("a lock is taken where no folder replaces an empty one", async () => {
  await using site = new Site();
  const id = crypto.randomUUID();
  const manager = site.manager();
  assert(await gets(manager, id));
  await Deno.mkdir(`${site.locks}/${id}.lock`);
  using _ = renaming((rename, from, to) => {
    if (namesIn(site.locks).includes(`${id}.lock`)) throw new Deno.errors.AlreadyExists("there");
    rename(from, to);
  });
  assert(await gets(manager, id));
});

/** The file system says no to each renaming of which this is true. */
function refusing(isRefused: () => boolean): Disposable {
  return renaming((rename, from, to) => {
    if (isRefused()) throw Object.assign(new Error("on purpose"), { code: "EIO" });
    rename(from, to);
  });
}

for (const what of ["its folder", "the folder of all locks", "the root"] as const) {
  Deno.test(`a lock is lost when ${what} is removed`, async () => {
    using time = new FakeTime();
    await using site = new Site();
    const id = crypto.randomUUID();
    const [manager, other] = [site.manager(), site.manager()];
    const lock = await acquired(manager, id);
    const path =
      { "its folder": `${site.locks}/${id}.lock`, "the root": site.root }[what as string];
    await Deno.remove(path ?? site.locks, { recursive: true });
    time.tick(TTL / 3 - 1);
    assert(!lock.signal.aborted);
    time.tick(1);
    const reason = lock.signal.reason;
    assertInstanceOf(reason, LockLostError);
    assertEquals(reason.taskId, id);
    assertStringIncludes(
      reason.message,
      `the lock of the task "${id}": it was taken over or removed`,
    );
    assertStringIncludes(reason.message, `${TTL} ms`);
    await using _ = await acquired(other, id);
    await lock.release();
    assert(!await gets(manager, id));
  });
}

Deno.test("a lock that cannot be renewed is kept until it expires, then lost", async () => {
  using time = new FakeTime();
  await using site = new Site();
  const id = crypto.randomUUID();
  const [manager, other] = [site.manager(), site.manager()];
  const lock = await acquired(manager, id);
  time.tick(TTL / 3);
  {
    using _ = refusing(() => true);
    time.tick(TTL - 1);
    assert(!lock.signal.aborted);
    time.tick(TTL / 10);
  }
  const { reason } = lock.signal;
  assertInstanceOf(reason, LockLostError);
  assertStringIncludes(
    reason.message,
    "it has expired, and cannot be renewed (on purpose). See that",
  );
  assertInstanceOf(reason.cause, Error);
  // Though it was not given back: it is over.
  assert(await gets(other, id));
  await lock.release();
});

Deno.test("a lock that is given back while it cannot be renewed is not lost later", async () => {
  using time = new FakeTime();
  await using site = new Site();
  const lock = await acquired(site.manager(), crypto.randomUUID());
  using _ = refusing(() => true);
  time.tick(TTL - 1);
  await lock.release();
  time.tick(TTL);
  assert(!lock.signal.aborted);
  assertEquals(site.left(), []);
});

Deno.test("a lock is renewed in time once that is possible again", async () => {
  using time = new FakeTime();
  await using site = new SiteWithoutLocks();
  const id = crypto.randomUUID();
  const other = site.manager();
  using _ = refusing(() => time.now > time.start && time.now < time.start + TTL * 0.9);
  await using lock = await acquired(site.manager(), id);
  for (let steps = 0; steps < 30; steps++) {
    time.tick(TTL / 10);
    assert(!await gets(other, id), `after ${steps} steps`);
  }
  assert(!lock.signal.aborted);
});

Deno.test("what was renamed though the file system says it was not counts", async () => {
  using time = new FakeTime();
  await using site = new SiteWithoutLocks();
  const [id, left] = [crypto.randomUUID(), crypto.randomUUID()];
  await site.abandon(left);
  time.tick(TTL + 1);
  using _ = renaming((rename, from, to) => {
    rename(from, to);
    throw new Deno.errors.NotFound("it is not there any more");
  });
  const [manager, other] = [site.manager(), site.manager()];
  await using lock = await acquired(manager, id);
  await using taken = await acquired(manager, left);
  for (let steps = 0; steps < 20; steps++) {
    time.tick(TTL / 10);
    assert(!await gets(other, id) && !await gets(other, left));
  }
  assert(!lock.signal.aborted && !taken.signal.aborted);
});

Deno.test("who has a lock is told to others", async () => {
  await using site = new Site();
  const id = crypto.randomUUID();
  const one = site.manager({ ownerId: "build-1.on_this" });
  assertEquals(one.ownerId, "build-1.on_this");
  await using _ = await acquired(one, id);
  assertEquals(await site.manager().acquire(id), {
    status: "held_by_other",
    owner: "build-1.on_this",
  });
});

Deno.test("the name of the machine is used where Deno tells it, and only one tells it apart", async () => {
  const original = Deno.hostname;
  try {
    for (const [name, isKnown] of [["machine-7.lan", true], ["localhost", false], ["ä", false]]) {
      Deno.hostname = () => String(name);
      await using site = new Site();
      const id = crypto.randomUUID();
      const root = { root: site.root };
      await site.abandon(id, "there");
      assert(!await gets(new FileLockManager(root), id));
      await Deno.remove(`${site.locks}/${id}.lock`, { recursive: true });
      await using _ = await acquired(new FileLockManager(root), id);
      const [file = ""] = namesIn(`${site.locks}/${id}.lock`);
      assertEquals(file.includes(`~${name}~`), isKnown, file);
    }
  } finally {
    Deno.hostname = original;
  }
});

Deno.test("a root is made where none is, be it told as a path or a url", async () => {
  await using site = new Site();
  const path = `${site.root}/a b/c`;
  const id = crypto.randomUUID();
  await using _ = await acquired(new FileLockManager({ root: path }), id);
  const roots = [`${path}/`, toFileUrl(path), toFileUrl(path).href, `${toFileUrl(path).href}/`];
  for (const root of roots) assert(!await gets(new FileLockManager({ root }), id), String(root));
  assertEquals(namesIn(`${path}/.stardag/locks`), [`${id}.lock`]);
});

/** Has the target root be there, until it is disposed. */
function rootAt(path: string): Disposable {
  return targetFactoryProvider.override(new TargetFactory({ targetRoots: { default: path } }));
}

Deno.test("locks are below the default target root unless told, which is read with the first one", async () => {
  await using site = new Site();
  const manager = new FileLockManager();
  using _ = rootAt(site.root);
  await using lock = await acquired(manager, crypto.randomUUID());
  assertEquals(site.left(), [`${lock.taskId}.lock`]);
});

Deno.test("a time to live may be no whole number", async () => {
  await using site = new Site();
  const options = { root: site.root, ttl: 60_000 / 7 };
  await using lock = await acquired(new FileLockManager(options), crypto.randomUUID());
  const { status } = await new FileLockManager(options).acquire(lock.taskId);
  assertEquals(status, "held_by_other");
});

Deno.test("a root where no locks can be kept is refused", async () => {
  for (const root of ["memory://x", "memory://"]) {
    const error = assertThrows(() => new FileLockManager({ root }), ConfigError);
    assertStringIncludes(error.message, `Cannot keep locks below "${root}`);
    assertStringIncludes(error.message, "new FileLockManager({ root:");
  }
  for (const root of ["", " "]) {
    const error = assertThrows(() => new FileLockManager({ root }), ConfigError);
    assertStringIncludes(error.message, "option root");
  }
  const take = (manager: FileLockManager) => () => manager.acquire(crypto.randomUUID());
  const unknown = new FileLockManager({ root: new URL("https://host/x") });
  const error = await assertRejects(take(unknown), ConfigError);
  assertStringIncludes(error.message, '"https://host/x/.stardag/locks/');

  using _ = rootAt("memory://x");
  const inMemory = await assertRejects(take(new FileLockManager()), ConfigError);
  assertStringIncludes(inMemory.message, `Cannot keep locks below "memory://x/"`);
});

Deno.test("options that are none are refused", () => {
  const refused: readonly (readonly [object, string])[] = [
    [{ ttl: 0 }, "ttl is 0"],
    [{ ttl: NaN }, "ttl is NaN"],
    [{ ttl: Infinity }, "ttl is Infinity"],
    [{ ttl: 2 ** 31 }, "ttl is 2147483648"],
    [{ ttl: "1" }, 'ttl is "1"'],
    [{ clockSkew: -1 }, "clockSkew is -1"],
    [{ ownerId: "" }, 'ownerId is ""'],
    [{ ownerId: "a/b" }, 'ownerId is "a/b"'],
    [{ ownerId: "a~b" }, 'ownerId is "a~b"'],
    [{ ownerId: "x".repeat(101) }, "ownerId is"],
    [{ host: "../x" }, 'host is "../x"'],
  ];
  for (const [options, state] of refused) {
    const error = assertThrows(() => new FileLockManager(options), RangeError);
    assertStringIncludes(error.message, `Cannot make a FileLockManager: ${state}`);
  }
  const misspelt = { tll: 1 } as FileLockManagerOptions;
  assertThrows(() => new FileLockManager(misspelt), TypeError, 'no option "tll"');
  for (const fits of [{ ttl: 1, clockSkew: 0 }, { ttl: 2 ** 31 - 1, host: "", ownerId: "a" }]) {
    new FileLockManager(fits);
  }
});

Deno.test("what is no id of a task, or not wanted, is refused before anything is touched", async () => {
  await using site = new Site();
  const signal = AbortSignal.abort();
  await assertRejects(() => site.manager().acquire(crypto.randomUUID(), { signal }));
  assertEquals(namesIn(site.root), []);
  const id = crypto.randomUUID();
  for (const odd of ["", "../x", `../../../${id}`, `${id}/x`, `${id}\0`, `x${id}`, "x"]) {
    const error = await assertRejects(() => site.manager().acquire(odd), RangeError);
    assertStringIncludes(error.message, "Cannot lock the task");
    assertEquals(namesIn(site.root), []);
  }
});

Deno.test("a strange file in the place of a lock is told, and left there", async () => {
  await using site = new Site();
  const id = crypto.randomUUID();
  await Deno.mkdir(`${site.locks}/${id}.lock`, { recursive: true });
  const path = `${site.locks}/${id}.lock/.DS_Store`;
  await Deno.writeTextFile(path, "x");
  const error = await assertRejects(() => site.manager().acquire(id), TargetError);
  assertStringIncludes(
    error.message,
    `Cannot lock "${site.locks}/${id}.lock": ".DS_Store" is in it`,
  );
  assertEquals(site.left(), [`${id}.lock`]);
  await Deno.remove(path);
  assert(await gets(site.manager(), id));
  await Deno.writeTextFile(`${site.locks}/${id}.lock`, "x");
  await assertRejects(() => site.manager().acquire(id), TargetError, "is a file. Move it away");
});

const whyNot = await whyNotMounting();

function diskTest(fact: string, fn: () => Promise<void>): void {
  Deno.test({ name: whyNot ? `${fact} (${whyNot})` : fact, ignore: whyNot !== undefined, fn });
}

diskTest("a root that cannot be written to is told", async () => {
  await using disk = await Disk.mounted("size=1m");
  const id = crypto.randomUUID();
  const manager = new FileLockManager({ root: disk.path });
  assert(await gets(manager, id));
  await disk.remount("ro");
  for (const each of [manager, new FileLockManager({ root: disk.path })]) {
    const error = await assertRejects(() => each.acquire(id), TargetError);
    assertStringIncludes(error.message, `Cannot write "${disk.path}/.stardag/locks/${id}.lock"`);
    assertStringIncludes(error.message, "the file system is read-only");
  }
  await disk.remount("rw");
  assert(await gets(manager, id));
});

diskTest("no locks are made below a disk that is unmounted", async () => {
  await using disk = await Disk.mounted("size=1m");
  await Deno.mkdir(`${disk.path}/.stardag/locks`, { recursive: true });
  const manager = new FileLockManager({ root: disk.path });
  assert(await gets(manager, crypto.randomUUID()));
  await disk.unmount();
  const error = await assertRejects(() => manager.acquire(crypto.randomUUID()), TargetError);
  assertStringIncludes(error.message, "is on another file system than it was");
  assertEquals(namesIn(disk.path), []);
});

/** A folder made before permissions are taken away. */
const permitted = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(permitted, { recursive: true }));

Deno.test({
  name: "reading and writing below the root is all that is needed",
  permissions: { read: [permitted], write: [permitted] },
  async fn() {
    const [one, other] = [1, 2].map(() => new FileLockManager({ root: permitted }));
    const id = crypto.randomUUID();
    using time = new FakeTime();
    const lock = await acquired(one!, id);
    time.tick(TTL);
    assert(!await gets(other!, id) && !lock.signal.aborted);
    await lock.release();
    assert(await gets(other!, id));
    assertEquals(namesIn(`${permitted}/.stardag/locks`), []);
  },
});

for (const missing of ["read", "write"] as const) {
  Deno.test({
    name: `who may not ${missing} below the root is told which flag is missing`,
    permissions: { read: [permitted], write: [permitted], [missing]: false },
    async fn() {
      const manager = new FileLockManager({ root: permitted });
      const error = await assertRejects(
        () => manager.acquire(crypto.randomUUID()),
        PermissionError,
      );
      assertEquals(error.flag, `--allow-${missing}=${permitted}/.stardag/locks`);
      assertStringIncludes(error.message, error.flag);
    },
  });
}
