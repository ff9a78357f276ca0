/**
 * Builds that stop early, or go on though something went wrong: single cases that random DAGs seldom come to.
 */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { ControlledExecutor } from "../../src/testing/mod.ts";
import { NOTHING, Steps } from "../support/steps.ts";

Deno.test("fail_fast starts nothing after a task that threw at once", async () => {
  const steps = new Steps();
  const bad = steps.step("bad", {
    run() {
      throw new Error("boom");
    },
  });
  const others = ["a", "b", "c"].map((name) => steps.step(name));
  const summary = await sd.build([bad, ...others]);
  assertEquals(steps.ran, []);
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 4, failed: 1, pending: 3 });
});

Deno.test("what waits for a cancelled task has not failed and is not skipped", async () => {
  const steps = new Steps();
  const [a, root] = [steps.step("a"), steps.step("root")];
  const above = steps.step("above", [a]);
  const executor = new ControlledExecutor();
  const controller = new AbortController();
  const building = sd.build([root, a, above], { executor, signal: controller.signal });
  await executor.submitted(a);
  controller.abort(new Error("enough"));
  executor.end(a, { kind: "failed", error: controller.signal.reason });
  executor.end(root, { kind: "suspended", requires: [a] });
  const summary = await building;
  assertEquals(summary.status, "cancelled");
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 3, cancelled: 2, pending: 1 });
  assertEquals(executor.discarded, [root]);
});

Deno.test("a task whose clean-up throws when it is given up does not end the build", async () => {
  @sd.register
  class Messy extends sd.BaseTask({
    name: "Messy",
    namespace: "stardag.tests.stopping",
    params: { waitsFor: sd.taskLoads(z.int()), asynchronous: z.boolean() },
  }) {
    override requires(): undefined {
      return undefined;
    }
    override complete(): boolean {
      return false;
    }
    override run(): sd.RunResult {
      return this.asynchronous ? this.#later() : this.#now();
    }
    *#now(): Generator<sd.BaseTask, void, unknown> {
      try {
        yield this.waitsFor;
      } finally {
        // deno-lint-ignore no-unsafe-finally -- it is what is tested
        throw new Error("the clean-up fails");
      }
    }
    async *#later(): AsyncGenerator<sd.BaseTask, void, unknown> {
      yield* this.#now();
    }
  }
  const bad = sd.task({
    name: "bad",
    namespace: "stardag.tests.stopping",
    output: z.int(),
    run: () => Promise.reject(new Error("boom")),
  });
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://stopping" } }),
  );
  for (const asynchronous of [true, false]) {
    const summary = await sd.build(new Messy({ waitsFor: bad(), asynchronous }));
    assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, failed: 1, skipped: 1 });
    assertStringIncludes(summary.error?.message ?? "", "boom");
  }
});

Deno.test("a task asked for by one that is refused can still be built for another", async () => {
  const leaf = sd.task({
    name: "leaf",
    namespace: "stardag.tests.stopping",
    params: { n: z.int(), verbose: sd.field(z.boolean().default(false), { significant: false }) },
    output: z.int(),
    run: ({ n }) => n,
  });
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://refused" } }),
  );
  for (const how of ["yields", "requires"] as const) {
    const steps = new Steps();
    const [fresh, quiet] = [leaf({ n: 1 }), leaf({ n: 2 })];
    const loud = leaf({ n: 2, verbose: true });
    // The last of what it wants is refused, when the first is known to the build already.
    const refused = how === "yields"
      ? steps.step("refused", {
        *run() {
          yield [fresh, loud];
        },
      })
      : steps.step("outer", {
        *run() {
          yield steps.step("refused", { requires: () => [fresh, loud] });
        },
      });
    const later = steps.step("later", {
      async *run() {
        yield steps.step("first");
        yield fresh;
      },
    });
    const summary = await sd.build([quiet, refused, later], { failMode: "continue" });
    assertInstanceOf(summary.error?.cause, sd.InstanceConflictError);
    assertEquals([how, steps.ran], [how, ["first", "later"]]);
    assertEquals(summary.taskCount.failed, 1);
    assertEquals(summary.taskCount.pending + summary.taskCount.cancelled, 0);
    assert(await fresh.complete());
    sd.inMemoryFileSystemProvider.set(undefined);
  }
});

Deno.test("an executor that gives no outcome at all fails the task and not the build", async () => {
  const steps = new Steps();
  for (
    const submit of [
      () => {
        throw new Error("lost at once");
      },
      () => Promise.reject(new Error("lost later")),
    ]
  ) {
    const summary = await sd.build(steps.step("a"), { executor: { maxConcurrent: 2, submit } });
    assertStringIncludes(summary.error?.message ?? "", "lost");
    assertEquals(summary.taskCount.failed, 1);
  }
});

Deno.test("a check that is stopped with the build does not count as a failure of its task", async () => {
  const asked = Promise.withResolvers<void>();
  const store: sd.TargetStore = {
    existsMany: (_uris, options) =>
      new Promise((_resolve, reject) => {
        asked.resolve();
        options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
      }),
  };
  const target: sd.Target = {
    uri: "slow://a",
    exists: () => Promise.resolve(false),
    probe: { store, uri: "slow://a" },
  };
  class Slow extends sd.Task({ name: "stopping_test_slow" }) {
    override output(): sd.Target {
      return target;
    }
    override run(): void {}
  }
  sd.register(Slow);
  const steps = new Steps();
  const yields = steps.step("yields");
  const fails = steps.step("fails");
  const executor = new ControlledExecutor();
  const building = sd.build([yields, fails], { executor });
  await executor.submitted(fails);
  executor.end(yields, { kind: "suspended", requires: [new Slow()] });
  await asked.promise;
  executor.end(fails, { kind: "failed", error: new Error("boom") });
  const { taskCount } = await building;
  assertEquals(taskCount, {
    discovered: 3,
    previouslyCompleted: 0,
    succeeded: 0,
    failed: 1,
    skipped: 0,
    cancelled: 1,
    pending: 1,
  });
});
