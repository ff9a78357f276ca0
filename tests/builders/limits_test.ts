/**
 * Which of the tasks that can run is started, and how many at once.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { ControlledExecutor } from "../../src/testing/mod.ts";
import { NOTHING } from "../support/steps.ts";

/** Says itself how it wants to be run. */
@sd.register
class Wish extends sd.BaseTask({
  name: "Wish",
  namespace: "stardag.tests.limits",
  params: {
    name: z.string(),
    keys: z.array(z.string()).default([]),
    priority: z.number().default(0),
    after: z.array(sd.taskLoads(z.unknown())).default([]),
  },
  priority: ({ priority }) => priority,
  concurrencyKeys: ({ keys }) => keys,
}) {
  override complete(): boolean {
    return false;
  }
  override run(): void {}
  load(): Promise<unknown> {
    return Promise.resolve();
  }
}

const COMPLETE = { kind: "complete" } as const;
const wish = (name: string, options: Omit<Parameters<typeof make>[0], "name"> = {}): Wish =>
  make({ name, ...options });
const make = (params: ConstructorParameters<typeof Wish>[0]): Wish => new Wish(params);

/** The names in the order in which the tasks were started. */
function started(executor: ControlledExecutor): string[] {
  return executor.log.map((task) => (task as Wish).name);
}

/** Ends whatever runs, one after the other in the order started, until the build has ended. */
async function endAll(
  executor: ControlledExecutor,
  building: Promise<sd.BuildSummary>,
  from = 0,
): Promise<sd.BuildSummary> {
  let isOver = false;
  const over = building.finally(() => isOver = true);
  for (let at = from; !isOver;) {
    const task = executor.log[at];
    if (task === undefined) {
      await Promise.race([
        over,
        new Promise((resolve) => queueMicrotask(() => resolve(undefined))),
      ]);
      continue;
    }
    executor.end(task, COMPLETE);
    at++;
    await Promise.resolve();
  }
  return await over;
}

Deno.test("the task with the longest path above it is started first", async () => {
  const bottom = wish("bottom");
  const chain = wish("2", { after: [wish("1", { after: [bottom] })] });
  const executor = new ControlledExecutor({ maxConcurrent: 1 });
  await endAll(executor, sd.build([wish("a"), wish("b"), chain], { executor }));
  assertEquals(started(executor), ["bottom", "1", "a", "b", "2"]);
});

Deno.test("priority comes before the longest path, and holds for the task alone", async () => {
  const chain = wish("above", { after: [wish("below")], priority: 9 });
  const executor = new ControlledExecutor({ maxConcurrent: 1 });
  const tasks = [chain, wish("low", { priority: -1 }), wish("high", { priority: 1 })];
  await endAll(executor, sd.build(tasks, { executor }));
  assertEquals(started(executor), ["high", "below", "above", "low"]);
});

Deno.test("tasks alike are started in the order in which they became ready", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `${i}`);
  const executor = new ControlledExecutor({ maxConcurrent: 1 });
  await endAll(executor, sd.build(names.map((name) => wish(name)), { executor }));
  assertEquals(started(executor), names);
});

Deno.test("what was begun goes on before others of its kind begin", async () => {
  const [a, part] = [wish("a"), wish("part", { priority: 1 })];
  const executor = new ControlledExecutor({ maxConcurrent: 1 });
  const building = sd.build([a, wish("b"), wish("c")], { executor });
  await executor.submitted(a);
  executor.end(a, { kind: "suspended", requires: [part] });
  await endAll(executor, building, 1);
  assertEquals(started(executor), ["a", "b", "part", "a", "c"]);
});

Deno.test("a limit holds for the tasks that name it, and for no other", async () => {
  const tasks = ["a", "b", "c"].map((name) => wish(name, { keys: ["api"] }));
  const free = wish("free");
  const executor = new ControlledExecutor();
  const building = sd.build([...tasks, free], { executor, concurrencyLimits: { api: 2 } });
  await executor.submitted(free);
  assertEquals(started(executor), ["a", "b", "free"]);
  executor.end(tasks[1]!, COMPLETE);
  await executor.submitted(tasks[2]!);
  for (const task of [tasks[0]!, tasks[2]!, free]) executor.end(task, COMPLETE);
  (await building).throwIfFailed();
});

Deno.test("what is held back by one limit leaves the slots of its other limits to others", async () => {
  const tasks = [
    wish("1: x", { keys: ["x"] }),
    wish("2: x y", { keys: ["x", "y"] }),
    wish("3: x y", { keys: ["x", "y"] }),
    wish("4: y", { keys: ["y"] }),
  ];
  const executor = new ControlledExecutor();
  const building = sd.build(tasks, { executor, concurrencyLimits: { x: 1, y: 1 } });
  await executor.submitted(tasks[3]!);
  assertEquals(started(executor), ["1: x", "4: y"]);
  executor.end(tasks[0]!, COMPLETE);
  executor.end(tasks[3]!, COMPLETE);
  await executor.submitted(tasks[1]!);
  assert(!executor.isRunning(tasks[2]!));
  executor.end(tasks[1]!, COMPLETE);
  await executor.submitted(tasks[2]!);
  executor.end(tasks[2]!, COMPLETE);
  assertEquals((await building).taskCount, { ...NOTHING, discovered: 4, succeeded: 4 });
});

