/**
 * What a build tells its registry: in which order, how much at once, and what comes of a registry that fails.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { type Step, Steps } from "../support/steps.ts";

const { task } = sd.namespace("stardag.tests.recorder", import.meta.url);

/** Writes down each call, and lets the test say when and how it ends. */
class ControlledRegistry extends sd.Registry {
  /** Calls as they came, e.g. `start a`. */
  readonly calls: string[] = [];
  /** What each call gives; nothing, at once, unless told. */
  answer: (call: string) => sd.Recorded = () => {};

  #call(call: string): sd.Recorded {
    this.calls.push(call);
    return this.answer(call);
  }

  override async buildStart(
    roots: readonly sd.AnyTask[],
    options?: { readonly description?: string | undefined },
  ): Promise<string> {
    const names = roots.map((root) => (root as Step).name).join(" ");
    await this.#call(`build ${names}${options?.description ?? ""}`);
    return "the build";
  }
  override buildComplete(buildId: string): sd.Recorded {
    return this.#call(`${buildId} complete`);
  }
  override buildFail(buildId: string, message?: string): sd.Recorded {
    return this.#call(`${buildId} fail: ${message}`);
  }
  override buildCancel(buildId: string): sd.Recorded {
    return this.#call(`${buildId} cancel`);
  }
  override taskRegister(_: string, task: sd.AnyTask): sd.Recorded {
    return this.#call(`register ${nameOf(task)}`);
  }
  override taskStart(_: string, task: sd.AnyTask): sd.Recorded {
    return this.#call(`start ${nameOf(task)}`);
  }
  override taskComplete(_: string, task: sd.AnyTask): sd.Recorded {
    return this.#call(`complete ${nameOf(task)}`);
  }
  override taskFail(_: string, task: sd.AnyTask, message?: string): sd.Recorded {
    return this.#call(`fail ${nameOf(task)}: ${message}`);
  }
  override taskSuspend(_: string, task: sd.AnyTask): sd.Recorded {
    return this.#call(`suspend ${nameOf(task)}`);
  }
  override taskResume(_: string, task: sd.AnyTask): sd.Recorded {
    return this.#call(`resume ${nameOf(task)}`);
  }
  override taskCancel(_: string, task: sd.AnyTask): sd.Recorded {
    return this.#call(`cancel ${nameOf(task)}`);
  }
  override taskUploadAssets(
    _: string,
    task: sd.AnyTask,
    assets: readonly sd.RegistryAsset[],
  ): sd.Recorded {
    return this.#call(`assets ${nameOf(task)}: ${JSON.stringify(assets)}`);
  }
  override taskGetMetadata(): never {
    throw new Error("nobody asks");
  }

  /** The calls about one task. */
  of(name: string): string[] {
    return this.calls.filter((call) => call.split(" ")[1]?.replace(":", "") === name);
  }
}

