import { assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import {
  defaultExecutionModeSelector,
  HybridConcurrentTaskExecutor,
  type HybridConcurrentTaskExecutorOptions,
} from "../../src/executors/hybrid.ts";
import { executorContract } from "../../src/testing/mod.ts";
import { TaskContext } from "../../src/tasks/run_context.ts";
import { type Step, Steps } from "../support/steps.ts";
import { failureOf } from "./in_workers.ts";

const root = await Deno.makeTempDir({ prefix: "stardag-hybrid-" });
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

for (const mode of ["async", "blocking", "worker", "process"] as const) {
  executorContract(
    `HybridConcurrentTaskExecutor (${mode})`,
    () => new HybridConcurrentTaskExecutor({ executionModeSelector: () => mode }),
    { targetRoot: root },
  );
}

const steps = new Steps();
const { signal } = new AbortController();

Deno.test("a task runs where it says, and where it must when it says nothing", () => {
  const declared = (options: sd.RunOptions<unknown>): sd.AnyTask =>
    sd.task({ name: crypto.randomUUID(), output: z.int(), run: () => 1, ...options })();
  assertEquals(defaultExecutionModeSelector(declared({})), "async");
  assertEquals(defaultExecutionModeSelector(declared({ priority: 1 })), "async");
  assertEquals(defaultExecutionModeSelector(declared({ permissions: {} })), "process");
  assertEquals(defaultExecutionModeSelector(declared({ memoryLimit: 100 })), "process");
  for (const executionMode of ["async", "blocking", "worker", "process"] as const) {
    assertEquals(defaultExecutionModeSelector(declared({ executionMode })), executionMode);
  }
});

Deno.test("tasks of the mode blocking run one after the other, while others go on", async () => {
  const executor = new HybridConcurrentTaskExecutor({
    executionModeSelector: (task) => /blocking/.test(String(task)) ? "blocking" : "async",
  });
  const ends = new Map<string, () => void>();
  const waiting = (name: string): Step =>
    steps.step(name, { run: () => new Promise<void>((resolve) => ends.set(name, resolve)) });
  const outcomes = ["blocking 1", "blocking 2", "other"].map((name) =>
    executor.submit(waiting(name), new TaskContext(signal, 1))
  );
  assertEquals([...ends.keys()], ["blocking 1", "other"]);
  ends.get("blocking 1")!();
  await outcomes[0];
  assertEquals([...ends.keys()], ["blocking 1", "other", "blocking 2"]);
  ends.get("blocking 2")!();
  ends.get("other")!();
  assertEquals(await Promise.all(outcomes), outcomes.map(() => ({ kind: "complete" })));
});

Deno.test("a mode that there is not fails the task", async () => {
  const executor = new HybridConcurrentTaskExecutor({
    executionModeSelector: () => "cloud" as never,
  });
  const { error } = await failureOf(executor, steps.step("anywhere"));
  assertInstanceOf(error, sd.ConfigError);
  assertStringIncludes(error.message, `"cloud"`);
  assertStringIncludes(error.message, `"async", "worker", "process", "blocking"`);
});

Deno.test("options that cannot be are refused", () => {
  const make = (options: HybridConcurrentTaskExecutorOptions) => () =>
    new HybridConcurrentTaskExecutor(options);
  assertThrows(make({ maxWorkers: 0 }), RangeError, "Cannot have 0 workers");
  assertThrows(make({ maxProcesses: 1.5 }), RangeError, "Cannot have 1.5 processes");
  assertThrows(make({ maxConcurrent: -1 }), RangeError, "Cannot run -1 tasks at once");
  assertThrows(make({ startTimeout: 0 }), RangeError, "Cannot wait 0 ms");
  assertThrows(make({ executionModeSelector: "async" as never }), TypeError, "give a function");
  assertThrows(make({ workers: 1 } as never), TypeError, `there is no option "workers"`);
  for (
    const flag of ["-A", "--allow-all", "--allow-read=/", "--deny-net", "--permission-set", "a.ts"]
  ) {
    assertThrows(make({ processFlags: [flag] }), TypeError, "none that grants or denies");
  }
  make({ processFlags: ["--config=a.json", "--unstable-kv"] })();
});

Deno.test("declarations that cannot be are refused", () => {
  const declare = (options: object) => () =>
    sd.task({ name: "odd", output: z.int(), run: () => 1, ...options });
  assertThrows(declare({ executionMode: "cloud" }), RangeError, `executionMode is "cloud"`);
  for (const memoryLimit of [0, 15, 100.5, NaN, "100"]) {
    assertThrows(declare({ memoryLimit }), RangeError, "Give MiB, an integer from 16");
  }
  assertThrows(declare({ permissions: "none" }), TypeError, `permissions is "none"`);
  assertThrows(declare({ permissions: { file: [] } }), TypeError, `there is no option "file"`);
  for (const read of ["/data", [""], ["a,b"], [1]]) {
    assertThrows(declare({ permissions: { read } }), TypeError, "permissions.read is");
  }
  const yielding = { permissions: {}, *run() {} };
  assertThrows(declare(yielding), TypeError, "it has permissions, and its run yields");
  for (const executionMode of ["async", "worker", "blocking"]) {
    for (const limit of [{ permissions: {} }, { memoryLimit: 64 }]) {
      assertThrows(declare({ executionMode, ...limit }), RangeError, "Leave executionMode out");
    }
  }
});
