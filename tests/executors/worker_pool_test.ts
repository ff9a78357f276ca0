/**
 * The pool with workers that do what the test says.
 */

import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import * as sd from "../../mod.ts";
import { type Worker, type WorkerListener, WorkerPool } from "../../src/executors/worker_pool.ts";
import type { ToWorker, WorkerKind } from "../../src/executors/worker_protocol.ts";
import { TaskContext } from "../../src/tasks/run_context.ts";
import { Steps } from "../support/steps.ts";
import { Notes } from "./in_workers.ts";

/** A worker in the hands of the test. */
class FakeWorker implements Worker {
  readonly told: ToWorker[] = [];
  readonly listener: WorkerListener;
  isKilled = false;
  isKept = true;

  constructor(listener: WorkerListener) {
    this.listener = listener;
  }

  send(message: ToWorker): void {
    this.told.push(message);
  }

  keepAlive(isOn: boolean): void {
    this.isKept = isOn;
  }

  kill(): Promise<void> {
    this.isKilled = true;
    return Promise.resolve();
  }

  /** The task it has is complete. */
  complete(): void {
    this.listener.told({ kind: "running" });
    this.listener.told({ kind: "complete", hasLooked: false });
  }
}

/** A pool of them. */
class Site {
  readonly workers: FakeWorker[] = [];
  readonly cleaned: string[] = [];
  readonly controller: AbortController = new AbortController();
  readonly steps: Steps = new Steps();
  readonly notes: Notes = new Notes();
  readonly pool: WorkerPool;

  constructor(size: number, kind: WorkerKind = "process") {
    this.pool = new WorkerPool({
      kind,
      size,
      startTimeout: 1_000,
      stopTimeout: 250,
      cleanUp: (task) => Promise.resolve(void this.cleaned.push(task.id)),
    });
  }

  run(name: string, key = "same", isSandbox = false): Promise<sd.TaskOutcome> {
    return this.pool.run({
      task: this.steps.step(name),
      context: new TaskContext(this.controller.signal, 1, this.notes),
      message: {
        kind: "run",
        task: name,
        modules: [],
        main: undefined,
        roots: {},
        flush: true,
        uri: undefined,
        attempt: 1,
        yielded: [],
        givenInCode: [],
        memoryLimit: undefined,
      },
      place: {
        key,
        isSandbox,
        start: (listener) => {
          const worker = new FakeWorker(listener);
          this.workers.push(worker);
          return worker;
        },
      },
    });
  }

  /** Names of the tasks that the worker was given. */
  given(index: number): string[] {
    return this.workers[index]!.told.flatMap((message) =>
      message.kind === "run" ? message.task : []
    );
  }
}

const COMPLETE = { kind: "complete" };
const KILLED_BY = (signal: string) => ({ code: 130, signal, error: undefined });

Deno.test("a worker takes the next task that needs one like it, and keeps the program only meanwhile", async () => {
  const site = new Site(1);
  const outcomes = [site.run("a"), site.run("b")];
  assertEquals(site.given(0), ["a"]);
  site.workers[0]!.complete();
  assertEquals(await outcomes[0], COMPLETE);
  assertEquals([site.given(0), site.workers[0]!.isKept], [["a", "b"], true]);
  site.workers[0]!.complete();
  assertEquals(await outcomes[1], COMPLETE);
  assertEquals([site.workers.length, site.workers[0]!.isKept], [1, false]);
});

Deno.test("one that is idle makes room for one that is needed", async () => {
  const site = new Site(1);
  const first = site.run("a", "one");
  site.workers[0]!.complete();
  await first;
  const second = site.run("b", "other");
  assertEquals([site.workers[0]!.isKilled, site.given(1)], [true, ["b"]]);
  assertEquals(site.workers.length, 2, "it is started once");
  site.workers[1]!.complete();
  assertEquals(await second, COMPLETE);
});

Deno.test("one that holds its task to permissions runs just that, and has no other before it", async () => {
  const site = new Site(2);
  const shared = site.run("a");
  site.workers[0]!.complete();
  await shared;
  const alone = site.run("b", "same", true);
  assertEquals(site.given(1), ["b"]);
  site.workers[1]!.complete();
  assertEquals(await alone, COMPLETE);
  assertEquals([site.workers[0]!.isKilled, site.workers[1]!.isKilled], [false, true]);
});

