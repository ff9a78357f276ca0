/**
 * The programs that the package is introduced by, as a user writes them.
 */

import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import * as sd from "@stardag/core";
import { z } from "zod";

function inMemory(): Disposable {
  return sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: `memory://${crypto.randomUUID()}` } }),
  );
}

// ---- 1. tasks from functions ----

const getRange = sd.task({
  name: "get_range",
  params: { limit: z.int() },
  output: z.array(z.int()),
  run: ({ limit }) => Array.from({ length: limit }, (_, i) => i),
});

const getSum = sd.task({
  name: "get_sum",
  params: { integers: sd.depends(z.array(z.int())) },
  output: z.int(),
  run: ({ integers }) => integers.reduce((a, b) => a + b, 0),
});

Deno.test("tasks from functions are built and loaded, with the ids of Python", async () => {
  using _ = inMemory();
  const sumTask = getSum({ integers: getRange({ limit: 4 }) });
  assertEquals(sumTask.id, "f23b1722-2909-5fb7-89bf-dcdd0b37e930");
  assertEquals(await sumTask.complete(), false);
  const summary = await sd.build(sumTask);
  assertEquals(summary.status, "success");
  assertEquals(await sumTask.load(), 6);
  assertEquals(await sumTask.integers.load(), [0, 1, 2, 3]);
  assertEquals(await getSum.call({ integers: [1] }), 1);
  assertEquals((await sd.build(sumTask)).taskCount.succeeded, 0);
});

Deno.test("a plain parameter takes a value or a task, and run gets the value either way", async () => {
  using _ = inMemory();
  const limit = sd.task({ name: "limit", output: z.int(), run: () => 3 });
  const byTask = getRange({ limit: limit() });
  (await sd.build([byTask, getRange({ limit: 3 })])).throwIfFailed();
  assertNotEquals(byTask.id, getRange({ limit: 3 }).id);
  assertEquals(await byTask.load(), await getRange({ limit: 3 }).load());
});

Deno.test("every kind of run gives the output", async () => {
  using _ = inMemory();
  const output = z.int();
  const tasks = [
    sd.task({ name: "sync", output, run: () => 1 })(),
    sd.task({ name: "async", output, run: async () => await Promise.resolve(1) })(),
    sd.task({
      name: "generator",
      output,
      *run() {
        return yield* sd.load(getSum({ integers: getRange({ limit: 2 }) }));
      },
    })(),
    sd.task({
      name: "async_generator",
      output,
      async *run() {
        return yield* sd.load(getSum({ integers: getRange({ limit: 2 }) }));
      },
    })(),
  ];
  (await sd.build(tasks)).throwIfFailed();
  for (const each of tasks) assertEquals(await each.load(), 1);
});

// ---- 2. tasks from classes ----

const Rows = z.array(z.object({ x: z.number(), y: z.number() }));
const HyperParameters = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("logistic"), l2: z.number() }),
  z.object({ kind: z.literal("tree"), depth: z.int() }),
]);
const Model = z.object({ weight: z.number(), seed: z.int() });

const getRows = sd.task({
  name: "get_rows",
  output: Rows,
  run: () => [{ x: 1, y: 2 }, { x: 2, y: 4 }],
});

@sd.register
class Split extends sd.AutoTask({
  name: "Split",
  namespace: "examples.ml_pipeline",
  params: { fraction: z.number().default(0.5) },
  output: z.array(z.int()),
}) {
  override async run() {
    await this.save([0]);
  }
}

@sd.register
export class TrainedModel extends sd.AutoTask({
  name: "TrainedModel",
  namespace: "examples.ml_pipeline",
  params: {
    dataset: sd.depends(Rows),
    split: sd.taskOf(Split),
    sources: z.array(sd.depends(Rows)).default([]),
    hyperParameters: HyperParameters,
    seed: z.int().default(0),
    verbose: sd.field(z.boolean().default(false), { significant: false }),
    penalty: sd.field(z.number().default(0), { compatDefault: 0 }),
  },
  output: Model,
}) {
  override async run() {
    const rows = await this.dataset.load();
    const chosen = await this.split.load();
    const weight = chosen.reduce((sum, i) => sum + (rows[i]?.y ?? 0), 0);
    await this.save({ weight, seed: this.seed });
  }
}

