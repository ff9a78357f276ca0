/**
 * What a build tells those who watch it.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as sd from "../../mod.ts";
import { ControlledExecutor } from "../../src/testing/mod.ts";
import { type Step, Steps } from "../support/steps.ts";

/** Each event in a word or two. */
class Log implements sd.Reporter {
  readonly lines: string[] = [];
  progress: sd.BuildProgress | undefined;

  onBuildStart(progress: sd.BuildProgress): void {
    this.progress = progress;
    this.lines.push(`build: ${progress.phase}`);
  }

  onTaskEvent(event: sd.TaskEvent): void {
    this.lines.push(`${(event.task as Step).name}: ${event.kind}`);
  }

  onWarning(message: string): void {
    this.lines.push(`warning: ${message}`);
  }

  onBuildEnd(summary: sd.BuildSummary): void {
    this.lines.push(`build: ${summary.status}`);
  }

  onBuildError(error: unknown): void {
    this.lines.push(`build: ${(error as Error).name}`);
  }
}

Deno.test("a reporter is told what happens to each task, in order", async () => {
  const steps = new Steps();
  const [done, late] = [steps.step("done"), steps.step("late")];
  steps.finish(done, late);
  const root = steps.step("root", {
    requires: () => done,
    *run() {
      yield [steps.step("yielded"), late];
    },
  });
  const log = new Log();
  await sd.build(root, { reporter: log });
  assertEquals(log.lines, [
    "build: discovering",
    "done: previously_completed",
    "root: started",
    "root: suspended",
    "late: previously_completed",
    "yielded: started",
    "yielded: completed",
    "root: resumed",
    "root: completed",
    "build: success",
  ]);
});

Deno.test("a failure is told before what it blocks, with the task it comes from", async () => {
  const steps = new Steps();
  const bad = steps.step("bad", { run: () => Promise.reject(new Error("boom")) });
  const middle = steps.step("middle", [bad]);
  const events: sd.TaskEvent[] = [];
  await sd.build(steps.step("top", [middle]), {
    failMode: "continue",
    reporter: { onTaskEvent: (event) => void events.push(event) },
  });
  assertEquals(events.map(({ kind }) => kind), ["started", "failed", "skipped", "skipped"]);
  assert(events[1]?.kind === "failed");
  assertEquals(events[1].attempt, 1);
  assertStringIncludes(events[1].error.message, "boom");
  assert(events[3]?.kind === "skipped");
  assertEquals(events[3].because, bad);
});

Deno.test("progress is up to date whenever one looks, and counts add up", async () => {
  const steps = new Steps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  const root = steps.step("root", [a, b]);
  const executor = new ControlledExecutor();
  const log = new Log();
  const building = sd.build(root, { executor, reporter: log });
  await executor.submitted(b);
  const progress = log.progress!;
  const counts = (): unknown => {
    const { phase, discovered, succeeded, running, pending } = progress;
    return { phase, discovered, succeeded, running, pending };
  };
  assertEquals(counts(), {
    phase: "building",
    discovered: 3,
    succeeded: 0,
    running: 2,
    pending: 1,
  });
  assertEquals([...progress.runningTasks()], [a, b]);
  executor.end(a, { kind: "complete" });
  executor.end(b, { kind: "complete" });
  await executor.submitted(root);
  assertEquals([...progress.runningTasks()], [root]);
  assertEquals(counts(), {
    phase: "building",
    discovered: 3,
    succeeded: 2,
    running: 1,
    pending: 0,
  });
  executor.end(root, { kind: "complete" });
  await building;
  assertEquals(progress.running, 0);
  assertEquals(progress.isStopping, false);
});

Deno.test("a reporter that throws is let go, and the others and the build are unharmed", async () => {
  const steps = new Steps();
  let calls = 0;
  for (const method of ["onBuildStart", "onTaskEvent", "onBuildEnd"] as const) {
    const log = new Log();
    const summary = await sd.build(steps.step(method), {
      reporter: [{
        [method](): void {
          calls++;
          throw new Error("the reporter is broken");
        },
      }, log],
    });
    assertEquals(summary.status, "success");
    assertEquals(summary.warnings.length, 1);
    assertStringIncludes(summary.warnings[0]!, "the reporter is broken");
    assert(log.lines.includes("build: success"));
    assertEquals(log.lines.filter((line) => line.startsWith("warning")).length, 1);
  }
  assertEquals(calls, 3);
  const rejecting = await sd.build(steps.step("rejecting"), {
    reporter: { onBuildEnd: () => Promise.reject(new Error("the disk is full")) },
  });
  assertStringIncludes(rejecting.warnings[0]!, "the disk is full");
});

Deno.test("a build that cannot tell what to do says so to its reporters, and rejects", async () => {
  const steps = new Steps();
  const odd = steps.step("odd", {
    requires() {
      throw new Error("no idea");
    },
  });
  const log = new Log();
  await assertRejects(() => sd.build(odd, { reporter: log }), sd.DiscoveryError);
  assertEquals(log.lines, ["build: discovering", "build: DiscoveryError"]);
});

Deno.test("without somebody to tell, a build makes no events", async () => {
  const steps = new Steps();
  const log = new Log();
  const reporter: sd.Reporter = { onBuildStart: (progress) => log.onBuildStart(progress) };
  const summary = await sd.build(steps.step("a"), { reporter });
  assertEquals(summary.status, "success");
  assertEquals(log.lines, ["build: discovering"]);
  assertEquals(log.progress?.succeeded, 1);
});

Deno.test("a reporter may do its work later: it is waited for, and what it throws touches nothing", async () => {
  const steps = new Steps();
  const gate = Promise.withResolvers<void>();
  const written: string[] = [];
  const building = sd.build(steps.step("a"), {
    reporter: [
      {
        async onTaskEvent({ kind }) {
          await gate.promise;
          written.push(kind);
        },
        onBuildEnd: () => void written.push("end"),
      },
      {
        onTaskEvent: () => Promise.reject(new Error("the hook is gone")),
      },
    ],
  });
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(written, []);
  gate.resolve();
  const summary = await building;
  assertEquals(written, ["started", "completed", "end"]);
  assertEquals(summary.status, "success");
  assertEquals(summary.warnings.length, 1);
  assertStringIncludes(summary.warnings[0]!, "the hook is gone");
});

Deno.test("a reporter is told when it is known what is to be built", async () => {
  const steps = new Steps();
  const known: number[] = [];
  await sd.build(steps.step("b", [steps.step("a")]), {
    reporter: { onDiscoveryEnd: ({ discovered }) => void known.push(discovered) },
  });
  assertEquals(known, [2]);
});
