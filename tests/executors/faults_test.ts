/**
 * What can go wrong with a worker: it fails its one task with what happened and what to do, and is replaced.
 */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import * as sd from "../../mod.ts";
import type { WorkerFault } from "../../src/executors/worker_error.ts";
import { TaskContext } from "../../src/tasks/run_context.ts";
import {
  failureOf,
  faultOf,
  filesBelow,
  inWorkers,
  type Kind,
  KINDS,
  Notes,
  submit,
  temporaryRoot,
} from "./in_workers.ts";
import { breaks, endless, FAULTS, greedy, look, value, Writes } from "./worker_tasks.ts";

type How = Parameters<typeof breaks>[0]["how"];

/** What is told of each. */
const TOLD:
  readonly (readonly [kinds: readonly Kind[], how: How, WorkerFault, texts: readonly string[]])[] =
    [
      [KINDS, "uncaught", "uncaught", [
        "An error in it was not caught: thrown by a timer",
        "Await, or catch",
      ]],
      [KINDS, "rejected", "uncaught", ["rejected by nobody", "Await, or catch"]],
      [KINDS, "exit", "ended", ["exit code 7", "Deno.exit()", "return or throw"]],
      [KINDS, "exit-soon", "ended", ["exit code 0", "Deno.exit()"]],
      [KINDS, "close", "ended", ["exit code 0", "close()"]],
      [["process"], "flood", "ended", ["a line of more than 67108864 characters"]],
      [["process"], "kill", "ended", ["killed by SIGKILL"]],
      [["process"], "interrupt", "ended", ["killed by SIGINT"]],
    ];

for (const [kinds, how, fault, texts] of TOLD) {
  for (const kind of kinds) {
    Deno.test(`${kind}: "${how}" fails the task with what happened, and the next one runs`, async () => {
      await using _ = await temporaryRoot();
      await using executor = inWorkers(kind);
      await submit(executor, look({ n: 1 }));
      const error = await faultOf(executor, breaks({ how }));
      assertEquals([error.fault, error.executionMode], [fault, kind]);
      const isDoubted = error.message.includes("or in a task that its worker has run before");
      assertEquals(isDoubted, fault === "uncaught");
      for (const text of texts) assertStringIncludes(error.message, text);
      assertEquals(await submit(executor, look({ n: 2 })), { kind: "complete" });
      assertEquals((await look({ n: 2 }).load()).run, 1, "it is another worker");
    });
  }
}

for (const kind of KINDS) {
  Deno.test(`${kind}: what a task has written comes with the fault of its worker`, async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const { lastLines } = await failureOf(executor, breaks({ how: "exit" }));
    assertEquals(lastLines, ["it will be exit"]);
  });

  Deno.test(`${kind}: a task that waits without end is stopped when it is told to`, async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    await provesStopped(executor, endless({ isBusy: false }));
  });

  Deno.test(`${kind}: nothing is left of an output whose task was ended while it wrote`, async () => {
    await using root = await temporaryRoot(); // looks for it when it is disposed
    await using executor = inWorkers(kind);
    const notes = new Notes();
    const controller = new AbortController();
    const context = new TaskContext(controller.signal, 1, notes);
    const outcome = executor.submit(new Writes({ isBusy: kind === "process" }), context);
    while (!notes.lines.includes("writing")) await new Promise((resolve) => setTimeout(resolve));
    assertEquals(filesBelow(root.path).length, 1);
    controller.abort("enough");
    assertEquals((await outcome).kind, "failed");
    assertEquals(filesBelow(root.path), []);
  });

  Deno.test(`${kind}: a failure stops what runs, and what was to run`, async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind, { maxWorkers: 2, maxProcesses: 2 });
    const all = [
      new Writes({ isBusy: false }),
      breaks({ how: "uncaught" }),
      ...[1, 2, 3].map((n) => value({ n })),
    ];
    const summary = await sd.build(all, { executor });
    assertEquals(summary.status, "failure");
    const { failed, cancelled, pending, succeeded } = summary.taskCount;
    assertEquals([failed, cancelled + pending + succeeded], [1, 4]);
  });

  Deno.test(`${kind}: a task that was told to stop before it had a worker does not run`, async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const controller = new AbortController();
    const first = submit(executor, look({ n: 1 }));
    const second = submit(executor, look({ n: 2 }), { signal: controller.signal });
    const aborted = submit(executor, look({ n: 3 }), { signal: AbortSignal.abort("before") });
    controller.abort("enough");
    assertEquals(await second, { kind: "failed", error: "enough" });
    assertEquals(await aborted, { kind: "failed", error: "before" });
    assertEquals(await first, { kind: "complete" });
    assertEquals(await look({ n: 2 }).complete(), false);
  });
}

