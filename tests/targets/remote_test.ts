/**
 * Outputs of tasks in a remote file system.
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import { existsOneByOne } from "../../src/targets/remote.ts";

/** A store in the place of S3, with the factory that uses it in force until it is disposed. */
function storeInForce(): MemoryRemoteFileSystem & Disposable {
  const files = new MemoryRemoteFileSystem();
  const override = sd.targetFactoryProvider.override(
    new sd.TargetFactory({
      targetRoots: { default: "s3://bucket/a prefix" },
      fileSystems: { "s3://": files },
    }),
  );
  return Object.assign(files, { [Symbol.dispose]: () => override[Symbol.dispose]() });
}

/** Of outputs, in the order written. */
const urisIn = async (files: MemoryRemoteFileSystem): Promise<string[]> =>
  (await Array.fromAsync(files.list("")))
    .flatMap(({ uri }) => uri.includes("/.stardag/") ? [] : [uri]);

Deno.test("RemoteTargets of one file system are asked for together, and not with those of another", async () => {
  const [files, others] = [new MemoryRemoteFileSystem(), new MemoryRemoteFileSystem()];
  const asked: unknown[] = [];
  files.existsMany = (...question) => {
    asked.push(question);
    return Promise.resolve([true]);
  };
  const target = (uri: string, fileSystem = files) => new sd.RemoteTarget(uri, fileSystem);
  assertStrictEquals(target("s3://a/b").probe.store, target("s3://c/d").probe.store);
  assert(target("s3://a/b").probe.store !== target("s3://a/b", others).probe.store);
  const options = { maxConcurrent: 7, asker: {} };
  assertEquals(await target("s3://a/b").probe.store.existsMany(["s3://a/b"], options), [true]);
  assertEquals(asked, [[["s3://a/b"], options]]);
});

Deno.test("existsOneByOne() asks nothing after an error, and has nothing under way when it rejects", async () => {
  let [asked, underWay] = [0, 0];
  const failure = new Error("on purpose");
  const exists = async (uri: string): Promise<boolean> => {
    asked++;
    underWay++;
    for (let turns = Number(uri) % 7; turns > 0; turns--) await undefined;
    underWay--;
    if (uri === "20") throw failure;
    return true;
  };
  const uris = Array.from({ length: 200 }, (_, i) => `${i}`);
  const asking = existsOneByOne({ exists }, uris, { maxConcurrent: 5 });
  assertStrictEquals(await assertRejects(() => asking), failure);
  assertEquals(underWay, 0);
  assert(asked < 40, `${asked} questions`);
});

Deno.test("existsOneByOne() asks no more questions at once than it may, and stops", async () => {
  const controller = new AbortController();
  let [count, most, asked] = [0, 0, 0];
  const exists = async (uri: string): Promise<boolean> => {
    most = Math.max(most, ++count);
    if (++asked === 60) controller.abort(new Error("on purpose"));
    await Promise.resolve();
    count--;
    return uri.endsWith("0");
  };
  const uris = Array.from({ length: 200 }, (_, i) => `${i}`);
  const options = { maxConcurrent: 4, signal: controller.signal };
  await assertRejects(() => existsOneByOne({ exists }, uris, options), Error, "on purpose");
  assertEquals([most, asked], [4, 60]);
  assertEquals(
    await existsOneByOne({ exists }, uris),
    uris.map((uri) => uri.endsWith("0")),
  );
  assertEquals(most, 50);
});

Deno.test("RemoteTarget hands out a copy with the name of the file, and asks for it once", async () => {
  const files = new MemoryRemoteFileSystem();
  await files.write("s3://bucket/a/table.csv.gz", "content");
  files.exists = () => Promise.reject(new Error("there is no need to ask"));
  let copy = "";
  await new sd.RemoteTarget("s3://bucket/a/table.csv.gz", files).proxyPath("r", async (path) => {
    copy = path;
    assertEquals(await Deno.readTextFile(path), "content");
  });
  assert(copy.endsWith("/table.csv.gz"));
  await assertRejects(() => Deno.stat(copy), Deno.errors.NotFound);
});

Deno.test("proxyPath() of what is on no disk shortens a name that is none for one", async () => {
  const files = new MemoryRemoteFileSystem();
  const names = [`${"x".repeat(300)}.csv.gz`, `${"ä🎉".repeat(60)}.csv`, "x".repeat(500)];
  for (const name of names) {
    const targets = [
      new sd.RemoteTarget(`s3://bucket/a/${name}`, files),
      new sd.InMemoryFileSystemTarget(`memory://a/${name}`, new sd.InMemoryFileSystem()),
    ];
    for (const target of targets) {
      await target.proxyPath("w", (path) => Deno.writeTextFile(path, name));
      await target.proxyPath("r", async (path) => {
        assertEquals(await Deno.readTextFile(path), name);
        assert(path.endsWith(/(?:\.\w+)*$/.exec(name)![0]), path);
      });
    }
  }
});

const Row = z.object({ n: z.int(), text: z.string() });
const rows = [{ n: 1, text: "ä,\n日本" }, { n: 2, text: "" }];
const { task, Task } = sd.namespace("stardag.tests.remote", import.meta.url);

