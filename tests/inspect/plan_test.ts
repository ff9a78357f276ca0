/**
 * What a build would run, told before it runs.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as sd from "@stardag/core";
import { z } from "zod";
import { SHAPES } from "../../bench/dags.ts";
import { plan } from "../../src/inspect/inspect.ts";
import { Steps } from "../support/steps.ts";
import { inMemory, model, rows, search, table, tableOf } from "./pipeline.ts";

Deno.test("plan() tells what a build would run and how many of each type, and runs nothing", async () => {
  using _ = inMemory();
  const [one, two] = [rows({ count: 1 }), rows({ count: 2 })];
  const models = [one, two].map((rows) => model({ rows, settings: { rate: 1 } }));
  const root = table({ models });
  await sd.build(one);
  const planned = await plan(root);
  assertEquals(new Set(planned.tasks.map(({ task }) => task)), new Set([two, ...models, root]));
  assertEquals([planned.toRun, planned.complete, planned.isLowerBound], [4, 1, false]);
  assertEquals(planned.types, [
    { type: "inspect.rows", toRun: 1, complete: 1 },
    { type: "inspect.model", toRun: 2, complete: 0 },
    { type: "inspect.table", toRun: 1, complete: 0 },
  ]);
  assertEquals(await two.complete(), false);
});

Deno.test("plan() does not look below what is complete, as a build does not", async () => {
  using _ = inMemory();
  const root = tableOf([1]);
  const made = model({ rows: rows({ count: 3 }), settings: { rate: 1 } });
  await made.output().save(1);
  const planned = await plan(root);
  assertEquals(planned.tasks.map(({ task }) => task), [root]);
  assertEquals(planned.complete, 1);
});

Deno.test("plan() has the tasks in the order in which a build with one worker runs them", async () => {
  const steps = new Steps();
  const leaf = steps.step("leaf");
  const long = steps.step("long", [steps.step("middle", [steps.step("deep")])]);
  const root = steps.step("root", [leaf, long]);
  const planned = await plan(root);
  const order = planned.tasks.map(({ task }) => (task as typeof root).name);
  await sd.buildSequential(root);
  assertEquals(order, steps.ran);
  assertEquals(order, ["deep", "middle", "leaf", "long", "root"]);
});

Deno.test("plan() heeds the priority of tasks", async () => {
  using _ = inMemory();
  const late = sd.task({ name: "late", namespace: "plan", output: z.int(), run: () => 1 });
  const soon = sd.task({
    name: "soon",
    namespace: "plan",
    output: z.int(),
    priority: 1,
    concurrencyKeys: ["a limit that only a build has"],
    run: () => 1,
  });
  const planned = await plan([late(), soon()]);
  assertEquals(planned.types.map(({ type }) => type), ["plan.soon", "plan.late"]);
});

Deno.test("plan() says why each task would run", async () => {
  using _ = inMemory();
  const [one, two] = [1, 2].map((rate) => model({ rows: rows({ count: 1 }), settings: { rate } }));
  const root = table({ models: [one!, two!, two!] });
  await sd.build(one!);
  const steps = new Steps();
  const own = steps.step("own");
  assertEquals((await plan([root, own])).tasks, [
    { task: two!, reason: { kind: "output_missing", uri: two!.output().uri } },
    { task: own, reason: { kind: "not_complete" } },
    { task: root, reason: { kind: "upstream_will_run", upstream: two!, upstreamCount: 1 } },
  ]);
});

Deno.test("plan() gives the longest path, from what runs first", async () => {
  const steps = new Steps();
  const deep = steps.step("deep");
  const middle = steps.step("middle", [deep]);
  const root = steps.step("root", [steps.step("leaf"), middle, deep]);
  assertEquals((await plan(root)).longestPath, [deep, middle, root]);
});

Deno.test("plan() is a lower bound where a task to run may yield more, and names the types", async () => {
  using _ = inMemory();
  const steps = new Steps();
  class Crawl extends sd.BaseTask({ name: "Crawl", namespace: "plan" }) {
    override complete(): boolean {
      return false;
    }
    override async *run(): AsyncGenerator<sd.TaskStruct, void> {
      yield steps.step("found");
    }
  }
  sd.register(Crawl);
  const root = search({ table: tableOf([1]) });
  const planned = await plan([root, new Crawl()]);
  assertEquals(new Set(planned.mayYield), new Set(["inspect.search", "plan.Crawl"]));
  assert(planned.isLowerBound);
  assertStringIncludes(String(planned), "Plan: at least 5 tasks to run, 0 complete");
  await root.output().save(0);
  assertEquals((await plan(root)).mayYield, []);
  const plain = sd.task({ name: "plain", namespace: "plan", output: z.int(), run: () => 1 });
  assertEquals((await plan(plain())).mayYield, []);
});

Deno.test("String(plan) names the first tasks, and all of them when asked", async () => {
  using _ = inMemory();
  const root = tableOf(Array.from({ length: 12 }, (_, i) => i));
  const planned = await plan(root);
  assertEquals(
    String(planned).split("\n").slice(0, 9).join("\n"),
    `Plan: 14 tasks to run, 0 complete

  type           to run  complete
  inspect.rows        1         0
  inspect.model      12         0
  inspect.table       1         0

First
  ${rows({ count: 3 })}`,
  );
  assertStringIncludes(String(planned), `    output missing: ${rows({ count: 3 }).output().uri}`);
  assertStringIncludes(String(planned), "  ... and 4 more\n");
  assertEquals(String(planned).match(/^ {4}(output missing|upstream will run): /gm)?.length, 10);
  assertStringIncludes(String(planned), "Longest path: 3 tasks");
  const all = planned.toString(Infinity);
  assertStringIncludes(all, `  ${root}\n    upstream will run: `);
  assertStringIncludes(all, " and 11 more\n");
  await sd.build(root);
  assertEquals(String(await plan(root)), "Plan: nothing to run, 1 task complete");
});

Deno.test("a plan is plain data as JSON", async () => {
  using _ = inMemory();
  const made = model({ rows: rows({ count: 3 }), settings: { rate: 1 } });
  const root = table({ models: [made] });
  await sd.build(rows({ count: 3 }));
  assertEquals(JSON.parse(JSON.stringify(await plan(root))), {
    toRun: 2,
    complete: 1,
    mayYield: [],
    types: [
      { type: "inspect.model", toRun: 1, complete: 0 },
      { type: "inspect.table", toRun: 1, complete: 0 },
      { type: "inspect.rows", toRun: 0, complete: 1 },
    ],
    tasks: [
      {
        id: made.id,
        type: "inspect.model",
        task: String(made),
        reason: "output_missing",
        uri: made.output().uri,
      },
      {
        id: root.id,
        type: "inspect.table",
        task: String(root),
        reason: "upstream_will_run",
        uri: root.output().uri,
        upstream: made.id,
      },
    ],
    longestPath: [made.id, root.id],
  });
});

Deno.test("plan() rejects where a build does", async () => {
  const steps = new Steps();
  const circle: sd.BaseTask = steps.step("a", {
    requires: () => steps.step("b", [circle] as never),
  });
  await assertRejects(() => plan(circle), sd.DependencyCycleError, "wait for each other");
  const broken = steps.step("broken", {
    complete: () => {
      throw new Error("no disk");
    },
  });
  await assertRejects(() => plan(broken), sd.DiscoveryError, "no disk");
  await assertRejects(() => plan(undefined as never), TypeError, "Cannot look at undefined");
  await assertRejects(
    () => plan(broken, { maxConcurrent: 1 } as never),
    TypeError,
    'there is no option "maxConcurrent"',
  );
  await assertRejects(() => plan(broken, { maxConcurrentDiscover: 0 }), RangeError, "from 1");
});

Deno.test("plan() stops when its signal says so", async () => {
  const stopped = new AbortController();
  stopped.abort(new Error("enough"));
  const root = new Steps().step("root");
  await assertRejects(() => plan(root, { signal: stopped.signal }), Error, "enough");
});

Deno.test("plan() asks each task of a diamond and of a long chain once", async () => {
  const levels = 18;
  const diamond = await plan(SHAPES.diamond(2 * levels));
  assertEquals([diamond.toRun, diamond.longestPath.length], [2 * levels + 1, levels + 1]);
  const chain = await plan(SHAPES.chain(20_000));
  assertEquals([chain.toRun, chain.longestPath.length], [20_000, 20_000]);
});
