/**
 * Builds that are asked to stop while tasks run that do, do not, or only seem to.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { ControlledExecutor } from "../../src/testing/mod.ts";
import { NOTHING, type Step, type StepBehavior, Steps } from "../support/steps.ts";

const { task, AutoTask } = sd.namespace("stardag.tests.grace", import.meta.url);

/** A task that goes on only when the test says so. */
function gated(run: (args: unknown, context: sd.RunContext) => Promise<number>) {
  return task({ name: `gated_${crypto.randomUUID()}`, output: z.int(), run })();
}

Deno.test("a function that looked at the signal and returns after it was aborted is not complete", async () => {
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const early = gated(async (_, { signal }) => {
    started.resolve();
    let rows = 0;
    while (!signal.aborted) {
      rows++;
      await gate.promise;
    }
    return rows;
  });
  const controller = new AbortController();
  const building = sd.build(early, { signal: controller.signal });
  await started.promise;
  controller.abort(new Error("enough"));
  gate.resolve();
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, cancelled: 1 });
  assertEquals(await early.complete(), false);
  assertEquals(summary.errors, []);
});

Deno.test("a function that never looked at the signal has returned all of its output", async () => {
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const whole = gated(async () => {
    started.resolve();
    await gate.promise;
    return 7;
  });
  const controller = new AbortController();
  const building = sd.build(whole, { signal: controller.signal });
  await started.promise;
  controller.abort();
  gate.resolve();
  assertEquals((await building).status, "success");
  assertEquals(await whole.load(), 7);
});

Deno.test("a class that returns early without output is cancelled, one that saved is complete", async () => {
  @sd.register
  class Saver extends AutoTask({
    name: "Saver",
    params: { saves: z.boolean() },
    output: z.int(),
  }) {
    override async run({ signal }: sd.RunContext) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      if (this.saves) await this.save(1);
    }
  }
  const controller = new AbortController();
  const executor = new sd.InProcessTaskExecutor();
  const tasks = [new Saver({ saves: true }), new Saver({ saves: false })];
  const building = sd.build(tasks, {
    executor,
    signal: controller.signal,
    reporter: {
      onTaskEvent: ({ kind, task }) =>
        void (task === tasks[1] && kind === "started" &&
          queueMicrotask(() => controller.abort())),
    },
  });
  const summary = await building;
  assertEquals(summary.status, "cancelled");
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, succeeded: 1, cancelled: 1 });
});

Deno.test("an error that wraps the reason to stop is no failure", async () => {
  const steps = new Steps();
  const wrapping = steps.step("wrapping", {
    run: ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener(
          "abort",
          () => reject(new Error("the request failed", { cause: signal.reason })),
        )
      ),
  });
  const controller = new AbortController();
  const building = sd.build(wrapping, {
    signal: controller.signal,
    reporter: { onTaskEvent: () => queueMicrotask(() => controller.abort(new Error("enough"))) },
  });
  assertEquals((await building).taskCount, { ...NOTHING, discovered: 1, cancelled: 1 });
});

Deno.test("a task that goes on for too long is left behind and named", async () => {
  using time = new FakeTime();
  const steps = new Steps();
  const [deaf, next] = [steps.step("deaf"), steps.step("next")];
  const above = steps.step("above", [deaf]);
  const executor = new ControlledExecutor({ maxConcurrent: 1 });
  const controller = new AbortController();
  const building = sd.build([above, next], {
    executor,
    signal: controller.signal,
    gracePeriod: 5000,
  });
  await executor.submitted(deaf);
  controller.abort(new Error("enough"));
  let isOver = false;
  building.then(() => isOver = true);
  await time.tickAsync(4999);
  assert(!isOver);
  await time.tickAsync(1);
  const summary = await building;
  assertEquals(summary.status, "cancelled");
  assertEquals(summary.reason, controller.signal.reason);
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 3, cancelled: 1, pending: 2 });
  assertEquals(summary.warnings.length, 1);
  assertMatch(summary.warnings[0]!, /did not wait for .*name="deaf".*more than 5000 ms/);
  const text = `${summary}`;
  assertStringIncludes(text, "Warning: The build did not wait");
  assertMatch(text, /Not done: .*name="above".*\n.*Not done: .*name="next"/);
  // Its end, should it come, is nobody's business any more.
  executor.end(deaf, { kind: "suspended", requires: [next] });
  await time.runMicrotasks();
  assertEquals(executor.discarded, [deaf]);
});