const json = task({ name: "json", output: z.array(Row), run: () => rows });
const text = task({ name: "text", output: z.string(), run: () => "ä\n日本" });
const BYTES = new Uint8Array([0, 255, 10]);
const bytes = task({ name: "bytes", output: z.instanceof(Uint8Array), run: () => BYTES });
const csv = task({ name: "csv", output: sd.csv(Row), run: () => rows });
const MAP = new Map([["a", rows]]);
const cloned = task({
  name: "cloned",
  output: sd.serialized(z.map(z.string(), z.array(Row)), new sd.StructuredCloneSerializer()),
  run: () => MAP,
});
const lines = task({
  name: "lines",
  output: sd.serialized(z.array(Row), new sd.JsonLinesSerializer(Row)),
  run: () => rows,
});
const zipped = task({
  name: "zipped",
  output: sd.serialized(z.array(Row), new sd.GzipSerializer(new sd.CsvSerializer(Row))),
  run: () => rows,
});

Deno.test("what tasks give comes back from a remote file system, by every serializer", async () => {
  using files = storeInForce();
  const ofRows = [json(), csv(), lines(), zipped()];
  const tasks = [...ofRows, text(), bytes(), cloned()];
  (await sd.build(tasks)).throwIfFailed();
  for (const each of ofRows) assertEquals(await each.load(), rows, `${each}`);
  assertEquals(await text().load(), "ä\n日本");
  assertEquals(await bytes().load(), BYTES);
  assertEquals(await cloned().load(), MAP);
  assertEquals((await urisIn(files)).sort(), tasks.map((each) => each.output().uri).sort());
  const again = await sd.build(tasks);
  assertEquals(again.taskCount.succeeded, 0);
});

/** A folder of parts, made by a tool that needs a path. */
@sd.register
class Parts extends Task({ name: "parts" }) {
  override output(): sd.DirectoryTarget {
    return sd.getDirectoryTarget("parts/of it");
  }

  override async run(): Promise<void> {
    await this.output().proxyPath("w", async (folder) => {
      await Deno.mkdir(`${folder}/b`);
      for (const part of ["a.txt", "b/%2F ä.txt"]) {
        await Deno.writeTextFile(`${folder}/${part}`, part);
      }
    });
  }
}

Deno.test("a folder of files is built in a remote file system, its done flag last", async () => {
  using files = storeInForce();
  const parts = new Parts();
  (await sd.build(parts)).throwIfFailed();
  const root = "s3://bucket/a prefix/parts/of it";
  const uris = await urisIn(files);
  assertEquals(uris.slice(0, 2).sort(), [`${root}/a.txt`, `${root}/b/%2F ä.txt`]);
  assertEquals(uris.slice(2), [`${root}._SUB_KEYS`, `${root}._DONE`]);
  assertEquals(await parts.output().subKeys(), ["a.txt", "b/%2F ä.txt"]);
  await parts.output().proxyPath("r", async (folder) => {
    assertEquals(await Deno.readTextFile(`${folder}/b/%2F ä.txt`), "b/%2F ä.txt");
  });
  assertEquals((await sd.build(new Parts())).taskCount.succeeded, 0);
});

Deno.test("the path of an output stays below the root, whatever it is made of", async () => {
  using files = storeInForce();
  const at = (relpath: string) =>
    sd.task({ name: "named", namespace: "", relpath, output: z.string(), run: () => relpath })();
  for (const path of ["..", "../x", "a/../../x", "a\\..\\..\\x", "s3://bucket/../x", "x/.."]) {
    const building = async () => (await sd.build(at(path))).throwIfFailed();
    await assertRejects(building, sd.StardagError, path);
  }
  assertEquals(await urisIn(files), []);
  const odd = ["%2e%2e/x", "..x/y..", " a+b&c?d=e#f~g'h\"i", "ä", "a\u0308", "日本/🎉.txt", ".x"];
  for (const path of odd) {
    (await sd.build(at(path))).throwIfFailed();
    assertEquals(await at(path).load(), path);
  }
  assertEquals(await urisIn(files), odd.map((path) => `s3://bucket/a prefix/${path}`));
});

Deno.test("rows that stream to and from a remote file system are never there all at once", async () => {
  using files = storeInForce();
  const [count, most] = [20_000, 5_000];
  let [made, ahead, sent] = [0, 0, 0];
  const { write, readable } = MemoryRemoteFileSystem.prototype;
  files.write = (uri, content) => {
    assert(content instanceof ReadableStream);
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        sent += new TextDecoder().decode(chunk).split("\n").length - 1;
        ahead = Math.max(ahead, made - sent);
        controller.enqueue(chunk);
      },
    });
    return write.call(files, uri, content.pipeThrough(counted));
  };
  function* manyRows(): Generator<z.infer<typeof Row>> {
    for (; made < count; made++) yield { n: made, text: "x".repeat(50) };
  }
  const stream = sd.task({
    name: "stream",
    namespace: "stardag.tests.remote",
    output: sd.jsonLines(Row),
    run: () => manyRows(),
  })();
  (await sd.build(stream)).throwIfFailed();
  assertEquals([made, sent], [count, count]);
  assert(ahead < most, `${ahead} rows were made before they were sent`);

  let given = 0;
  files.readable = (uri, options) =>
    readable.call(files, uri, options).pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          given += new TextDecoder().decode(chunk).split("\n").length - 1;
          controller.enqueue(chunk);
        },
      }),
    );
  let [seen, behind] = [0, 0];
  for await (const { n } of await stream.load()) {
    assertEquals(n, seen++);
    behind = Math.max(behind, given - seen);
  }
  assertEquals(seen, count);
  assert(behind < most, `${behind} rows were read before they were wanted`);
});
