import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { ControlledExecutor } from "../../src/testing/mod.ts";
import { NOTHING, type Step, Steps } from "../support/steps.ts";

Deno.test("build() runs what is missing, each task once, after what it requires", async () => {
  const steps = new Steps();
  const a = steps.step("a");
  const [b, c] = [steps.step("b", [a]), steps.step("c", [a])];
  const d = steps.step("d", [b, c]);
  const summary = await sd.build(d);
  assertEquals(summary.status, "success");
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 4, succeeded: 4 });
  assertEquals(steps.ran, ["a", "b", "c", "d"]);
});

Deno.test("build() does not look below what is complete", async () => {
  const steps = new Steps();
  const a = steps.step("a");
  const b = steps.step("b", [a]);
  const c = steps.step("c", [b]);
  steps.finish(b);
  const summary = await sd.build(c);
  assertEquals(steps.ran, ["c"]);
  assertEquals(steps.asked.slice(0, 2), ["c", "b"]);
  assertEquals(summary.taskCount, {
    ...NOTHING,
    discovered: 2,
    previouslyCompleted: 1,
    succeeded: 1,
  });
});

Deno.test("build() of what is complete runs nothing and says so", async () => {
  const steps = new Steps();
  const a = steps.step("a");
  steps.finish(a);
  const summary = await sd.build(a);
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, previouslyCompleted: 1 });
  assertStringIncludes(String(summary), "nothing to run");
});

Deno.test("build() takes nested tasks, the same task twice, and none", async () => {
  const steps = new Steps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  const summary = await sd.build({ x: [a, a], y: { z: b } });
  assertEquals(summary.taskCount.succeeded, 2);
  assertEquals((await sd.build([])).taskCount, NOTHING);
});

Deno.test("build() runs the same output only once when two instances of one task ask for it", async () => {
  const steps = new Steps();
  const a = steps.step("a");
  const again = sd.taskFromJSON(a.toJSON());
  assert(again !== a);
  const summary = await sd.build([a, again]);
  assertEquals(summary.taskCount.discovered, 1);
  assertEquals(steps.ran, ["a"]);
});

Deno.test("build() checks the tasks of a diamond once, however many require them", async () => {
  const steps = new Steps();
  const a = steps.step("a");
  const middle = Array.from({ length: 20 }, (_, i) => steps.step(`m${i}`, [a]));
  const top = steps.step("top", middle);
  await sd.build(top, { executor: new ControlledExecutor(), signal: AbortSignal.abort("enough") });
  await sd.build(top);
  assertEquals(steps.asked.filter((name) => name === "a").length, 2); // in discovery, and after it ran
});

Deno.test("build() starts a task when the last one it requires has ended, not before", async () => {
  const steps = new Steps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  const c = steps.step("c", [a, b]);
  const executor = new ControlledExecutor();
  const building = sd.build(c, { executor });
  await executor.submitted(a);
  await executor.submitted(b);
  executor.end(b, { kind: "complete" });
  await settle();
  assertEquals(executor.isRunning(c), false);
  executor.end(a, { kind: "complete" });
  await executor.submitted(c);
  executor.end(c, { kind: "complete" });
  assertEquals((await building).status, "success");
});

Deno.test("build() submits no more than the executor takes at once", async () => {
  const steps = new Steps();
  const all = ["a", "b", "c"].map((name) => steps.step(name));
  const executor = new ControlledExecutor({ maxConcurrent: 2 });
  const building = sd.build(all, { executor });
  await executor.submitted(all[1]!);
  await settle();
  assertEquals(executor.log.length, 2);
  executor.end(all[0]!, { kind: "complete" });
  await executor.submitted(all[2]!);
  executor.end(all[1]!, { kind: "complete" });
  executor.end(all[2]!, { kind: "complete" });
  assertEquals((await building).taskCount.succeeded, 3);
});

