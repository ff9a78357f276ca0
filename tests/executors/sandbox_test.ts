/**
 * Tasks that say what they may do are held to it, by a process that each has for itself.
 */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl } from "@std/path";
import * as sd from "../../mod.ts";
import { HybridConcurrentTaskExecutor } from "../../src/executors/hybrid.ts";
import { writeTasks } from "../../src/executors/task_text.ts";
import { failureOf, faultOf, inWorkers, submit, temporaryRoot } from "./in_workers.ts";
import {
  asks,
  forges,
  HERE,
  may,
  mayAll,
  meddles,
  noNet,
  origin,
  PERMISSION_KINDS,
  type PermissionKind,
  pid,
  total,
  tries,
  Yielding,
} from "./sandbox_tasks.ts";
import { look } from "./worker_tasks.ts";

/** What a denial names of each. */
const NAMED: Readonly<Record<PermissionKind, string>> = {
  read: `["${HERE}"]`,
  write: `["/nowhere/to/be/found.txt"]`,
  net: `["127.0.0.1:1"]`,
  env: `["HOME"]`,
  run: `["true"]`,
  sys: `["hostname"]`,
  ffi: `["/nowhere/to/be/found.so"]`,
  import: `["127.0.0.1:1"]`,
};

for (const kind of PERMISSION_KINDS) {
  Deno.test(`a task without the permission "${kind}" is denied, and told how to ask for it`, async () => {
    await using _ = await temporaryRoot();
    await using executor = new HybridConcurrentTaskExecutor();
    const { error } = await failureOf(executor, tries({ kind }));
    assertInstanceOf(error, sd.PermissionError);
    assert(error.flag.startsWith(`--allow-${kind}`), error.flag);
    assertStringIncludes(error.message, `permissions: { ${kind}: ${NAMED[kind]} }`);
    assertEquals(await tries({ kind }).complete(), false);
  });

  Deno.test(`a task that lists what it wants of "${kind}" gets just that`, async () => {
    await using _ = await temporaryRoot();
    await using executor = new HybridConcurrentTaskExecutor();
    assertEquals(await submit(executor, may({ kind })), { kind: "complete" });
    assertEquals(await submit(executor, mayAll({ kind })), { kind: "complete" });
  });
}

Deno.test("false is the same as nothing", async () => {
  await using _ = await temporaryRoot();
  await using executor = new HybridConcurrentTaskExecutor();
  const { error } = await failureOf(executor, noNet());
  assertInstanceOf(error, sd.PermissionError);
  assertStringIncludes(error.message, "net access");
});

Deno.test("a task that may do nothing still loads its inputs and saves its output", async () => {
  await using _ = await temporaryRoot();
  await using executor = new HybridConcurrentTaskExecutor();
  const task = total({ of: [pid({ n: 1 }), pid({ n: 2 })] });
  (await sd.build(task, { executor })).throwIfFailed();
  const pids = await Promise.all([1, 2].map((n) => pid({ n }).load()));
  assertEquals(await task.load(), pids.reduce((a, b) => a + b, 0));
  assertEquals(new Set(pids).size, 2, "each has a process for itself");
});

Deno.test("it cannot touch the outputs of others, not even next to its own", async () => {
  await using _ = await temporaryRoot();
  await using executor = new HybridConcurrentTaskExecutor();
  const other = pid({ n: 1 });
  await submit(executor, other);
  const path = other.output().uri;
  const reading = await failureOf(executor, meddles({ how: "read", path }));
  assertInstanceOf(reading.error, sd.PermissionError);
  assertEquals(reading.error.flag, `--allow-read=${path}`);
  const writing = await failureOf(executor, meddles({ how: "write", path }));
  assertEquals((writing.error as sd.PermissionError).flag, `--allow-write=${path}`);
  const beside = `${dirname(meddles({ how: "write", path }).output().uri)}/beside.txt`;
  const placing = await failureOf(executor, meddles({ how: "write", path: beside }));
  assertEquals((placing.error as sd.PermissionError).flag, `--allow-write=${beside}`);
});

Deno.test("it cannot have another task run, held to nothing, by what it says", async () => {
  await using _ = await temporaryRoot();
  await using executor = new HybridConcurrentTaskExecutor();
  const requires = writeTasks([asks({ kind: "read" })]).text;
  const message = JSON.stringify({ kind: "suspended", requires, hasLooked: false });
  const summary = await sd.build(forges({ message }), { executor });
  assertEquals(summary.taskCount.discovered, 1);
  assertStringIncludes(summary.error!.message, "It has permissions and has yielded");
  const { error } = await failureOf(executor, new Yielding());
  assertStringIncludes(error.message, "It has permissions and has yielded");
});

