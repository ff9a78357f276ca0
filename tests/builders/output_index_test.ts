/**
 * What builds note down of what they make.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { OutputIndex } from "../../src/builders/output_index.ts";
import { INDEX, indexFolder, OutputIndexWriter } from "../../src/builders/output_index_writer.ts";
import { type IndexedOutput, OutputIndexReader } from "../../src/inspect/index_reader.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import { listUris } from "../../src/targets/listing.ts";
import { localOutputs, type OutputRoot, remoteOutputs } from "../support/output_root.ts";

const { task } = sd.namespace("index", import.meta.url);

const number = task({
  name: "number",
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => n,
});
const sum = task({
  name: "sum",
  version: "2",
  params: { of: z.array(sd.depends(z.int())) },
  output: z.int(),
  run: ({ of }) => of.reduce((a, b) => a + b, 0),
});
const failing = task({
  name: "failing",
  params: { after: z.array(sd.depends(z.int())) },
  output: z.int(),
  run(): number {
    throw new Error("no");
  },
});

async function indexed(root: string, typeId?: string): Promise<readonly IndexedOutput[]> {
  return await Array.fromAsync(new OutputIndexReader(root).outputs(typeId));
}

async function idsIn(root: string): Promise<ReadonlySet<string>> {
  return new Set((await indexed(root)).map(({ id }) => id));
}

async function segmentsIn(root: OutputRoot): Promise<readonly string[]> {
  return await Array.fromAsync(listUris(root.uri + INDEX));
}

for (const [name, make] of Object.entries({ local: localOutputs, remote: () => remoteOutputs() })) {
  Deno.test(`a build notes down what it made, and nothing else (${name})`, async () => {
    await using root = await make();
    const before = Date.now();
    const [one, two] = [number({ n: 1 }), number({ n: 2 })];
    await sd.build(one, { outputIndex: false });
    assertEquals(await segmentsIn(root), []);
    const total = sum({ of: [one, two] });
    const registry = new sd.InMemoryRegistry();
    const { buildId } = await sd.build(total, { registry });
    const outputs = await indexed(root.uri);
    assertEquals(new Set(outputs.map(({ id }) => id)), new Set([two.id, total.id]));
    const found = outputs.find(({ id }) => id === total.id)!;
    assert(found.builtAt.getTime() >= before && found.builtAt.getTime() <= Date.now());
    assertEquals({ ...found, builtAt: undefined }, {
      id: total.id,
      typeId: "index.sum",
      canonical: sd.canonicalTask(total),
      uri: total.output().uri,
      builtAt: undefined,
      buildId,
      requires: [],
    });
    const segments = await segmentsIn(root);
    await sd.build(total);
    assertEquals(await segmentsIn(root), segments);
  });
}

Deno.test("what a task yielded, and required besides its parameters, is noted down", async () => {
  await using root = await localOutputs();
  const [inParameters, required, ...yielded] = [1, 2, 3, 4].map((n) => number({ n }));
  const yielding = task({
    name: "yielding",
    params: { of: sd.depends(z.int()) },
    output: z.int(),
    requires: () => required!,
    *run() {
      yield [yielded[0]!, inParameters!];
      return (yield* sd.load(yielded[1]!)) + (yield* sd.load(yielded[0]!));
    },
  });
  (await sd.build(yielding({ of: inParameters! }))).throwIfFailed();
  const [output] = await indexed(root.uri, "index.yielding");
  assertEquals(output?.requires, [...yielded, required!].map(({ id }) => id));
});

Deno.test("a task without an output below a root is noted down where it yielded something", async () => {
  await using root = await localOutputs();
  const factory = new sd.TargetFactory({
    targetRoots: { default: root.uri, memory: "memory://index" },
  });
  using _ = sd.targetFactoryProvider.override(factory);
  const done = new Set<string>();
  @sd.register
  class Yielding extends sd.BaseTask({ name: "Yielding", namespace: "index" }) {
    override complete(): boolean {
      return done.has(this.id);
    }
    override async *run(): AsyncGenerator<sd.TaskStruct, void> {
      yield [remembered(), number({ n: 1 })];
      done.add(this.id);
    }
  }
  const remembered = task({
    name: "remembered_yielding",
    targetRootKey: "memory",
    output: z.int(),
    *run() {
      return yield* sd.load(number({ n: 2 }));
    },
  });
  (await sd.build(new Yielding())).throwIfFailed();
  assertEquals(await idsIn(root.uri), new Set([1, 2].map((n) => number({ n }).id)));
  const segments = await Array.fromAsync(new OutputIndexReader(root.uri).segments());
  const tasks = segments.flatMap((each) => each.starts.map((start) => each.taskAt(start)!));
  assertEquals(
    new Map(tasks.filter(({ uri }) => uri === undefined).map(({ id, requires }) => [id, requires])),
    new Map([
      [new Yielding().id, [remembered().id, number({ n: 1 }).id]],
      [remembered().id, [number({ n: 2 }).id]],
    ]),
  );
});

Deno.test("a build that fails, or is stopped, notes down what it made until then", async () => {
  await using root = await localOutputs();
  const parts = [1, 2].map((n) => number({ n }));
  assertEquals((await sd.build(failing({ after: parts }))).status, "failure");
  assertEquals(await idsIn(root.uri), new Set(parts.map(({ id }) => id)));

  const controller = new AbortController();
  const last = number({ n: 3 });
  const stopped = await sd.build(sum({ of: [last] }), {
    signal: controller.signal,
    reporter: {
      onTaskEvent({ kind }) {
        if (kind === "completed") controller.abort();
      },
    },
  });
  assertEquals(stopped.status, "cancelled");
  assert((await idsIn(root.uri)).has(last.id));
});

Deno.test("a build that cannot go on notes down what it made until then", async () => {
  await using root = await localOutputs();
  const made = number({ n: 1 });
  class Refusing extends sd.InMemoryRegistry {
    override taskComplete(): Promise<void> {
      return Promise.reject(new sd.RegistryError("no", { isOutage: false }));
    }
  }
  let error: unknown;
  await sd.build(made, { registry: new Refusing() }).catch((thrown) => error = thrown);
  assert(error instanceof sd.RegistryError);
  assertEquals(await idsIn(root.uri), new Set([made.id]));
});

Deno.test("nothing is noted down of what is in memory, below no root, or not in a target", async () => {
  await using root = await localOutputs();
  const factory = new sd.TargetFactory({
    targetRoots: { default: root.uri, memory: "memory://index" },
  });
  using _ = sd.targetFactoryProvider.override(factory);
  const outside = await Deno.makeTempDir();
  try {
    const spec = { output: z.int(), run: () => 1 };
    let isDone = false;
    @sd.register
    class Done extends sd.BaseTask({ name: "Done", namespace: "index" }) {
      override complete(): boolean {
        return isDone;
      }
      override run(): void {
        isDone = true;
      }
    }
    await sd.build([
      task({ ...spec, name: "remembered", targetRootKey: "memory" })(),
      task({ ...spec, name: "elsewhere", relpath: `${outside}/1.json` })(),
      new Done(),
    ]);
    assertEquals([...Deno.readDirSync(root.uri)], []);
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});

Deno.test("an output below two roots is in the index of the one further down", async () => {
  await using root = await localOutputs();
  const inner = `${root.uri}inner/`;
  const factory = new sd.TargetFactory({ targetRoots: { default: root.uri, inner } });
  using _ = sd.targetFactoryProvider.override(factory);
  const name = "nested_root";
  const nested = task({ name, output: z.int(), targetRootKey: "inner", run: () => 1 })();
  await sd.build([number({ n: 1 }), nested]);
  assertEquals(await idsIn(root.uri), new Set([number({ n: 1 }).id]));
  assertEquals(await idsIn(inner), new Set([nested.id]));
});

Deno.test("outputs with a place or a target of their own are noted down where they are", async () => {
  await using root = await localOutputs();
  @sd.register
  class Folder extends sd.Task({ name: "Folder", namespace: "index" }) {
    override output(): sd.DirectoryTarget {
      return sd.getDirectoryTarget("own/folder");
    }
    override async run(): Promise<void> {
      const target = this.output();
      await target.getSubTarget("a").write("a");
      await target.markDone();
    }
  }
  const placed = task({
    name: "placed",
    params: { n: z.int() },
    output: z.int(),
    relpath: (task) => `own/é "${Object(task).n}".json`,
    run: ({ n }) => n,
  });
  await sd.build([new Folder(), placed({ n: 1 }), placed({ n: 2 }), number({ n: 1 })]);
  const uris = (await indexed(root.uri)).map(({ uri }) => uri.slice(root.uri.length));
  const usual = number({ n: 1 }).output().uri.slice(root.uri.length);
  assertEquals(new Set(uris), new Set(["own/folder/", 'own/é "1".json', 'own/é "2".json', usual]));
  const [segment] = await Array.fromAsync(listUris(indexFolder(root.uri, "index.number")));
  assertEquals((await Deno.readTextFile(segment!)).includes(`/${number({ n: 1 }).id}`), false);
});

Deno.test("an index that cannot be written is one warning, and no failure", async () => {
  await using root = await localOutputs();
  await Deno.writeTextFile(`${root.uri}.stardag`, "a file in its place");
  const summary = await sd.build(sum({ of: [1, 2].map((n) => number({ n })) }));
  assertEquals(summary.status, "success");
  assertEquals(summary.warnings.length, 1);
  assertStringIncludes(summary.warnings[0]!, "The index of outputs is not whole");
});

Deno.test("where the index could not be written, it is not tried again", async () => {
  let tries = 0;
  class Full extends MemoryRemoteFileSystem {
    override write(): Promise<void> {
      tries++;
      return Promise.reject(new Error("no room"));
    }
  }
  await using _ = await remoteOutputs(new Full());
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const index = new OutputIndex({ buildId: () => crypto.randomUUID(), warn });
  for (const n of [1, 2]) {
    index.completed(number({ n }));
    await index.close();
  }
  assertEquals([tries, warnings.length], [1, 1]);
  assertStringIncludes(warnings[0]!, "no room");
});

Deno.test("a task of which the index cannot tell is one warning, and no failure", async () => {
  await using root = await localOutputs();
  let times = 0;
  const forgetful = task({
    name: "forgetful",
    params: { n: z.int() },
    output: z.int(),
    requires() {
      if (times++ >= 2) throw new Error("asked again");
      return undefined;
    },
    run: ({ n }) => n,
  });
  const summary = await sd.build([forgetful({ n: 1 }), forgetful({ n: 2 }), number({ n: 1 })]);
  assertEquals(summary.status, "success");
  assertEquals(summary.warnings.length, 1);
  assertStringIncludes(summary.warnings[0]!, "asked again");
  assertEquals(await idsIn(root.uri), new Set([number({ n: 1 }).id]));
});

Deno.test("where Deno may not write the index, nobody is asked for permission or warned", async () => {
  await using root = await localOutputs();
  const program = `
    import * as sd from "${import.meta.resolve("../../mod.ts")}";
    import { z } from "zod";
    sd.targetFactoryProvider.set(new sd.TargetFactory({ targetRoots: { default: "${root.uri}" } }));
    const one = sd.task({ name: "one", output: z.int(), run: () => 1 });
    const { status, warnings } = await sd.build(one(), { registry: new sd.NoOpRegistry() });
    console.log(JSON.stringify({ status, warnings }));`;
  const script = `${root.uri}program.ts`;
  await Deno.writeTextFile(script, program);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      `--config=${new URL("../../deno.json", import.meta.url).pathname}`,
      `--allow-read=${root.uri}`,
      `--allow-write=${root.uri}one`,
      script,
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert(text !== "", new TextDecoder().decode(stderr));
  assertEquals(JSON.parse(text), { status: "success", warnings: [] });
});

/** Tells when something is written, and counts how often. */
class Watched extends MemoryRemoteFileSystem {
  writes = 0;
  #next = Promise.withResolvers<void>();