function trainedModel(more: { seed?: number; verbose?: boolean; penalty?: number } = {}) {
  return new TrainedModel({
    dataset: getRows(),
    split: new Split(),
    sources: [getRows()],
    hyperParameters: { kind: "logistic", l2: 0.1 },
    ...more,
  });
}

Deno.test("tasks from classes are built and loaded", async () => {
  using _ = inMemory();
  const task = trainedModel({ seed: 3 });
  const summary = await sd.build(task);
  summary.throwIfFailed();
  assertEquals(summary.taskCount.succeeded, 3);
  assertEquals(await task.load(), { weight: 2, seed: 3 });
  assertEquals(task.hyperParameters, { kind: "logistic", l2: 0.1 });
});

Deno.test("what is not part of the id, and what was added later, leave the id as it is", () => {
  const task = trainedModel();
  assertEquals(trainedModel({ verbose: true }).id, task.id);
  assertEquals(trainedModel({ penalty: 0 }).id, task.id);
  assertNotEquals(trainedModel({ penalty: 1 }).id, task.id);
  assertNotEquals(trainedModel({ seed: 1 }).id, task.id);
  assert(!sd.canonicalTask(task).includes("penalty"));
  const body = task.toJSON();
  const { penalty: _added, ...older } = body;
  assertEquals(sd.taskFromJSON(older).id, task.id);
});

Deno.test("requires() is every task in the parameters, each way they are nested", () => {
  const task = trainedModel();
  assertEquals(
    sd.flattenTaskStruct(task.requires()).map(({ id }) => id),
    [getRows().id, new Split().id, getRows().id],
  );
});

Deno.test("a task says what it is, and comes back from JSON", () => {
  const task = trainedModel();
  assertMatch(
    String(task),
    /^examples\.ml_pipeline\.TrainedModel\(.*dataset=get_rows [0-9a-f]{8}.*\) [0-9a-f]{8}$/s,
  );
  assertEquals(Deno.inspect(task), String(task));
  const body = task.toJSON();
  assertEquals(Object.keys(body).slice(0, 3), ["__namespace", "__name", "version"]);
  assertEquals((body.split as sd.TaskBody).__name, "Split");
  const again = sd.taskFromJSON(JSON.parse(JSON.stringify(task)));
  assert(again instanceof TrainedModel);
  assertEquals(again.id, task.id);
  assertEquals(again.split.fraction, 0.5);
});

// ---- 3. namespaces ----

Deno.test("namespaces are fixed or follow from the module, and hold nothing of the machine", () => {
  const fixed = sd.namespace("my_pipeline", import.meta.url);
  const task = fixed.task({ name: "in_fixed", output: z.int(), run: () => 1 })();
  assertMatch(sd.canonicalTask(task), /"__namespace":"my_pipeline"/);
  const auto = sd.autoNamespace(import.meta.url, { root: new URL("../", import.meta.url) });
  assertEquals(auto.namespace, "tests.api_test");
  const inAuto = auto.task({ name: "in_auto", output: z.int(), run: () => 1 })();
  assertEquals(
    sd.canonicalTask(inAuto),
    `{"__name":"in_auto","__namespace":"tests.api_test","version":""}`,
  );
});

// ---- 4. dynamic dependencies ----

const pages: Readonly<Record<string, readonly string[]>> = { "/": ["/a", "/b"] };
const fetchIndex = sd.task({
  name: "fetch_index",
  params: { url: z.string() },
  output: z.array(z.string()),
  run: ({ url }) => [...pages[url] ?? []],
});
const fetchPage = sd.task({
  name: "fetch_page",
  params: { u: z.string() },
  output: z.string(),
  run: ({ u }) => `the page ${u}`,
});

const crawl = sd.task({
  name: "crawl",
  params: { url: z.string() },
  output: z.array(z.string()),
  async *run({ url }) {
    const index = fetchIndex({ url });
    yield index; // complete when we come back
    const pages = (await index.load()).map((u) => fetchPage({ u }));
    yield pages;
    const [first] = pages;
    if (first !== undefined) assertEquals(yield* sd.load(first), "the page /a");
    return Promise.all(pages.map((p) => p.load()));
  },
});

