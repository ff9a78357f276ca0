import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { PermissionError, StardagError, TargetError } from "../../src/errors.ts";
import { LocalTarget } from "../../src/targets/local.ts";
import { LocalTargetStore } from "../../src/targets/local_store.ts";
import { isTemporary } from "../../src/targets/temporary.ts";
import { targetContract } from "../../src/testing/target_contract.ts";

for (const flush of [true, false]) {
  targetContract(`LocalTarget (flush: ${flush})`, async () => {
    const root = await Deno.makeTempDir();
    return {
      target: (name) => new LocalTarget(`${root}/${name}`, { flush }),
      [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
    };
  });
}

/** A folder for one test. */
async function temporaryRoot(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

function streamOf(...chunks: (string | Error)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const next = chunks.shift();
      if (next === undefined) controller.close();
      else if (typeof next === "string") controller.enqueue(new TextEncoder().encode(next));
      else controller.error(next);
    },
  }, { highWaterMark: 0 });
}

Deno.test("LocalTarget leaves nothing but the file, however it was written", async () => {
  await using root = await temporaryRoot();
  for (const flush of [true, false]) {
    const target = new LocalTarget(`${root.path}/x.txt`, { flush });
    await target.write("text");
    await target.write(new Blob(["blob"]));
    await target.write(streamOf("a", "b"));
    await target.proxyPath("w", (path) => Deno.writeTextFile(path, "proxy"));
    assertEquals(namesIn(root.path), ["x.txt"]);
  }
});

Deno.test("LocalTarget forces content to the disk before it is seen, unless told not to", async () => {
  await using root = await temporaryRoot();
  const path = `${root.path}/x`;
  const original = Deno.FsFile.prototype.syncData;
  let synced: boolean[] = [];
  Deno.FsFile.prototype.syncData = async function (): Promise<void> {
    await original.call(this);
    synced.push(await new LocalTarget(path).exists());
  };
  try {
    for (const flush of [undefined, true, false]) {
      synced = [];
      for (const content of ["text", new Uint8Array(3), new Blob(["blob"]), streamOf("stream")]) {
        await new LocalTarget(path, { flush }).write(content);
        await Deno.remove(path);
      }
      await new LocalTarget(path, { flush }).proxyPath(
        "w",
        (to) => Deno.writeTextFile(to, "proxy"),
      );
      await Deno.remove(path);
      assertEquals(synced, flush === false ? [] : [false, false, false, false, false]);
    }
  } finally {
    Deno.FsFile.prototype.syncData = original;
  }
});

Deno.test("LocalTarget leaves no temporary file when writing fails", async () => {
  await using root = await temporaryRoot();
  const inTheWay = `${root.path}/folder`;
  await Deno.mkdir(inTheWay);
  for (const flush of [true, false]) {
    const target = new LocalTarget(`${root.path}/x.txt`, { flush });
    await assertRejects(() => target.write(streamOf("a", new Error("source"))), Error, "source");
    const fails = (path: string): void => {
      Deno.writeTextFileSync(path, "half");
      throw new Error("use");
    };
    await assertRejects(() => target.proxyPath("w", fails), Error, "use");
    await assertRejects(() => target.proxyPath("w", (path) => Deno.mkdir(path)), TargetError);

    const blocked = new LocalTarget(inTheWay, { flush });
    await assertRejects(() => blocked.write("x"), TargetError);
    await assertRejects(() => blocked.write(streamOf("x")), TargetError);
    const writes = (path: string): Promise<void> => Deno.writeTextFile(path, "whole");
    await assertRejects(() => blocked.proxyPath("w", writes), TargetError);
    assertEquals(namesIn(root.path), ["folder"]);
  }
});

Deno.test("LocalTarget writes to a hidden file in the same folder meanwhile", async () => {
  await using root = await temporaryRoot();
  const target = new LocalTarget(`${root.path}/a/x.txt`);
  let during: string[] = [];
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      during = namesIn(`${root.path}/a`);
      controller.close();
    },
  }, { highWaterMark: 0 });
  await target.write(source);
  assertEquals(during.length, 1);
  assert(during.every(isTemporary), String(during));
  assert(during[0]?.startsWith(".x.txt."), String(during));

  const path = await target.proxyPath("w", async (path) => {
    await Deno.writeTextFile(path, "x");
    return path;
  });
  assert(path.startsWith(`${root.path}/a/.x.txt.`) && path.endsWith(".tmp.txt"), path);
});

