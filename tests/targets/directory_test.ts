import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { PermissionError, TargetError, TargetNotFoundError } from "../../src/errors.ts";
import { DirectoryTarget, type TargetPrototype } from "../../src/targets/directory.ts";
import { LocalTarget } from "../../src/targets/local.ts";
import { InMemoryFileSystem, InMemoryFileSystemTarget } from "../../src/targets/memory.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import { RemoteTarget } from "../../src/targets/remote.ts";
import type { FileSystemTarget, WriteContent } from "../../src/targets/target.ts";

interface DirectoryPlace extends AsyncDisposable {
  /** Uri of a folder that is not there yet. */
  readonly uri: string;
  readonly prototype: TargetPrototype;
}

/** What holds for folders, wherever they are kept. */
function directoryContract(
  name: string,
  make: () => DirectoryPlace | Promise<DirectoryPlace>,
): void {
  const test = (fact: string, run: (place: DirectoryPlace) => Promise<void>): void =>
    Deno.test(`DirectoryTarget (${name}) ${fact}`, async () => {
      await using place = await make();
      await run(place);
    });
  const at = (place: DirectoryPlace): DirectoryTarget =>
    new DirectoryTarget(place.uri, place.prototype);

  test("exists when it is marked done, and not before", async (place) => {
    const directory = at(place);
    assert(!await directory.exists());
    await directory.getSubTarget("a.txt").write("a");
    assert(!await at(place).exists());
    await directory.markDone();
    assert(await at(place).exists());
    assertEquals(await at(place).getSubTarget("a.txt").text(), "a");
  });

  test("tells its existence the same to its store", async (place) => {
    const { probe } = at(place);
    assert(probe !== undefined);
    assertEquals(await probe.store.existsMany([probe.uri]), [false]);
    await at(place).markDone();
    assertEquals(await probe.store.existsMany([probe.uri]), [true]);
  });

  test("lists its files beside it, sorted as Python does, and then writes an empty flag", async (place) => {
    const written: string[] = [];
    const directory = new DirectoryTarget(
      place.uri,
      (uri) => recorded(place.prototype(uri), written),
    );
    for (const key of ["b/2.txt", "b/1.txt", "a.txt", "\u{1f389}", "\uff5e", "b/1.txt"]) {
      directory.getSubTarget(key);
    }
    await directory.markDone();
    assertEquals(written, [`${place.uri}._SUB_KEYS`, `${place.uri}._DONE`]);
    assertEquals(
      await place.prototype(`${place.uri}._SUB_KEYS`).text(),
      "a.txt\nb/1.txt\nb/2.txt\n\uff5e\n\u{1f389}",
    );
    assertEquals(await place.prototype(`${place.uri}._DONE`).text(), "");
    assertEquals(await at(place).subKeys(), ["a.txt", "b/1.txt", "b/2.txt", "\uff5e", "\u{1f389}"]);
  });

  test("does not exist when its list cannot be written", async (place) => {
    const failure = new Error("full");
    const directory = new DirectoryTarget(place.uri, (uri) => {
      const target = place.prototype(uri);
      return uri.endsWith("._SUB_KEYS") ? failing(target, failure) : target;
    });
    assertStrictEquals(await assertRejects(() => directory.markDone()), failure);
    assert(!await at(place).exists());
  });

  test("may be empty", async (place) => {
    await at(place).markDone();
    assertEquals(await at(place).subKeys(), []);
    assertEquals(await place.prototype(`${place.uri}._SUB_KEYS`).text(), "");
  });

  test("has no list before it is done", async (place) => {
    await assertRejects(() => at(place).subKeys(), TargetNotFoundError);
  });

  test("has a slash at the end of its uri, however it was given", async (place) => {
    await Promise.resolve();
    for (const uri of [place.uri, `${place.uri}/`, `${place.uri}//`]) {
      const directory = new DirectoryTarget(uri, place.prototype);
      assertEquals(directory.uri, `${place.uri}/`);
      assertEquals(directory.getSubTarget("a/b").uri, `${place.uri}/a/b`);
      assertEquals(directory.probe?.uri, `${place.uri}._DONE`);
    }
  });

  test("refuses paths that leave it or cannot be listed", async (place) => {
    const directory = at(place);
    const paths = ["", "/a", "..", "../a", "a/../../b", "a/..", "a\\..\\b", "a\nb"];
    for (const path of paths) {
      assertThrows(() => directory.getSubTarget(path), RangeError, `"${path}"`);
    }
    for (const path of ["..a", "a..b", "a/b..", "..."]) directory.getSubTarget(path);
    await directory.markDone();
    assertEquals(await directory.subKeys(), ["...", "..a", "a..b", "a/b.."]);
  });

  test("becomes what a function has left in the folder handed to it", async (place) => {
    const result = await at(place).proxyPath("w", async (folder) => {
      assert(!await at(place).exists());
      await Deno.mkdir(`${folder}/b/c`, { recursive: true });
      await Deno.writeTextFile(`${folder}/a.txt`, "a");
      await Deno.writeTextFile(`${folder}/b/c/d.txt`, "d");
      return 42;
    });
    assertEquals(result, 42);
    assert(await at(place).exists());
    assertEquals(await at(place).subKeys(), ["a.txt", "b/c/d.txt"]);
    assertEquals(await at(place).getSubTarget("b/c/d.txt").text(), "d");
    const read = await at(place).proxyPath("r", async (folder) => [
      await Deno.readTextFile(`${folder}/a.txt`),
      await Deno.readTextFile(`${folder}/b/c/d.txt`),
    ]);
    assertEquals(read, ["a", "d"]);
  });

  test("is not there after a function has thrown", async (place) => {
    const failure = new Error("use");
    const fails = async (folder: string): Promise<void> => {
      await Deno.writeTextFile(`${folder}/a.txt`, "a");
      throw failure;
    };
    assertStrictEquals(await assertRejects(() => at(place).proxyPath("w", fails)), failure);
    assert(!await at(place).exists());
    assert(!await at(place).getSubTarget("a.txt").exists());
  });

  test("hands nothing out before it is done", async (place) => {
    await at(place).getSubTarget("a.txt").write("a");
    let used = false;
    const error = await assertRejects(
      () => at(place).proxyPath("r", () => used = true),
      TargetNotFoundError,
    );
    assertEquals(error.uri, `${place.uri}/`);
    assert(!used);
  });

  test("lists only what was left when it is written anew", async (place) => {
    const leave = (name: string) => (folder: string): Promise<void> =>
      Deno.writeTextFile(`${folder}/${name}`, name);
    const directory = at(place);
    await directory.proxyPath("w", leave("old.txt"));
    await directory.proxyPath("w", leave("new.txt"));
    assertEquals(await at(place).subKeys(), ["new.txt"]);
    assertEquals(await at(place).getSubTarget("new.txt").text(), "new.txt");
  });
}

