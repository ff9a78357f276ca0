import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { executorContract } from "../../src/testing/mod.ts";
import { Steps } from "../support/steps.ts";

executorContract("InProcessTaskExecutor", () => new sd.InProcessTaskExecutor());

const context: sd.RunContext = { signal: new AbortController().signal, attempt: 1 };

Deno.test("it takes 50 tasks at once unless told, and refuses what is no number of tasks", () => {
  assertEquals(new sd.InProcessTaskExecutor().maxConcurrent, 50);
  assertEquals(new sd.InProcessTaskExecutor({ maxConcurrent: 3 }).maxConcurrent, 3);
  for (const maxConcurrent of [0, -1, 1.5, NaN, Infinity, "2" as never, null as never]) {
    assertThrows(
      () => new sd.InProcessTaskExecutor({ maxConcurrent }),
      RangeError,
      "give an integer from 1",
    );
  }
});

Deno.test("a task that does not wait has its outcome at once, without a promise", () => {
  const steps = new Steps();
  const executor = new sd.InProcessTaskExecutor();
  assertEquals(executor.submit(steps.step("a"), context), { kind: "complete" });
  const bad = steps.step("bad", {
    run() {
      throw new Error("boom");
    },
  });
  const outcome = executor.submit(bad, context);
  assert("kind" in outcome && outcome.kind === "failed");
  assertStringIncludes(String(outcome.error), "boom");
});

Deno.test("run is handed the context as it is", () => {
  const steps = new Steps();
  let given: unknown;
  const a = steps.step("a", {
    run(handed) {
      given = handed;
    },
  });
  new sd.InProcessTaskExecutor().submit(a, context);
  assertEquals(given, context);
  assert(given === context);
});

const missing = sd.task({
  name: "missing",
  namespace: "stardag.tests.in_process",
  output: z.int(),
  run: () => 1,
});

Deno.test("what cannot be loaded is thrown where it was asked for, and can be caught there", async () => {
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://in-process-load" } }),
  );
  const steps = new Steps();
  const caught: unknown[] = [];
  const careful = steps.step("careful", {
    *run() {
      try {
        yield* sd.load(missing());
      } catch (error) {
        caught.push(error);
      }
    },
  });
  const careless = steps.step("careless", {
    async *run() {
      yield* sd.load(missing());
    },
  });
  const executor = new sd.InProcessTaskExecutor();
  assertEquals((await executor.submit(careful, context)).kind, "suspended");
  assertEquals((await executor.submit(careless, context)).kind, "suspended");
  // It is not complete, though this says that it is.
  assertEquals(await executor.submit(careful, context), { kind: "complete" });
  assert(caught[0] instanceof sd.TargetNotFoundError);
  const outcome = await executor.submit(careless, context);
  assert(outcome.kind === "failed");
  assert(outcome.error instanceof sd.TargetNotFoundError);
});

Deno.test("what is yielded and is no task is thrown where it was yielded", async () => {
  const steps = new Steps();
  let seen: unknown;
  const a = steps.step("a", {
    *run() {
      try {
        yield 5 as never;
      } catch (error) {
        seen = error;
      }
    },
  });
  assertEquals(await new sd.InProcessTaskExecutor().submit(a, context), { kind: "complete" });
  assert(seen instanceof TypeError);
  assertStringIncludes(seen.message, "Cannot wait for 5: yield a task");
});

Deno.test("a task goes on where it stood; one that was given up runs its finally and begins anew", async () => {
  const steps = new Steps();
  const child = steps.step("child");
  const seen: string[] = [];
  const a = steps.step("a", {
    async *run() {
      try {
        seen.push("begins");
        yield child;
        seen.push("goes on");
      } finally {
        await Promise.resolve();
        seen.push("ends");
      }
    },
  });
  const executor = new sd.InProcessTaskExecutor();
  const suspended = { kind: "suspended", requires: [child] } as const;
  assertEquals(await executor.submit(a, context), suspended);
  await executor.discard(a, context);
  assertEquals(seen, ["begins", "ends"]);
  assertEquals(await executor.submit(a, context), suspended);
  assertEquals(await executor.submit(a, context), { kind: "complete" });
  assertEquals(seen, ["begins", "ends", "begins", "goes on", "ends"]);
  await executor.discard(a, context);
  assertEquals(seen.length, 5);
});

Deno.test("a thousand yields are a thousand resumes", async () => {
  const steps = new Steps();
  const child = steps.step("child");
  let begun = 0;
  const a = steps.step("a", {
    *run() {
      begun++;
      for (let i = 0; i < 1000; i++) yield child;
    },
  });
  const executor = new sd.InProcessTaskExecutor();
  let rounds = 0;
  while ((await executor.submit(a, context)).kind === "suspended") rounds++;
  assertEquals([begun, rounds], [1, 1000]);
});