Deno.test("a failure does not wait for ever for others either", async () => {
  using time = new FakeTime();
  const steps = new Steps();
  const [deaf, bad] = [steps.step("deaf"), steps.step("bad")];
  const executor = new ControlledExecutor();
  const building = sd.build([deaf, bad], { executor });
  await executor.submitted(bad);
  executor.end(bad, { kind: "failed", error: new Error("boom") });
  await time.tickAsync(1000);
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, failed: 1, cancelled: 1 });
});

Deno.test("a check that never answers does not keep a stopped build", async () => {
  using time = new FakeTime();
  const steps = new Steps();
  const silent = steps.step("silent", { complete: () => new Promise(() => {}) });
  const controller = new AbortController();
  const first = sd.build(silent, { signal: controller.signal });
  await time.runMicrotasks();
  controller.abort();
  await time.tickAsync(1000);
  assertEquals((await first).taskCount, { ...NOTHING, discovered: 1, pending: 1 });

  // The same for one that was yielded.
  const yields = steps.step("yields", {
    *run() {
      yield silent;
    },
  });
  const second = new AbortController();
  const building = sd.build(yields, { signal: second.signal });
  await time.runMicrotasks();
  second.abort();
  await time.tickAsync(1000);
  assertEquals((await building).taskCount, { ...NOTHING, discovered: 2, cancelled: 1, pending: 1 });
});

Deno.test("a clean-up that never ends does not keep the build", async () => {
  using time = new FakeTime();
  const steps = new Steps();
  const bad = steps.step("bad", { run: () => Promise.reject(new Error("boom")) });
  const messy = steps.step("messy", {
    async *run() {
      try {
        yield bad;
      } finally {
        await new Promise(() => {});
      }
    },
  });
  const building = sd.build(messy, { failMode: "continue" });
  await time.runMicrotasks();
  await time.tickAsync(1000);
  assertEquals((await building).taskCount, { ...NOTHING, discovered: 2, failed: 1, skipped: 1 });
});

Deno.test("the exit code is what the shell expects", async () => {
  const steps = new Steps();
  const ok = await sd.build(steps.step("ok"));
  assertEquals(ok.exitCode, 0);
  const bad = await sd.build(steps.step("bad", { run: () => Promise.reject(new Error("boom")) }));
  assertEquals(bad.exitCode, 1);
  for (
    const [reason, exitCode] of [
      [new sd.InterruptedError("", { signal: "SIGINT" }), 130],
      [new sd.InterruptedError("", { signal: "SIGTERM" }), 143],
      [new Error("a deadline"), 1],
    ] as const
  ) {
    const signal = AbortSignal.abort(reason);
    assertEquals((await sd.build(steps.step("never"), { signal })).exitCode, exitCode);
  }
});

Deno.test("a deadline that is over stops the build, and its reason is the summary's", async () => {
  const steps = new Steps();
  const waits = steps.step("waits", {
    run: ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true })
      ),
  });
  const summary = await sd.build(waits, { signal: AbortSignal.timeout(1) });
  assertEquals(summary.status, "cancelled");
  assertInstanceOf(summary.reason, DOMException);
  assertEquals(summary.reason.name, "TimeoutError");
});

Deno.test("options about stopping that make no sense are refused", async () => {
  const steps = new Steps();
  for (const gracePeriod of [-1, NaN, Infinity, "1" as never]) {
    const error = await sd.build(steps.step("a"), { gracePeriod }).catch((error) => error);
    assertInstanceOf(error, RangeError);
    assertStringIncludes(error.message, "gracePeriod");
  }
});