Deno.test("process: a task that computes without end is killed when it is told to stop", async () => {
  await using _ = await temporaryRoot();
  await using executor = inWorkers("process");
  await provesStopped(executor, endless({ isBusy: true }));
});

Deno.test("process: a build with a task that computes without end ends, with its timeout", async () => {
  await using _ = await temporaryRoot();
  await using executor = inWorkers("process");
  const all = [endless({ isBusy: true }), value({ n: 1 }), value({ n: 2 })];
  const summary = await sd.build(all, { executor, failMode: "continue" });
  assertEquals([summary.taskCount.failed, summary.taskCount.succeeded], [1, 2]);
  assertInstanceOf(summary.error!.cause, sd.TaskTimeoutError);
});

Deno.test("worker: one that computes without end is abandoned, replaced and told, and the program ends", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", fromFileUrl(import.meta.resolve("./abandoning.ts"))],
  }).output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  const { warnings, ...told } = JSON.parse(decoder.decode(stdout));
  assertEquals(told, {
    outcome: ["failed", "enough"],
    next: { kind: "complete" },
    counts: [2, 1],
    cause: "TaskTimeoutError",
  });
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0], "stardag.tests.workers.endless(");
  assertStringIncludes(warnings[0], 'executionMode "process"');
});

/** The task fails with the reason once it is told to stop, without a warning, and the next one runs. */
async function provesStopped(executor: sd.TaskExecutor, task: sd.AnyTask): Promise<void> {
  const notes = new Notes();
  const controller = new AbortController();
  const outcome = executor.submit(task, new TaskContext(controller.signal, 1, notes));
  while (!notes.lines.includes("on and on")) await new Promise((resolve) => setTimeout(resolve));
  const reason = new sd.TaskTimeoutError("too long", { timeout: 1 });
  controller.abort(reason);
  assertEquals(await outcome, { kind: "failed", error: reason, lastLines: ["on and on"] });
  assertEquals(notes.warnings, []);
  assertEquals(await submit(executor, value({ n: 1 })), { kind: "complete" });
}

for (const what of ["values", "buffers"] as const) {
  Deno.test(`process: a task that keeps ${what} beyond its memoryLimit fails, and says so`, async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers("process");
    const error = await faultOf(executor, greedy({ what }));
    assertEquals(error.fault, "memory");
    assertStringIncludes(error.message, "more than its memoryLimit of 64 MiB");
    assertEquals(await submit(executor, value({ n: 1 })), { kind: "complete" });
  });
}

Deno.test("1,000 tasks in threads and processes, of which 50 fail in all ways, at random", async () => {
  await using _ = await temporaryRoot();
  const ways: readonly How[] = [...FAULTS, "kill"];
  await using executor = inWorkers("worker", {
    maxWorkers: 2,
    maxProcesses: 2,
    executionModeSelector: (task) =>
      /how="kill"|n=\d*[02468]\)/.test(String(task)) ? "process" : "worker",
  });
  const good = Array.from({ length: 950 }, (_, n) => value({ n }));
  const bad = Array.from({ length: 50 }, (_, n) => breaks({ how: ways[n % ways.length]!, n }));
  const all = [...good, ...bad].map((task) => [Math.random(), task] as const)
    .sort(([a], [b]) => a - b).map(([, task]) => task);
  const summary = await sd.build(all, { executor, failMode: "continue" });
  const { succeeded, failed, discovered } = summary.taskCount;
  assertEquals([succeeded, failed, discovered], [950, 50, 1_000]);
  const failures = new Map(summary.errors.map((error) => [error.taskId, error]));
  for (const task of bad) {
    const how = (task as unknown as { readonly how: How }).how;
    const [, , , texts] = TOLD.find(([, each]) => each === how)!;
    for (const text of texts) assertStringIncludes(failures.get(task.id)!.message, text);
  }
  assert((await Promise.all(good.map((task) => task.complete()))).every(Boolean));
});