Deno.test("LocalTarget closes a file that is read to its end, in part or in vain", async () => {
  await using root = await temporaryRoot();
  const target = new LocalTarget(`${root.path}/x`);
  await target.write("x".repeat(100_000));
  const original = Deno.open;
  const opened: Deno.FsFile[] = [];
  Deno.open = async (path, options) => {
    const file = await original(path, options);
    opened.push(file);
    return file;
  };
  try {
    await Array.fromAsync(target.readable());
    const reader = target.readable().getReader();
    await reader.read();
    await reader.cancel();
    await target.readable().cancel(); // never read, never opened
    const failing = target.readable().getReader();
    await failing.read();
    const [file] = opened.slice(2);
    assert(file !== undefined);
    file.read = () => Promise.reject(new Error("worn out"));
    await assertRejects(() => failing.read(), Error, "worn out");
  } finally {
    Deno.open = original;
  }
  assertEquals(opened.length, 3);
  for (const file of opened) assertThrows(() => file.statSync(), Deno.errors.BadResource);
});

Deno.test("LocalTarget takes no more from a stream than it has written", async () => {
  await using root = await temporaryRoot();
  const [chunk, count] = [new Uint8Array(10_000), 50];
  let pulls = 0;
  let written = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pulls++ === count) {
        written = Deno.statSync(`${root.path}/${namesIn(root.path)[0]}`).size;
        return controller.close();
      }
      controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
  await new LocalTarget(`${root.path}/x`).write(source);
  assertEquals(written, count * chunk.length);
});

Deno.test("LocalTarget tells a stream that it cannot be written", async () => {
  await using root = await temporaryRoot();
  await Deno.writeTextFile(`${root.path}/file`, "");
  let reason: unknown;
  const source = new ReadableStream<Uint8Array>({ cancel: (error) => void (reason = error) });
  const target = new LocalTarget(`${root.path}/file/x`);
  await assertRejects(() => target.write(source), TargetError);
  assert(reason instanceof Error);
});

Deno.test("LocalTarget cancels a stream whose content is refused", async () => {
  await using root = await temporaryRoot();
  let cancelled = false;
  const source = new ReadableStream<unknown>({
    pull: (controller) => controller.enqueue("text"),
    cancel: () => void (cancelled = true),
  });
  const target = new LocalTarget(`${root.path}/x`);
  await assertRejects(
    () => target.write(source as ReadableStream<Uint8Array>),
    TypeError,
    "TextEncoderStream",
  );
  assert(cancelled);
});

Deno.test("LocalTarget with concurrent writers shows readers one whole content at any time", async () => {
  await using root = await temporaryRoot();
  const path = `${root.path}/x`;
  const contents = Array.from({ length: 10 }, (_, i) => String(i).repeat(100_000));
  let writing = true;
  const reader = (async () => {
    const seen = new Set<string>();
    while (writing) {
      if (await new LocalTarget(path).exists()) seen.add(await new LocalTarget(path).text());
    }
    return seen;
  })();
  await Promise.all(contents.map((content) => new LocalTarget(path).write(content)));
  writing = false;
  for (const content of await reader) assert(contents.includes(content), `${content.length} bytes`);
  assertEquals(namesIn(root.path), ["x"]);
});

Deno.test("LocalTarget is not there when a folder or a link to nothing is in its place", async () => {
  await using root = await temporaryRoot();
  await Deno.mkdir(`${root.path}/folder`);
  await Deno.symlink(`${root.path}/nothing`, `${root.path}/broken`);
  await Deno.writeTextFile(`${root.path}/file`, "x");
  await Deno.symlink(`${root.path}/file`, `${root.path}/link`);
  const paths = ["folder", "broken", "file", "link", "file/below"].map((name) =>
    `${root.path}/${name}`
  );
  const expected = [false, false, true, true, false];
  assertEquals(await Promise.all(paths.map((path) => new LocalTarget(path).exists())), expected);
  assertEquals(await new LocalTargetStore().existsMany(paths), expected);
});

Deno.test("LocalTarget says what is wrong with the place and what to do", async () => {
  await using root = await temporaryRoot();
  await Deno.writeTextFile(`${root.path}/file`, "");
  await Deno.mkdir(`${root.path}/folder`);
  const cases: readonly (readonly [string, (target: LocalTarget) => Promise<unknown>, string])[] = [
    ["file/x", (target) => target.write("x"), "is a file. Move it away"],
    ["file/a/x", (target) => target.write("x"), "is a file. Move it away"],
    ["file/x", (target) => target.proxyPath("w", () => {}), "is a file. Move it away"],
    ["file/a/x", (target) => target.proxyPath("w", () => {}), "is a file. Move it away"],
    ["folder", (target) => target.write("x"), "a folder is in its place. Move it away"],
    ["folder", (target) => target.text(), "a folder is in its place. Move it away"],
    ["folder", (target) => target.bytes(), "a folder is in its place. Move it away"],
    ["x".repeat(300), (target) => target.write("x"), "too long for the file system. Use a shorter"],
    ["x".repeat(300), (target) => target.exists(), "too long for the file system. Use a shorter"],
  ];
  for (const [name, act, remedy] of cases) {
    const target = new LocalTarget(`${root.path}/${name}`);
    const error = await assertRejects(() => act(target), TargetError, remedy);
    assertEquals(error.uri, target.uri);
    assert(error.message.includes(`"${target.uri}"`), error.message);
    assert(error.cause instanceof Error);
  }
});

