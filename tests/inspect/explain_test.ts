/**
 * Why a task has its id, and why what was built before is not reused.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as sd from "@stardag/core";
import { z } from "zod";
import { explain } from "../../src/inspect/explain.ts";
import type { Explanation, NearestOutput } from "../../src/inspect/explanation.ts";
import { localOutputs, type OutputRoot, remoteOutputs } from "../support/output_root.ts";
import { inMemory, model, rows, table, tableOf } from "./pipeline.ts";

/** The changes to the nearest output, as `path: before -> after`. */
function changesOf(nearest: NearestOutput | undefined): readonly string[] {
  return (nearest?.changes ?? []).map(({ path, before, after }) =>
    `${path}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`
  );
}

function nearestOf({ reason }: Explanation): readonly NearestOutput[] {
  return reason.kind === "different" ? reason.nearest : [];
}

async function nearestChanges(task: sd.BaseTask): Promise<readonly string[]> {
  return changesOf(nearestOf(await explain(task))[0]);
}

async function built(...tasks: readonly sd.BaseTask[]): Promise<void> {
  (await sd.build(tasks)).throwIfFailed();
}

Deno.test("an explanation takes the id apart, and says what is left out of it and why", async () => {
  using _ = inMemory();
  const fitted = sd.task({
    name: "fitted",
    namespace: "explain",
    version: "3",
    params: {
      rows: sd.depends(z.array(z.int())),
      rate: z.number(),
      seed: sd.field(z.int(), { compatDefault: 7 }),
      other: sd.field(z.int(), { compatDefault: 7 }),
      note: z.string().optional(),
      verbose: sd.field(z.boolean(), { significant: false }),
    },
    output: z.int(),
    run: () => 1,
  });
  const data = rows({ count: 2 });
  const task = fitted({ rows: data, rate: 1, seed: 7, other: 8, verbose: true });
  const explanation = await explain(task);
  assertEquals(explanation.canonical, sd.canonicalTask(task));
  assertEquals(explanation.uri, task.output().uri);
  assertEquals(explanation.reason, { kind: "no_index" });
  assertEquals(explanation.fields, [
    { name: "__name", value: "fitted", hashed: '"fitted"', leftOut: undefined },
    { name: "__namespace", value: "explain", hashed: '"explain"', leftOut: undefined },
    { name: "other", value: 8, hashed: "8", leftOut: undefined },
    { name: "rate", value: 1, hashed: "1.0", leftOut: undefined },
    { name: "rows", value: data, hashed: `{"id":"${data.id}"}`, leftOut: undefined },
    { name: "version", value: "3", hashed: '"3"', leftOut: undefined },
    { name: "seed", value: 7, hashed: undefined, leftOut: "compat_default" },
    { name: "note", value: undefined, hashed: undefined, leftOut: "not_given" },
    { name: "verbose", value: true, hashed: undefined, leftOut: "not_significant" },
  ]);
  const json = JSON.parse(JSON.stringify(explanation));
  assertEquals([json.id, json.type, json.complete], [task.id, "explain.fitted", false]);
  assertEquals(json.fields[4].value, `inspect.rows ${data.id.slice(0, 8)}`);
  const text = String(explanation);
  assertStringIncludes(text, `explain.fitted ${task.id}`);
  assertStringIncludes(text, "seed     7  (the default that is not part of the id)");
  assertStringIncludes(text, "note       (no value)");
});

for (
  const [name, make] of Object.entries(
    {
      local: localOutputs,
      remote: () => remoteOutputs(),
    } satisfies Record<string, () => Promise<OutputRoot>>,
  )
) {
  Deno.test(`a changed parameter far below is named as the reason (${name})`, async () => {
    await using _ = await make();
    await built(tableOf([1, 2], { count: 3 }));
    assertEquals(await nearestChanges(tableOf([1, 2], { count: 4 })), [
      "models[0].rows.count: 3 -> 4",
    ]);
    assertEquals(await nearestChanges(tableOf([1, 2.5])), ["models[1].settings.rate: 2 -> 2.5"]);
    assertEquals(await nearestChanges(tableOf([1, 2], { title: "x" })), ['title: "" -> "x"']);
  });
}