Deno.test("fail_fast keeps what ended together, skips what is blocked and leaves the rest pending", async () => {
  const steps = new Steps();
  const [a, b, c] = [steps.step("a"), steps.step("b"), steps.step("c")];
  const blocked = steps.step("blocked", [steps.step("blockedFirst", [a])]);
  const free = steps.step("free", [b]);
  const executor = new ControlledExecutor({ maxConcurrent: 3 });
  const building = sd.build([a, b, c, blocked, free], { executor });
  await executor.submitted(c);
  executor.end(a, { kind: "failed", error: new Error("boom") });
  executor.end(b, { kind: "complete" });
  await settle();
  assertEquals(executor.context(c).signal.aborted, true);
  executor.end(c, { kind: "failed", error: new DOMException("stopped", "AbortError") });
  const summary = await building;
  assertEquals(summary.status, "failure");
  assertEquals(summary.taskCount, {
    ...NOTHING,
    discovered: 6,
    succeeded: 1,
    failed: 1,
    skipped: 2,
    cancelled: 1,
    pending: 1,
  });
  assertEquals(executor.log.includes(free), false);
});

Deno.test("continue runs all that does not require what failed, and is still a failure", async () => {
  const steps = new Steps();
  const a = steps.step("a", {
    run: () => {
      throw new Error("boom");
    },
  });
  const b = steps.step("b");
  const blocked = steps.step("blocked", [steps.step("first", [a]), b]);
  const free = steps.step("free", [b]);
  const summary = await sd.build([blocked, free], { failMode: "continue" });
  assertEquals(summary.status, "failure");
  assertEquals(summary.taskCount, {
    ...NOTHING,
    discovered: 5,
    succeeded: 2,
    failed: 1,
    skipped: 2,
  });
  assertEquals(steps.ran, ["b", "free"]);
});

Deno.test("a failure tells the task, its path from a root, and what was thrown where", async () => {
  const steps = new Steps();
  const thrown = new Error("boom");
  const a = steps.step("a", {
    run() {
      throw thrown;
    },
  });
  const b = steps.step("b", [a]);
  const summary = await sd.build(b);
  assertInstanceOf(summary.error, sd.TaskFailedError);
  assertEquals(summary.error.taskId, a.id);
  assertEquals(summary.error.path, [String(b), String(a)]);
  assertEquals(summary.error.cause, thrown);
  assertStringIncludes(summary.error.message, "boom");
  assertThrows(() => summary.throwIfFailed(), sd.TaskFailedError, "boom");
  assertStringIncludes(String(summary), "1 failed");
});

Deno.test("a signal stops the build: what runs is asked to stop, the rest is pending", async () => {
  const steps = new Steps();
  const a = steps.step("a");
  const b = steps.step("b", [a]);
  const executor = new ControlledExecutor();
  const controller = new AbortController();
  const building = sd.build(b, { executor, signal: controller.signal });
  await executor.submitted(a);
  controller.abort(new Error("enough"));
  assertEquals(executor.context(a).signal.aborted, true);
  executor.end(a, { kind: "failed", error: executor.context(a).signal.reason });
  const summary = await building;
  assertEquals(summary.status, "cancelled");
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, cancelled: 1, pending: 1 });
  assertThrows(() => summary.throwIfFailed(), Error, "enough");
});

Deno.test("an aborted signal has nothing checked and nothing run", async () => {
  const steps = new Steps();
  const a = steps.step("a");
  const summary = await sd.build(a, { signal: AbortSignal.abort() });
  assertEquals(summary.status, "cancelled");
  assertEquals([steps.asked, steps.ran], [[], []]);
});

// ---- dynamic dependencies ----

Deno.test("a task that yields goes on when all it yielded is complete", async () => {
  const steps = new Steps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  const seen: string[][] = [];
  const root = steps.step("root", {
    *run() {
      yield a;
      seen.push([...steps.ran]);
      yield [a, { b }];
      seen.push([...steps.ran]);
    },
  });
  const summary = await sd.build(root);
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 3, succeeded: 3 });
  assertEquals(seen, [["a"], ["a", "b"]]);
});

Deno.test("yielded tasks bring what they require into the same build, once", async () => {
  const steps = new Steps();
  const shared = steps.step("shared");
  const later = steps.step("later", [shared]);
  const roots = ["x", "y"].map((name) =>
    steps.step(name, {
      async *run() {
        yield later;
      },
    })
  );
  const summary = await sd.build([...roots, shared]);
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 4, succeeded: 4 });
  assertEquals(steps.ran.slice(0, 2), ["shared", "later"]);
});

