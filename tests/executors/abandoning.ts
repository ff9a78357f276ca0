/**
 * A program whose worker computes without end when it is told to stop. It prints what comes of that, closes nothing, and is
 * to end all the same. Apart from the tests, for the thread takes up a processor until the program ends.
 */

import * as sd from "../../mod.ts";
import { TaskContext } from "../../src/tasks/run_context.ts";
import { inWorkers, Notes, submit, temporaryRoot } from "./in_workers.ts";
import { endless, value } from "./worker_tasks.ts";

if (import.meta.main) {
  await using _ = await temporaryRoot();
  const executor = inWorkers("worker");
  const notes = new Notes();
  const controller = new AbortController();
  const context = new TaskContext(controller.signal, 1, notes);
  const outcome = executor.submit(endless({ isBusy: true, n: 1 }), context);
  while (!notes.lines.includes("on and on")) await new Promise((resolve) => setTimeout(resolve));
  controller.abort(new Error("enough"));
  const { kind, error } = await outcome as sd.TaskOutcome & { readonly error: Error };
  const next = await submit(executor, value({ n: 1 }));
  const all = [endless({ isBusy: true, n: 2 }), value({ n: 2 }), value({ n: 3 })];
  const summary = await sd.build(all, { executor, failMode: "continue" });
  console.log(JSON.stringify({
    outcome: [kind, error.message],
    warnings: notes.warnings,
    next,
    counts: [summary.taskCount.succeeded, summary.taskCount.failed],
    cause: (summary.error?.cause as Error).name,
  }));
}
