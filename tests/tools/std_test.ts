// What this repository relies on in `@std/fs` and `@std/testing`, whichever of stand-in and real package is in use.
import { assert, assertEquals, assertFalse, assertRejects, assertThrows } from "@std/assert";
import { emptyDir, ensureDir, exists, walk } from "@std/fs";
import { join } from "@std/path";
import { FakeTime, TimeError } from "@std/testing/time";
import { assertType, type IsExact } from "@std/testing/types";

Deno.test("ensureDir() makes a directory once and rejects where a file stands", async () => {
  await using dir = await tempDir();
  await ensureDir(join(dir.path, "a", "b"));
  await ensureDir(join(dir.path, "a", "b"));
  assert(await exists(join(dir.path, "a", "b"), { isDirectory: true }));
  await Deno.writeTextFile(join(dir.path, "file"), "");
  await assertRejects(() => ensureDir(join(dir.path, "file")), Error);
});

Deno.test("exists() tells files from directories and from nothing", async () => {
  await using dir = await tempDir();
  const file = join(dir.path, "file");
  assertFalse(await exists(file));
  await Deno.writeTextFile(file, "");
  assert(await exists(file));
  assert(await exists(file, { isFile: true, isReadable: true }));
  assertFalse(await exists(file, { isDirectory: true }));
});

Deno.test("emptyDir() removes what a directory holds and makes one that is missing", async () => {
  await using dir = await tempDir();
  await ensureDir(join(dir.path, "a", "b"));
  await emptyDir(dir.path);
  assertEquals(await Array.fromAsync(Deno.readDir(dir.path)), []);
  await emptyDir(join(dir.path, "c", "d"));
  assert(await exists(join(dir.path, "c", "d")));
});

Deno.test("walk() yields what its options ask for", async () => {
  await using dir = await tempDir();
  await ensureDir(join(dir.path, "a", "b"));
  await Deno.writeTextFile(join(dir.path, "a", "x.ts"), "");
  await Deno.writeTextFile(join(dir.path, "a", "b", "y.json"), "");
  const below = async (options: Parameters<typeof walk>[1]): Promise<readonly string[]> =>
    (await Array.fromAsync(walk(dir.path, options), (entry) => entry.path.slice(dir.path.length)))
      .sort();
  assertEquals(await below({}), ["", "/a", "/a/b", "/a/b/y.json", "/a/x.ts"]);
  assertEquals(await below({ includeFiles: false }), ["", "/a", "/a/b"]);
  assertEquals(await below({ includeDirs: false, exts: [".json"] }), ["/a/b/y.json"]);
  assertEquals(await below({ includeDirs: false, match: [/\/x/] }), ["/a/x.ts"]);
  assertEquals(await below({ skip: [/\/b$/] }), ["", "/a", "/a/x.ts"]);
  assertEquals(await below({ maxDepth: 1 }), ["", "/a"]);
});

Deno.test("FakeTime moves the clock and runs timers in order", async () => {
  using time = new FakeTime(1000);
  const seen: unknown[] = [];
  setTimeout((name: string) => seen.push([name, Date.now()]), 20, "late");
  const interval = setInterval(() => seen.push(["every", new Date().valueOf()]), 8);
  clearTimeout(setTimeout(() => seen.push("cleared"), 5));
  time.tick(20);
  assertEquals(seen, [["every", 1008], ["every", 1016], ["late", 1020]]);
  clearInterval(interval);
  let woke = false;
  const waiting = (async () => {
    await Promise.resolve();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    woke = true;
  })();
  await time.tickAsync(60_000);
  await waiting;
  assert(woke);
  assertEquals([time.now, time.start], [61_020, 1000]);
  assertFalse(time.next());
});

Deno.test("FakeTime puts the real clock back", () => {
  const { setTimeout: before, Date: RealDate } = globalThis;
  const time = new FakeTime();
  assert(globalThis.setTimeout !== before);
  assert(new Date(0) instanceof RealDate);
  assertThrows(() => new FakeTime(), TimeError);
  time.restore();
  assertEquals(globalThis.setTimeout, before);
  assertEquals(globalThis.Date, RealDate);
  assertThrows(() => time.restore(), TimeError);
});

Deno.test("IsExact tells a type from a wider one", () => {
  assertType<IsExact<string, string>>(true);
  assertType<IsExact<string, string | number>>(false);
  assertType<IsExact<unknown, string>>(false);
});

interface TempDir extends AsyncDisposable {
  readonly path: string;
}

async function tempDir(): Promise<TempDir> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
