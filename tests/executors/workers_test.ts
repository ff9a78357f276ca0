/**
 * What threads and processes have in common: the tasks they run, and what is told of them.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { HybridConcurrentTaskExecutor } from "../../src/executors/hybrid.ts";
import { WorkerError } from "../../src/executors/worker_error.ts";
import { TaskContext } from "../../src/tasks/run_context.ts";
import { place } from "./elsewhere.ts";
import {
  failureOf,
  faultOf,
  filesBelow,
  inWorkers,
  KINDS,
  Notes,
  submit,
  temporaryRoot,
} from "./in_workers.ts";
import { nested, patient } from "./late_builder_tasks.ts";
import { own, ownFactory } from "./own_factory_tasks.ts";
import { where } from "./undeclared_tasks.ts";
import { unending } from "./unending_tasks.ts";
import { unguarded } from "./unguarded_tasks.ts";
import { unimportable } from "./unimportable_tasks.ts";
import * as tasks from "./worker_tasks.ts";

for (const kind of KINDS) {
  const test = (fact: string, prove: () => Promise<void>): void =>
    Deno.test(`${kind}: ${fact}`, prove);

  test("tasks run elsewhere, by a worker that is kept for the next build", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const found = [];
    for (const n of [1, 2]) {
      const all = [tasks.look({ n: 2 * n }), tasks.look({ n: 2 * n + 1 })];
      (await sd.build(all, { executor })).throwIfFailed();
      for (const each of all) found.push(await each.load());
    }
    assertEquals(found.map(({ run }) => run), [1, 2, 3, 4]);
    assertEquals(new Set(found.map((each) => each.place)).size, 1);
    assertNotEquals(found[0]!.place, place);
  });

  test("there are as many workers as told, and no more than are needed", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind, { maxWorkers: 2, maxProcesses: 2 });
    const places = async (from: number, count: number): Promise<number> => {
      const all = Array.from({ length: count }, (_, n) => tasks.look({ n: from + n }));
      (await sd.build(all, { executor })).throwIfFailed();
      return new Set(await Promise.all(all.map(async (each) => (await each.load()).place))).size;
    };
    assertEquals(await places(0, 1), 1);
    assertEquals(await places(10, 20), 2);
  });

  test("values, big ones too, and inputs of inputs arrive as they are", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const big = 2n ** 80n;
    const task = tasks.sum({ of: [tasks.value({ n: 1 }), tasks.value({ n: 2 })], big });
    (await sd.build(task, { executor })).throwIfFailed();
    assertEquals(await task.load(), `3 ${big}`);
  });

  test("a task that many depend on crosses once: 40 levels of two each", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    let top: sd.AutoTask<number> = tasks.value({ n: 1 });
    for (let i = 0; i < 40; i++) top = tasks.level({ left: top, right: top });
    (await sd.build(top, { executor })).throwIfFailed();
    assertEquals(await top.load(), 2 ** 40);
  });

  test("a task of a module that it does not name is found there all the same", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    (await sd.build(where(), { executor })).throwIfFailed();
    assertNotEquals(await where().load(), place);
  });

  test("the attempt is told, and retries are made", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    (await sd.build(tasks.attempted(), { executor })).throwIfFailed();
    assertEquals(await tasks.attempted().load(), 2);
  });

  test("a generator is run from its start again, past what it has yielded", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const notes = new Notes();
    const context = new TaskContext(new AbortController().signal, 1, notes);
    const task = tasks.climbs({ to: 3 });
    const begins = (): number => notes.lines.filter((line) => line === "begun").length;
    const yielded: string[] = [];
    let outcome = await executor.submit(task, context);
    while (outcome.kind === "suspended") {
      for (const each of outcome.requires) {
        yielded.push(String(each));
        assertEquals(await submit(executor, each), { kind: "complete" });
      }
      outcome = await executor.submit(task, context);
    }
    assertEquals(outcome, { kind: "complete" });
    assertEquals(yielded, [0, 1, 2].map((n) => String(tasks.value({ n }))));
    assertEquals(begins(), 4);
    // Its `finally` blocks have run each time.
    assertEquals(notes.lines.filter((line) => line === "left").length, 4);
    assertEquals(await task.load(), 3);
  });

  test("what a generator yields that is complete does not suspend it", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    for (let n = 0; n < 3; n++) await submit(executor, tasks.value({ n }));
    const notes = new Notes();
    assertEquals(await submit(executor, tasks.climbs({ to: 3 }), { observer: notes }), {
      kind: "complete",
    });
    assertEquals(notes.lines, ["begun", "left"]);
  });

  test("errors of tasks are what they were, with what caused them", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const thrown = async (what: Parameters<typeof tasks.throws>[0]["what"]): Promise<Error> =>
      (await failureOf(executor, tasks.throws({ what }))).error;
    const own = await thrown("own");
    assertEquals(own.name, "OddError");
    assertEquals((own as tasks.OddError).detail, { code: 7 });
    assertStringIncludes(own.stack!, "worker_tasks.ts");
    const caused = await thrown("caused");
    assertInstanceOf(caused, TypeError);
    assertInstanceOf(caused.cause, RangeError);
    assertEquals(caused.cause.message, "inner");
    const zod = await thrown("zod");
    assertInstanceOf(zod, z.ZodError);
    assertEquals(zod.issues[0]!.code, "invalid_type");
    const aggregate = await thrown("aggregate");
    assertInstanceOf(aggregate, AggregateError);
    assertInstanceOf(aggregate.errors[1], RangeError);
    assertEquals(aggregate.message, "both");
    assertEquals((await thrown("text")).message, '"just text"');
    assertInstanceOf(await thrown("denied"), Deno.errors.NotFound);
  });

  test("the time of a task that waits for a worker does not run", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const notes = new Notes();
    const contexts = [1, 2].map(() => new TaskContext(new AbortController().signal, 1, notes));
    const all = [tasks.value({ n: 1 }), tasks.value({ n: 2 })];
    const outcomes = all.map((each, i) => executor.submit(each, contexts[i]!));
    assertEquals(contexts.map(({ isWaiting }) => isWaiting), [true, true]);
    await outcomes[0];
    assertEquals(notes.begun[0], all[0]!.id);
    await outcomes[1];
    assertEquals(notes.begun, all.map(({ id }) => id));
    assertEquals(contexts.map(({ isWaiting }) => isWaiting), [false, false]);
  });

  test("a task that heeds its signal is heard when it was told to stop, and its worker stays", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const before = tasks.look({ n: 1 });
    await submit(executor, before);
    const summary = await sd.build(tasks.obedient(), { executor });
    assertInstanceOf(summary.error!.cause, sd.TaskTimeoutError);
    assertStringIncludes(String((summary.error!.cause as Error).cause), "heard TaskTimeoutError");
    const after = tasks.look({ n: 2 });
    await submit(executor, after);
    assertEquals((await after.load()).place, (await before.load()).place);
  });

  test("it is told whether a task has looked at its signal", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    for (
      const [task, hasLooked] of [[tasks.value({ n: 1 }), false], [tasks.looks(), true]] as const
    ) {
      const context = new TaskContext(new AbortController().signal, 1);
      assertEquals(await executor.submit(task, context), { kind: "complete" });
      assertEquals(context.hasLooked, hasLooked);
    }
  });

  test("what a task writes to the console is told line by line, and the last lines come with its error", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const notes = new Notes();
    assertEquals(
      (await submit(executor, tasks.talks({ lines: 2 }), { observer: notes })).kind,
      "complete",
    );
    assertEquals(notes.lines, [
      "line 1 of { lines: 2 }",
      "line 2 of { lines: 2 }",
      "and an error",
    ]);
    const { error, lastLines } = await failureOf(
      executor,
      tasks.talks({ lines: 100, fails: true }),
    );
    assertEquals(error.message, "after many words");
    assertEquals(lastLines?.length, 20);
    assertEquals(lastLines?.slice(-2), ["line 100 of { lines: 100 }", "and an error"]);
  });

  test("assets for the registry are made where the output can be loaded", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const registry = new sd.InMemoryRegistry();
    (await sd.build(tasks.shown(), { executor, registry })).throwIfFailed();
    const [asset] = registry.assets(tasks.shown().id);
    assertEquals([asset?.name, asset?.body], ["where", await tasks.shown().load()]);
  });

  test("target roots that are set in code hold there, that of the task and those of its inputs", async () => {
    await using root = await temporaryRoot();
    await using executor = inWorkers(kind);
    const task = new tasks.Elsewhere({ input: tasks.value({ n: 1 }) });
    (await sd.build(task, { executor })).throwIfFailed();
    assert(task.output().uri.startsWith(`${root.path}/other/`));
    assertEquals(await task.load(), 2);
  });

  test("a factory that the module sets is used, and one that only the program has is told", async () => {
    await using root = await temporaryRoot();
    await using executor = inWorkers(kind);
    using _ = sd.targetFactoryProvider.override(ownFactory(root.path));
    const { error } = await failureOf(executor, own());
    assertInstanceOf(error, sd.ConfigError);
    assertStringIncludes(error.message, "own://");
    Deno.env.set("STARDAG_TESTS_OWN_ROOT", root.path);
    try {
      await using another = inWorkers(kind);
      assertEquals(await submit(another, own()), { kind: "complete" });
      assertEquals(await own().load(), 1);
    } finally {
      Deno.env.delete("STARDAG_TESTS_OWN_ROOT");
    }
  });

  test("an output that would be elsewhere there is told, and not made", async () => {
    await using root = await temporaryRoot({
      prefixToTargetPrototype: { "/": (path) => new sd.LocalTarget(`${path}.own`) },
    });
    await using executor = inWorkers(kind);
    const { error } = await failureOf(executor, tasks.value({ n: 1 }));
    assertInstanceOf(error, sd.ConfigError);
    assertStringIncludes(error.message, `${tasks.value({ n: 1 }).output().uri}" for the build`);
    assertEquals(filesBelow(root.path), []);
  });

  test("what a task has yielded counts as complete, though its worker cannot tell", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind, {
      executionModeSelector: (task) => task instanceof tasks.Forgets ? "async" : kind,
    });
    (await sd.build(tasks.relies(), { executor })).throwIfFailed();
    assertEquals(await tasks.relies().load(), "went on");
  });

  test("outputs and inputs in memory are refused before anything runs", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const memory = sd.targetFactoryProvider.override(
      new sd.TargetFactory({ targetRoots: { default: "memory://", other: "/nowhere" } }),
    );
    using _memory = memory;
    const { error } = await failureOf(executor, tasks.value({ n: 1 }));
    assertInstanceOf(error, sd.ConfigError);
    assertStringIncludes(error.message, `Its output "memory://stardag/tests/workers/value/`);
    const below = await failureOf(executor, new tasks.Elsewhere({ input: tasks.value({ n: 1 }) }));
    assertInstanceOf(below.error, sd.ConfigError);
    assertStringIncludes(below.error.message, `Its input "memory://stardag/tests/workers/value/`);
  });

  test("what only its worker knows to be complete is a missing output", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const { error } = await failureOf(executor, new tasks.Forgets({ what: kind }));
    assertInstanceOf(error, sd.MissingOutputError);
    assertStringIncludes(error.message, "in the memory of the worker");
  });

  test("a module that fails to import is named, with why", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const error = await faultOf(executor, unimportable());
    assertEquals(error.fault, "import");
    assertStringIncludes(error.message, "unimportable_tasks.ts");
    assertStringIncludes(error.message, "this is no place for me");
  });

  test("a module that does not end to load is given up", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind, { startTimeout: 1_000 });
    const error = await faultOf(executor, unending());
    assertEquals(error.fault, "start");
    assertStringIncludes(error.message, "1000 ms");
  });

  test("a task that its module does not register is told", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const error = await faultOf(executor, tasks.hidden());
    assertEquals(error.fault, "import");
    assertStringIncludes(error.message, '"stardag.tests.workers.hidden"');
    assertStringIncludes(error.message, "worker_tasks.ts");
  });

  test("a module that builds while it is imported is refused, and shown the guard", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const error = await faultOf(executor, unguarded());
    assertEquals(error.fault, "import");
    assertStringIncludes(error.message, "if (import.meta.main) {");
  });

  test("a module cannot build later either, but a task can", async () => {
    await using _ = await temporaryRoot();
    await using executor = inWorkers(kind);
    const notes = new Notes();
    assertEquals(await submit(executor, patient(), { observer: notes }), { kind: "complete" });
    assertStringIncludes(notes.lines.join("\n"), "if (import.meta.main) {");
    assertEquals(await submit(executor, nested()), { kind: "complete" });
    assertEquals(await nested().load(), 3);
  });

  test("a closed executor ends what runs, and takes nothing more", async () => {
    await using _ = await temporaryRoot();
    const executor = inWorkers(kind);
    await submit(executor, tasks.value({ n: 1 }));
    const running = submit(executor, tasks.endless({ isBusy: false }));
    const waiting = submit(executor, tasks.value({ n: 2 }));
    await executor[Symbol.asyncDispose]();
    for (
      const outcome of [await running, await waiting, await submit(executor, tasks.value({ n: 3 }))]
    ) {
      assert(outcome.kind === "failed");
      assertStringIncludes(String(outcome.error), "closed");
    }
  });
}

Deno.test("an executor that was closed before it was used takes nothing for workers", async () => {
  const executor = new HybridConcurrentTaskExecutor({ executionModeSelector: () => "worker" });
  await executor[Symbol.asyncDispose]();
  const { error } = await failureOf(executor, tasks.value({ n: 1 }));
  assertStringIncludes(error.message, "closed");
});

Deno.test("a generator that yields something else each time does not go on forever", async () => {
  await using _ = await temporaryRoot();
  const { Workers } = await import("../../src/executors/workers.ts");
  await using workers = new Workers({
    maxWorkers: 1,
    maxProcesses: 1,
    startTimeout: 60_000,
    processFlags: [],
    mostRuns: 5,
  });
  const context = new TaskContext(new AbortController().signal, 1);
  const task = tasks.wanders();
  let outcome = await workers.run("worker", task, { given: context, context });
  for (let i = 0; i < 5 && outcome.kind === "suspended"; i++) {
    outcome = await workers.run("worker", task, { given: context, context });
  }
  assert(outcome.kind === "failed");
  assertInstanceOf(outcome.error, sd.ConfigError);
  assertStringIncludes(outcome.error.message, "5 times");
});

Deno.test("a worker that what ran before keeps busy is not given to others", async () => {
  await using root = await temporaryRoot();
  await using executor = inWorkers("process", { startTimeout: 2_000 });
  const litters = new tasks.Litters({ path: `${root.path}/littered` });
  assertEquals(await submit(executor, litters), { kind: "complete" });
  assertEquals(await submit(executor, tasks.look({ n: 1 })), { kind: "complete" });
  assertEquals((await tasks.look({ n: 1 }).load()).run, 1);
});

Deno.test("an error says where it was thrown and what runs there", () => {
  const error = new WorkerError("text", { executionMode: "worker", fault: "ended" });
  assertEquals([error.name, error.executionMode, error.fault], ["WorkerError", "worker", "ended"]);
});
