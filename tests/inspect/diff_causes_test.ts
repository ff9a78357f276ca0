/**
 * What has caused that ids differ, and which task of an array is which.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as sd from "@stardag/core";
import { z } from "zod";
import type { Diff } from "../../src/inspect/diff.ts";
import { diff } from "../../src/inspect/inspect.ts";
import { model, rows, table, tableOf } from "./pipeline.ts";

const { task } = sd.namespace("diff_causes", import.meta.url);

const day = task({
  name: "day",
  params: { n: z.int(), v: z.int(), source: sd.depends(z.int()).optional() },
  output: z.int(),
  run: () => 1,
});

const source = task({ name: "source", params: { v: z.int() }, output: z.int(), run: () => 1 });

const days = task({
  name: "days",
  params: { of: z.array(sd.depends(z.int())) },
  output: z.int(),
  run: () => 1,
});

/** The changes of all tasks, as texts. */
function changesIn({ changed }: Diff): readonly string[] {
  return changed.flatMap(({ changes }) =>
    changes.map(({ path, before, after }) => `${path}: ${before} -> ${after}`)
  );
}

Deno.test("what moves an id is told as part of it, however alike the numbers are", async () => {
  const exact = task({
    name: "exact",
    params: { big: z.bigint(), rate: z.number() },
    output: z.int(),
    run: () => 1,
  });
  const found = await diff(
    exact({ big: 9007199254740993n, rate: 0 }),
    exact({ big: 9007199254740992n, rate: -0 }),
  );
  assertEquals(found.changed[0]!.changes.map(({ path, significant }) => [path, significant]), [
    ["big", true],
    ["rate", true],
  ]);
});

Deno.test("only what an id is made of can be why it moves", async () => {
  const top = task({
    name: "top",
    params: {
      a: sd.field(sd.depends(z.int()), { significant: false }),
      b: sd.depends(z.int()),
    },
    output: z.int(),
    run: () => 1,
  });
  const [before, after] = [1, 2].map((v) => ({ a: day({ n: 1, v }), b: source({ v }) }));
  const found = await diff(top(before!), top(after!));
  const moved = found.moved.find((each) => each.after.id === top(after!).id);
  assertEquals(moved?.because, after!.b);
  assertEquals(found.changed.map(({ after, moves }) => [after, moves]), [
    [after!.a, 1],
    [after!.b, 2],
  ]);
});

Deno.test("tasks of an array are matched by what they are made of before their places", async () => {
  const daysOf = (numbers: readonly number[], v: number): sd.BaseTask =>
    days({ of: numbers.map((n) => day({ n, v })) });
  const found = await diff(daysOf([1, 2, 3], 1), daysOf([0, 1, 2, 3], 2));
  const first = day({ n: 0, v: 2 });
  assertEquals(found.added, [first]);
  assertEquals(changesIn(found), [
    `of[0]: undefined -> diff_causes.day ${first.id.slice(0, 8)}`,
    "v: 1 -> 2",
    "v: 1 -> 2",
    "v: 1 -> 2",
  ]);
});

Deno.test("tasks of an array that only follow from others keep apart from what is new there", async () => {
  const daysOf = (numbers: readonly number[], v: number): sd.BaseTask =>
    days({ of: numbers.map((n) => day({ n, v: 0, source: source({ v }) })) });
  const found = await diff(daysOf([1, 2, 3], 1), daysOf([7, 1, 2, 3], 2));
  assertEquals(found.added, [day({ n: 7, v: 0, source: source({ v: 2 }) })]);
  assertEquals(changesIn(found).slice(1), ["v: 1 -> 2"]);
});

Deno.test("of a set it does not matter where a member is", async () => {
  const set = task({
    name: "set",
    params: { days: z.set(sd.depends(z.int())), names: z.set(z.string()) },
    output: z.int(),
    run: () => 1,
  });
  const [a, b, c, z26] = [1, 2, 3, 26].map((v) => day({ n: 1, v }));
  const before = set({ days: new Set([a!, b!, c!]), names: new Set(["a", "b", "c"]) });
  const after = set({ days: new Set([a!, c!, z26!]), names: new Set(["a", "c", "z"]) });
  const found = await diff(before, after);
  assertEquals(changesIn(found), ["names[2]: b -> z", "v: 2 -> 26"]);
  const less = await diff(after, set({ days: new Set([c!, a!]), names: new Set(["z"]) }));
  assertEquals(changesIn(less).filter((text) => text.startsWith("names")), [
    "names[0]: a -> undefined",
    "names[1]: c -> undefined",
  ]);
  assertEquals(changesIn(less).filter((text) => text.startsWith("days")).length, 1);
});

Deno.test("of each change it is told how many ids it moves", async () => {
  const before = table({ models: [1, 2, 3].map((rate) => modelOf(rate)) });
  const after = table({ models: [1, 2, 3].map((rate) => modelOf(rate, 4)) });
  const found = await diff(before, after);
  assertEquals(found.changed.map(({ moves }) => moves), [2, 2, 2]);
  assertEquals(String(found).match(/moves 1 other$/gm)?.length, 3);
  // One that has changed itself moves what is above it; what is below it does not.
  const titled = await diff(tableOf([1]), tableOf([2], { title: "new" }));
  assertEquals(titled.changed.map(({ moves }) => moves), [1, 1]);
});

function modelOf(rate: number, layers = 1): ReturnType<typeof model> {
  return model({ rows: rows({ count: 1 }), settings: { rate, layers: [layers] } });
}

Deno.test("tens of thousands of changed tasks are matched and counted", async () => {
  const many = (v: number): sd.BaseTask =>
    days({ of: Array.from({ length: 30_000 }, (_, n) => day({ n: n + v, v })) });
  const found = await diff(many(0), many(1));
  assertEquals([found.added.length, found.removed.length], [0, 0]);
  const paths = changesIn(found).map((text) => text.slice(0, 2));
  // The first one has become the last.
  assertEquals(paths.filter((path) => path === "n:").length, 1);
  assertEquals(paths.filter((path) => path === "v:").length, 30_000);
  assertEquals(found.changed.every(({ moves }) => moves === 1), true);
});

Deno.test("a diff has nothing in it that steers a terminal, and tells texts apart that look alike", async () => {
  const named = task({
    name: "named",
    params: { text: z.string() },
    output: z.int(),
    run: () => 1,
  });
  const text = String(await diff(named({ text: "\u009b\u202e" }), named({ text: "\u0085" })));
  assert(!/[\p{Cc}\p{Cf}]/u.test(text.replaceAll("\n", "")), JSON.stringify(text));
  assertStringIncludes(text, 'text: "\\u009b\\u202e" -> "\\u0085"');
  const alike = String(await diff(named({ text: "\u00e9" }), named({ text: "e\u0301" })));
  assertStringIncludes(alike, 'text: "\\u00e9" -> "e\\u0301"');
});
