/**
 * What every executor must do, as tests. Unaware of which executor it is.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import { MissingOutputError, TaskVersionError } from "../errors.ts";
import type { TaskExecutor, TaskOutcome } from "../executors/executor.ts";
import { TargetFactory, targetFactoryProvider } from "../targets/factory.ts";
import { AutoTask } from "../tasks/auto_task.ts";
import { register } from "../tasks/base_task.ts";
import { task } from "../tasks/define_task.ts";
import { depends } from "../tasks/fields.ts";
import { taskFromJSON } from "../tasks/from_json.ts";
import { type AnyTask, load } from "../tasks/task.ts";

/** Options of {@linkcode executorContract}. */
export interface ExecutorContractOptions {
  /** Where outputs are kept; in memory unless told, which is no place for tasks that run elsewhere. Each test has its own below it. */
  readonly targetRoot?: string | undefined;
}

/** All submissions of the suite are of one build. */
const CONTEXT = { signal: new AbortController().signal, attempt: 1 };
const namespace = "stardag.testing.executor_contract";
const module = import.meta.url;

const number = task({
  namespace,
  module,
  name: "number",
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => n,
});
const waits = task({
  namespace,
  module,
  name: "waits",
  params: { input: depends(z.int()) },
  output: z.int(),
  run: async ({ input }) => await Promise.resolve(input + 1),
});
const throws = task({
  namespace,
  module,
  name: "throws",
  params: { late: z.boolean() },
  output: z.int(),
  run({ late }): Promise<number> {
    if (!late) throw new RangeError("thrown at once");
    return Promise.reject(new RangeError("thrown late"));
  },
});
const steps = task({
  namespace,
  module,
  name: "steps",
  params: { n: z.int() },
  output: z.int(),
  *run({ n }) {
    yield [number({ n }), { more: number({ n: n + 1 }) }];
    return (yield* load(number({ n }))) + (yield* load(number({ n: n + 1 })));
  },
});
const asyncSteps = task({
  namespace,
  module,
  name: "async_steps",
  params: { n: z.int() },
  output: z.int(),
  async *run({ n }) {
    const first = yield* load(number({ n }));
    await Promise.resolve();
    yield number({ n: first + 1 });
    return await number({ n: first + 1 }).load();
  },
});
const yieldsNoTask = task({
  namespace,
  module,
  name: "yields_no_task",
  output: z.int(),
  *run() {
    yield { no: 1 } as never;
    return 1;
  },
});
const versioned = task({
  namespace,
  module,
  name: "versioned",
  version: "2",
  output: z.int(),
  run: () => 2,
});
/** Ends well without an output. */
class SavesNothing extends AutoTask({ namespace, module, name: "saves_nothing", output: z.int() }) {
  override run(): void {}
}
register(SavesNothing);
class SavesInSteps extends AutoTask({
  namespace,
  module,
  name: "saves_in_steps",
  output: z.int(),
}) {
  override async *run(): AsyncGenerator<AnyTask, void, unknown> {
    yield number({ n: 7 });
    await this.save(await number({ n: 7 }).load());
  }
}
register(SavesInSteps);

/**
 * Registers the tests that any executor must pass.
 *
 * @example
 * ```ts ignore
 * import { InProcessTaskExecutor } from "@stardag/core";
 * import { executorContract } from "@stardag/core/testing";
 *
 * executorContract("InProcessTaskExecutor", () => new InProcessTaskExecutor());
 * ```
 */
export function executorContract(
  name: string,
  make: () => TaskExecutor,
  { targetRoot = "memory://executor-contract" }: ExecutorContractOptions = {},
): void {
  const test = (fact: string, prove: (executor: TaskExecutor) => Promise<void>): void => {
    Deno.test(`${name}: ${fact}`, async () => {
      const root = `${targetRoot}/${crypto.randomUUID()}`;
      using _ = targetFactoryProvider.override(
        new TargetFactory({ targetRoots: { default: root } }),
      );
      const executor = make();
      try {
        await prove(executor);
      } finally {
        await executor[Symbol.asyncDispose]?.();
      }
    });
  };

  test("runs a task and stores its output", async (executor) => {
    const one = number({ n: 1 });
    assertEquals(await submit(executor, one), { kind: "complete" });
    assertEquals(await one.load(), 1);
  });

  test("loads the inputs of a task before it runs", async (executor) => {
    const two = waits({ input: number({ n: 1 }) });
    await submit(executor, number({ n: 1 }));
    assertEquals(await submit(executor, two), { kind: "complete" });
    assertEquals(await two.load(), 2);
  });

  for (const late of [false, true]) {
    test(`says what a task threw ${late ? "late" : "at once"}`, async (executor) => {
      const outcome = await submit(executor, throws({ late }));
      assert(outcome.kind === "failed");
      assertInstanceOf(outcome.error, Error);
      assertEquals(outcome.error.name, "RangeError");
      assertEquals(outcome.error.message, late ? "thrown late" : "thrown at once");
      assertEquals(await throws({ late }).complete(), false);
    });
  }

  for (const [kind, make] of [["generator", steps], ["async generator", asyncSteps]] as const) {
    test(`suspends a ${kind} at each yield and goes on from there`, async (executor) => {
      const root = make({ n: 10 });
      let outcome = await submit(executor, root);
      let rounds = 0;
      while (outcome.kind === "suspended" && rounds++ < 5) {
        assertEquals(await root.complete(), false);
        for (const each of outcome.requires) {
          if (!await each.complete()) await submit(executor, each);
        }
        outcome = await submit(executor, root);
      }
      assertEquals(outcome, { kind: "complete" });
      assertEquals(await root.load(), kind === "generator" ? 21 : 11);
    });
  }

  test("says which tasks were yielded, nested ones too", async (executor) => {
    const outcome = await submit(executor, steps({ n: 3 }));
    assert(outcome.kind === "suspended");
    assertEquals(outcome.requires.map(({ id }) => id), [number({ n: 3 }).id, number({ n: 4 }).id]);
    await executor.discard?.(steps({ n: 3 }), CONTEXT);
  });

  test("goes on with a task of a class that saves after a yield", async (executor) => {
    const root = new SavesInSteps();
    assertEquals((await submit(executor, root)).kind, "suspended");
    await submit(executor, number({ n: 7 }));
    assertEquals(await submit(executor, root), { kind: "complete" });
    assertEquals(await root.load(), 7);
  });

  test("fails a task that yields something else than tasks, naming it", async (executor) => {
    const outcome = await submit(executor, yieldsNoTask());
    assert(outcome.kind === "failed");
    assertStringIncludes(String(outcome.error), `{"no":1}`);
  });

  test("fails a task that ends without its output, naming the place", async (executor) => {
    const outcome = await submit(executor, new SavesNothing());
    assert(outcome.kind === "failed");
    assertInstanceOf(outcome.error, MissingOutputError);
    assertStringIncludes(outcome.error.message, new SavesNothing().output().uri);
  });

  test("does not run a task of another version of the code", async (executor) => {
    const old = taskFromJSON({ ...versioned().toJSON(), version: "1" });
    const outcome = await submit(executor, old);
    assert(outcome.kind === "failed");
    assertInstanceOf(outcome.error, TaskVersionError);
    assertEquals(await old.complete(), false);
  });

  test("takes at least one task at once", (executor) => {
    assert(executor.maxConcurrent >= 1);
    return Promise.resolve();
  });
}

async function submit(executor: TaskExecutor, task: AnyTask): Promise<TaskOutcome> {
  return await executor.submit(task, CONTEXT);
}
