/**
 * Attempts that fail and are followed by others, and attempts that take too long.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { ControlledExecutor } from "../../src/testing/mod.ts";
import { NOTHING } from "../support/steps.ts";

const { task } = sd.namespace("stardag.tests.retries", import.meta.url);
const done = new Set<string>();

/** Tasks whose attempts the test ends. */
function stepType(name: string, options: sd.RunOptions<unknown>) {
  @sd.register
  class Attempted extends sd.BaseTask({
    name,
    namespace: "stardag.tests.retries",
    params: { after: z.array(sd.taskLoads(z.unknown())).default([]) },
    ...options,
  }) {
    override complete(): boolean {
      return done.has(this.id);
    }
    override run(): void {
      throw new Error("the executor of these tests runs nothing");
    }
    load(): Promise<unknown> {
      return Promise.resolve();
    }
  }
  return Attempted;
}

const COMPLETE = { kind: "complete" } as const;
const failed = (error: unknown) => ({ kind: "failed", error }) as const;

Deno.test("a task is tried again, each time after a longer wait, until it succeeds", async () => {
  using time = new FakeTime();
  const Flaky = stepType("Flaky", {
    retries: { maxAttempts: 4, minTimeout: 100, multiplier: 3, jitter: 0 },
  });
  const step = new Flaky();
  const executor = new ControlledExecutor();
  const events: string[] = [];
  const building = sd.build(step, {
    executor,
    reporter: {
      onTaskEvent: (event) =>
        void events.push("delay" in event ? `${event.kind} in ${event.delay}` : event.kind),
    },
  });
  for (const delay of [100, 300, 900]) {
    await executor.submitted(step);
    executor.end(step, failed(new Error("not yet")));
    await time.tickAsync(delay - 1);
    assert(!executor.isRunning(step));
    await time.tickAsync(1);
  }
  await executor.submitted(step);
  assertEquals(executor.context(step).attempt, 4);
  executor.end(step, COMPLETE);
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, succeeded: 1 });
  assertEquals(summary.retried, 3);
  assertStringIncludes(`${summary}`, "1 succeeded, 3 retries");
  assertEquals(events, [
    "started",
    "retrying in 100",
    "started",
    "retrying in 300",
    "started",
    "retrying in 900",
    "started",
    "completed",
  ]);
});

Deno.test("the last attempt's error is the failure, and the message says how many there were", async () => {
  using time = new FakeTime();
  let attempts = 0;
  const hopeless = task({
    name: "hopeless",
    output: z.int(),
    retries: { maxAttempts: 3, minTimeout: 10 },
    run: () => Promise.reject(new Error(`boom ${++attempts}`)),
  });
  const building = sd.build(hopeless(), { failMode: "continue" });
  for (let i = 0; i < 5; i++) await time.tickAsync(20);
  const summary = await building;
  assertEquals(attempts, 3);
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, failed: 1 });
  assertStringIncludes(summary.error!.message, "after 3 attempts: boom 3");
});

Deno.test("a wait is no longer than maxTimeout, and jitter only shortens it", async () => {
  using time = new FakeTime();
  const Jittery = stepType("Jittery", {
    retries: { maxAttempts: 50, minTimeout: 1, maxTimeout: 500, multiplier: 10, jitter: 0.5 },
  });
  const step = new Jittery();
  const executor = new ControlledExecutor();
  const delays: number[] = [];
  const building = sd.build(step, {
    executor,
    reporter: { onTaskEvent: (event) => void ("delay" in event && delays.push(event.delay)) },
  });
  for (let i = 0; i < 49; i++) {
    await executor.submitted(step);
    executor.end(step, failed(new Error("not yet")));
    await time.tickAsync(500);
  }
  await executor.submitted(step);
  executor.end(step, COMPLETE);
  await building;
  const late = delays.slice(3);
  assertEquals(late.length, 46);
  assert(late.every((delay) => delay >= 250 && delay <= 500), `${late}`);
  assert(new Set(late).size > 20, "they differ");
});

