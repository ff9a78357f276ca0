/**
 * Tasks that behave, and tasks that do not, for tests of what runs them in workers.
 */

import { existsSync } from "node:fs";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { place } from "./elsewhere.ts";

const { task, AutoTask, BaseTask } = sd.namespace("stardag.tests.workers", import.meta.url);

/** How many tasks this worker has run. */
let runs = 0;

/** Where it ran, and as which one there. */
export const look = task({
  name: "look",
  params: { n: z.int() },
  output: z.object({ place: z.string(), run: z.int() }),
  run: () => ({ place, run: ++runs }),
});

/** What it was handed. */
export const attempted = task({
  name: "attempted",
  retries: { maxAttempts: 2, minTimeout: 0 },
  output: z.int(),
  run(_, { attempt }) {
    if (attempt === 1) throw new Error("once");
    return attempt;
  },
});

export const sum = task({
  name: "sum",
  params: { of: z.array(sd.depends(z.int())), big: z.bigint() },
  output: z.string(),
  run: ({ of, big }) => `${of.reduce((a, b) => a + b, 0)} ${big}`,
});

export const value = task({
  name: "value",
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => n,
});

/** A diamond of so many levels, whose text would be as long as 2 to their number. */
export const level = task({
  name: "level",
  params: { left: sd.depends(z.int()), right: sd.depends(z.int()) },
  output: z.int(),
  run: ({ left, right }) => left + right,
});

/** Yields one value after the other; writes to the console each time it is begun. */
export const climbs = task({
  name: "climbs",
  params: { to: z.int(), isDeep: z.boolean().default(false) },
  output: z.int(),
  *run({ to }) {
    console.log("begun");
    let total = 0;
    try {
      for (let n = 0; n < to; n++) total += yield* sd.load(value({ n }));
    } finally {
      console.log("left");
    }
    return total;
  },
});

/** Never yields the same twice. */
export const wanders = task({
  name: "wanders",
  output: z.int(),
  *run() {
    yield value({ n: Math.floor(Math.random() * 2 ** 50) });
    return 1;
  },
});

/** Says where it is complete, and no other place can see it. */
const done = new Set<string>();

@sd.register
export class Forgets extends BaseTask({ name: "Forgets", params: { what: z.string() } }) {
  override complete(): boolean {
    return done.has(this.id);
  }

  override run(): void {
    done.add(this.id);
  }
}

/** Yields what no other place can see to be complete. */
export const relies = task({
  name: "relies",
  output: z.string(),
  *run() {
    yield new Forgets({ what: "a yield" });
    return "went on";
  },
});

/** Has a title and a detail in its error. */
export class OddError extends Error {
  readonly detail = { code: 7 };
  override readonly name = "OddError";
}

export const throws = task({
  name: "throws",
  params: { what: z.enum(["own", "caused", "zod", "aggregate", "text", "denied"]) },
  output: z.int(),
  run({ what }): number {
    console.log("about to throw", what);
    switch (what) {
      case "own":
        throw new OddError("odd");
      case "caused":
        throw new TypeError("outer", { cause: new RangeError("inner") });
      case "zod":
        return z.int().parse("no");
      case "aggregate":
        throw new AggregateError([new TypeError("one"), new RangeError("two")], "both");
      case "text":
        return Promise.reject("just text") as never;
      case "denied":
        throw new Deno.errors.NotFound("not there");
    }
  },
});

/** The ways in which a worker can fail. */
export const FAULTS = [
  "uncaught",
  "rejected",
  "exit",
  "close",
  "exit-soon",
] as const;