function nameOf(task: sd.AnyTask): string {
  return (task as Step).name ?? task.toString().replace(/.*\.(\w+)\(.*/, "$1");
}

const outage = new sd.RegistryError("The service cannot be reached", { isOutage: true });
const refusal = new sd.RegistryError("The key is not valid", { isOutage: false });

Deno.test("a build is told from its start to its end, with what was complete before", async () => {
  const steps = new Steps();
  const old = steps.step("old");
  steps.finish(old);
  const root = steps.step("root", {
    requires: () => old,
    *run() {
      yield steps.step("yielded");
    },
  });
  const registry = new ControlledRegistry();
  const summary = await sd.build(root, { registry, description: ": nightly" });
  assertEquals(summary.buildId, "the build");
  assertEquals(registry.calls, [
    "build root: nightly",
    "register old",
    "register root",
    "start root",
    "suspend root",
    "register yielded",
    "start yielded",
    "complete yielded",
    "resume root",
    "complete root",
    "the build complete",
  ]);
});

Deno.test("the provider's registry is told where none is handed in; with none the id is nil", async () => {
  const steps = new Steps();
  const registry = new ControlledRegistry();
  {
    using _ = sd.registryProvider.override(registry);
    await sd.build(steps.step("a"));
  }
  assertEquals(registry.calls.length, 5);
  assertEquals((await sd.build(steps.step("b"))).buildId, sd.NIL_BUILD_ID);
});

Deno.test("a failure is told of its task and of the build; what it blocks is not registered", async () => {
  const steps = new Steps();
  const bad = steps.step("bad", { run: () => Promise.reject(new Error("boom")) });
  const registry = new ControlledRegistry();
  await sd.build(steps.step("blocked", [bad]), { registry });
  assertEquals(registry.calls, [
    "build blocked",
    "register bad",
    "start bad",
    "fail bad: boom",
    "the build fail: boom",
  ]);
});

Deno.test("each attempt is told as a start, a failure only when it is the last", async () => {
  const flaky = task({
    name: "flaky",
    output: z.int(),
    retries: { maxAttempts: 3, minTimeout: 0 },
    run(_, { attempt }) {
      if (attempt < 3) throw new Error("not yet");
      return attempt;
    },
  });
  const registry = new ControlledRegistry();
  await sd.build(flaky(), { registry });
  assertEquals(registry.of("flaky"), [
    "register flaky",
    "start flaky",
    "start flaky",
    "start flaky",
    "complete flaky",
  ]);
});

Deno.test("a task that fails before it could begin is registered all the same", async () => {
  const steps = new Steps();
  const odd = steps.step("odd", {
    requires() {
      throw new Error("no idea");
    },
  });
  const root = steps.step("root", {
    *run() {
      yield odd;
    },
  });
  const registry = new ControlledRegistry();
  await sd.build(root, { registry });
  assertEquals(registry.of("odd").map((call) => call.split(":")[0]), ["register odd", "fail odd"]);
});

Deno.test("a build that was stopped is told as cancelled, with what was under way", async () => {
  const steps = new Steps();
  const controller = new AbortController();
  const stopped = steps.step("stopped", {
    run: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        controller.abort();
      }),
  });
  const registry = new ControlledRegistry();
  await sd.build(stopped, { registry, signal: controller.signal });
  assertEquals(registry.calls.slice(3), ["cancel stopped", "the build cancel"]);
});

Deno.test("nothing is recorded of a build that could not tell what to do", async () => {
  const steps = new Steps();
  const odd = steps.step("odd", { complete: () => Promise.reject(new Error("no idea")) });
  const registry = new ControlledRegistry();
  await assertRejects(() => sd.build(odd, { registry }), sd.DiscoveryError);
  assertEquals(registry.calls, []);
});

Deno.test("tasks run while the registry is slow, and the build waits for it at its end", async () => {
  const steps = new Steps();
  const registry = new ControlledRegistry();
  const gate = Promise.withResolvers<void>();
  registry.answer = (call) => call.startsWith("build") ? undefined : gate.promise;
  const below = steps.step("below");
  let isOver = false;
  const ran = Promise.withResolvers<void>();
  const top = steps.step("top", { requires: () => [below], run: () => ran.resolve() });
  const building = sd.build(top, { registry }).finally(() => isOver = true);
  await ran.promise;
  await new Promise((resolve) => setTimeout(resolve));
  assert(!isOver);
  // Nothing of a task goes before its registration, and no registration before those of what it requires.
  assertEquals(registry.calls, ["build top", "register below"]);
  gate.resolve();
  (await building).throwIfFailed();
  assertEquals(registry.of("below"), ["register below", "start below", "complete below"]);
  assertEquals(registry.of("top"), ["build top", "register top", "start top", "complete top"]);
  assertEquals(registry.calls.at(-1), "the build complete");
});

Deno.test("a task is registered after those that it requires, however the answers come", async () => {
  const steps = new Steps();
  const layers: Step[][] = [];
  for (let layer = 0; layer < 5; layer++) {
    const before = layers.at(-1) ?? [];
    layers.push(
      Array.from({ length: 6 }, (_, i) => steps.step(`${layer}-${i}`, before.slice(i % 3))),
    );
  }
  const registry = new ControlledRegistry();
  const acknowledged = new Set<string>();
  const problems: string[] = [];
  let seed = 1;
  registry.answer = async (call) => {
    const [verb, name = ""] = call.split(" ");
    if (verb === "register") {
      const [layer, i] = name.split("-").map(Number);
      for (const each of (layers[layer! - 1] ?? []).slice(i! % 3)) {
        if (!acknowledged.has(each.name)) problems.push(`${name} before ${each.name}`);
      }
    }
    seed = (seed * 16807) % 2147483647;
    for (let turns = seed % 20; turns > 0; turns--) await Promise.resolve();
    if (verb === "register") acknowledged.add(name);
  };
  (await sd.build(layers.at(-1)!, { registry })).throwIfFailed();
  assertEquals(problems, []);
  for (const { name } of layers.flat()) {
    const calls = registry.of(name).filter((call) => !call.startsWith("build"));
    assertEquals(calls, [`register ${name}`, `start ${name}`, `complete ${name}`]);
  }
});

