import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as sd from "../../mod.ts";
import { HybridConcurrentTaskExecutor } from "../../src/executors/hybrid.ts";
import { RoutedTaskExecutor } from "../../src/executors/routed.ts";
import { ControlledExecutor, executorContract } from "../../src/testing/mod.ts";
import { TaskContext } from "../../src/tasks/run_context.ts";
import { Steps } from "../support/steps.ts";
import { failureOf, Notes } from "./in_workers.ts";

executorContract("RoutedTaskExecutor", () =>
  new RoutedTaskExecutor({
    executors: { here: new sd.InProcessTaskExecutor(), there: new HybridConcurrentTaskExecutor() },
    router: ({ id }) => id < "8" ? "here" : "there",
  }));

/** Two executors, of which a task goes to the one that its name begins with. */
function twoWays(few: sd.TaskExecutor, many: sd.TaskExecutor): RoutedTaskExecutor {
  return new RoutedTaskExecutor({
    executors: { few, many },
    router: (task) => /name="few/.test(String(task)) ? "few" : "many",
  });
}

Deno.test("each task goes to its executor, and no executor gets more than it takes", async () => {
  const steps = new Steps();
  const [few, many] = [new ControlledExecutor({ maxConcurrent: 1 }), new ControlledExecutor()];
  const executor = twoWays(few, many);
  assertEquals(executor.maxConcurrent, few.maxConcurrent + many.maxConcurrent);
  const notes = new Notes();
  const submit = (name: string): readonly [TaskContext, unknown] => {
    const context = new TaskContext(new AbortController().signal, 1, notes);
    return [context, executor.submit(steps.step(name), context)];
  };
  const [first] = [submit("few 1"), submit("many 1")];
  const [waiting, second] = submit("few 2");
  assertEquals([first[0].isWaiting, waiting.isWaiting], [false, true]);
  assertEquals(few.log.map(String).at(-1), String(steps.step("few 1")));
  assertEquals(many.log.map(String).at(-1), String(steps.step("many 1")));
  few.end(steps.step("few 1"), { kind: "complete" });
  await first[1];
  assertEquals(few.log.map(String).at(-1), String(steps.step("few 2")));
  assertEquals(notes.begun, [steps.step("few 2").id]);
  few.end(steps.step("few 2"), { kind: "complete" });
  assertEquals(await second, { kind: "complete" });
  many.end(steps.step("many 1"), { kind: "complete" });
});

Deno.test("a task that waits for its executor and is to stop does not run", async () => {
  const steps = new Steps();
  const few = new ControlledExecutor({ maxConcurrent: 1 });
  const executor = twoWays(few, new sd.InProcessTaskExecutor());
  const controller = new AbortController();
  executor.submit(steps.step("few 1"), new TaskContext(new AbortController().signal, 1));
  const second = executor.submit(steps.step("few 2"), new TaskContext(controller.signal, 1));
  controller.abort("enough");
  assertEquals(await second, { kind: "failed", error: "enough" });
  few.end(steps.step("few 1"), { kind: "complete" });
});

Deno.test("a key that the router makes up fails its task, and names those there are", async () => {
  const steps = new Steps();
  const executor = new RoutedTaskExecutor({
    executors: { here: new sd.InProcessTaskExecutor() },
    router: () => "nowhere" as "here",
  });
  const { error } = await failureOf(executor, steps.step("a"));
  assert(error instanceof sd.ConfigError);
  assertStringIncludes(error.message, '"nowhere": there is no such executor. There are "here"');
});

Deno.test("a router that throws fails its task", async () => {
  const executor = new RoutedTaskExecutor({
    executors: { here: new sd.InProcessTaskExecutor() },
    router(): never {
      throw new RangeError("no idea");
    },
  });
  assertStringIncludes((await failureOf(executor, new Steps().step("a"))).error.message, "no idea");
});

Deno.test("closing it closes those that can be closed", async () => {
  const closed: string[] = [];
  const closing: sd.TaskExecutor = {
    maxConcurrent: 1,
    submit: () => ({ kind: "complete" }),
    [Symbol.asyncDispose]: () => Promise.resolve(void closed.push("it")),
  };
  {
    await using _ = twoWays(closing, new sd.InProcessTaskExecutor());
  }
  assertEquals(closed, ["it"]);
});

Deno.test("what is no executor, or no router, is refused", () => {
  const router = (): "a" => "a";
  assertThrows(
    () => new RoutedTaskExecutor({ executors: {} as never, router }),
    TypeError,
    "by key",
  );
  assertThrows(
    () => new RoutedTaskExecutor({ executors: { a: 1 as never }, router }),
    TypeError,
    '"a": it is 1',
  );
  assertThrows(
    () =>
      new RoutedTaskExecutor({
        executors: { a: new sd.InProcessTaskExecutor() },
        router: "a" as never,
      }),
    TypeError,
    "a function of the task",
  );
});
