import { assert, assertEquals, assertRejects } from "@std/assert";
import { TargetError } from "../../src/errors.ts";
import { DirectoryTarget } from "../../src/targets/directory.ts";
import { LocalTarget } from "../../src/targets/local.ts";
import { isTemporary, slotPath } from "../../src/targets/temporary.ts";
import { Child } from "./child.ts";

const WRITER = import.meta.resolve("./writer.ts");

/** What a crash leaves stays on Windows, see `slot.ts`. */
const ignore = Deno.build.os === "windows";

async function temporaryRoot(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

function local(path: string): LocalTarget {
  return new LocalTarget(path, { flush: false });
}

/** Content whose end comes when `finish` is called; `begun` when its first half was taken. */
function inHalves(text: string): {
  readonly stream: ReadableStream<Uint8Array>;
  readonly begun: Promise<void>;
  readonly finish: () => void;
} {
  const [begun, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stream = ReadableStream.from((async function* (): AsyncGenerator<Uint8Array> {
    yield new TextEncoder().encode(text.slice(0, text.length / 2));
    begun.resolve();
    await finish.promise;
    yield new TextEncoder().encode(text.slice(text.length / 2));
  })());
  return { stream, begun: begun.promise, finish: finish.resolve };
}

/** Has `during` happen right after a file was opened for the `nth` time with options that fit, until disposed. */
function afterOpening(
  fits: (options: Deno.OpenOptions) => boolean,
  nth: number,
  during: () => Promise<void>,
): Disposable {
  const original = Deno.open;
  let count = 0;
  Deno.open = async (path, options = {}) => {
    const file = await original(path, options);
    if (fits(options) && ++count === nth) await during();
    return file;
  };
  return { [Symbol.dispose]: () => void (Deno.open = original) };
}

const isNew = (options: Deno.OpenOptions): boolean => options.createNew === true;
const isForeign = (options: Deno.OpenOptions): boolean =>
  options.createNew !== true && options.read === true && options.write === true;

/** Writes to the path in every way there is. */
const WAYS: Readonly<Record<string, (path: string) => Promise<void>>> = {
  write: (path) => local(path).write("new"),
  proxyPath: (path) => local(path).proxyPath("w", (to) => Deno.writeTextFile(to, "new")),
};

Deno.test("a folder that is removed before it is used, for it is empty, is made again", async () => {
  await using root = await temporaryRoot();
  // By now, folders are thought to be missing, and are made first.
  for (let i = 0; i < 10; i++) await local(`${root.path}/${i}/x`).write("");
  const original = Deno.mkdir;
  const removing: typeof Deno.mkdir = async (path, options) => {
    await original(path, options);
    Deno.mkdir = original;
    await Deno.remove(path);
  };
  Deno.mkdir = removing;
  try {
    await local(`${root.path}/new/x`).write("1");
  } finally {
    Deno.mkdir = original;
  }
  assertEquals(await local(`${root.path}/new/x`).text(), "1");
});

for (const left of ["write", "proxyPath"]) {
  for (const way of Object.keys(WAYS)) {
    Deno.test({
      name: `what a killed ${left}() has left goes away with the next ${way}()`,
      ignore,
      async fn() {
        await using root = await temporaryRoot();
        const path = `${root.path}/x.csv.gz`;
        // Three at once, of which the second one ends well.
        const children: Child[] = [];
        try {
          for (let i = 0; i < 3; i++) {
            children.push(new Child(WRITER, [left, path]));
            assertEquals(await children[i]!.line(), "half");
          }
          const before = namesIn(root.path);
          assertEquals(before.length, left === "write" ? 3 : 6);
          assert(before.every(isTemporary), String(before));
          const middle = children[1]!;
          await middle.tell();
          assertEquals(await middle.line(), "done");
          for (const child of children) await child.kill();
          assertEquals(namesIn(root.path).length, left === "write" ? 3 : 5);
          await WAYS[way]!(path);
          assertEquals(namesIn(root.path), ["x.csv.gz"]);
          assertEquals(await local(path).text(), "new");
        } finally {
          for (const child of children) await child[Symbol.asyncDispose]();
        }
      },
    });
  }
}

Deno.test({
  name: "what a killed proxyPath() of a folder has left goes away when it is written again",
  ignore,
  async fn() {
    await using root = await temporaryRoot();
    await using child = new Child(WRITER, ["directory", `${root.path}/parts`]);
    assertEquals(await child.line(), "half");
    await child.kill();
    assertEquals(namesIn(root.path).filter(isTemporary).length, 2);
    await new DirectoryTarget(`${root.path}/parts`, local)
      .proxyPath("w", (folder) => Deno.writeTextFile(`${folder}/b`, "new"));
    assertEquals(namesIn(root.path), ["parts", "parts._DONE", "parts._SUB_KEYS"]);
    assertEquals(namesIn(`${root.path}/parts`), ["b"]);
  },
});

Deno.test({
  name: "a writer is dead when its process is, whoever it has started",
  ignore,
  async fn() {
    await using root = await temporaryRoot();
    const path = `${root.path}/x`;
    await using child = new Child(WRITER, ["tool", path]);
    const tool = Number(await child.line());
    try {
      assertEquals(await child.line(), "half");
      await child.kill();
      await local(path).write("new");
      assertEquals(namesIn(root.path), ["x"]);
    } finally {
      Deno.kill(tool, "SIGKILL");
    }
  },
});

for (const way of ["write", "proxyPath", "directory"]) {
  Deno.test(`a live ${way}() of another process is left alone`, async () => {
    await using root = await temporaryRoot();
    const path = `${root.path}/x`;
    await using child = new Child(WRITER, [way, path]);
    assertEquals(await child.line(), "half");
    const before = namesIn(root.path);
    if (way === "directory") {
      const directory = new DirectoryTarget(path, local);
      await directory.proxyPath("w", (to) => Deno.writeTextFile(`${to}/a`, "mine"));
      assertEquals(await directory.getSubTarget("a").text(), "mine");
    } else {
      await local(path).write("mine");
      await local(path).proxyPath("w", (to) => Deno.writeTextFile(to, "mine, too"));
      assertEquals(await local(path).text(), "mine, too");
    }
    assertEquals(namesIn(root.path).filter(isTemporary), before);
    await child.tell();
    assertEquals(await child.line(), "done");
    const result = way === "directory" ? `${path}/a` : path;
    assertEquals(await Deno.readTextFile(result), "from the child");
    assertEquals(namesIn(root.path).filter(isTemporary), []);
  });
}

for (const way of ["exit", "exit proxyPath"]) {
  Deno.test(`a process that ends by itself leaves nothing (${way})`, async () => {
    await using root = await temporaryRoot();
    await using child = new Child(WRITER, [way, `${root.path}/x`]);
    assertEquals((await child.ended()).code, 3);
    assertEquals(namesIn(root.path), []);
  });
}

Deno.test("two processes that write the same file over and over show readers one whole content", async () => {
  await using root = await temporaryRoot();
  const path = `${root.path}/x`;
  const count = 200;
  await using a = new Child(WRITER, ["hammer", path, "a", `${count}`]);
  await using b = new Child(WRITER, ["hammer", path, "b", `${count}`]);
  const ends = Promise.all([a.line(), b.line()]);
  let writing = true;
  void ends.then(() => writing = false);
  await Promise.all([a.tell(), b.tell()]);
  const seen = new Set<string>();
  while (writing) {
    const content = await local(path).text().catch(() => undefined);
    if (content === undefined) continue; // not written yet
    const first = content.slice(0, content.indexOf(";") + 1);
    assert(/^[ab] \d+;$/.test(first), first);
    assertEquals(content, first.repeat(2_000));
    seen.add(first);
  }
  assertEquals(await ends, ["done", "done"]);
  assert(seen.size > 10, `only ${seen.size} contents were seen`);
  assertEquals(namesIn(root.path), ["x"]);
});

Deno.test({
  name: "of two processes that write the same file one may be killed at any moment",
  ignore,
  async fn() {
    await using root = await temporaryRoot();
    const path = `${root.path}/x`;
    for (let round = 0; round < 5; round++) {
      await using a = new Child(WRITER, ["hammer", path, "a", "1000000"]);
      await using b = new Child(WRITER, ["hammer", path, "b", "100"]);
      await Promise.all([a.tell(), b.tell()]);
      let isOver = false;
      const end = b.line().finally(() => isOver = true);
      for (let seen = 0; seen < 10 * round && !isOver;) if (await local(path).exists()) seen++;
      assert(await a.kill());
      assertEquals(await end, "done");
      const content = await local(path).text();
      assertEquals(content, content.slice(0, content.indexOf(";") + 1).repeat(2_000));
      // Whatever is left goes away when writers meet.
      const [first, second] = [inHalves("first, of two halves"), inHalves("second, of two halves")];
      const writing = [local(path).write(first.stream), local(path).write(second.stream)];
      await Promise.all([first.begun, second.begun]);
      first.finish();
      second.finish();
      await Promise.all(writing);
      assertEquals(namesIn(root.path), ["x"]);
      await Deno.remove(path);
    }
  },
});

Deno.test("many writers of one file in one process leave nothing but it", async () => {
  await using root = await temporaryRoot();
  const target = local(`${root.path}/x`);
  const all = Array.from({ length: 50 }, (_, i) => inHalves(`${i}`.repeat(1_000)));
  const writing = all.map(({ stream }) => target.write(stream));
  for (const { begun } of all) await begun;
  const names = namesIn(root.path);
  assertEquals(names.length, all.length);
  assert(names.every(isTemporary), String(names));
  for (const { finish } of all) finish();
  await Promise.all(writing);
  assert(/^(\d{1,2})\1{999}$/.test(await target.text()));
  assertEquals(namesIn(root.path), ["x"]);
});

Deno.test({
  name: "who opened a file for a dead writer's while it got its final name touches nothing",
  ignore,
  async fn() {
    await using root = await temporaryRoot();
    const target = local(`${root.path}/x`);
    const [first, third] = [inHalves("first, of two halves"), inHalves("third, of two halves")];
    const writingFirst = target.write(first.stream);
    await first.begun;
    let writingThird: Promise<void> | undefined;
    // The second one has the first one's file open when that is published, and its path is the third one's.
    using _ = afterOpening(isForeign, 1, async () => {
      first.finish();
      await writingFirst;
      writingThird = target.write(third.stream);
      await third.begun;
      assertEquals(namesIn(root.path), [".x.stardag-0.tmp", "x"]);
    });
    await target.write("second");
    assertEquals(await target.text(), "second");
    assertEquals(namesIn(root.path), [".x.stardag-0.tmp", "x"]);
    third.finish();
    await writingThird;
    assertEquals(await target.text(), "third, of two halves");
    assertEquals(namesIn(root.path), ["x"]);
  },
});

Deno.test({
  name: "who loses a file before it is locked takes another one",
  ignore,
  async fn() {
    await using root = await temporaryRoot();
    const target = local(`${root.path}/x`);
    const other = inHalves("other, of two halves");
    let writing: Promise<void> | undefined;
    // The other one takes the new file for a dead writer's, and its path.
    using _ = afterOpening(isNew, 1, async () => {
      writing = target.write(other.stream);
      await other.begun;
    });
    await target.write("mine");
    assertEquals(await target.text(), "mine");
    other.finish();
    await writing;
    assertEquals(await target.text(), "other, of two halves");
    assertEquals(namesIn(root.path), ["x"]);
  },
});

Deno.test({
  name: "what a tool has left is nobody else's while it gets its name",
  ignore,
  async fn() {
    await using root = await temporaryRoot();
    const target = local(`${root.path}/x`);
    const other = inHalves("other, of two halves");
    const original = Deno.rename;
    let writing: Promise<void> | undefined;
    // The tool's file is in its slot, and has one step to go.
    Deno.rename = async (from, to) => {
      await original(from, to);
      Deno.rename = original;
      writing = target.write(other.stream);
      await other.begun;
    };
    try {
      await target.proxyPath("w", (path) => Deno.writeTextFile(path, "by a tool"));
    } finally {
      Deno.rename = original;
    }
    assertEquals(await target.text(), "by a tool");
    other.finish();
    await writing;
    assertEquals(await target.text(), "other, of two halves");
    assertEquals(namesIn(root.path), ["x"]);
  },
});

Deno.test({
  name: "what a tool has left and cannot be removed is tried again by the next writer",
  ignore,
  async fn() {
    await using root = await temporaryRoot();
    const target = local(`${root.path}/x`);
    const original = Deno.remove;
    const failing = target.proxyPath("w", async (path) => {
      await Deno.writeTextFile(path, "half");
      Deno.remove = (removed, options) =>
        removed === path
          ? Promise.reject(new Deno.errors.Busy("in use"))
          : original(removed, options);
      throw new Error("on purpose");
    });
    try {
      await assertRejects(() => failing, Error, "on purpose");
    } finally {
      Deno.remove = original;
    }
    assertEquals(namesIn(root.path).length, 2);
    await target.write("new");
    assertEquals(namesIn(root.path), ["x"]);
  },
});

Deno.test({
  name: "who finds another one's file in the place of its own does not publish it",
  ignore,
  async fn() {
    await using root = await temporaryRoot();
    for (const way of ["write", "proxyPath"]) {
      const path = `${root.path}/${way}/x`;
      const target = local(path);
      const [mine, others] = [inHalves("mine, of two halves"), inHalves("other, of two halves")];
      const writing = way === "write"
        ? target.write(mine.stream)
        : target.proxyPath("w", async (to) => {
          await Array.fromAsync(mine.stream);
          await Deno.writeTextFile(to, "mine, of two halves");
        });
      await mine.begun;
      await Deno.remove(`${root.path}/${way}`, { recursive: true });
      const writingOther = target.write(others.stream);
      await others.begun;
      mine.finish();
      const error = await assertRejects(
        () => writing,
        TargetError,
        "which holds it until it is whole, is gone",
      );
      assertEquals(error.uri, path);
      assertEquals(await target.exists(), false);
      others.finish();
      await writingOther;
      assertEquals(await target.text(), "other, of two halves");
      assertEquals(namesIn(`${root.path}/${way}`), ["x"]);
    }
  },
});

Deno.test("a file system without locks can be written to, and nothing of others is removed there", async () => {
  await using root = await temporaryRoot();
  const path = `${root.path}/x`;
  for (const index of [0, 2]) await Deno.writeTextFile(slotPath(path, index), "another one's");
  const original = Deno.FsFile.prototype.tryLockSync;
  Deno.FsFile.prototype.tryLockSync = () => {
    throw new Error("Function not implemented (os error 38)");
  };
  try {
    const [first, second] = [inHalves("first, of two halves"), inHalves("second, of two halves")];
    const writing = [local(path).write(first.stream), local(path).write(second.stream)];
    await Promise.all([first.begun, second.begun]);
    first.finish();
    await writing[0];
    assertEquals(await local(path).text(), "first, of two halves");
    for (const way of Object.values(WAYS)) await way(path);
    second.finish();
    await writing[1];
    assertEquals(await local(path).text(), "second, of two halves");
  } finally {
    Deno.FsFile.prototype.tryLockSync = original;
  }
  assertEquals(namesIn(root.path), [".x.stardag-0.tmp", ".x.stardag-2.tmp", "x"]);
  for (const index of [0, 2]) {
    assertEquals(await Deno.readTextFile(slotPath(path, index)), "another one's");
  }
});

Deno.test({
  name:
    "what is written down in a dead writer's file is only removed when it is temporary and beside it",
  ignore,
  async fn() {
    await using root = await temporaryRoot();
    const path = `${root.path}/a/x`;
    const temporary = ".x.0123456789abcdef-0.tmp";
    const victims = ["a/victim", "victim", temporary, `a/${temporary}`];
    await Deno.mkdir(`${root.path}/a`);
    for (const victim of victims) await Deno.writeTextFile(`${root.path}/${victim}`, "");
    for (
      const content of [
        `stardag temporary files: ${
          JSON.stringify(["victim", "../victim", `../${temporary}`, `..\\${temporary}`, 3])
        }`,
        `stardag temporary files: ["${temporary}"`,
        `stardag temporary files: {"0":"${temporary}"}`,
        `["${temporary}"]`,
        "",
      ]
    ) {
      await Deno.writeTextFile(slotPath(path, 0), content);
      await local(path).write("new");
      assertEquals(namesIn(`${root.path}/a`), [temporary, "victim", "x"]);
      assertEquals(namesIn(root.path), [temporary, "a", "victim"]);
    }
    await Deno.writeTextFile(
      slotPath(path, 0),
      `stardag temporary files: ${JSON.stringify([temporary])}`,
    );
    await local(path).write("new");
    assertEquals(namesIn(`${root.path}/a`), ["victim", "x"]);
  },
});
