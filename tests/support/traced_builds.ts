/**
 * A program that builds what is told of in spans, for the test of the traces: prints the ids of its tasks. The argument
 * is the address of a server to ask something of; none: the builds do without, and need no permission.
 */

import { setImmediate } from "node:timers";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { InMemoryRegistry } from "../../src/registries/in_memory_registry.ts";

const output = z.string();

if (import.meta.main) {
  const [address] = Deno.args;
  const ask = async (path: string): Promise<string> =>
    address === undefined ? path : await (await fetch(`${address}/${path}`)).text();
  sd.targetFactoryProvider.set(
    new sd.TargetFactory({ targetRoots: { default: "memory://traced" } }),
  );

  const { task } = sd.namespace("traced", import.meta.url);
  const part = task({ name: "part", output, run: () => ask("part") });
  const whole = task({
    name: "whole",
    output,
    async *run() {
      const first = yield* sd.load(part());
      return first + await ask("whole");
    },
  });
  @sd.register
  class Known extends sd.BaseTask({ name: "Known", namespace: "traced" }) {
    override async complete(): Promise<boolean> {
      return await ask("known") === "known";
    }
    override run(): never {
      throw new Error("It is complete");
    }
  }
  const quick = task({ name: "quick", output, run: () => "at once" });
  let tries = 0;
  const shaky = task({
    name: "shaky",
    output,
    retries: { maxAttempts: 2, minTimeout: 0 },
    run() {
      if (++tries === 1) throw new Error("not yet");
      return "at last";
    },
  });
  const bad = task({
    name: "bad",
    output,
    run() {
      throw new TypeError("boom");
    },
  });
  const late = task({
    name: "late",
    output,
    timeout: 1,
    run: () => new Promise<string>(() => {}),
  });
  const again = task({
    name: "again",
    output,
    timeout: 1,
    retries: { maxAttempts: 2, minTimeout: 0 },
    run: () => "by the executor",
  });
  /** Its first attempt goes on after its time was up: it yields while the second one runs. */
  const yieldsLate = Promise.withResolvers<sd.TaskOutcome>();
  const executor: sd.TaskExecutor = {
    maxConcurrent: 1,
    submit(_task, { attempt }) {
      if (attempt === 1) return yieldsLate.promise;
      yieldsLate.resolve({ kind: "suspended", requires: [] });
      return new Promise((resolve) => setImmediate(() => resolve({ kind: "complete" })));
    },
    discard: () => Promise.resolve(),
  };
  const given = task({
    name: "given",
    output,
    *run() {
      return yield* sd.load(bad());
    },
  });
  const controller = new AbortController();
  const stopped = task({
    name: "stopped",
    output,
    run(_, { signal }) {
      controller.abort();
      signal.throwIfAborted();
      return "not heard";
    },
  });
  const circle: sd.AutoTask<string> = task({
    name: "circle",
    output,
    requires: () => circle,
    run: () => "never",
  })();

  const tasks = {
    known: new Known(),
    part: part(),
    whole: whole(),
    quick: quick(),
    shaky: shaky(),
    bad: bad(),
    late: late(),
    given: given(),
    stopped: stopped(),
    again: again(),
  };
  const { stopped: _, again: __, ...others } = tasks;
  const build = async (): Promise<void> => {
    await sd.build(others, { failMode: "continue", registry: new InMemoryRegistry() });
    await sd.build(tasks.stopped, { signal: controller.signal });
    await sd.build(tasks.again, { executor });
    await sd.build(circle).catch(() => {});
  };
  if (address === undefined) {
    await build();
  } else {
    const { trace } = await import("@opentelemetry/api");
    await trace.getTracer("test").startActiveSpan("outer", async (span) => {
      await build();
      span.end();
    });
  }
  console.log(JSON.stringify(Object.entries(tasks).map(([name, { id }]) => [name, id])));
}