/** Fails with its worker. */
export const breaks = task({
  name: "breaks",
  params: {
    how: z.enum([...FAULTS, "kill", "interrupt", "flood", "memory", "buffers"]),
    n: z.int().default(0),
  },
  output: z.int(),
  async run({ how }) {
    console.log(`it will be ${how}`);
    switch (how) {
      case "uncaught":
        setTimeout(() => {
          throw new RangeError("thrown by a timer");
        });
        break;
      case "rejected":
        Promise.reject(new RangeError("rejected by nobody"));
        break;
      case "exit":
        Deno.exit(7);
        break;
      case "close":
        globalThis.close();
        break;
      case "exit-soon":
        queueMicrotask(() => Deno.exit(0));
        break;
      case "kill":
        Deno.kill(Deno.pid, "SIGKILL");
        break;
      case "interrupt":
        Deno.kill(Deno.pid, "SIGINT");
        break;
      case "flood":
        for (const text = new Uint8Array(2 ** 20).fill(65);;) Deno.stdout.writeSync(text);
      case "memory": {
        const kept: unknown[] = [];
        for (;;) kept.push(new Array(100_000).fill(kept.length + 0.5));
      }
      case "buffers": {
        const kept: Uint8Array[] = [];
        for (let mebibytes = 0; mebibytes < 200; mebibytes += 10) {
          kept.push(new Uint8Array(10 * 2 ** 20).fill(1));
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return kept.length;
      }
    }
    await new Promise(() => {});
    return 1;
  },
});

/** The same, where a limit holds it. */
export const greedy = task({
  name: "greedy",
  params: { what: z.enum(["values", "buffers"]) },
  memoryLimit: 64,
  output: z.int(),
  run: ({ what }) => breaks.call({ how: what === "values" ? "memory" : "buffers", n: 0 }),
});

/** Goes on and on, with or without giving others their turn. */
export const endless = task({
  name: "endless",
  params: { isBusy: z.boolean(), n: z.int().default(0) },
  timeout: 300,
  output: z.int(),
  async run({ isBusy }) {
    console.log("on and on");
    if (isBusy) { for (;;); }
    await new Promise(() => {});
    return 1;
  },
});

/** Stops when it is asked to. */
export const obedient = task({
  name: "obedient",
  timeout: 300,
  output: z.int(),
  run: (_, { signal }) =>
    new Promise<number>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error(`heard ${signal.reason.name}`)));
    }),
});

export const looks = task({
  name: "looks",
  output: z.boolean(),
  run: (_, { signal }) => signal.aborted,
});

/** Ends well, and leaves something behind that keeps its worker busy from then on. */
@sd.register
export class Litters extends BaseTask({ name: "Litters", params: { path: z.string() } }) {
  override complete(): boolean {
    return existsSync(this.path);
  }

  override run(): void {
    Deno.writeTextFileSync(this.path, "done");
    let ticks = 0;
    const tick = (): void => {
      // By then it has been told that the task has ended.
      if (ticks++ < 1_000) return queueMicrotask(tick);
      for (;;);
    };
    tick();
  }
}

export const talks = task({
  name: "talks",
  params: { lines: z.int(), fails: z.boolean().default(false) },
  output: z.int(),
  run({ lines, fails }) {
    for (let n = 1; n <= lines; n++) console.log("line %d of", n, { lines });
    console.error("and an error");
    if (fails) throw new Error("after many words");
    return lines;
  },
});

/** Writes past the console, as only a process can be heard. */
export const mutters = task({
  name: "mutters",
  output: z.int(),
  run(): number {
    const encoder = new TextEncoder();
    Deno.stdout.writeSync(encoder.encode("half a line"));
    Deno.stderr.writeSync(encoder.encode("to the other side\n"));
    throw new Error("after muttering");
  },
});

/** Its output is below another root. */
@sd.register
export class Elsewhere extends AutoTask({
  name: "Elsewhere",
  params: { input: sd.depends(z.int()) },
  output: z.int(),
  targetRootKey: "other",
}) {
  override async run(): Promise<void> {
    await this.save(await this.input.load() + 1);
  }
}

/** Begins to write its output, and does not come to an end. */
@sd.register
export class Writes extends AutoTask({
  name: "Writes",
  params: { isBusy: z.boolean(), n: z.int().default(0) },
  output: z.string(),
}) {
  override async run(): Promise<void> {
    const { isBusy } = this;
    const content = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode("the beginning")),
      pull(): Promise<void> {
        console.log("writing");
        if (isBusy) { for (;;); }
        return new Promise(() => {});
      },
    }, { highWaterMark: 0 });
    await this.output().write(content);
  }
}

/** Shows something of its output in the registry. */
export const shown = task({
  name: "shown",
  output: z.string(),
  run: () => place,
  registryAssets: (output) => [{ type: "markdown", name: "where", body: output }],
});

/** A type that only exists once somebody calls for it. */
export function hidden(): sd.AnyTask {
  return task({ name: "hidden", output: z.int(), run: () => 1 })();
}