async function temporaryRoot(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const local: TargetPrototype = (path) => new LocalTarget(path, { flush: false });

directoryContract("local", async () => {
  const root = await temporaryRoot();
  return { ...root, uri: `${root.path}/parts/of it`, prototype: local };
});

directoryContract("local, flushed", async () => {
  const root = await temporaryRoot();
  return { ...root, uri: `${root.path}/parts`, prototype: (path) => new LocalTarget(path) };
});

directoryContract("in memory", () => {
  const files = new InMemoryFileSystem();
  return {
    uri: "memory://parts",
    prototype: (uri) => new InMemoryFileSystemTarget(uri, files),
    async [Symbol.asyncDispose]() {},
  };
});

directoryContract("remote", () => {
  const files = new MemoryRemoteFileSystem();
  return {
    uri: "s3://bucket/a prefix/parts%2Fof+it",
    prototype: (uri) => new RemoteTarget(uri, files),
    async [Symbol.asyncDispose]() {},
  };
});

function recorded(target: FileSystemTarget, written: string[]): FileSystemTarget {
  const write = async (content: WriteContent): Promise<void> => {
    await target.write(content);
    written.push(target.uri);
  };
  return { ...unbound(target), write };
}

function failing(target: FileSystemTarget, failure: Error): FileSystemTarget {
  return { ...unbound(target), write: () => Promise.reject(failure) };
}

function unbound(target: FileSystemTarget): FileSystemTarget {
  return {
    uri: target.uri,
    exists: () => target.exists(),
    text: () => target.text(),
    bytes: () => target.bytes(),
    readable: () => target.readable(),
    write: (content) => target.write(content),
    proxyPath: (mode, use) => target.proxyPath(mode, use),
  };
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

Deno.test("DirectoryTarget on the local disk replaces what an earlier attempt has left", async () => {
  await using root = await temporaryRoot();
  const directory = new DirectoryTarget(`${root.path}/parts`, local);
  await directory.getSubTarget("half.txt").write("half");
  await directory.proxyPath("w", (folder) => Deno.writeTextFile(`${folder}/whole.txt`, "whole"));
  assertEquals(namesIn(root.path), ["parts", "parts._DONE", "parts._SUB_KEYS"]);
  assertEquals(namesIn(`${root.path}/parts`), ["whole.txt"]);
});

Deno.test("DirectoryTarget on the local disk leaves nothing when it fails", async () => {
  await using root = await temporaryRoot();
  const directory = new DirectoryTarget(`${root.path}/parts`, local);
  const fails = (folder: string): void => {
    Deno.writeTextFileSync(`${folder}/a`, "");
    throw new Error("use");
  };
  await assertRejects(() => directory.proxyPath("w", fails), Error, "use");
  assertEquals(namesIn(root.path), []);

  await Deno.writeTextFile(`${root.path}/parts`, "a file of somebody");
  await assertRejects(() => directory.proxyPath("w", () => {}), TargetError, "Move it away");
  assertEquals(namesIn(root.path), ["parts"]);
  assertEquals(await Deno.readTextFile(`${root.path}/parts`), "a file of somebody");
});

Deno.test("DirectoryTarget on the local disk keeps a done folder when writing it anew fails", async () => {
  await using root = await temporaryRoot();
  const directory = new DirectoryTarget(`${root.path}/parts`, local);
  await directory.proxyPath("w", (folder) => Deno.writeTextFile(`${folder}/a`, "old"));
  await assertRejects(
    () => directory.proxyPath("w", () => Promise.reject(new Error("use"))),
    Error,
    "use",
  );
  assert(await directory.exists());
  assertEquals(await directory.getSubTarget("a").text(), "old");
});

Deno.test("DirectoryTarget on the local disk is not done while its folder is replaced", async () => {
  await using root = await temporaryRoot();
  const states: boolean[] = [];
  const directory = new DirectoryTarget(`${root.path}/parts`, (path) => new Watched(path, states));
  await directory.proxyPath("w", (folder) => Deno.writeTextFile(`${folder}/a`, "old"));
  await directory.proxyPath("w", (folder) => Deno.writeTextFile(`${folder}/a`, "new"));
  // Looked at when the list is written, and when the flag is: first time, second time.
  assertEquals(states, [false, false, false, false]);
});

/** Notes, before it is written, whether the flag is there. */
class Watched extends LocalTarget {
  constructor(path: string, readonly states: boolean[]) {
    super(path, { flush: false });
  }

  override async write(content: WriteContent): Promise<void> {
    const flag = this.uri.replace(/_SUB_KEYS$/, "_DONE");
    this.states.push(await new LocalTarget(flag).exists());
    await super.write(content);
  }
}

Deno.test("DirectoryTarget with concurrent writers holds the folder of one of them", async () => {
  await using root = await temporaryRoot();
  await Promise.all(
    Array.from(
      { length: 10 },
      (_, i) =>
        new DirectoryTarget(`${root.path}/parts`, local).proxyPath("w", async (folder) => {
          await Deno.writeTextFile(`${folder}/a`, `${i}`);
          await Deno.writeTextFile(`${folder}/b`, `${i}`);
        }),
    ),
  );
  const directory = new DirectoryTarget(`${root.path}/parts`, local);
  assert(await directory.exists());
  assertEquals(await directory.getSubTarget("a").text(), await directory.getSubTarget("b").text());
  assertEquals(namesIn(root.path), ["parts", "parts._DONE", "parts._SUB_KEYS"]);
});

Deno.test(
  "DirectoryTarget names the flag that lets it write",
  { permissions: { read: true } },
  async () => {
    const directory = new DirectoryTarget("/somewhere/parts", local);
    const error = await assertRejects(() => directory.proxyPath("w", () => {}), PermissionError);
    assertEquals(error.flag, "--allow-write=/somewhere");
  },
);

/** A store that takes a while for each request, and tells how many are under way. */
class Slow extends MemoryRemoteFileSystem {
  requests = 0;
  underWay = 0;

  override readable(
    ...asked: Parameters<MemoryRemoteFileSystem["readable"]>
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const source = super.readable(...asked).getReader();
    this.requests++;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) =>
        this.#slowly(async () => {
          const { value } = await source.read();
          if (value === undefined) controller.close();
          else controller.enqueue(value);
        }),
    }, { highWaterMark: 0 });
  }

  override async write(...asked: Parameters<MemoryRemoteFileSystem["write"]>): Promise<void> {
    this.requests++;
    await this.#slowly(async () => {
      if (asked[0].endsWith("/7")) throw new Error("on purpose");
      await super.write(...asked);
    });
  }

  async #slowly(act: () => Promise<void>): Promise<void> {
    this.underWay++;
    try {
      for (let turns = this.requests % 5; turns > 0; turns--) await Deno.stat(".");
      await act();
    } finally {
      this.underWay--;
    }
  }
}

