import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import * as sd from "../../mod.ts";
import {
  type BuildEventLine,
  jsonReporter,
  type JsonReporterOptions,
} from "../../src/reporters/json_reporter.ts";
import { FakeBuild } from "../support/fake_build.ts";

const step = sd.task({
  name: "step",
  namespace: "tests",
  params: { n: z.int(), after: z.array(sd.depends(z.int())).default([]) },
  output: z.int(),
  run: ({ n }) => n,
});

/** A writer that keeps what it gets, and takes only so many bytes at a time. */
class Writes {
  readonly writes: string[] = [];

  constructor(readonly most: number = Infinity) {}

  get text(): string {
    return this.writes.join("");
  }

  get lines(): BuildEventLine[] {
    assert(this.text === "" || this.text.endsWith("\n"));
    return this.text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  }

  writeSync(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, this.most);
    this.writes.push(new TextDecoder("latin1").decode(taken));
    return taken.length;
  }
}

function inMemory(): Disposable {
  return sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://json" } }),
  );
}

Deno.test("each line is an event as it is documented", async () => {
  using time = new FakeTime("2026-01-31T12:00:00Z");
  const output = new Writes(7);
  const build = new FakeBuild(jsonReporter({ output }));
  const first = step({ n: 1 });
  const second = step({ n: 2, after: [first] });
  const { reporter } = build;
  const of = (task: sd.AnyTask) => ({
    taskId: task.id,
    taskType: "tests.step",
    task: String(task),
  });
  build.found(2, 1);
  reporter.onTaskEvent?.({ kind: "previously_completed", task: first });
  reporter.onTaskEvent?.({ kind: "waiting_for_lock", task: second, owner: "them" });
  build.started(second);
  time.tick(250);
  const error = new TypeError("no\nsuch");
  build.retrying(second, error, 1500);
  time.tick(1500);
  build.started(second);
  time.tick(20);
  reporter.onTaskEvent?.({ kind: "suspended", task: second, requires: [first] });
  reporter.onTaskEvent?.({ kind: "resumed", task: second });
  time.tick(30);
  build.completed(second);
  build.started(first);
  time.tick(1);
  build.fails(first, "a string");
  reporter.onTaskEvent?.({ kind: "skipped", task: second, attempt: 2, because: first });
  build.started(second);
  time.tick(2);
  reporter.onTaskEvent?.({ kind: "cancelled", task: second });
  reporter.onTaskOutput?.(second, "half\u0007 done");
  build.warned("the registry is down");
  await build.ended();
  const at = (seconds: string): string => `2026-01-31T12:00:${seconds}Z`;
  assertEquals(output.lines, [
    { time: at("00.000"), event: "build_started" },
    {
      time: at("00.000"),
      event: "build_planned",
      discovered: 3,
      previouslyCompleted: 1,
      toRun: 2,
    },
    { time: at("00.000"), event: "task_previously_completed", ...of(first) },
    { time: at("00.000"), event: "task_waiting_for_lock", ...of(second), owner: "them" },
    { time: at("00.000"), event: "task_started", ...of(second), attempt: 1 },
    {
      time: at("00.250"),
      event: "task_retrying",
      ...of(second),
      attempt: 1,
      delay: 1500,
      error: { name: "TypeError", message: "no\nsuch", stack: error.stack! },
    },
    { time: at("01.750"), event: "task_started", ...of(second), attempt: 1 },
    { time: at("01.770"), event: "task_suspended", ...of(second), requires: [first.id] },
    { time: at("01.770"), event: "task_resumed", ...of(second) },
    { time: at("01.800"), event: "task_completed", ...of(second), duration: 50 },
    { time: at("01.800"), event: "task_started", ...of(first), attempt: 1 },
    {
      time: at("01.801"),
      event: "task_failed",
      ...of(first),
      attempt: 1,
      duration: 1,
      error: { name: "string", message: "a string", stack: null },
    },
    { time: at("01.801"), event: "task_skipped", ...of(second), attempt: 2, because: first.id },
    { time: at("01.801"), event: "task_started", ...of(second), attempt: 1 },
    { time: at("01.803"), event: "task_cancelled", ...of(second), duration: 2 },
    { time: at("01.803"), event: "task_output", ...of(second), line: "half\u0007 done" },
    { time: at("01.803"), event: "warning", message: "the registry is down" },
    {
      time: at("01.803"),
      event: "build_ended",
      buildId: "00000000-0000-0000-0000-000000000000",
      status: "failure",
      duration: 1803,
      taskCount: {
        discovered: 3,
        previouslyCompleted: 1,
        succeeded: 1,
        failed: 1,
        skipped: 0,
        cancelled: 0,
        pending: 0,
      },
      retried: 1,
      warnings: ["the registry is down"],
      reason: null,
    },
  ]);
  assertEquals(time.next(), false);
});