Deno.test("a task that is complete is told with when and by which build it was built", async () => {
  await using root = await localOutputs();
  const task = rows({ count: 1 });
  const { buildId } = await sd.build(task, { registry: new sd.InMemoryRegistry() });
  const explanation = await explain(task);
  assert(explanation.isComplete && explanation.reason.kind === "complete");
  assertEquals(explanation.reason.built?.buildId, buildId);
  assertStringIncludes(String(explanation), `by the build ${buildId}`);
  await Deno.remove(`${root.uri}.stardag`, { recursive: true });
  assertEquals((await explain(task)).reason, { kind: "complete", built: undefined });
});

Deno.test("an output that was built and is gone is told so", async () => {
  await using _ = await localOutputs();
  const [task, other] = [rows({ count: 1 }), rows({ count: 2 })];
  await built(task, other);
  await Deno.remove(task.output().uri);
  const { reason } = await explain(task);
  assert(reason.kind === "output_gone");
  assertEquals(reason.built.uri, task.output().uri);
});

Deno.test("only outputs that are there are near", async () => {
  await using _ = await localOutputs();
  const [near, far] = [1, 9].map((count) =>
    model({ rows: rows({ count }), settings: { rate: 1 } })
  );
  await built(near!, far!);
  const task = model({ rows: rows({ count: 1 }), settings: { rate: 2 } });
  await Deno.remove(near!.output().uri);
  assertEquals(nearestOf(await explain(task)).map(({ output }) => output.id), [far!.id]);
  await Deno.remove(far!.output().uri);
  const explanation = await explain(task);
  assertEquals(explanation.reason, { kind: "all_gone" });
  assertStringIncludes(String(explanation), "gone");
});

Deno.test("the nearest output is the one with the fewest changes, of equal ones the newest", async () => {
  await using _ = await localOutputs();
  for (const rate of [1, 2, 3, 4, 5]) {
    await built(model({ rows: rows({ count: 1 }), settings: { rate } }));
  }
  await built(model({ rows: rows({ count: 1 }), settings: { rate: 6, layers: [1] } }));
  const nearest = nearestOf(
    await explain(model({ rows: rows({ count: 1 }), settings: { rate: 9 } })),
  );
  assertEquals(nearest.map(({ changes }) => changes[0]?.before), [5, 4, 3]);
});

Deno.test("a change of version is named, here and below", async () => {
  await using _ = await localOutputs();
  const declare = (version: string): {
    readonly part: sd.TaskFunction<Record<never, never>, number>;
    readonly whole: (part: sd.TaskLoads<number>) => sd.BaseTask;
  } => {
    // As the code is before and after an edit: the same module, loaded anew.
    const spec = { namespace: "versions", output: z.int(), run: () => 1, version };
    const part = sd.task({ ...spec, name: `part` });
    const whole = sd.task({ ...spec, name: "whole", params: { part: sd.depends(z.int()) } });
    return { part, whole: (part) => whole({ part }) };
  };
  const before = declare("1");
  await built(before.whole(before.part()));
  const after = declare("2");
  assertEquals(await nearestChanges(after.whole(after.part())), [
    'version: "1" -> "2"',
    'part.version: "1" -> "2"',
  ]);
});

Deno.test("values that only differ in how they are hashed are shown as they are hashed", async () => {
  await using _ = await localOutputs();
  const declare = (n: z.ZodType<number>): sd.BaseTask =>
    sd.task({ name: "typed", namespace: "explain", params: { n }, output: z.int(), run: () => 1 })({
      n: 1,
    });
  await built(declare(z.int()));
  assertEquals(await nearestChanges(declare(z.number())), ["n: 1 -> 1.0"]);
});

Deno.test("one more or one less in a list is one change", async () => {
  await using _ = await localOutputs();
  await built(tableOf([1, 2, 3]));
  const name = (rate: number): string =>
    `inspect.model ${model({ rows: rows({ count: 3 }), settings: { rate } }).id.slice(0, 8)}`;
  assertEquals(await nearestChanges(tableOf([1, 9, 2, 3])), [
    `models[1]: undefined -> "${name(9)}"`,
  ]);
  const [less] = await nearestChanges(tableOf([2, 3]));
  assert(less?.startsWith("models[0]: ") && less.endsWith(" -> undefined"), less);
});