const NUMBERS = Array.from({ length: 200 }, (_, i) => `${i}`);

Deno.test("DirectoryTarget of which a file is missing stops copying, and leaves no folder", async () => {
  const files = new Slow();
  const uri = "s3://bucket/parts";
  for (const name of NUMBERS) {
    if (name !== "7") await files.write(`${uri}/${name}`, name);
  }
  await files.write(`${uri}._SUB_KEYS`, NUMBERS.join("\n"));
  await files.write(`${uri}._DONE`, "");
  files.requests = 0;
  await using temporary = await temporaryRoot();
  const { makeTempDir } = Deno;
  Deno.makeTempDir = () => makeTempDir({ dir: temporary.path });
  try {
    const directory = new DirectoryTarget(uri, (uri) => new RemoteTarget(uri, files));
    await assertRejects(() => directory.proxyPath("r", () => {}), TargetNotFoundError, "/7");
    assertEquals(namesIn(temporary.path), []);
  } finally {
    Deno.makeTempDir = makeTempDir;
  }
  assertEquals(files.underWay, 0);
  assert(files.requests < 60, `${files.requests} requests`);
});

Deno.test("DirectoryTarget of which a file cannot be written stops writing", async () => {
  const files = new Slow();
  const directory = new DirectoryTarget(
    "s3://bucket/parts",
    (uri) => new RemoteTarget(uri, files),
  );
  const leave = (folder: string): void => {
    for (const name of NUMBERS) Deno.writeTextFileSync(`${folder}/${name}`, name);
  };
  await assertRejects(() => directory.proxyPath("w", leave), Error, "on purpose");
  assertEquals(files.underWay, 0);
  // Folders are read in any order, so the one that fails may be the last.
  const before = files.requests;
  await Deno.stat(".");
  assertEquals(files.requests, before);
});