Deno.test("a process that a terminal has interrupted with the program has not failed by itself", async () => {
  const site = new Site(1);
  const outcome = site.run("a");
  site.workers[0]!.listener.told({ kind: "running" });
  site.workers[0]!.listener.ended(KILLED_BY("SIGINT"));
  site.controller.abort("interrupted, too");
  assertEquals(await outcome, { kind: "failed", error: "interrupted, too" });
  assertEquals(site.cleaned, [site.steps.step("a").id]);
});

Deno.test("a process that was interrupted alone has failed, after a moment", async () => {
  using time = new FakeTime();
  const site = new Site(1);
  const ended = site.run("a");
  site.workers[0]!.listener.told({ kind: "running" });
  site.workers[0]!.listener.ended(KILLED_BY("SIGINT"));
  await time.tickAsync(199);
  assertEquals(site.workers[0]!.isKilled, false);
  await time.tickAsync(1);
  const outcome = await ended;
  assert(outcome.kind === "failed");
  assert(/killed by SIGINT/.test(String(outcome.error)));
});

Deno.test("a task that a used worker does not begin goes to a new one, once", async () => {
  using time = new FakeTime();
  const site = new Site(1);
  const first = site.run("a");
  site.workers[0]!.complete();
  await first;
  const ended = site.run("b");
  await time.tickAsync(1_000);
  assertEquals([site.workers[0]!.isKilled, site.given(1)], [true, ["b"]]);
  await time.tickAsync(1_000);
  const outcome = await ended;
  assert(outcome.kind === "failed");
  assert(/did not begin to run it in 1000 ms/.test(String(outcome.error)));
});

Deno.test("a task that was told to stop has a while to do so, and then is ended", async () => {
  using time = new FakeTime();
  const site = new Site(1);
  const ended = site.run("a");
  const [worker] = site.workers;
  worker!.listener.told({ kind: "running" });
  site.controller.abort("enough");
  assertEquals(worker!.told.at(-1)?.kind, "abort");
  await time.tickAsync(249);
  assertEquals(worker!.isKilled, false);
  await time.tickAsync(1);
  assertEquals(await ended, { kind: "failed", error: "enough" });
  assert(worker!.isKilled);
});

Deno.test("an error that a worker has while it has no task ends it, and nothing else", async () => {
  const site = new Site(1);
  const first = site.run("a");
  site.workers[0]!.complete();
  await first;
  const error = { type: "Error", name: "Error", message: "late", stack: undefined };
  site.workers[0]!.listener.told({
    kind: "crashed",
    error: { ...error, cause: undefined, errors: undefined, fields: {} },
  });
  assert(site.workers[0]!.isKilled);
  const second = site.run("b");
  site.workers[1]!.complete();
  assertEquals(await second, COMPLETE);
});

Deno.test("a worker that cannot be started fails its task with why", async () => {
  const site = new Site(1);
  const failing = {
    key: "",
    isSandbox: false,
    start(): never {
      throw new sd.PermissionError("not allowed", { flag: "--allow-run" });
    },
  };
  const outcome = await site.pool.run({
    task: site.steps.step("a"),
    context: new TaskContext(site.controller.signal, 1),
    message: {} as never,
    place: failing,
  });
  assert(outcome.kind === "failed" && outcome.error instanceof sd.PermissionError);
  const next = site.run("b");
  site.workers[0]!.complete();
  assertEquals(await next, COMPLETE);
});

Deno.test("what a task with permissions is said to wait for is not even read", async () => {
  const site = new Site(1);
  const outcome = site.run("a", "same", true);
  site.workers[0]!.listener.told({ kind: "suspended", requires: "no JSON", hasLooked: false });
  const { error } = await outcome as sd.TaskOutcome & { readonly kind: "failed" };
  assert(error instanceof sd.ConfigError, String(error));
  assert(/It has permissions and has yielded/.test(error.message));
});

Deno.test("a worker that answers late to have stopped has answered for the task before", async () => {
  using time = new FakeTime();
  const site = new Site(1, "worker");
  const first = site.run("a");
  const [worker] = site.workers;
  worker!.complete();
  await first;
  worker!.listener.told({ kind: "stopping" });
  const ended = site.run("b");
  worker!.listener.told({ kind: "running" });
  site.controller.abort("enough");
  await time.tickAsync(250);
  assertEquals(await ended, { kind: "failed", error: "enough" });
  assertEquals(site.notes.warnings.length, 1, "it is told that the worker was abandoned");
});
