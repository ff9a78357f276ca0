/**
 * What differs between two DAGs.
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as sd from "@stardag/core";
import { z } from "zod";
import { Node } from "../../bench/dags.ts";
import { diff } from "../../src/inspect/inspect.ts";
import { Steps } from "../support/steps.ts";
import { model, rows, search, table, tableOf } from "./pipeline.ts";

/** Each after the one before, from another first task. */
function chainFrom(index: number, length: number): Node {
  let last = new Node({ index });
  for (let i = 1; i < length; i++) last = new Node({ index: i, after: [last] });
  return last;
}

/** Pairs of tasks, each after both of the pair below, above another first task. */
function diamondFrom(index: number, levels: number): Node {
  let after = [new Node({ index })];
  for (let level = 0; level < levels; level++) {
    after = [0, 1].map((side) => new Node({ index: 2 * level + side, after }));
  }
  return new Node({ index: 2 * levels, after });
}

Deno.test("diff() names the parameter that has changed, and the ids that move with it", async () => {
  const before = search({ table: tableOf([0.1, 0.2]) });
  const after = search({ table: tableOf([0.1, 0.3]) });
  const [was, is] = [0.2, 0.3].map((rate) =>
    model({ rows: rows({ count: 3 }), settings: { rate } })
  );
  const found = await diff(before, after);
  assertEquals(found.changed, [{
    before: was!,
    after: is!,
    place: "search.table.models[1]",
    changes: [{ path: "settings.rate", before: 0.2, after: 0.3, significant: true }],
    moves: 3,
  }]);
  assertEquals(found.moved, [
    { before: was!, after: is!, because: is! },
    { before: tableOf([0.1, 0.2]), after: tableOf([0.1, 0.3]), because: is! },
    { before, after, because: is! },
  ]);
  assertEquals([found.added, found.removed, found.same, found.isEmpty], [[], [], 2, false]);
});

Deno.test("String(diff) tells causes first, then what follows", async () => {
  const before = search({ table: tableOf([0.1, 0.2]) });
  const after = search({ table: tableOf([0.1, 0.3]) });
  const [was, is] = [0.2, 0.3].map((rate) =>
    model({ rows: rows({ count: 3 }), settings: { rate } }).id.slice(0, 8)
  );
  const short = ({ id }: sd.BaseTask): string => id.slice(0, 8);
  assertEquals(
    String(await diff(before, after)),
    `1 task has changed, 3 ids moved, 0 added, 0 removed, 2 the same

Changed
  inspect.model ${was} -> ${is}, at search.table.models[1], moves 2 others
    settings.rate: 0.2 -> 0.3

Ids that move with it
  type            moved
  inspect.model       1
  inspect.table       1
  inspect.search      1

  inspect.model ${was} -> ${is}
  inspect.table ${short(tableOf([0.1, 0.2]))} -> ${
      short(tableOf([0.1, 0.3]))
    }  because of inspect.model ${is}
  inspect.search ${short(before)} -> ${short(after)}  because of inspect.model ${is}`,
  );
  assertEquals(String(await diff(before, before)), "Nothing differs: 5 tasks");
});

Deno.test("a diff is plain data as JSON", async () => {
  const [before, after] = [tableOf([1]), tableOf([1], { title: "new" })];
  assertEquals(JSON.parse(JSON.stringify(await diff(before, after))), {
    changed: [{
      type: "inspect.table",
      before: before.id,
      after: after.id,
      place: "table",
      changes: [{ path: "title", before: "", after: "new", significant: true }],
      moves: 1,
    }],
    moved: [{ type: "inspect.table", before: before.id, after: after.id, because: after.id }],
    added: [],
    removed: [],
    same: 2,
  });
});

Deno.test("what is not part of the id is told apart, and moves nothing", async () => {
  const make = (verbose: boolean, rate: number) =>
    table({ models: [model({ rows: rows({ count: 1 }), settings: { rate }, verbose })] });
  const quiet = await diff(make(false, 1), make(true, 1));
  const change = { path: "verbose", before: false, after: true, significant: false };
  assertEquals(quiet.changed.map(({ changes }) => changes), [[change]]);
  assertEquals([quiet.moved, quiet.same], [[], 3]);
  assertStringIncludes(String(quiet), "    verbose: false -> true (not part of the id)");
  const both = await diff(make(false, 1), make(true, 2));
  assertEquals(both.changed.map(({ changes }) => changes), [[
    { path: "settings.rate", before: 1, after: 2, significant: true },
    change,
  ]]);
});

