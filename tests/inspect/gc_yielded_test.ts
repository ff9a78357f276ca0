/**
 * What tasks have yielded when they ran is needed as much as what they require.
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as sd from "@stardag/core";
import { z } from "zod";
import { INDEX } from "../../src/builders/output_index_writer.ts";
import { gc } from "../../src/inspect/inspect.ts";
import { localOutputs } from "../support/output_root.ts";
import { aged, built } from "./garbage.ts";
import { rows, search, tableOf } from "./pipeline.ts";

const { task } = sd.namespace("gc_yielded", import.meta.url);

Deno.test("it is refused where nobody knows what a task has yielded, unless that is ignored", async () => {
  await using _ = await localOutputs();
  const task = search({ table: tableOf([1]) });
  await built(tableOf([1]));
  await sd.build(task, { outputIndex: false });
  const error = await assertRejects(() => gc(task, { minAge: 0 }), sd.StardagError);
  assertStringIncludes(error.message, `yielded by ${task}: no index tells of their last run`);
  const garbage = await gc(task, { minAge: 0, ignoreUnrecorded: true });
  assertEquals(garbage.outputs.length, 2);
});

Deno.test("it is refused where nobody knows what a yielded task requires", async () => {
  await using _ = await localOutputs();
  const task = search({ table: tableOf([1]) });
  const yielded = rows({ count: 1 });
  await sd.build(yielded, { outputIndex: false });
  await built(task);
  await assertRejects(
    () => gc(task, { minAge: 0 }),
    sd.StardagError,
    `yielded by ${yielded.id}, which was yielded`,
  );
});

Deno.test("what a yielded task has in a parameter that is no part of its id stays, too", async () => {
  await using _ = await localOutputs();
  const hinted = task({
    name: "hinted",
    params: { n: z.int(), hint: sd.field(sd.depends(z.array(z.int())), { significant: false }) },
    output: z.int(),
    run: ({ n }) => n,
  });
  const asking = task({
    name: "asking",
    output: z.int(),
    *run() {
      return yield* sd.load(hinted({ n: 1, hint: rows({ count: 5 }) }));
    },
  });
  await built(asking());
  assertEquals((await gc(asking(), { minAge: 0 })).items, []);
});

Deno.test("what only looks like a task in the parameters of a yielded one is none", async () => {
  await using _ = await localOutputs();
  const record = task({
    name: "record",
    params: { of: z.object({ id: z.string() }) },
    output: z.int(),
    run: () => 1,
  });
  const asking = task({
    name: "asking_for_record",
    output: z.int(),
    *run() {
      return yield* sd.load(record({ of: { id: "6f0f5fd0-6f3c-4d0c-9f60-0d4a4a8a6d0e" } }));
    },
  });
  await built(asking());
  assertEquals((await gc(asking(), { minAge: 0 })).kept.reached, 2);
});

Deno.test("what was yielded below another root is known", async () => {
  await using root = await localOutputs();
  await using other = await localOutputs();
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: root.uri, other: other.uri } }),
  );
  const remote = task({
    name: "remote",
    targetRootKey: "other",
    params: { rows: sd.depends(z.array(z.int())) },
    output: z.int(),
    run: () => 1,
  });
  const asking = task({
    name: "asking_elsewhere",
    output: z.int(),
    *run() {
      return yield* sd.load(remote({ rows: rows({ count: 6 }) }));
    },
  });
  await built(asking());
  const garbage = await gc(asking(), { minAge: 0 });
  assertEquals([garbage.items, garbage.roots], [[], [root.uri]]);
});

Deno.test("a path that a yielded task shares with others is kept, whoever wrote it last", async () => {
  await using root = await localOutputs();
  const shared = task({
    name: "shared",
    params: { n: z.int() },
    relpath: () => "shared.json",
    output: z.int(),
    run: ({ n }) => n,
  });
  const asking = task({
    name: "asking_for_shared",
    output: z.int(),
    *run() {
      return yield* sd.load(shared({ n: 1 }));
    },
  });
  await built(asking());
  await Deno.remove(`${root.uri}shared.json`);
  await built(shared({ n: 2 }));
  assertEquals((await gc(asking(), { minAge: 0 })).items, []);
});

Deno.test("a file of the index stays that tells of what a task has yielded whose output is gone", async () => {
  await using root = await localOutputs();
  const task = search({ table: tableOf([1]) });
  await built(task);
  await Deno.remove(task.output().uri);
  await aged(root.uri + INDEX, 30);
  assertEquals((await gc(task, { minAge: 0, dryRun: false })).items, []);
});

/** Hands back the generator of another function: whether it yields, only its run can tell. */
const plain = task({
  name: "plain",
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => stepsOf(n),
});

function* stepsOf(n: number): Generator<sd.Yieldable, number, unknown> {
  yield rows({ count: n });
  return n;
}

@sd.register
class Method extends sd.AutoTask({
  name: "Method",
  namespace: "gc_yielded",
  params: { n: z.int() },
  output: z.int(),
}) {
  override run(): sd.RunResult {
    return this.steps();
  }
  async *steps(): AsyncGenerator<sd.TaskStruct, void> {
    yield rows({ count: this.n });
    await this.save(this.n);
  }
}