Deno.test("a task finds out what it needs while it runs", async () => {
  using _ = inMemory();
  const task = crawl({ url: "/" });
  const summary = await sd.build(task);
  summary.throwIfFailed();
  assertEquals(summary.taskCount.succeeded, 4);
  assertEquals(await task.load(), ["the page /a", "the page /b"]);
});

// ---- 6. targets and serializers ----

Deno.test("targets are files under the configured root", async () => {
  const root = await Deno.makeTempDir();
  try {
    using _ = sd.targetFactoryProvider.override(
      new sd.TargetFactory({ targetRoots: { default: root, other: "memory://other" } }),
    );
    const target = sd.getTarget("a/b.txt");
    assertEquals(target.uri, `${root}/a/b.txt`);
    assertEquals(sd.getTarget("c", { targetRootKey: "other" }).uri, "memory://other/c");
    assertEquals(await target.exists(), false);
    const stream = new Blob(["from a stream"]).stream();
    for (const content of ["text", new TextEncoder().encode("bytes"), new Blob(["blob"]), stream]) {
      await target.write(content);
    }
    assertEquals(await target.exists(), true);
    assertEquals(await target.text(), "from a stream");
    assertEquals(new TextDecoder().decode(await target.bytes()), "from a stream");
    assertEquals(await new Response(target.readable()).text(), "from a stream");
    await target.proxyPath("w", (path) => Deno.writeTextFile(path, "by a tool"));
    assertEquals(await target.text(), "by a tool");
    assertEquals(await Deno.readTextFile(`${root}/a/b.txt`), "by a tool");
    const folder = sd.getDirectoryTarget("folder");
    assertEquals(await folder.exists(), false);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("the default factory is replaced for good, or until the end of a block", () => {
  try {
    sd.targetFactoryProvider.set(
      new sd.TargetFactory({ targetRoots: { default: "memory://for-good" } }),
    );
    {
      using _ = sd.targetFactoryProvider.override(
        new sd.TargetFactory({ targetRoots: { default: "memory://block" } }),
      );
      assertEquals(sd.getTarget("x").uri, "memory://block/x");
    }
    assertEquals(sd.getTarget("x").uri, "memory://for-good/x");
  } finally {
    sd.targetFactoryProvider.set(undefined);
  }
});

Deno.test("the output schema picks how it is stored", async () => {
  using _ = inMemory();
  const stored = async <T>(
    output: z.ZodType<T>,
    value: T,
    name: string,
  ): Promise<string | undefined> => {
    const task = sd.task({ name, output, run: () => value as never })();
    (await sd.build(task)).throwIfFailed();
    assertEquals(await task.load(), value);
    return task.output().uri.split(".").at(-1);
  };
  assertEquals(await stored(z.string(), "text", "as_text"), "txt");
  assertEquals(await stored(z.instanceof(Uint8Array), new Uint8Array([0, 255]), "as_bytes"), "bin");
  assertEquals(await stored(z.object({ x: z.number() }), { x: 1 }, "as_json"), "json");
  const Row = z.object({ name: z.string(), score: z.number() });
  const rows = sd.serialized(z.array(Row), new sd.CsvSerializer(Row));
  assertEquals(await stored(rows, [{ name: "Ada", score: 0.5 }], "as_csv"), "csv");
  const map = z.map(z.object({ k: z.int() }), z.date());
  assertEquals(await stored(map, new Map([[{ k: 1 }, new Date(0)]]), "as_clone"), "v8");
});

Deno.test("what is stored must fit the output, and so must what is loaded", async () => {
  using _ = inMemory();
  const wrong = sd.task({ name: "wrong", output: z.int(), run: () => "x" as never })();
  const summary = await sd.build(wrong);
  assertEquals(summary.status, "failure");
  assertThrows(() => summary.throwIfFailed(), sd.TaskFailedError, "wrong");
  assert(summary.error?.cause instanceof sd.SerializationError);
  assertEquals(await wrong.complete(), false);
});