Deno.test("calls are many at once but not any number, and a build waits when too many are to be made", async () => {
  const steps = new Steps();
  const registry = new ControlledRegistry();
  let underWay = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  registry.answer = (call) => {
    if (call.startsWith("build") || call.startsWith("the build")) return;
    most = Math.max(most, ++underWay);
    return new Promise((resolve) =>
      gates.push(() => {
        underWay--;
        resolve();
      })
    );
  };
  const building = sd.build(Array.from({ length: 2000 }, (_, i) => steps.step(`s${i}`)), {
    registry,
  });
  let isOver = false;
  building.finally(() => isOver = true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => setTimeout(resolve, 0));
  // Three calls for each task that has run.
  assert(steps.ran.length * 3 < 1200, `${steps.ran.length} have run`);
  while (!isOver) {
    for (const open of gates.splice(0)) open();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  (await building).throwIfFailed();
  assert(most > 8 && most <= 100, `${most} at once`);
  assertEquals(registry.calls.length, 2 + 3 * 2000);
});

Deno.test("an outage is ridden out: the build goes on, and warns once", async () => {
  const steps = new Steps();
  const registry = new ControlledRegistry();
  registry.answer = (call) => {
    if (!call.startsWith("build")) throw outage;
  };
  const summary = await sd.build([steps.step("a"), steps.step("b")], { registry });
  assertEquals(summary.status, "success");
  assertEquals(summary.warnings.length, 1);
  assertStringIncludes(summary.warnings[0]!, "The service cannot be reached");
});

Deno.test("a registration that got lost is made up for before the next call", async () => {
  const steps = new Steps();
  const registry = new ControlledRegistry();
  let isOut = true;
  registry.answer = (call) => {
    if (!call.startsWith("register a") || !isOut) return;
    isOut = false;
    return Promise.reject(outage);
  };
  await sd.build(steps.step("a"), { registry });
  assertEquals(registry.of("a").slice(1), [
    "register a",
    "register a",
    "start a",
    "complete a",
  ]);
});

Deno.test("an outage at the start leaves the build without a record", async () => {
  const steps = new Steps();
  const registry = new ControlledRegistry();
  registry.answer = () => Promise.reject(outage);
  const summary = await sd.build(steps.step("a"), { registry });
  assertEquals(summary.status, "success");
  assertEquals(summary.buildId, sd.NIL_BUILD_ID);
  assertEquals(registry.calls, ["build a"]);
  assertEquals(summary.warnings.length, 1);
});

Deno.test('with "raise", an outage stops the build like a refusal', async () => {
  const steps = new Steps();
  for (const at of ["build a", "start a", "the build complete"]) {
    const registry = new ControlledRegistry();
    registry.answer = (call) => {
      if (call === at) throw outage;
    };
    const options = { registry, onRegistryFailure: "raise" } as const;
    steps.done.clear();
    const error = await assertRejects(() => sd.build(steps.step("a"), options));
    assertEquals(error, outage);
  }
});

Deno.test("a refusal at the start has nothing run", async () => {
  const steps = new Steps();
  const registry = new ControlledRegistry();
  registry.answer = () => Promise.reject(refusal);
  assertEquals(await assertRejects(() => sd.build(steps.step("a"), { registry })), refusal);
  assertEquals(steps.ran, []);
  assertEquals(registry.calls, ["build a"]);
});

Deno.test("a refusal later stops the build, which is told as failed", async () => {
  const steps = new Steps();
  const registry = new ControlledRegistry();
  registry.answer = (call) => call === "complete a" ? Promise.reject(refusal) : undefined;
  const waits = steps.step("waits", {
    requires: () => [steps.step("a")],
    run: ({ signal }) =>
      new Promise((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  });
  assertEquals(await assertRejects(() => sd.build(waits, { registry })), refusal);
  assertEquals(registry.calls.at(-1), "the build fail: The key is not valid");
});

Deno.test("an error that is none of a registry is a refusal", async () => {
  const steps = new Steps();
  const registry = new ControlledRegistry();
  registry.answer = (call) => {
    if (call === "start a") throw new TypeError("a mistake in the registry");
  };
  const error = await assertRejects(
    () => sd.build(steps.step("a"), { registry }),
    sd.RegistryError,
  );
  assert(!error.isOutage);
  assertInstanceOf(error.cause, TypeError);
  assertStringIncludes(error.message, "The registry failed in taskStart of stardag.tests.Step(");
  assertStringIncludes(error.message, "a mistake in the registry");
});

Deno.test("assets are uploaded after completion, made of the loaded output", async () => {
  const report = task({
    name: "report",
    params: { n: z.int() },
    output: z.object({ mean: z.number() }),
    run: ({ n }) => ({ mean: n / 2 }),
    registryAssets: (output, { n }) => [
      { type: "markdown", name: "report", body: `# ${n}` },
      { type: "json", name: "metrics", body: output },
    ],
  });
  const registry = new ControlledRegistry();
  await sd.build(report({ n: 3 }), { registry });
  assertEquals(registry.of("report").slice(2), [
    "complete report",
    'assets report: [{"type":"markdown","name":"report","body":"# 3"},{"type":"json","name":"metrics","body":{"mean":1.5}}]',
  ]);
});

Deno.test("assets of a class come from its method; what goes wrong with them is a warning", async () => {
  @sd.register
  class Shown extends sd.AutoTask({
    name: "Shown",
    namespace: "stardag.tests.recorder",
    params: { how: z.enum(["well", "throws", "empty"]) },
    output: z.int(),
  }) {
    override run() {
      return this.save(1);
    }
    override registryAssets(): readonly sd.RegistryAsset[] {
      if (this.how === "throws") throw new Error("no report today");
      return this.how === "empty" ? [] : [{ type: "json", name: "x", body: { x: 1 } }];
    }
  }
  const registry = new ControlledRegistry();
  const tasks = (["well", "throws", "empty"] as const).map((how) => new Shown({ how }));
  const summary = await sd.build(tasks, { registry });
  assertEquals(summary.status, "success");
  assertEquals(registry.calls.filter((call) => call.startsWith("assets")).length, 1);
  assertEquals(summary.warnings.length, 1);
  assertStringIncludes(summary.warnings[0]!, "no report today");

  const refusing = new ControlledRegistry();
  refusing.answer = (call) => call.startsWith("assets") ? Promise.reject(refusal) : undefined;
  const { AutoTask } = sd.namespace("stardag.tests.recorder", import.meta.url);
  @sd.register
  class Refused extends AutoTask({ name: "Refused", output: z.int() }) {
    override run() {
      return this.save(1);
    }
    override registryAssets(): readonly sd.RegistryAsset[] {
      return [{ type: "json", name: "x", body: { x: 1 } }];
    }
  }
  const second = await sd.build(new Refused(), { registry: refusing });
  assertEquals([second.status, second.warnings.length], ["success", 1]);
});

Deno.test("without a registry no assets are made", async () => {
  let calls = 0;
  const shown = task({
    name: "shown_to_nobody",
    output: z.int(),
    run: () => 1,
    registryAssets() {
      calls++;
      return [];
    },
  });
  await sd.build(shown());
  assertEquals(calls, 0);
});

Deno.test("a registry that never answers does not keep a build that was stopped", async () => {
  using time = new FakeTime();
  const steps = new Steps();
  const registry = new ControlledRegistry();
  registry.answer = (call) => call.startsWith("build") ? undefined : new Promise(() => {});
  const controller = new AbortController();
  const waits = steps.step("waits", {
    run: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  const building = sd.build(waits, { registry, signal: controller.signal, gracePeriod: 2000 });
  await time.runMicrotasks();
  controller.abort();
  await time.runMicrotasks();
  // It gets a quarter of the grace period for what is left, and as much for the end of the build.
  await time.tickAsync(500);
  await time.tickAsync(500);
  const summary = await building;
  assertEquals(summary.status, "cancelled");
  assertStringIncludes(summary.warnings.join(), "registry");
  assertEquals(registry.calls.at(-1), "the build cancel");
});

Deno.test("a failed build is on record as failed, however slow the registry is", async () => {
  using time = new FakeTime();
  const steps = new Steps();
  const registry = new ControlledRegistry();
  registry.answer = () => new Promise((resolve) => setTimeout(resolve, 2000));
  const bad = steps.step("bad", { run: () => Promise.reject(new Error("boom")) });
  const building = sd.build(bad, { registry });
  for (let i = 0; i < 8; i++) await time.tickAsync(2000);
  const summary = await building;
  assertEquals(registry.calls.slice(-2), ["fail bad: boom", "the build fail: boom"]);
  assertEquals(summary.duration >= 0, true);
});

Deno.test("a build whose start is answered too late is cancelled in the registry", async () => {
  using time = new FakeTime();
  const steps = new Steps();
  const registry = new ControlledRegistry();
  const gate = Promise.withResolvers<void>();
  registry.answer = (call) => call === "build a" ? gate.promise : undefined;
  const controller = new AbortController();
  const building = sd.build(steps.step("a"), { registry, signal: controller.signal });
  await time.runMicrotasks();
  controller.abort();
  await time.tickAsync(250);
  const summary = await building;
  assertEquals(summary.status, "cancelled");
  assertStringIncludes(summary.warnings.join(), "did not answer in time");
  gate.resolve();
  await time.runMicrotasks();
  assertEquals(registry.calls, ["build a", "the build cancel"]);
});

Deno.test("tasks that were complete are registered after what they require, in whatever order they are given", async () => {
  const steps = new Steps();
  const up = steps.step("up");
  const down = steps.step("down", [up]);
  steps.finish(up, down);
  for (const tasks of [[up, down], [down, up]]) {
    for (const isSlow of [false, true]) {
      const registry = new ControlledRegistry();
      registry.answer = async () => {
        if (isSlow) await new Promise((resolve) => setTimeout(resolve));
      };
      await sd.build(tasks, { registry });
      assertEquals(registry.calls.slice(1, 3), ["register up", "register down"]);
    }
  }
});

Deno.test("a chain of any length that was complete is registered without an overflow", async () => {
  const steps = new Steps();
  const chain: Step[] = [];
  for (let i = 0; i < 20_000; i++) chain.push(steps.step(`${i}`, chain.slice(-1)));
  steps.finish(...chain);
  const registry = new ControlledRegistry();
  await sd.build(chain.toReversed(), { registry });
  assertEquals(registry.calls.length, 20_002);
  assertEquals(registry.calls.slice(1, 4), ["register 0", "register 1", "register 2"]);
});

Deno.test("requires() that throws fails its task and not the recording", async () => {
  const steps = new Steps();
  let calls = 0;
  const odd = steps.step("odd", {
    requires() {
      if (++calls > 1) throw new Error("no idea any more");
      return undefined;
    },
  });
  const registry = new ControlledRegistry();
  registry.answer = () => new Promise((resolve) => setTimeout(resolve));
  const summary = await sd.build([odd, steps.step("other")], { registry });
  assertEquals(summary.status, "success");
});

Deno.test("what extends NoOpRegistry is told", async () => {
  const seen: string[] = [];
  class Counting extends sd.NoOpRegistry {
    override taskStart(_: string, task: sd.AnyTask): void {
      seen.push(nameOf(task));
    }
  }
  const steps = new Steps();
  await sd.build(steps.step("a"), { registry: new Counting() });
  assertEquals(seen, ["a"]);
});

Deno.test("assets that are refused for many tasks are a few warnings", async () => {
  const shown = task({
    name: "shown_often",
    params: { n: z.int() },
    output: z.int(),
    run: ({ n }) => n,
    registryAssets: () => "no array" as never,
  });
  const registry = new ControlledRegistry();
  const tasks = Array.from({ length: 50 }, (_, n) => shown({ n }));
  const summary = await sd.build(tasks, { registry });
  assertEquals([summary.status, summary.warnings.length], ["success", 3]);
  assertStringIncludes(summary.warnings[0]!, "registryAssets gave no array");
});
