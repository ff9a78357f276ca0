/**
 * What builds make of workers: times, warnings and output reach those who watch.
 */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import * as sd from "../../mod.ts";
import { inWorkers, KINDS, temporaryRoot } from "./in_workers.ts";
import { pid } from "./sandbox_tasks.ts";
import { place } from "./elsewhere.ts";
import { endless, look, obedient, talks } from "./worker_tasks.ts";

for (const kind of KINDS) {
  Deno.test(`${kind}: the time of a task begins with its worker, not before`, async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    // Each takes 300 ms of its own, and all of them wait for the one worker.
    const all = [endless({ isBusy: false, n: 1 }), obedient(), endless({ isBusy: false, n: 2 })];
    const notes: string[] = [];
    const reporter: sd.Reporter = { onTaskOutput: (_task, line) => void notes.push(line) };
    const summary = await sd.build(all, { executor, failMode: "continue", reporter });
    assertEquals(summary.taskCount.failed, 3);
    for (const { cause } of summary.errors) assertInstanceOf(cause, sd.TaskTimeoutError);
    const heard = summary.errors.find(({ taskId }) => taskId === all[1]!.id);
    assertStringIncludes(String((heard!.cause as Error).cause), "heard");
    assertEquals(notes, ["on and on", "on and on"], "each of them has run");
  });

  Deno.test(`${kind}: lines reach reporters with their task, the last ones its error`, async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const seen: [string, string][] = [];
    const reporter: sd.Reporter = { onTaskOutput: ({ id }, line) => void seen.push([id, line]) };
    const task = talks({ lines: 1, fails: true });
    const { error } = await sd.build(task, { executor, reporter });
    const lines = ["line 1 of { lines: 1 }", "and an error"];
    assertEquals(seen, lines.map((line) => [task.id, line]));
    assertEquals(error!.lastLines, lines);
    assertStringIncludes(error!.message, `It wrote last: "line 1 of { lines: 1 }", "and an error"`);
  });
}

Deno.test("a build with no executor of its own starts what its tasks need, and ends it", async () => {
  await using _ = await temporaryRoot();
  const tasks = [look({ n: 1 }), pid({ n: 1 })] as const;
  (await sd.build(tasks)).throwIfFailed();
  assertEquals((await tasks[0].load()).place, place);
  assert(await tasks[1].load() !== Deno.pid);
});