Deno.test("a task that yields what is complete, or nothing, goes on at once", async () => {
  const steps = new Steps();
  const a = steps.step("a");
  steps.finish(a);
  const root = steps.step("root", {
    *run() {
      yield a;
      yield [];
      yield {};
    },
  });
  const summary = await sd.build(root);
  assertEquals(summary.taskCount, {
    ...NOTHING,
    discovered: 2,
    previouslyCompleted: 1,
    succeeded: 1,
  });
});

Deno.test("a slot is free while its task is suspended", async () => {
  const steps = new Steps();
  const a = steps.step("a");
  const root = steps.step("root", {
    *run() {
      yield a;
    },
  });
  const summary = await sd.buildSequential(root);
  assertEquals(summary.taskCount.succeeded, 2);
  assertEquals(steps.ran, ["a", "root"]);
});

Deno.test("a task that yielded what failed is skipped, and its finally blocks run", async () => {
  const steps = new Steps();
  const bad = steps.step("bad", {
    run() {
      throw new Error("boom");
    },
  });
  let cleaned = false;
  const root = steps.step("root", {
    *run() {
      try {
        yield bad;
      } finally {
        cleaned = true;
      }
    },
  });
  for (const failMode of ["continue", "fail_fast"] as const) {
    cleaned = false;
    const summary = await sd.build(root, { failMode });
    assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, failed: 1, skipped: 1 });
    assertEquals(cleaned, true);
  }
});

Deno.test("yielding what has failed before in the build skips the task", async () => {
  const steps = new Steps();
  const bad = steps.step("bad", {
    run() {
      throw new Error("boom");
    },
  });
  const executor = new ControlledExecutor();
  const root = steps.step("root");
  const building = sd.build([bad, root], { executor, failMode: "continue" });
  await executor.submitted(root);
  executor.end(bad, { kind: "failed", error: new Error("boom") });
  await settle();
  executor.end(root, { kind: "suspended", requires: [bad] });
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, failed: 1, skipped: 1 });
  assertEquals(executor.discarded, [root]);
});

Deno.test("a yielded task that cannot be discovered fails and has the one that yielded it skipped", async () => {
  const steps = new Steps();
  const bad = steps.step("bad", {
    requires() {
      throw new Error("no idea");
    },
  });
  const root = steps.step("root", {
    *run() {
      yield [steps.step("fine"), bad];
    },
  });
  const summary = await sd.build(root, { failMode: "continue" });
  assertEquals(summary.taskCount, {
    ...NOTHING,
    discovered: 3,
    succeeded: 1,
    failed: 1,
    skipped: 1,
  });
  assertStringIncludes(summary.error!.message, "no idea");
  assertEquals(summary.error!.taskId, bad.id);
});

Deno.test("a task that yields what requires it fails with the circle", async () => {
  const steps = new Steps();
  const root = steps.step("root", {
    *run() {
      yield downstream;
    },
  });
  const downstream = steps.step("downstream", [root]);
  const other = steps.step("other");
  const summary = await sd.build([root, other], { failMode: "continue" });
  assertEquals(summary.taskCount, {
    ...NOTHING,
    discovered: 3,
    succeeded: 1,
    failed: 1,
    skipped: 1,
  });
  assertInstanceOf(summary.error!.cause, sd.DependencyCycleError);
  assertStringIncludes(summary.error!.message, `${downstream} -> ${root}`);
});

Deno.test("a task that yields itself fails with the circle", async () => {
  const steps = new Steps();
  const root = steps.step("root", {
    *run(): Generator<sd.BaseTask, void, unknown> {
      yield root;
    },
  });
  const summary = await sd.build(root);
  assertInstanceOf(summary.error!.cause, sd.DependencyCycleError);
});

Deno.test("two tasks that wait for each other by yields fail, and what waits for them is skipped", async () => {
  const steps = new Steps();
  const x = steps.step("x", {
    *run(): Generator<sd.BaseTask, void, unknown> {
      yield y;
    },
  });
  const y = steps.step("y", {
    *run(): Generator<sd.BaseTask, void, unknown> {
      yield x;
    },
  });
  const summary = await sd.build([steps.step("above", [x]), y], { failMode: "continue" });
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 3, failed: 1, skipped: 2 });
});

// ---- what cannot be built ----