Deno.test("it is not complete because it says so", async () => {
  await using _ = await temporaryRoot();
  await using executor = new HybridConcurrentTaskExecutor();
  const message = JSON.stringify({ kind: "complete", hasLooked: false });
  const { error } = await failureOf(executor, forges({ message }));
  assertInstanceOf(error, sd.MissingOutputError);
});

Deno.test("what it says and nobody understands ends its process", async () => {
  await using _ = await temporaryRoot();
  await using executor = new HybridConcurrentTaskExecutor();
  for (const message of ["{", "null", '{"kind":"other"}', '{"kind":"failed"}']) {
    const { fault, message: told } = await faultOf(executor, forges({ message }));
    assertEquals(fault, "ended");
    assertStringIncludes(told, "what it wrote cannot be taken");
  }
});

Deno.test("it has a storage of its own, not that of the program or of others", async () => {
  await using _ = await temporaryRoot();
  await using executor = new HybridConcurrentTaskExecutor();
  const all = [origin({ n: 1 }), origin({ n: 2 })];
  (await sd.build(all, { executor })).throwIfFailed();
  const [first, second] = await Promise.all(all.map((each) => each.load()));
  assert(first!.endsWith(".invalid") && first !== second, `${first} ${second}`);
});

Deno.test("where it cannot be held to its permissions, it does not run", async () => {
  await using _ = await temporaryRoot();
  const executors = [
    new sd.InProcessTaskExecutor(),
    ...(["async", "blocking", "worker"] as const).map((mode) =>
      new HybridConcurrentTaskExecutor({ executionModeSelector: () => mode })
    ),
  ];
  for (const executor of executors) {
    const { error } = await failureOf(executor, tries({ kind: "read" }));
    assertInstanceOf(error, sd.ConfigError);
    assertStringIncludes(error.message, "only a process can hold it");
  }
});

/** As a program would have them that was given less than all. */
const LIMITED: Deno.PermissionOptionsObject = {
  read: true,
  write: true,
  env: ["HOME"],
  run: [Deno.execPath()],
  net: false,
  sys: false,
  ffi: false,
};

Deno.test({
  name: "a process has what the program has as a whole, and nothing that it does not have",
  permissions: LIMITED,
  async fn() {
    await using _ = await temporaryRoot();
    await using executor = inWorkers("process");
    assertEquals(await submit(executor, asks({ kind: "read" })), { kind: "complete" });
    for (const kind of ["net", "env", "run", "sys", "ffi"] as const) {
      const { error } = await failureOf(executor, asks({ kind }));
      assertInstanceOf(error, sd.PermissionError, kind);
      assertStringIncludes(error.message, "what is granted in part, a task asks for itself");
      assertStringIncludes(error.message, `permissions: { ${kind}: ${NAMED[kind]} }`);
    }
  },
});

Deno.test({
  name: "a program that may not start processes is told the flag",
  permissions: { ...LIMITED, run: false },
  async fn() {
    await using _ = await temporaryRoot();
    await using executor = new HybridConcurrentTaskExecutor();
    const { error } = await failureOf(executor, tries({ kind: "read" }));
    assertInstanceOf(error, sd.PermissionError);
    assertEquals(error.flag, `--allow-run=${Deno.execPath()}`);
    assertStringIncludes(error.message, error.flag);
  },
});

/** Made before permissions are taken away. */
const root = await Deno.makeTempDir({ prefix: "stardag-sandbox-" });
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

Deno.test({
  name: "a program that may only touch its target root can have tasks run that do no more",
  permissions: { read: [root], write: [root], run: [Deno.execPath()] },
  async fn() {
    using _ = sd.targetFactoryProvider.override(
      new sd.TargetFactory({ targetRoots: { default: root } }),
    );
    await using unaware = inWorkers("process");
    const { error: notFound } = await failureOf(unaware, look({ n: 1 }));
    assertStringIncludes(notFound.message, 'processFlags: ["--config=');

    const config = fromFileUrl(import.meta.resolve("../../deno.json"));
    await using executor = inWorkers("process", { processFlags: [`--config=${config}`] });
    assertEquals(await submit(executor, look({ n: 1 })), { kind: "complete" });
    const { error } = await failureOf(executor, asks({ kind: "read" }));
    assertEquals((error as sd.PermissionError).flag, `--allow-read=${HERE}`);
  },
});

Deno.test({
  name: "a program whose threads may not read their code is told the flag",
  permissions: { read: [root], write: [root] },
  async fn() {
    using _ = sd.targetFactoryProvider.override(
      new sd.TargetFactory({ targetRoots: { default: root } }),
    );
    await using executor = inWorkers("worker");
    const { error } = await failureOf(executor, look({ n: 2 }));
    assertInstanceOf(error, sd.PermissionError);
    assertEquals(error.flag, `--allow-read=${fromFileUrl(import.meta.resolve("../../"))}`);
  },
});
