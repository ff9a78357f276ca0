/**
 * What is there is listed, found, counted and removed.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as sd from "@stardag/core";
import { z } from "zod";
import { ageText, sizeText } from "../../src/inspect/amounts.ts";
import { findOutputs } from "../../src/inspect/find_outputs.ts";
import { listOutputs, removeOutputs, status } from "../../src/inspect/inspect.ts";
import { localOutputs } from "../support/output_root.ts";
import { aged, built, outputUris, ROOTS } from "./garbage.ts";
import { model, rows, search, tableOf } from "./pipeline.ts";

for (const [name, make] of Object.entries(ROOTS)) {
  Deno.test(`outputs are counted by type, and those of one type are listed (${name})`, async () => {
    await using root = await make();
    await built(tableOf([1, 2]));
    const list = await listOutputs();
    assertEquals(list.roots, [root.uri]);
    assertEquals(list.types.map(({ type, count, size }) => [type, count, size]), [
      ["inspect.model", 2, 2],
      ["inspect.rows", 1, 7],
      ["inspect.table", 1, 5],
    ]);
    assertEquals([list.size, JSON.parse(JSON.stringify(list)).outputs], [14, undefined]);
    const models = await listOutputs({ type: "inspect.model" });
    const data = rows({ count: 3 });
    assertEquals(
      models.outputs.map(({ parameters }) => JSON.stringify(parameters?.settings)).sort(),
      ['{"layers":[],"rate":1}', '{"layers":[],"rate":2}'],
    );
    assertEquals(models.outputs[0]?.parameters?.rows, { id: data.id });
    assertStringIncludes(String(models), `rows=${data.id.slice(0, 8)} `);
    assertEquals(JSON.parse(JSON.stringify(models)).outputs.length, 2);
    assertEquals((await listOutputs({ type: "no" })).outputs, []);
  });

  Deno.test(`an output is removed, and what depends on it if that is wanted (${name})`, async () => {
    await using root = await make();
    const dag = tableOf([1, 2]);
    await built(dag, rows({ count: 9 }));
    const removedModel = model({ rows: rows({ count: 3 }), settings: { rate: 1 } });
    const all = await outputUris(root);

    const preview = await removeOutputs(removedModel);
    assertEquals(preview.outputs.map(({ id, size }) => [id, size]), [[removedModel.id, 1]]);
    assertStringIncludes(String(preview), "Would remove 1 output, 1 B\n");
    assertEquals(await outputUris(root), all);

    const removal = await removeOutputs(removedModel, { downstream: true, dag, dryRun: false });
    assertEquals(removal.outputs.map(({ id }) => id), [removedModel.id, dag.id]);
    assertEquals((await outputUris(root)).length, 3);
    const again = await removeOutputs(removedModel);
    assertEquals([again.items, String(again)], [[], "There is no output to remove"]);
  });

  Deno.test(`a folder is removed with its flags (${name})`, async () => {
    await using root = await make();
    @sd.register
    class Parts extends sd.Task({ name: `Parts_${name}`, namespace: "outputs" }) {
      override output() {
        return sd.getDirectoryTarget("exports/parts");
      }
      override async run() {
        const output = this.output();
        await output.getSubTarget("a/1").write("1");
        await output.markDone();
      }
    }
    await built(new Parts());
    assertEquals((await listOutputs()).outputs.map(({ uri, typeId }) => [uri, typeId]), [
      [`${root.uri}exports/parts/`, `outputs.Parts_${name}`],
    ]);
    const removal = await removeOutputs(new Parts(), { dryRun: false });
    assertEquals(removal.outputs.map(({ size }) => size), [4]);
    assertEquals(await outputUris(root), []);
  });
}

Deno.test("what waited for an output while it ran depends on it, also through what was yielded", async () => {
  await using _ = await localOutputs();
  const task = search({ table: tableOf([1]) });
  await built(task);
  // Neither of them is in the DAG as today's code tells it.
  const removal = await removeOutputs(rows({ count: 1 }), { downstream: true, dag: task });
  const yielded = model({ rows: rows({ count: 1 }), settings: { rate: 1 } });
  assertEquals(
    removal.outputs.map(({ id }) => id).sort(),
    [rows({ count: 1 }), yielded, task].map(({ id }) => id).sort(),
  );
});

Deno.test("the newest outputs come first, and types without an index are told by their folder", async () => {
  await using root = await localOutputs();
  const versioned = sd.task({
    name: "versioned",
    namespace: "outputs.inner",
    version: "2",
    params: { n: z.int() },
    output: z.int(),
    run: ({ n }) => n,
  });
  const [one, two] = [versioned({ n: 1 }), versioned({ n: 2 })];
  await sd.build([one, two], { outputIndex: false });
  await aged(one.output().uri, 3);
  const list = await listOutputs({ type: "outputs.inner.versioned" });
  assertEquals(list.outputs.map(({ id }) => id), [two.id, one.id]);
  assertEquals(list.outputs[0]?.parameters, undefined);
  assertMatch(String(await listOutputs()), /\n {2}outputs\.inner\.versioned +2 +2 B +\d s +3 d$/);
  assertEquals(String(await listOutputs({ type: "x" })), `No outputs of "x" below ${root.uri}`);
});

Deno.test("outputs are found by how their ids begin, also those of which no index tells", async () => {
  await using _ = await localOutputs();
  const [known, unknown] = [rows({ count: 1 }), rows({ count: 2 })];
  await built(known);
  await sd.build(unknown, { outputIndex: false });
  assertEquals((await findOutputs("")).length, 1);
  for (
    const { id, output } of [known, unknown].map((task) => ({ id: task.id, output: task.output() }))
  ) {
    assertEquals(await findOutputs(id.slice(0, 6)), [
      { id, typeId: "inspect.rows", uri: output.uri },
    ]);
  }
  assertEquals(await findOutputs("0123456789"), []);
});

Deno.test("the tasks of a DAG are counted by type and state", async () => {
  await using _ = await localOutputs();
  const dag = tableOf([1, 2]);
  await built(model({ rows: rows({ count: 3 }), settings: { rate: 1 } }));
  const counted = await status(dag);
  assertEquals(counted.tasks, 4);
  assertEquals(counted.counts, { to_run: 2, complete: 2, not_needed: 0, unknown: 0 });
  assertEquals(
    String(counted),
    [
      "4 tasks: 2 to run, 2 complete",
      "",
      "  type           to run  complete",
      "  inspect.table       1         0",
      "  inspect.model       1         1",
      "  inspect.rows        0         1",
    ].join("\n"),
  );
  assertEquals(JSON.parse(JSON.stringify(counted)).types[0].type, "inspect.table");
});

Deno.test("options that do not exist are refused", async () => {
  const options = { al: true } as object;
  await assertRejects(() => listOutputs(options), TypeError, `no option "al"`);
  await assertRejects(() => removeOutputs([], options), TypeError, `no option "al"`);
});

Deno.test("sizes and ages are told in the unit that fits", () => {
  assertEquals([0, 999, 1000, 9949, 9951, 999_499, 999_501, 12_345_678, 5e18].map(sizeText), [
    "0 B",
    "999 B",
    "1.0 kB",
    "9.9 kB",
    "10 kB",
    "999 kB",
    "1.0 MB",
    "12 MB",
    "5000 PB",
  ]);
  const MINUTE = 60_000;
  assertEquals(
    [-5, 0, 119_999, 2 * MINUTE, 119 * MINUTE, 120 * MINUTE, 47 * 60 * MINUTE, 48 * 60 * MINUTE]
      .map(ageText),
    ["0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d"],
  );
  assert(sizeText(1e15).endsWith("PB"));
});