Deno.test("a circle of requires() is refused before anything runs, with its path", async () => {
  const steps = new Steps();
  const a = steps.step("a", { requires: () => c });
  const b = steps.step("b", [a]);
  const c = steps.step("c", [b]);
  const top = steps.step("top", [c, steps.step("free")]);
  const error = await assertRejects(() => sd.build(top), sd.DependencyCycleError);
  assertEquals(new Set(error.cycle), new Set([String(a), String(b), String(c)]));
  assertEquals(error.cycle[0], error.cycle.at(-1));
  assertStringIncludes(error.message, `${c} -> ${b} -> ${a}`.slice(0, 5));
  assertEquals(steps.ran, []);
  const self = steps.step("self", { requires: () => self });
  await assertRejects(() => sd.build(self), sd.DependencyCycleError, `${self} -> ${self}`);
});

Deno.test("requires() or complete() that throws names its task, and nothing runs", async () => {
  const steps = new Steps();
  const bad = steps.step("bad", {
    requires: () => {
      throw new Error("no idea");
    },
  });
  await assertRejects(
    () => sd.build([steps.step("a"), steps.step("top", [bad])]),
    sd.DiscoveryError,
    `Cannot tell what ${bad} requires: no idea`,
  );
  const late = steps.step("late", { complete: () => Promise.reject(new Error("offline")) });
  await assertRejects(
    () => sd.build(late),
    sd.DiscoveryError,
    `whether ${late} is complete: offline`,
  );
  const noTask = steps.step("noTask", { requires: () => ["text"] as never });
  await assertRejects(() => sd.build(noTask), sd.DiscoveryError, `"text"`);
  assertEquals(steps.ran, []);
});

Deno.test("two tasks of one id that differ in what is not part of it are refused, with both paths", async () => {
  const leaf = sd.task({
    name: "build_test_leaf",
    params: { n: z.int(), verbose: sd.field(z.boolean().default(false), { significant: false }) },
    output: z.int(),
    run: ({ n }) => n,
  });
  const top = sd.task({
    name: "build_test_top",
    params: { inputs: z.array(sd.depends(z.int())) },
    output: z.int(),
    run: () => 0,
  });
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://conflict" } }),
  );
  const [quiet, loud] = [leaf({ n: 1 }), leaf({ n: 1, verbose: true })];
  assertEquals(quiet.id, loud.id);
  const error = await assertRejects(
    () => sd.build([top({ inputs: [quiet] }), top({ inputs: [loud, leaf({ n: 2 })] })]),
    sd.InstanceConflictError,
    `"verbose" (false and true)`,
  );
  assertEquals(error.fields, ["verbose"]);
  assertEquals(error.message.match(/build_test_top/g)?.length, 2);
  assertEquals((await sd.build([quiet, leaf({ n: 1 })])).taskCount.discovered, 1);
});

Deno.test("build() refuses what is no task and options that make no sense", async () => {
  await assertRejects(() => sd.build("x" as never), TypeError, `Cannot use "x" as a task`);
  await assertRejects(() => sd.build([], { failMode: "stop" as never }), RangeError, `"stop"`);
  await assertRejects(() => sd.build([], { maxConcurrentDiscover: 0 }), RangeError, "0");
  assertThrows(() => new sd.InProcessTaskExecutor({ maxConcurrent: 0 }), RangeError, "0");
});

Deno.test("an executor that breaks its contract fails the task and not the build", async () => {
  const steps = new Steps();
  const executor: sd.TaskExecutor = {
    maxConcurrent: 1,
    submit: () => Promise.reject(new Error("lost")),
  };
  const summary = await sd.build(steps.step("a"), { executor });
  assertStringIncludes(summary.error!.message, "lost");
});

Deno.test("complete() that gives no boolean is an error and not a success", async () => {
  const steps = new Steps();
  const bad = steps.step("bad", { complete: () => Promise.resolve(undefined as never) });
  await assertRejects(() => sd.build(bad), sd.DiscoveryError, "complete() gave undefined");
});