Deno.test("a nested task of which the index does not tell is named by its id", async () => {
  await using root = await localOutputs();
  const [before, after] = [1, 2].map((count) => rows({ count }));
  await built(model({ rows: before!, settings: { rate: 1 } }));
  await Deno.remove(`${root.uri}.stardag/index/inspect.rows`, { recursive: true });
  assertEquals(await nearestChanges(model({ rows: after!, settings: { rate: 1 } })), [
    `rows: "task ${before!.id.slice(0, 8)}" -> "inspect.rows ${after!.id.slice(0, 8)}"`,
  ]);
});

Deno.test("an output of which all changes are known is nearer than one of which some are not", async () => {
  await using root = await localOutputs();
  const known = model({ rows: rows({ count: 1 }), settings: { rate: 1, layers: [1] } });
  await built(known);
  await sd.build(rows({ count: 2 }), { outputIndex: false });
  await built(model({ rows: rows({ count: 2 }), settings: { rate: 1 } }));
  const nearest = nearestOf(
    await explain(model({ rows: rows({ count: 3 }), settings: { rate: 1 } })),
  );
  assertEquals(nearest[0]?.output.id, known.id);
  assertEquals(changesOf(nearest[0]), ["settings.layers[0]: 1 -> undefined", "rows.count: 1 -> 3"]);
  assertEquals(nearest[0]?.output.uri.startsWith(root.uri), true);
});

Deno.test("a chain of any length is followed to what has changed", async () => {
  await using _ = await localOutputs();
  const link = sd.task({
    name: "link",
    namespace: "explain",
    params: { after: sd.depends(z.int()).optional(), n: z.int() },
    output: z.int(),
    run: ({ n }) => n,
  });
  const chain = (n: number): sd.BaseTask => {
    let last = link({ n });
    for (let i = 0; i < 100; i++) last = link({ n: 0, after: last });
    return last;
  };
  await built(chain(1));
  assertEquals(await nearestChanges(chain(2)), [`... ${"after.".repeat(7)}n: 1 -> 2`]);
});

Deno.test("a task of a type that was never built is told so, and whether it has outputs all the same", async () => {
  await using _ = await localOutputs();
  const task = rows({ count: 1 });
  assertEquals((await explain(task)).reason, { kind: "not_in_index", hasOthers: false });
  await sd.build(rows({ count: 2 }), { outputIndex: false });
  const explanation = await explain(task);
  assertEquals(explanation.reason, { kind: "not_in_index", hasOthers: true });
  assertStringIncludes(String(explanation), "by Python");
});

Deno.test("a task that says itself that it is not complete is told so", async () => {
  await using _ = await localOutputs();
  @sd.register
  class Told extends sd.AutoTask({ name: "Told", namespace: "explain", output: z.int() }) {
    override complete(): boolean {
      return false;
    }
    override async run(): Promise<void> {
      await this.save(1);
    }
  }
  @sd.register
  class Without extends sd.BaseTask({ name: "Without", namespace: "explain" }) {
    override complete(): boolean {
      return false;
    }
    override run(): void {}
  }
  const told = new Told();
  await told.save(1);
  assertEquals((await explain(told)).reason, { kind: "not_complete" });
  const explanation = await explain(new Without());
  assertEquals([explanation.reason.kind, explanation.uri], ["not_complete", undefined]);
  assertStringIncludes(String(explanation), "complete() says");
});

Deno.test("an alias is explained by what it stands for", async () => {
  await using _ = await localOutputs();
  const { id } = rows({ count: 1 });
  const alias = sd.aliasTask({ id, uri: "made/elsewhere.json", output: z.int() });
  const explanation = await explain(alias);
  assertEquals([explanation.canonical, explanation.fields], [undefined, []]);
  assertEquals(explanation.reason, { kind: "no_index" });
  assertStringIncludes(String(explanation), "alias of made/elsewhere.json");
  const task = table({ models: [] });
  assertEquals((await explain(task)).isComplete, false);
});

Deno.test("explain() takes one task", async () => {
  await assertRejects(() => explain([] as unknown as sd.BaseTask), TypeError, "give one task");
});