Deno.test("suspended tasks clean up together and at once, when it is clear that they do not go on", async () => {
  using time = new FakeTime();
  const steps = new Steps();
  const bad = steps.step("bad", { run: () => Promise.reject(new Error("boom")) });
  const cleaned: string[] = [];
  const waiting = ["a", "b", "c"].map((name) =>
    steps.step(name, {
      async *run() {
        try {
          yield bad;
        } finally {
          await new Promise((resolve) => setTimeout(resolve, 600));
          cleaned.push(name);
        }
      },
    })
  );
  const long = steps.step("long", {
    run: () => new Promise((resolve) => setTimeout(resolve, 2000)),
  });
  const building = sd.build([...waiting, long], { failMode: "continue" });
  await time.tickAsync(0);
  await time.tickAsync(600);
  await time.runMicrotasks();
  assertEquals(cleaned, ["a", "b", "c"]);
  await time.tickAsync(1400);
  const summary = await building;
  assertEquals(summary.taskCount, {
    ...NOTHING,
    discovered: 5,
    succeeded: 1,
    failed: 1,
    skipped: 3,
  });
  assertEquals(summary.warnings, []);
});

Deno.test("failures that come together are all failures, though the first one stops the build", async () => {
  const steps = new Steps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  const executor = new ControlledExecutor();
  const building = sd.build([a, b], { executor });
  await executor.submitted(b);
  for (const step of [a, b]) {
    // Both look at their signal, and neither was asked to stop.
    assert(!executor.context(step).signal.aborted);
    executor.end(step, { kind: "failed", error: new DOMException("slow", "TimeoutError") });
  }
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, failed: 2 });
  assertEquals(summary.errors.length, 2);
});

Deno.test("what a task throws after it was asked to stop is a failure only when it never looked", async () => {
  for (const looks of [true, false]) {
    const steps = new Steps();
    const step = steps.step("a");
    const executor = new ControlledExecutor();
    const controller = new AbortController();
    const building = sd.build(step, { executor, signal: controller.signal });
    await executor.submitted(step);
    if (looks) assert(!executor.context(step).signal.aborted);
    controller.abort();
    executor.end(step, { kind: "failed", error: new Error("sleep ended with code 143") });
    const { status, errors } = await building;
    assertEquals([status, errors.length], looks ? ["cancelled", 0] : ["failure", 1]);
  }
});

Deno.test("tasks that keep the event loop to themselves do not keep a deadline from its turn", async () => {
  const steps = new Steps();
  const busy = (): void => {
    const until = performance.now() + 5;
    while (performance.now() < until);
  };
  const many = (name: string, behavior: StepBehavior): readonly Step[] =>
    Array.from({ length: 200 }, (_, i) => steps.step(`${name} ${i}`, behavior));
  const running = await sd.build(many("runs", { run: busy }), {
    signal: AbortSignal.timeout(20),
  });
  assertEquals(running.status, "cancelled");
  assert(steps.ran.length < 150, `${steps.ran.length} have run`);
  const looking = await sd.build(many("checks", { complete: () => (busy(), false) }), {
    signal: AbortSignal.timeout(20),
  });
  assertEquals(looking.status, "cancelled");
  assert(steps.asked.filter((name) => name.startsWith("checks")).length < 150);
});

Deno.test("a signal that outlives the build keeps nothing of it", async () => {
  const steps = new Steps();
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  await sd.build(steps.step("a"), { signal });
  assertEquals(listeners, 0);
});

Deno.test("a summary says why it was stopped, and what the last attempts threw", async () => {
  using time = new FakeTime();
  const locked = task({
    name: "locked",
    output: z.int(),
    retries: { minTimeout: 20_000, jitter: 0 },
    run: () => Promise.reject(new Error("the database is locked")),
  });
  const controller = new AbortController();
  const building = sd.build(locked(), { signal: controller.signal });
  await time.runMicrotasks();
  controller.abort("the user pressed stop");
  const summary = await building;
  assertEquals(summary.status, "cancelled");
  assertStringIncludes(`${summary}`, "Stopped: the user pressed stop");
  assertMatch(`${summary}`, /Not done: .*locked.*last attempt failed: the database is locked/);
  assertEquals(summary.tasks().map(({ state, error }) => [state, String(error)]), [
    ["cancelled", "Error: the database is locked"],
  ]);
  let thrown: unknown;
  try {
    summary.throwIfFailed();
  } catch (error) {
    thrown = error;
  }
  assertInstanceOf(thrown, DOMException);
  assertStringIncludes(thrown.message, "the user pressed stop");
});