Deno.test("of those that wait for a slot, the one of the highest priority gets it", async () => {
  const first = wish("first", { keys: ["api"], priority: 5 });
  const others = [1, 3, 2].map((priority) => wish(`p${priority}`, { keys: ["api"], priority }));
  const executor = new ControlledExecutor();
  await endAll(
    executor,
    sd.build([first, ...others], { executor, concurrencyLimits: { api: 1 } }),
  );
  assertEquals(started(executor), ["first", "p3", "p2", "p1"]);
});

Deno.test("a slot is free while its task is suspended, and taken again before it goes on", async () => {
  const [root, part, other] = [
    wish("root", { keys: ["api"] }),
    wish("part"),
    wish("other", { keys: ["api"], priority: -1 }),
  ];
  const executor = new ControlledExecutor();
  const building = sd.build([root, other], { executor, concurrencyLimits: { api: 1 } });
  await executor.submitted(root);
  assert(!executor.isRunning(other));
  executor.end(root, { kind: "suspended", requires: [part] });
  await executor.submitted(other);
  await executor.submitted(part);
  executor.end(part, COMPLETE);
  await Promise.resolve();
  assert(!executor.isRunning(root));
  executor.end(other, COMPLETE);
  await executor.submitted(root);
  executor.end(root, COMPLETE);
  (await building).throwIfFailed();
});

Deno.test("a slot is free again after a failure", async () => {
  const [bad, good] = ["bad", "good"].map((name) => wish(name, { keys: ["api"] }));
  const executor = new ControlledExecutor();
  const building = sd.build([bad!, good!], {
    executor,
    failMode: "continue",
    concurrencyLimits: { api: 1 },
  });
  await executor.submitted(bad!);
  executor.end(bad!, { kind: "failed", error: new Error("boom") });
  await executor.submitted(good!);
  executor.end(good!, COMPLETE);
  assertEquals((await building).taskCount, { ...NOTHING, discovered: 2, succeeded: 1, failed: 1 });
});

Deno.test("a limit that the build does not have is an error before anything runs", async () => {
  const executor = new ControlledExecutor();
  const task = wish("root", { after: [wish("below", { keys: ["apu"] })] });
  const error = await assertRejects(
    () => sd.build(task, { executor, concurrencyLimits: { api: 2 } }),
    sd.ConfigError,
  );
  assertStringIncludes(error.message, '"apu", which the build does not have (only "api")');
  assertStringIncludes(error.message, 'concurrencyLimits: { "apu": 1 }');
  assertEquals(executor.log, []);
});

Deno.test("a yielded task with such a limit fails alone", async () => {
  const [root, odd] = [wish("root"), wish("odd", { keys: ["nowhere"] })];
  const executor = new ControlledExecutor();
  const building = sd.build(root, { executor });
  await executor.submitted(root);
  executor.end(root, { kind: "suspended", requires: [odd] });
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, failed: 1, skipped: 1 });
  assertEquals(summary.error?.taskId, odd.id);
  assertInstanceOf(summary.error?.cause, sd.ConfigError);
  assertEquals(
    [...summary.tasks()].map(({ task, state, because }) => [task, state, because]),
    [[root, "skipped", odd], [odd, "failed", undefined]],
  );
});

Deno.test("a limit that lets nothing run is refused", async () => {
  for (const size of [0, -1, 1.5, NaN, "2" as never]) {
    const error = await assertRejects(
      () => sd.build(wish("x"), { concurrencyLimits: { api: size } }),
      RangeError,
    );
    assertStringIncludes(error.message, '"api"');
  }
  await assertRejects(() => sd.build(wish("x"), { concurrencyLimits: 2 as never }), TypeError);
});

Deno.test("a function that cannot tell priority or keys is named with its task", async () => {
  const options = { output: z.int(), params: { n: z.int() }, run: () => 1 };
  const fussy = sd.task({
    ...options,
    name: "fussy",
    namespace: "stardag.tests.limits",
    priority({ n }): number {
      throw new Error(`no idea: ${n}`);
    },
  });
  const error = await assertRejects(() => sd.build(fussy({ n: 7 })), sd.DiscoveryError);
  assertStringIncludes(error.message, "Cannot tell how to run stardag.tests.limits.fussy(n=7)");
  assertStringIncludes(error.message, "no idea: 7");
});

Deno.test("priority and keys of a function are told by values; a task in place of one is refused", async () => {
  const { task } = sd.namespace("stardag.tests.limits.values", import.meta.url);
  const ran: number[] = [];
  const number = task({ name: "number", output: z.int(), run: () => 7 });
  const ranked = task({
    name: "ranked",
    params: { n: z.int(), host: z.string().default("a") },
    output: z.int(),
    priority: ({ n }) => n,
    concurrencyKeys: ({ host }) => [`host:${host}`],
    run({ n }) {
      ran.push(n);
      return n;
    },
  });
  const options = {
    executor: new sd.InProcessTaskExecutor({ maxConcurrent: 1 }),
    concurrencyLimits: { "host:a": 1 },
  };
  (await sd.build([ranked({ n: 1 }), ranked({ n: 3 }), ranked({ n: 2 })], options)).throwIfFailed();
  assertEquals(ran, [3, 2, 1]);
  const error = await assertRejects(
    () => sd.build(ranked({ n: number() }), options),
    sd.DiscoveryError,
  );
  assertStringIncludes(error.message, 'its parameter "n" is a task, whose value is not known');
});