Deno.test("DirectoryTarget is not done while its files are replaced, wherever they can be removed", async () => {
  const remote = new MemoryRemoteFileSystem();
  const memory = new InMemoryFileSystem();
  const prototypes: readonly TargetPrototype[] = [
    (uri) => new RemoteTarget(uri, remote),
    (uri) => new InMemoryFileSystemTarget(uri, memory),
  ];
  for (const prototype of prototypes) {
    const uri = "memory://parts";
    const states: boolean[] = [];
    const flag = prototype(`${uri}._DONE`);
    const observed: TargetPrototype = (uri) => {
      const target = prototype(uri);
      const { write } = target;
      target.write = async (...asked) => {
        states.push(await flag.exists());
        await write.apply(target, asked);
      };
      return target;
    };
    const leave = (text: string) => (folder: string): Promise<void> =>
      Deno.writeTextFile(`${folder}/a`, text);
    await new DirectoryTarget(uri, observed).proxyPath("w", leave("old"));
    await new DirectoryTarget(uri, observed).proxyPath("w", async (folder) => {
      assert(await flag.exists(), "what fails here is to leave the old one");
      await leave("new")(folder);
    });
    // Looked at when the file is written, the list, and the flag: first time, second time.
    assertEquals(states, Array(6).fill(false));
    assert(await flag.exists());
  }
});

Deno.test("DirectoryTarget of a store that removes nothing can be written anew", async () => {
  const files = new MemoryRemoteFileSystem();
  const prototype: TargetPrototype = (uri) =>
    new RemoteTarget(uri, {
      exists: files.exists.bind(files),
      readable: files.readable.bind(files),
      write: files.write.bind(files),
    });
  for (const text of ["old", "new"]) {
    const directory = new DirectoryTarget("s3://bucket/parts", prototype);
    await directory.proxyPath("w", (folder) => Deno.writeTextFile(`${folder}/a`, text));
    assertEquals(await directory.getSubTarget("a").text(), text);
  }
});

Deno.test("DirectoryTarget with a file that is a folder for another one is not copied", async () => {
  const files = new MemoryRemoteFileSystem();
  const directory = new DirectoryTarget(
    "s3://bucket/parts",
    (uri) => new RemoteTarget(uri, files),
  );
  for (const key of ["a/b/c", "a.txt", "a/b", "a0"]) await directory.getSubTarget(key).write(key);
  await directory.markDone();
  const error = await assertRejects(() => directory.proxyPath("r", () => {}), TargetError);
  for (const part of ['"s3://bucket/parts/"', '"a/b"', '"a/b/c"', "getSubTarget()"]) {
    assert(error.message.includes(part), error.message);
  }
});