for (const made of [plain({ n: 1 }), new Method({ n: 1 })]) {
  Deno.test(`what is handed back as the steps of another function counts as yielded (${made})`, async () => {
    await using _ = await localOutputs();
    await sd.build(made, { outputIndex: false });
    await assertRejects(
      () => gc(made, { minAge: 0 }),
      sd.StardagError,
      `yielded by ${made}: no index tells of their last run`,
    );
    await Deno.remove(made.output().uri);
    assertEquals((await gc(made, { minAge: 0 })).outputs.length, 1);
    await Deno.remove(rows({ count: 1 }).output().uri);
    await built(made);
    assertEquals((await gc(made, { minAge: 0 })).kept.reached, 2);
  });
}

Deno.test("an async function, whose promise is that of its output, yields nothing", async () => {
  await using _ = await localOutputs();
  const waiting = task({ name: "waiting", output: z.int(), run: () => Promise.resolve(1) })();
  const sure = task({ name: "sure", output: z.int(), run: async () => await 1 })();
  await sd.build([waiting, sure], { outputIndex: false });
  assertEquals((await gc(sure, { minAge: 0 })).kept.reached, 1);
  await assertRejects(() => gc(waiting, { minAge: 0 }), sd.StardagError, `${waiting}`);
});

Deno.test("a task that is not known to have run below a root where its output is elsewhere is found", async () => {
  await using root = await localOutputs();
  await using other = await localOutputs();
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: root.uri, other: other.uri } }),
  );
  const spec = { output: z.int(), run: () => 1 };
  const placed = [
    task({ ...spec, name: "elsewhere", targetRootKey: "other" })(),
    task({ ...spec, name: "own_place", relpath: () => "own.json" })(),
  ];
  const options = { minAge: 0, roots: ["default"] };
  assertEquals((await gc(placed, options)).items, []);
  for (const each of placed) {
    await sd.build(each, { outputIndex: false });
    await assertRejects(() => gc(each, options), sd.StardagError, `yielded by ${each}: `);
  }
});

Deno.test("what the index tells of a run before the last one does not count for what may yield", async () => {
  await using _ = await localOutputs();
  let count = 1;
  const fickle = task({
    name: "fickle",
    output: z.int(),
    *run() {
      yield rows({ count });
      return 0;
    },
  });
  const asking = task({
    name: "asking_for_fickle",
    output: z.int(),
    *run() {
      return yield* sd.load(fickle());
    },
  });
  await built(asking(), rows({ count: 3 }));
  // It does not matter for what does not yield.
  for (const count of [1, 3]) await aged(rows({ count }).output().uri, -1);
  assertEquals((await gc([asking(), rows({ count: 3 })], { minAge: 0 })).items, []);
  await Deno.remove(fickle().output().uri);
  count = 2;
  await sd.build(fickle(), { outputIndex: false });
  await aged(fickle().output().uri, -1);
  for (const [each, name] of [[fickle(), `${fickle()}`], [asking(), fickle().id]] as const) {
    await assertRejects(() => gc(each, { minAge: 0 }), sd.StardagError, `yielded by ${name}`);
  }
  for (const each of [fickle(), rows({ count: 2 })]) await Deno.remove(each.output().uri);
  await built(fickle());
  for (const count of [1, 3]) await aged(rows({ count }).output().uri, 1);
  assertEquals(
    (await gc(asking(), { minAge: 0 })).outputs.map(({ id }) => id).sort(),
    [
      rows({ count: 1 }).id,
      rows({ count: 3 }).id,
    ].sort(),
  );
});

Deno.test("what a task without an output has yielded stays", async () => {
  await using _ = await localOutputs();
  let isDone = false;
  @sd.register
  class Publish extends sd.BaseTask({ name: "Publish", namespace: "gc_yielded" }) {
    override complete(): boolean {
      return isDone;
    }
    override async *run(): AsyncGenerator<sd.TaskStruct, void> {
      yield rows({ count: 1 });
      isDone = true;
    }
  }
  const named = [new Publish(), rows({ count: 2 })];
  await sd.build(named, { outputIndex: false });
  await assertRejects(() => gc(named, { minAge: 0 }), sd.StardagError, `yielded by ${named[0]}`);
  isDone = false;
  for (const count of [1, 2]) await Deno.remove(rows({ count }).output().uri);
  await built(...named, rows({ count: 3 }));
  const garbage = await gc(named, { minAge: 0 });
  assertEquals(garbage.outputs.map(({ id }) => id), [rows({ count: 3 }).id]);
});

Deno.test("what a task without an output has yielded last counts, below whatever root that is", async () => {
  await using root = await localOutputs();
  await using other = await localOutputs();
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: root.uri, other: other.uri } }),
  );
  const far = task({
    name: "far",
    targetRootKey: "other",
    params: { rows: sd.depends(z.array(z.int())) },
    output: z.int(),
    run: () => 1,
  });
  let yielded: sd.BaseTask = rows({ count: 1 });
  let isDone = false;
  async function* steps(): AsyncGenerator<sd.TaskStruct, void> {
    yield yielded;
    isDone = true;
  }
  @sd.register
  class Handing extends sd.BaseTask({ name: "Handing", namespace: "gc_yielded" }) {
    override complete(): boolean {
      return isDone;
    }
    override run(): sd.RunResult {
      return steps();
    }
  }
  const named = [new Handing(), rows({ count: 2 })];
  await built(...named);
  isDone = false;
  yielded = far({ rows: rows({ count: 3 }) });
  await built(...named);
  const garbage = await gc(named, { minAge: 0 });
  assertEquals(garbage.outputs.map(({ id }) => id), [rows({ count: 1 }).id]);
  assertEquals(garbage.roots, [root.uri]);
});