Deno.test("a parameter that is left out of the id while it has its compat default moves it when it has not", async () => {
  const late = sd.task({
    name: "late",
    namespace: "diff",
    params: { extra: sd.field(z.object({ size: z.int() }), { compatDefault: { size: 1 } }) },
    output: z.int(),
    run: () => 1,
  });
  const found = await diff(late({ extra: { size: 1 } }), late({ extra: { size: 2 } }));
  assertEquals(found.changed[0]!.changes, [
    { path: "extra.size", before: 1, after: 2, significant: true },
  ]);
});

Deno.test("a version that is raised is a change, and moves what is downstream", async () => {
  const now = sd.task({
    name: "versioned",
    namespace: "diff",
    version: "2",
    output: z.number(),
    run: () => 1,
  })();
  const then = sd.taskFromJSON({ ...now.toJSON(), version: "1" }) as typeof now;
  const found = await diff(table({ models: [then] }), table({ models: [now] }));
  assertEquals(found.changed.map(({ changes }) => changes), [[
    { path: "version", before: "1", after: "2", significant: true },
  ]]);
  assertEquals(found.moved.length, 2);
});

Deno.test("one more in the middle of an array is one change; the others stay as they are", async () => {
  const found = await diff(tableOf([1, 2, 3]), tableOf([1, 9, 2, 3]));
  const added = model({ rows: rows({ count: 3 }), settings: { rate: 9 } });
  assertEquals(found.changed.map(({ changes }) => changes), [[
    {
      path: "models[1]",
      before: undefined,
      after: `inspect.model ${added.id.slice(0, 8)}`,
      significant: true,
    },
  ]]);
  assertEquals(found.added, [added]);
  const back = await diff(tableOf([1, 9, 2, 3]), tableOf([1, 2, 3]));
  assertEquals(back.removed, [added]);
  assertStringIncludes(
    String(back),
    `models[1]: "inspect.model ${added.id.slice(0, 8)}" -> (none)`,
  );
});

Deno.test("tasks that have changed places in an array have not changed themselves", async () => {
  const found = await diff(tableOf([1, 2]), tableOf([2, 1]));
  assertEquals(found.changed.map(({ changes }) => changes.map(({ path }) => path)), [
    ["models[0]", "models[1]"],
  ]);
  assertEquals([found.moved.length, found.added, found.removed, found.same], [1, [], [], 3]);
});

Deno.test("tasks of an array are matched by their places, then in their order", async () => {
  const ratesOf = async (before: readonly number[], after: readonly number[]) => {
    const { moved } = await diff(tableOf(before), tableOf(after));
    return moved.flatMap(({ before, after }) => {
      const [own, other] = [before.toJSON(), after.toJSON()].map(({ settings }) =>
        (settings as { readonly rate: number } | undefined)?.rate
      );
      return own === undefined ? [] : [`${own} -> ${other}`];
    });
  };
  assertEquals(await ratesOf([1, 2, 3], [2, 2, 4]), ["3 -> 4"]);
  assertEquals(await ratesOf([1, 2, 3], [2, 4]), ["1 -> 4"]);
  assertEquals(await ratesOf([1, 2, 0, 0.5], [0, 0.5, 8, 9]), ["2 -> 9", "1 -> 8"]);
});

Deno.test("a task that has changed itself is its own cause, whatever has changed below it", async () => {
  const found = await diff(tableOf([1], { title: "a" }), tableOf([2], { title: "b" }));
  assertEquals(found.moved.map(({ after, because }) => after === because), [true, true]);
  assertEquals(found.changed.map(({ moves }) => moves), [1, 1]);
});