Deno.test("an executor that takes nothing, and an outcome that is none, are errors", async () => {
  const steps = new Steps();
  for (const maxConcurrent of [0, NaN, undefined as never]) {
    const executor = new ControlledExecutor({ maxConcurrent });
    Object.defineProperty(executor, "maxConcurrent", { value: maxConcurrent });
    await assertRejects(
      () => sd.build(steps.step("a"), { executor }),
      RangeError,
      `${maxConcurrent}`,
    );
  }
  for (const outcome of [undefined, { kind: "done" }]) {
    const executor: sd.TaskExecutor = { maxConcurrent: 1, submit: () => outcome as never };
    const summary = await sd.build(steps.step("a"), { executor });
    assertStringIncludes(summary.error!.message, "the executor gave the outcome");
  }
});

Deno.test("checks under way are not followed by others when the build is stopped", async () => {
  const steps = new Steps();
  const controller = new AbortController();
  const all = Array.from({ length: 20 }, (_, i) =>
    steps.step(`c${i}`, {
      async complete() {
        await Promise.resolve();
        controller.abort();
        return false;
      },
    }));
  await sd.build(all, { signal: controller.signal, maxConcurrentDiscover: 2 });
  assertEquals(steps.asked.length, 2);
});

Deno.test("a build whose last task completes while it is stopped is a success", async () => {
  const steps = new Steps();
  const controller = new AbortController();
  const a = steps.step("a", { run: () => controller.abort() });
  assertEquals((await sd.build(a, { signal: controller.signal })).status, "success");
});

Deno.test("whatever a task throws, the summary says it", async () => {
  const steps = new Steps();
  const thrown: readonly (readonly [unknown, string])[] = [
    ["text", "text"],
    [{ code: 5 }, `{"code":5}`],
    [Object.create(null), "{}"],
    [undefined, "undefined"],
    [Object.assign(new Error("own issues"), { issues: [null] }), "own issues"],
    [z.object({ a: z.int() }).safeParse({ a: "x" }).error, "a: Invalid input"],
  ];
  for (const [i, [value, message]] of thrown.entries()) {
    const bad = steps.step(`bad${i}`, {
      run() {
        throw value;
      },
    });
    const summary = await sd.build(bad);
    assertEquals(summary.error!.cause, value);
    assertStringIncludes(summary.error!.message, message);
  }
});

/** Lets everything that can go on without the test go on. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}

Deno.test("checks are no more at once than the build allows, however many tasks yield", async () => {
  const steps = new Steps();
  let [underWay, most] = [0, 0];
  const yielding = Array.from({ length: 20 }, (_, i) =>
    steps.step(`yields ${i}`, {
      *run() {
        yield [1, 2, 3].map((n) =>
          steps.step(`yielded ${i} ${n}`, {
            async complete() {
              if (steps.ran.includes(`yielded ${i} ${n}`)) return true;
              most = Math.max(most, ++underWay);
              await new Promise((resolve) => setTimeout(resolve));
              underWay--;
              return false;
            },
          })
        );
      },
    }));
  (await sd.build(yielding, {
    maxConcurrentDiscover: 3,
    executor: new sd.InProcessTaskExecutor({ maxConcurrent: 100 }),
  })).throwIfFailed();
  assertEquals(most, 3);
});

Deno.test("what is yielded starts as soon as it is known, not when all below its neighbours is", async () => {
  const steps = new Steps();
  const gate = Promise.withResolvers<boolean>();
  const deep = steps.step("deep", [
    steps.step("below", { complete: () => steps.ran.includes("below") || gate.promise }),
  ]);
  const leaf = steps.step("leaf", { run: () => gate.resolve(false) });
  const root = steps.step("root", {
    *run() {
      yield [leaf, deep];
    },
  });
  (await sd.build(root)).throwIfFailed();
  assertEquals(steps.ran, ["leaf", "below", "deep", "root"]);
});

Deno.test("a build of nothing by mistake is refused", async () => {
  await assertRejects(() => sd.build(undefined as never), TypeError, "Cannot build undefined");
});

Deno.test("a circle of any length is told in a message of a readable one", async () => {
  const steps = new Steps();
  const chain: Step[] = [];
  for (let i = 0; i < 1000; i++) {
    chain.push(steps.step(`${i}`, { requires: () => chain[(i + 1) % 1000] }));
  }
  const error = await assertRejects(() => sd.build(chain[0]!), sd.DependencyCycleError);
  assertEquals(error.cycle.length, 1001);
  assert(error.message.length < 5000);
  assertStringIncludes(error.message, "-> ... 981 more ... ->");
});