  override async write(uri: string, content: sd.WriteContent): Promise<void> {
    await super.write(uri, content);
    this.writes++;
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  get written(): Promise<void> {
    return this.#next.promise;
  }
}

Deno.test("a long build notes down what it has made every few seconds, in few files", async () => {
  const files = new Watched();
  await using root = await remoteOutputs(files);
  using time = new FakeTime();
  const writer = new OutputIndexWriter({ buildId: () => crypto.randomUUID(), warn() {} });
  const tasks = [1, 2, 3].map((n) => number({ n }));
  for (const [i, task] of tasks.entries()) {
    writer.add(task, undefined);
    const { written } = files;
    time.tick(5_000);
    await written;
    assertEquals(await idsIn(root.uri), new Set(tasks.slice(0, i + 1).map(({ id }) => id)));
  }
  await writer.close();
  assertEquals([files.writes, (await segmentsIn(root)).length], [3, 1]);
});

Deno.test("a remote file of the index that has many lines is not written anew", async () => {
  const files = new Watched();
  await using root = await remoteOutputs(files);
  const writer = new OutputIndexWriter({ buildId: () => crypto.randomUUID(), warn() {} });
  for (let n = 0; n < 1_000; n++) writer.add(number({ n }), undefined);
  await writer.close();
  for (let n = 1_000; n < 1_010; n++) writer.add(number({ n }), undefined);
  await writer.close();
  assertEquals([files.writes, (await segmentsIn(root)).length], [2, 2]);
  assertEquals((await idsIn(root.uri)).size, 1_010);
});

Deno.test("on the local disk, what is noted down later is added to the same file", async () => {
  await using root = await localOutputs();
  const index = new OutputIndex({ buildId: () => crypto.randomUUID(), warn() {} });
  const tasks = [1, 2, 3].map((n) => number({ n }));
  for (const task of tasks) {
    index.completed(task);
    await index.close();
  }
  const [segment, ...others] = await segmentsIn(root);
  assertEquals(others, []);
  assertEquals((await Deno.readTextFile(segment!)).split("\n").length, 1 + tasks.length + 1);
  assertEquals((await indexed(root.uri)).map(({ id }) => id), tasks.map(({ id }) => id).reverse());
});

Deno.test("each type has a folder of its own, by a name that is one on any system", () => {
  const names = ["a.b", "a.B", "é", "a%b", "a%25b", "nul", "a.", "x".repeat(300), "x".repeat(301)];
  const folders = names.map((name) => indexFolder("/root/", name));
  assertEquals(new Set(folders).size, names.length);
  for (const folder of folders) {
    const [, name] = /^\/root\/\.stardag\/index\/([^/]+)\/$/.exec(folder)!;
    assert(/^[\w.%~-]{1,200}$/.test(name!), folder);
    assert(!/^nul$|\.$/.test(name!), folder);
  }
  assertEquals(
    indexFolder("s3://b/", "my_pipeline.get_sum"),
    "s3://b/.stardag/index/my_pipeline.get_sum/",
  );
});

Deno.test("outputIndex is true or false", async () => {
  let error: unknown;
  const given = { outputIndex: "no" as unknown as boolean };
  await sd.build(number({ n: 1 }), given).catch((thrown) => error = thrown);
  assert(error instanceof TypeError);
  assertStringIncludes(error.message, "outputIndex");
});

Deno.test("a remote file of the index that is large is not written anew", async () => {
  const noted = task({
    name: "noted",
    params: { text: z.string() },
    output: z.int(),
    run: () => 1,
  });
  const files = new Watched();
  await using root = await remoteOutputs(files);
  const writer = new OutputIndexWriter({ buildId: () => crypto.randomUUID(), warn() {} });
  for (let n = 0; n < 40; n++) {
    writer.add(noted({ text: `${n}`.padEnd(100_000, "x") }));
    await writer.close();
  }
  const sizes = (await Array.fromAsync(files.list(root.uri + INDEX))).map(({ size }) => size);
  assertEquals([files.writes, sizes.length], [40, 4]);
  assert(Math.max(...sizes) < 1.2e6, `${sizes}`);
  assertEquals((await idsIn(root.uri)).size, 40);
});