Deno.test("only errors that isRetriable lets through are tried again", async () => {
  const errors: unknown[] = [];
  const picky = task({
    name: "picky",
    params: { text: z.string() },
    output: z.int(),
    retries: {
      minTimeout: 0,
      isRetriable(error) {
        errors.push(error);
        return error instanceof RangeError;
      },
    },
    run({ text }, { attempt }) {
      if (text === "range" && attempt < 3) throw new RangeError("once more");
      if (text === "type") throw new TypeError("never");
      return attempt;
    },
  });
  const summary = await sd.build([picky({ text: "range" }), picky({ text: "type" })], {
    failMode: "continue",
  });
  assertEquals(await picky({ text: "range" }).load(), 3);
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, succeeded: 1, failed: 1 });
  assertEquals(errors.length, 3);
});

Deno.test("a predicate that throws leaves the failure as it is, with a warning", async () => {
  const broken = task({
    name: "broken",
    output: z.int(),
    retries: {
      isRetriable() {
        throw new Error("cannot tell");
      },
    },
    run: () => Promise.reject(new Error("boom")),
  });
  const { error, warnings } = await sd.build(broken());
  assertStringIncludes(error!.message, "boom");
  assertStringIncludes(warnings.join(), "isRetriable of stardag.tests.retries.broken()");
  assertStringIncludes(warnings.join(), "cannot tell");
});

Deno.test("a denied permission and a task of another version are not tried again", async () => {
  let attempts = 0;
  const denied = task({
    name: "denied",
    output: z.int(),
    retries: { minTimeout: 0 },
    params: { how: z.enum(["ours", "Deno's"]) },
    run({ how }): number {
      attempts++;
      throw how === "ours"
        ? new sd.PermissionError("Cannot read", { flag: "--allow-read" })
        : new Deno.errors.NotCapable("Requires read access");
    },
  });
  const tasks = [denied({ how: "ours" }), denied({ how: "Deno's" })];
  const summary = await sd.build(tasks, { failMode: "continue" });
  assertEquals(attempts, 2);
  assertEquals(summary.retried, 0);
});

Deno.test("a generator begins anew, and passes what it yielded before without waiting", async () => {
  using time = new FakeTime();
  const part = task({ name: "part", params: { n: z.int() }, output: z.int(), run: ({ n }) => n });
  let attempts = 0;
  const sum = task({
    name: "sum",
    output: z.int(),
    retries: { maxAttempts: 2, minTimeout: 50, jitter: 0 },
    *run() {
      attempts++;
      const a = yield* sd.load(part({ n: 1 }));
      if (attempts === 1) throw new Error("once");
      return a + (yield* sd.load(part({ n: 2 })));
    },
  });
  const building = sd.build(sum());
  for (let i = 0; i < 3; i++) await time.tickAsync(50);
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 3, succeeded: 3 });
  assertEquals(await sum().load(), 3);
});

Deno.test("while a task waits for its next attempt, others have its place", async () => {
  using time = new FakeTime();
  const Patient = stepType("Patient", { retries: { minTimeout: 1000, jitter: 0 } });
  const Other = stepType("Other", {});
  const [patient, other] = [new Patient(), new Other()];
  const executor = new ControlledExecutor({ maxConcurrent: 1 });
  const building = sd.build([patient, other], { executor });
  await executor.submitted(patient);
  executor.end(patient, failed(new Error("boom")));
  await executor.submitted(other);
  executor.end(other, COMPLETE);
  await time.tickAsync(1000);
  await executor.submitted(patient);
  executor.end(patient, COMPLETE);
  (await building).throwIfFailed();
});

Deno.test("a stopped build does not wait for the next attempt", async () => {
  using time = new FakeTime();
  const Waiting = stepType("Waiting", { retries: { minTimeout: 60_000, jitter: 0 } });
  const step = new Waiting();
  const executor = new ControlledExecutor();
  const controller = new AbortController();
  const building = sd.build(step, { executor, signal: controller.signal });
  await executor.submitted(step);
  executor.end(step, failed(new Error("boom")));
  await time.runMicrotasks();
  controller.abort();
  const summary = await building;
  assertEquals(summary.status, "cancelled");
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, cancelled: 1 });
});