Deno.test({
  name: "LocalTarget says that a root cannot be made or that the disk is full",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const root = new LocalTarget("/proc/stardag/root/x");
    await assertRejects(() => root.write("x"), TargetError, "cannot be made");
    await assertRejects(() => root.proxyPath("w", () => {}), TargetError, "cannot be made");
    await using folder = await temporaryRoot();
    const target = new LocalTarget(`${folder.path}/x`);
    const fill = (): void => Deno.writeTextFileSync("/dev/full", "x");
    const error = await assertRejects(() => target.proxyPath("w", fill), Error);
    assert(!(error instanceof StardagError), "what the function throws is its own");
  },
});

const here = Deno.cwd();

Deno.test(
  "LocalTarget names the flag that lets it read",
  { permissions: { write: true } },
  async () => {
    const target = new LocalTarget(`${here}/a/x.txt`);
    const acts: (() => Promise<unknown>)[] = [
      () => target.exists(),
      () => target.text(),
      () => target.bytes(),
      () => target.readable().getReader().read(),
      () => target.proxyPath("r", () => {}),
      () => new LocalTargetStore().existsMany([target.uri]),
    ];
    for (const act of acts) {
      const error = await assertRejects(act, PermissionError);
      assertEquals(error.flag, `--allow-read=${here}/a`);
      assert(error.message.includes(`Run with --allow-read=${here}/a`), error.message);
    }
  },
);

Deno.test(
  "LocalTarget names the flag that lets it write",
  { permissions: { read: true } },
  async () => {
    const target = new LocalTarget(`${here}/a/x.txt`);
    const acts: (() => Promise<unknown>)[] = [
      () => target.write("x"),
      () => target.write(streamOf("x")),
      () => target.proxyPath("w", () => {}),
    ];
    for (const act of acts) {
      const error = await assertRejects(act, PermissionError);
      assertEquals(error.flag, `--allow-write=${here}/a`);
    }
  },
);

const writable = Deno.env.get("TMPDIR") ?? "/tmp";

Deno.test(
  "LocalTarget names the flag that lets it move a finished file",
  { permissions: { write: [writable] } },
  async () => {
    const name = `${writable}/stardag-test-${crypto.randomUUID()}`;
    const error = await assertRejects(() => new LocalTarget(name).write("x"), PermissionError);
    assertEquals(error.flag, `--allow-read=${writable}`);
    assert(error.message.includes("to move a finished file to its place"), error.message);
  },
);

/** A clock that goes on by `step` milliseconds whenever it is looked at. */
function clock(step: number): () => number {
  let time = 0;
  return () => time += step;
}

Deno.test("LocalTargetStore answers the same at any pace of the file system", async () => {
  await using root = await temporaryRoot();
  const paths = Array.from({ length: 2_600 }, (_, i) => `${root.path}/${i}`);
  const expected = paths.map((_, i) => i % 10 === 0);
  for (const [i, path] of paths.entries()) if (expected[i]) Deno.writeTextFileSync(path, "");
  // Every question a slice of its own; slices of several; all at once.
  for (const step of [10, 1, 0.1, 0]) {
    const store = new LocalTargetStore(clock(step));
    for (const maxConcurrent of [1, 7, 50]) {
      const answers = await store.existsMany(paths, { maxConcurrent });
      assertEquals(answers, expected);
    }
  }
});

Deno.test("LocalTargetStore gives other work its turn", async () => {
  await using root = await temporaryRoot();
  const paths = Array.from({ length: 200 }, (_, i) => `${root.path}/${i}`);
  for (const step of [10, 1]) {
    let done = false;
    const asking = new LocalTargetStore(clock(step)).existsMany(paths).finally(() => done = true);
    const turns: boolean[] = [];
    for (let i = 0; i < 3; i++) {
      await Deno.stat(root.path);
      turns.push(done);
    }
    assertEquals(turns[0], false, "not everything was asked in one go");
    assertEquals((await asking).length, paths.length);
  }
});

Deno.test("LocalTargetStore stops when it is told to", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  let looks = 0;
  const store = new LocalTargetStore(() => {
    if (looks++ === 10) controller.abort(reason);
    return looks * 10;
  });
  const paths = Array.from({ length: 1_000 }, (_, i) => `${here}/missing-${i}`);
  const asking = store.existsMany(paths, { signal: controller.signal, maxConcurrent: 1 });
  assertStrictEquals(await assertRejects(() => asking), reason);
  assert(looks < 20, `${looks} looks at the clock`);
});