Deno.test("a task is judged by its complete(), which may say so later or throw", async () => {
  const executor = new sd.InProcessTaskExecutor();
  const steps = new Steps();
  const late = steps.step("late", { complete: () => Promise.resolve(true) });
  assertEquals(await executor.submit(late, context), { kind: "complete" });
  const never = steps.step("never", { complete: () => Promise.resolve(false) });
  const outcome = await executor.submit(never, context);
  assert(outcome.kind === "failed" && outcome.error instanceof sd.MissingOutputError);
  assertStringIncludes(outcome.error.message, `complete() still says false`);
  for (
    const complete of [
      () => {
        throw new Error("offline");
      },
      () => Promise.reject(new Error("offline")),
    ]
  ) {
    const thrown = await executor.submit(steps.step("thrown", { complete }), context);
    assert(thrown.kind === "failed");
    assertStringIncludes(String(thrown.error), "offline");
  }
});

Deno.test("inputs are loaded at most 16 at once, and one that is given twice only once", async () => {
  let [now, most, loads] = [0, 0, 0];
  class Slow {
    readonly uri = "slow";
    exists(): Promise<boolean> {
      return Promise.resolve(true);
    }
    async load(): Promise<number> {
      loads++;
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
      return 1;
    }
  }

  @sd.register
  class Input extends sd.Task({
    name: "Input",
    namespace: "stardag.tests.in_process",
    params: { n: z.int() },
    output: z.int(),
  }) {
    override output(): Slow {
      return new Slow();
    }
    override run(): void {}
  }
  const total = sd.task({
    name: "total",
    namespace: "stardag.tests.in_process",
    params: { inputs: z.array(sd.depends(z.int())) },
    output: z.int(),
    run: ({ inputs }) => inputs.reduce((a, b) => a + b, 0),
  });
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://in-process-total" } }),
  );
  const inputs = Array.from({ length: 100 }, (_, n) => new Input({ n }));
  const task = total({ inputs: [...inputs, ...inputs] });
  assertEquals(await new sd.InProcessTaskExecutor().submit(task, context), { kind: "complete" });
  assertEquals(await task.load(), 200);
  assertEquals([most, loads], [16, 100]);
});

Deno.test("two builds that share an executor do not go on with each other's tasks", async () => {
  const steps = new Steps();
  const child = steps.step("child");
  const shared = steps.step("shared", {
    *run() {
      yield child;
    },
  });
  const executor = new sd.InProcessTaskExecutor();
  const [one, two] = [context, { ...context }];
  assertEquals((await executor.submit(shared, one)).kind, "suspended");
  assertEquals((await executor.submit(shared, two)).kind, "suspended");
  assertEquals(await executor.submit(shared, one), { kind: "complete" });
});

Deno.test("all finally blocks run when the task is given up, also around one that yields", async () => {
  const steps = new Steps();
  const child = steps.step("child");
  const closed: string[] = [];
  const a = steps.step("a", {
    *run() {
      try {
        try {
          yield child;
        } finally {
          closed.push("inner");
          yield child;
        }
      } finally {
        closed.push("outer");
      }
    },
  });
  const executor = new sd.InProcessTaskExecutor();
  await executor.submit(a, context);
  await executor.discard(a, context);
  assertEquals(closed, ["inner", "outer"]);
});

Deno.test("a function that is given up does not go on after a finally block that yields", async () => {
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://given-up" } }),
  );
  const steps = new Steps();
  const child = steps.step("child");
  const part = function* (): Generator<sd.Yieldable, void, unknown> {
    try {
      yield child;
    } finally {
      yield child;
    }
  };
  const options = { namespace: "stardag.tests.given_up", output: z.number().default(7) };
  const delegating = sd.task({
    ...options,
    name: "delegating",
    *run() {
      yield* part();
      return 5;
    },
  });
  const direct = sd.task({
    ...options,
    name: "direct",
    async *run() {
      try {
        yield child;
      } finally {
        yield child;
      }
      return 5;
    },
  });
  for (const task of [delegating(), direct()]) {
    const executor = new sd.InProcessTaskExecutor();
    assertEquals((await executor.submit(task, context)).kind, "suspended");
    await executor.discard(task, context);
    assertEquals(await task.complete(), false);
  }
});

Deno.test("whatever can be awaited is waited for, though it is no Promise", async () => {
  let ran = false;
  class Later extends sd.BaseTask({ name: "later_thenable" }) {
    override complete(): boolean {
      return ran;
    }
    override run(): Promise<void> {
      const later = {
        then(resolve: (value: unknown) => void): void {
          queueMicrotask(() => {
            ran = true;
            resolve(undefined);
          });
        },
      };
      return later as Promise<void>;
    }
  }
  sd.register(Later);
  const outcome = await new sd.InProcessTaskExecutor().submit(new Later(), context);
  assertEquals(outcome, { kind: "complete" });
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://thenable" } }),
  );
  const query = { then: (resolve: (value: number) => void) => resolve(7) };
  const fn = sd.task({ name: "thenable", output: z.int(), run: () => query as Promise<number> });
  (await sd.build(fn())).throwIfFailed();
  assertEquals(await fn().load(), 7);
});