Deno.test({
  name: "a build is told in order, without any permission",
  permissions: "none",
  async fn() {
    using _ = inMemory();
    const output = new Writes();
    const first = step({ n: 1 });
    const second = step({ n: 2, after: [first] });
    await sd.build(second, { reporter: jsonReporter({ output }) });
    assertEquals(
      output.lines.map((line) => "taskId" in line ? [line.event, line.taskId] : [line.event]),
      [
        ["build_started"],
        ["build_planned"],
        ["task_started", first.id],
        ["task_completed", first.id],
        ["task_started", second.id],
        ["task_completed", second.id],
        ["build_ended"],
      ],
    );
  },
});

Deno.test("a build that could not tell what to do ends with its error", async () => {
  using _ = new FakeTime(0);
  const output = new Writes();
  const { reporter } = new FakeBuild(jsonReporter({ output }));
  await reporter.onBuildError?.(new sd.ConfigError("no root"));
  const last = output.lines.at(-1);
  assert(last?.event === "build_error");
  assertEquals([last.error.name, last.error.message], ["ConfigError", "no root"]);
});

Deno.test("lines are written together: within 100 ms, and at once when something fails", () => {
  using time = new FakeTime(0);
  const output = new Writes();
  const build = new FakeBuild(jsonReporter({ output }));
  const tasks = Array.from({ length: 100 }, (_, n) => step({ n }));
  build.started(...tasks);
  time.tick(99);
  assertEquals(output.writes.length, 0);
  time.tick(1);
  assertEquals(output.writes.length, 1);
  assertEquals(output.lines.length, 101);
  build.completed(tasks[0]!);
  build.fails(tasks[1]!, new Error("boom"));
  assertEquals(output.writes.length, 2);
  assertEquals(output.lines.length, 103);
  build.retrying(tasks[2]!, new Error("boom"), 10);
  assertEquals(output.writes.length, 3);
  time.tick(1000);
  assertEquals(output.writes.length, 3);
});

Deno.test("what waits to be written is bounded, though no timer gets a turn", async () => {
  using _ = new FakeTime(0);
  const output = new Writes();
  const build = new FakeBuild(jsonReporter({ output }));
  for (let n = 0; n < 2000; n++) {
    const task = step({ n });
    build.started(task);
    build.completed(task);
  }
  await build.ended();
  assertEquals(output.lines.length, 4002);
  assert(output.writes.length > 5);
  assert(output.writes.every((text) => text.length < 66_000));
});

Deno.test("when nobody reads any more the build goes on", async () => {
  using time = new FakeTime(0);
  let writes = 0;
  const output = {
    writeSync(): number {
      writes++;
      throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
    },
  };
  const build = new FakeBuild(jsonReporter({ output }));
  time.tick(100);
  build.fails(step({ n: 1 }), new Error("boom"));
  await build.ended();
  assertEquals(writes, 1);
});

Deno.test("lines that cannot be written are told in the summary", async () => {
  using _ = inMemory();
  const output = {
    writeSync(): number {
      throw new Error("No space left on device (os error 28)");
    },
  };
  const summary = await sd.build(step({ n: 7 }), { reporter: jsonReporter({ output }) });
  assertEquals(summary.status, "success");
  assertEquals(summary.warnings.length, 1);
  assert(summary.warnings[0]?.includes("No space left on device"));
});