Deno.test("an attempt that takes longer than its timeout is told to stop, and has failed when it does", async () => {
  using time = new FakeTime();
  const Slow = stepType("Slow", { timeout: 1000 });
  const step = new Slow();
  const executor = new ControlledExecutor();
  const building = sd.build(step, { executor });
  await executor.submitted(step);
  const { signal } = executor.context(step);
  await time.tickAsync(999);
  assert(!signal.aborted);
  await time.tickAsync(1);
  assert(signal.aborted);
  const error = new Error("the download was cut off");
  executor.end(step, failed(error));
  const summary = await building;
  const { cause } = summary.error!;
  assertInstanceOf(cause, sd.TaskTimeoutError);
  assertEquals([cause.timeout, cause.cause], [1000, error]);
  assertEquals(signal.reason, cause);
  assertStringIncludes(summary.error!.message, "longer than its timeout of 1000 ms");
  assertEquals(summary.warnings, []);
});

Deno.test("an attempt whose output is there though its time is over is complete", async () => {
  using time = new FakeTime();
  const Late = stepType("Late", { timeout: 1000 });
  const step = new Late();
  const executor = new ControlledExecutor();
  const building = sd.build(step, { executor });
  await executor.submitted(step);
  await time.tickAsync(1500);
  executor.end(step, COMPLETE);
  assertEquals((await building).status, "success");
});

Deno.test("an attempt that does not stop keeps its place for the grace period, and is then left behind", async () => {
  using time = new FakeTime();
  const Deaf = stepType("Deaf", {
    timeout: 1000,
    concurrencyKeys: ["api"],
    retries: { maxAttempts: 2, minTimeout: 0, jitter: 0 },
  });
  const Next = stepType("Next", { concurrencyKeys: ["api"] });
  const [deaf, next] = [new Deaf(), new Next()];
  const contexts: sd.RunContext[] = [];
  const ends: ((outcome: sd.TaskOutcome) => void)[] = [];
  const discarded: sd.RunContext[] = [];
  const started: sd.AnyTask[] = [];
  const executor: sd.TaskExecutor = {
    maxConcurrent: 5,
    submit(task, context) {
      started.push(task);
      contexts.push(context);
      return new Promise((resolve) => ends.push(resolve));
    },
    discard(_, context) {
      discarded.push(context);
      return Promise.resolve();
    },
  };
  const building = sd.build([deaf, next], {
    executor,
    concurrencyLimits: { api: 1 },
    gracePeriod: 500,
  });
  await time.tickAsync(1499);
  assertEquals(started, [deaf]);
  await time.tickAsync(1);
  await time.tickAsync(0);
  // Its retry keeps its turn, but comes when there is a slot.
  assertEquals(started.length, 2);
  const [second, other] = started[1] === deaf ? [1, 2] : [2, 1];
  ends[1]!(COMPLETE);
  await time.runMicrotasks();
  assertEquals(contexts[second]!.attempt, 2);
  // The end of the first attempt is not taken for that of the second.
  ends[0]!({ kind: "suspended", requires: [] });
  await time.runMicrotasks();
  ends[2]!(COMPLETE);
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, succeeded: 2 });
  assertEquals(discarded, [contexts[0]!]);
  assertEquals(summary.warnings.length, 1);
  assertStringIncludes(summary.warnings[0]!, "more than 500 ms after its timeout");
  assert(started[other] === next);
});