Deno.test("all that follows from what has changed at the bottom is matched by its place", async () => {
  const found = await diff(tableOf([1, 2]), tableOf([1, 2], { count: 4 }));
  const changed = rows({ count: 4 });
  assertEquals(found.changed.map(({ after, place }) => [after, place]), [
    [changed, "table.models[0].rows"],
  ]);
  assertEquals(found.moved.map(({ because }) => because), [changed, changed, changed, changed]);
});

Deno.test("a task of another type in its place is one removed and one added", async () => {
  const other = sd.task({ name: "other", namespace: "diff", output: z.number(), run: () => 1 })();
  const found = await diff(tableOf([1]), table({ models: [other] }));
  const gone = model({ rows: rows({ count: 3 }), settings: { rate: 1 } });
  assertEquals([found.added, found.removed], [[other], [gone, rows({ count: 3 })]]);
  assertEquals(found.changed[0]!.changes, [{
    path: "models[0]",
    before: `inspect.model ${gone.id.slice(0, 8)}`,
    after: `diff.other ${other.id.slice(0, 8)}`,
    significant: true,
  }]);
});

Deno.test("several tasks are compared by their names, or by their places", async () => {
  const found = await diff({ a: tableOf([1]), b: rows({ count: 1 }) }, {
    a: tableOf([2]),
    b: rows({ count: 2 }),
  });
  assertEquals(found.changed.map(({ place }) => place), ["b", "a.models[0]"]);
  const listed = await diff([tableOf([1])], [tableOf([2])]);
  assertEquals(listed.changed.map(({ place }) => place), ["[0].models[0]"]);
});

Deno.test("what is required besides the parameters is compared too, and is not part of the id", async () => {
  const steps = new Steps();
  const [one, two] = [steps.step("one"), steps.step("two")];
  const needs = sd.task({
    name: "needs",
    namespace: "diff",
    params: { n: z.int() },
    output: z.int(),
    requires: ({ n }) => n === 1 ? one : [one, two],
    run: () => 1,
  });
  const found = await diff(needs({ n: 1 }), needs({ n: 2 }));
  assertEquals(found.changed.map(({ changes }) => changes), [[
    { path: "n", before: 1, after: 2, significant: true },
    {
      path: "requires[1]",
      before: undefined,
      after: `stardag.tests.Step ${two.id.slice(0, 8)}`,
      significant: false,
    },
  ]]);
});

Deno.test("diff() ends where tasks require each other in a circle", async () => {
  const circle = (name: string): sd.BaseTask => {
    const steps = new Steps();
    const first: sd.BaseTask = steps.step(`${name} a`, {
      requires: () => steps.step(`${name} b`, { requires: () => first }),
    });
    return first;
  };
  assertEquals((await diff(circle("this"), circle("that"))).moved.length, 2);
});

Deno.test("diff() of long chains and of diamonds looks at each task once", async () => {
  const length = 20_000;
  const chains = await diff(chainFrom(-1, length), chainFrom(-2, length));
  assertEquals([chains.changed.length, chains.moved.length], [1, length]);
  assertEquals(chains.changed[0]!.moves, length);
  assertEquals(chains.changed[0]!.place, `... ${Array(8).fill("after[0]").join(".")}`);
  const levels = 18;
  const diamonds = await diff(diamondFrom(-1, levels), diamondFrom(-2, levels));
  assertEquals([diamonds.changed.length, diamonds.moved.length], [1, 2 * levels + 2]);
});

Deno.test("diff() refuses what is no task", async () => {
  await assertRejects(() => diff(rows({ count: 1 }), undefined as never), TypeError, "undefined");
});

Deno.test("an alias of another task has another id because it was given", async () => {
  const aliasOf = (id: string) =>
    sd.aliasTask({ id, uri: `memory://other/${id}.json`, output: z.array(z.int()) });
  const ids = ["f23b1722-2909-5fb7-89bf-dcdd0b37e930", "00665fbb-2909-5fb7-89bf-dcdd0b37e930"];
  const found = await diff(aliasOf(ids[0]!), aliasOf(ids[1]!));
  assertEquals(found.changed[0]!.changes.map(({ path, significant }) => [path, significant]), [
    ["__aliased.id", true],
    ["__aliased.uri", false],
  ]);
});
