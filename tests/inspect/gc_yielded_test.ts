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
  assertStringIncludes(error.message, `yielded by ${task}: no index tells of their run`);
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