Deno.test("what a function returns after it was left behind is not stored", async () => {
  using time = new FakeTime();
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const late = task({
    name: "late",
    output: z.string(),
    timeout: 100,
    retries: { maxAttempts: 2, minTimeout: 0, jitter: 0 },
    async run(_, context) {
      // Never looks at the signal.
      const { attempt } = context;
      await gates[attempt - 1]!.promise;
      return `attempt ${attempt}`;
    },
  });
  const building = sd.build(late(), { gracePeriod: 50 });
  await time.tickAsync(150);
  await time.tickAsync(0);
  gates[1]!.resolve();
  await time.runMicrotasks();
  assertEquals((await building).status, "success");
  gates[0]!.resolve();
  await time.runMicrotasks();
  assertEquals(await late().load(), "attempt 2");
});

Deno.test("time in which a task waits for what it yielded does not count", async () => {
  using time = new FakeTime();
  const { now } = performance;
  performance.now = () => time.now;
  try {
    const Root = stepType("Root", { timeout: 100 });
    const Part = stepType("Part", {});
    const [root, part] = [new Root(), new Part()];
    const executor = new ControlledExecutor();
    const building = sd.build(root, { executor });
    await executor.submitted(root);
    await time.tickAsync(60);
    executor.end(root, { kind: "suspended", requires: [part] });
    await executor.submitted(part);
    await time.tickAsync(5000);
    executor.end(part, COMPLETE);
    await executor.submitted(root);
    const { signal } = executor.context(root);
    await time.tickAsync(39);
    assert(!signal.aborted);
    await time.tickAsync(1);
    assert(signal.aborted);
    executor.end(root, failed(signal.reason));
    assertInstanceOf((await building).error?.cause, sd.TaskTimeoutError);
  } finally {
    performance.now = now;
  }
});

Deno.test("the signal of an attempt with a timeout is aborted when the build is stopped, too", async () => {
  using _ = new FakeTime();
  const Stopped = stepType("Stopped", { timeout: 1000 });
  const step = new Stopped();
  const executor = new ControlledExecutor();
  const controller = new AbortController();
  const building = sd.build(step, { executor, signal: controller.signal });
  await executor.submitted(step);
  controller.abort(new Error("enough"));
  const { signal } = executor.context(step);
  assertEquals(signal.reason, controller.signal.reason);
  executor.end(step, failed(signal.reason));
  assertEquals((await building).taskCount, { ...NOTHING, discovered: 1, cancelled: 1 });
});

Deno.test("options that make no sense are refused when the type is declared", () => {
  const declare = (options: sd.RunOptions<unknown>): void =>
    void task({ name: "nonsense", output: z.int(), run: () => 1, ...options });
  const retry = (retries: sd.RetryOptions): void => declare({ retries });
  for (
    const [what, wrong] of [
      ['"stardag.tests.retries.nonsense": timeout is 0', () => declare({ timeout: 0 })],
      ["timeout is 1e+21", () => declare({ timeout: 1e21 })],
      ["timeout is NaN", () => declare({ timeout: NaN })],
      ["retries.maxAttempts is 0", () => retry({ maxAttempts: 0 })],
      ["retries.maxAttempts is 1.5", () => retry({ maxAttempts: 1.5 })],
      ["retries.minTimeout is -1", () => retry({ minTimeout: -1 })],
      ["retries.maxTimeout is 5", () => retry({ minTimeout: 10, maxTimeout: 5 })],
      ["retries.multiplier is 0.5", () => retry({ multiplier: 0.5 })],
      ["retries.jitter is 2", () => retry({ jitter: 2 })],
      ["retries.isRetriable is", () => retry({ isRetriable: true as never })],
    ] as const
  ) {
    assertStringIncludes(assertThrows(wrong, RangeError).message, what);
  }
  for (
    const [what, wrong] of [
      ["retries is 3", () => declare({ retries: 3 as never })],
      ['no option "attempts"', () => retry({ attempts: 3 } as never)],
      ["priority", () => declare({ priority: "high" as never })],
      ["concurrencyKeys", () => declare({ concurrencyKeys: "api" as never })],
      ["concurrencyKeys", () => declare({ concurrencyKeys: [""] })],
    ] as const
  ) {
    assertStringIncludes(assertThrows(wrong, TypeError).message, what);
  }
});