Deno.test("an output that does not take what it is given is told of, and not asked again", async () => {
  for (const taken of [0, undefined, -1, 1.5, "7", Promise.resolve(7)]) {
    using _ = new FakeTime(0);
    let calls = 0;
    const writeSync = (): number => {
      if (++calls > 10) throw new Error("the writer is called again and again");
      return taken as number;
    };
    const build = new FakeBuild(jsonReporter({ output: { writeSync } }));
    build.fails(step({ n: 1 }), new Error("boom"));
    const { message } = await assertRejects(() => build.ended(), TypeError);
    assertStringIncludes(message, "Cannot write: writeSync() of the output gave ");
    assertStringIncludes(message, ". Have it give how many bytes it took, at least 1");
    assertEquals(calls, 1);
  }
});

Deno.test("head in a pipe ends well", async () => {
  const program = `
    import * as sd from "${new URL("../../mod.ts", import.meta.url)}";
    import { jsonReporter } from "${new URL(
    "../../src/reporters/json_reporter.ts",
    import.meta.url,
  )}";
    import { z } from "zod";
    using _ = sd.targetFactoryProvider.override(
      new sd.TargetFactory({ targetRoots: { default: "memory://head" } }),
    );
    const one = sd.task({ name: "one", params: { n: z.int() }, output: z.int(), run: () => 1 });
    const tasks = Array.from({ length: 3000 }, (_, n) => one({ n }));
    const { taskCount } = await sd.build(tasks, { reporter: jsonReporter() });
    console.error(taskCount.succeeded);
  `;
  const child = await spawned(program);
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  assert(new TextDecoder().decode(value).includes('"event":"build_started"'));
  assertEquals((await child.status).code, 0);
  assertEquals(await errors, "3000\n");
});

Deno.test("a process that ends in the middle of a build has written all that happened", async () => {
  const program = `
    import { jsonReporter } from "${new URL(
    "../../src/reporters/json_reporter.ts",
    import.meta.url,
  )}";
    const reporter = jsonReporter();
    reporter.onBuildStart({});
    reporter.onWarning("last words");
    Deno.exit(3);
  `;
  const { code, stdout } = await (await spawned(program)).output();
  assertEquals(code, 3);
  assertEquals(
    new TextDecoder().decode(stdout).split("\n").slice(0, -1).map((line) => JSON.parse(line).event),
    [
      "build_started",
      "warning",
    ],
  );
});

Deno.test("a reporter serves one build after the other, but not two at once", async () => {
  using _ = new FakeTime(0);
  const output = new Writes();
  const reporter = jsonReporter({ output });
  const first = new FakeBuild(reporter);
  assertThrows(() => new FakeBuild(reporter), TypeError, "Cannot watch two builds at once");
  await first.ended();
  await new FakeBuild(reporter).ended();
  assertEquals(output.lines.map(({ event }) => event), [
    "build_started",
    "build_ended",
    "build_started",
    "build_ended",
  ]);
});

Deno.test("an option that does not exist is refused", () => {
  assertThrows(
    () => jsonReporter({ stream: Deno.stdout } as JsonReporterOptions),
    TypeError,
    'there is no option "stream"',
  );
});

Deno.test("an output that is none is refused", () => {
  for (const output of ["file", {}, null, Deno.stdout.writable]) {
    const { message } = assertThrows(
      () => jsonReporter({ output } as unknown as JsonReporterOptions),
      TypeError,
    );
    assertStringIncludes(message, "Cannot make a jsonReporter with output ");
    assertStringIncludes(message, ": give something with writeSync(), e.g. Deno.stdout");
  }
});

/** Runs a program in a process of its own, without permissions. */
async function spawned(program: string): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--ext=ts", "-"],
    cwd: new URL("../../", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  return child;
}
