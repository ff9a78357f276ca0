import { assertEquals } from "@std/assert";
import type * as sd from "../../mod.ts";
import { Lane } from "../../src/executors/lane.ts";
import { TaskContext } from "../../src/tasks/run_context.ts";
import { Steps } from "../support/steps.ts";

Deno.test("any number of tasks that end at once have their turn, one after the other", async () => {
  const lane = new Lane(1);
  const task = new Steps().step("a");
  const context = new TaskContext(new AbortController().signal, 1);
  const { promise, resolve } = Promise.withResolvers<sd.TaskOutcome>();
  const order: number[] = [];
  const all = [
    lane.run(task, context, () => promise),
    ...Array.from({ length: 20_000 }, (_, n) =>
      lane.run(task, context, () => {
        order.push(n);
        return { kind: "complete" };
      })),
  ];
  resolve({ kind: "complete" });
  const kinds = new Set((await Promise.all(all)).map(({ kind }) => kind));
  assertEquals([...kinds], ["complete"]);
  assertEquals(order, Array.from({ length: 20_000 }, (_, n) => n));
});
