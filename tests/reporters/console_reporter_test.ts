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
  consoleReporter,
  type ConsoleReporterOptions,
} from "../../src/reporters/console_reporter.ts";
import { loadMeasure } from "../../src/reporters/text_width.ts";
import { FakeBuild } from "../support/fake_build.ts";
import { Screen } from "../support/screen.ts";

const makeFit = sd.task({
  name: "fit",
  namespace: "tests",
  params: { seed: z.int(), note: z.string().default("") },
  output: z.int(),
  run: ({ seed }) => seed,
});
const 集計 = sd.task({
  name: "集計",
  params: { 都市: z.string() },
  output: z.int(),
  run: () => 1,
});
const made = new Map<string, ReturnType<typeof makeFit>>();
/** The task, always the same object, as in a build. */
function fit(params: { seed: number; note?: string }): ReturnType<typeof makeFit> {
  const task = makeFit(params);
  if (!made.has(task.id)) made.set(task.id, task);
  return made.get(task.id)!;
}
/** As the console shows it. */
const FIT = (seed: number): string => `${fit({ seed })}`;

// What is only loaded when it is needed is there at once then.
await loadMeasure();

/** A build shown on a screen. */
interface Shown extends Disposable {
  readonly time: FakeTime;
  readonly screen: Screen;
  readonly build: FakeBuild;
  /** Lets some milliseconds pass, and tells what is on the screen. */
  after(milliseconds: number): string;
}

/** Begins a build that has been shown for 200 ms. */
async function shown(columns = 80, rows = 24, toRun = 3, previously = 0): Promise<Shown> {
  const time = new FakeTime(0);
  const screen = new Screen(columns, rows);
  const attached = screen.attach();
  const build = new FakeBuild(consoleReporter({ output: screen, isTerminal: true, color: false }));
  build.found(toRun, previously);
  time.tick(100);
  await time.runMicrotasks();
  time.tick(100);
  return {
    time,
    screen,
    build,
    after(milliseconds) {
      time.tick(milliseconds);
      return screen.text();
    },
    [Symbol.dispose]() {
      attached[Symbol.dispose]();
      time.restore();
    },
  };
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("on a terminal, a block tells how far a build is and what runs for how long", async () => {
  using on = await shown(80, 24, 3, 12);
  const { build } = on;
  assertEquals(
    on.after(0),
    `
Building  ────────────────────────────────────────  0/3  0 s
3 waiting`.trimStart(),
  );
  build.started(fit({ seed: 1 }), fit({ seed: 2 }));
  on.after(1000);
  build.completed(fit({ seed: 1 }));
  build.started(fit({ seed: 3 }));
  assertEquals(
    on.after(3000),
    `
Building  ━━━━━━━━━━━━━───────────────────────────  1/3  4 s
2 running
  3 s  ${FIT(2)}
  2 s  ${FIT(3)}`.trimStart(),
  );
  assertEquals(on.screen.cursor, [0, 4]);
  build.completed(fit({ seed: 2 }), fit({ seed: 3 }));
  await build.ended();
  assertEquals(
    on.after(0),
    "Build succeeded in 4.2 s: 3 succeeded, 12 complete before (15 tasks)",
  );
  assertEquals(on.screen.cursor, [0, 1]);
});

Deno.test("a block with 10,000 tasks shows those that have been running longest, and how many more run", async () => {
  using on = await shown(80, 24, 10_000);
  const { build } = on;
  build.started(...Array.from({ length: 52 }, (_, seed) => fit({ seed })));
  build.skipped = 3;
  build.suspended = 1;
  assertEquals(on.after(900).split("\n").length, 2);
  const tasks = Array.from({ length: 5 }, (_, seed) => `  1 s  ${FIT(seed)}\n`).join("");
  assertEquals(
    on.after(1100),
    `
Building  ────────────────────────────────────────       3/10,000  2 s
52 running, 3 skipped, 9,945 waiting
${tasks}       ... and 47 more`.trimStart(),
  );
});

Deno.test("at 40 columns nothing is wrapped: what does not fit is left out, or ends in an ellipsis", async () => {
  using on = await shown(40, 24, 10_000);
  const { build } = on;
  build.retried = 14;
  build.started(
    集計({ 都市: "京都と東京と大阪と神戸と奈良🍵🍵" }),
    fit({ seed: 1, note: "x".repeat(30) }),
  );
  assertEquals(
    on.after(65_000),
    `
Building       0/10,000  1 min 5 s
2 running, 9,998 waiting, 14 retried
  1 min 4 s  集計(都市="京都と東京と大…
  1 min 4 s  fit(seed=1, note="xxxxxxx…`.trimStart(),
  );
});

Deno.test("in a window of a few lines the block is no higher than the window", async () => {
  using on = await shown(60, 6, 100);
  on.build.started(...Array.from({ length: 9 }, (_, seed) => fit({ seed })));
  for (let i = 0; i < 5; i++) on.after(1000);
  assertEquals(
    on.screen.text(),
    `
Building  ──────────────────────────────────    0/100  5 s
9 running, 91 waiting
  4 s  ${FIT(0).replace("tests.", "")}
       ... and 8 more`.trimStart(),
  );
});

for (const columns of [20, 10]) {
  Deno.test(`at ${columns} columns no line is wrapped, and nothing is left behind`, async () => {
    using on = await shown(columns, 24, 10_000);
    const { build } = on;
    on.after(1000);
    const isFit = (): boolean =>
      on.screen.text().split("\n").every((line) => line.length < columns) &&
      on.screen.text().split("\n").length <= 9;
    const error = new Error("the database is locked");
    for (const [seed, phase] of (["discovering", "building", "recording"] as const).entries()) {
      build.phase = phase;
      build.started(...Array.from({ length: 9 }, (_, i) => fit({ seed: 10 * seed + i })));
      build.retrying(fit({ seed: 10 * seed }), error, 10);
      for (let i = 0; i < 3; i++) {
        on.after(1000);
        assert(isFit(), on.screen.text());
      }
    }
    build.phase = "building";
    on.after(100);
    const tasks = (name: string): string => `  9 s  ${name}\n`.repeat(5);
    assertEquals(
      on.screen.text().replace(/seed=\d/g, "seed=n"),
      columns === 20
        ? `     0/10,000
24 running
last retry: the da…
${tasks("fit(seed=n,…")}... and 19 more`
        : `0/10,000
24 runni…
last ret…
${tasks("f…")}... and …`,
    );
  });
}

Deno.test("a task is called the same from look to look, whatever else runs", async () => {
  using on = await shown(80, 24, 10);
  const { build } = on;
  const called = (): string | undefined => on.after(1100).match(/ \S*fit\(seed=1,/)?.[0];
  build.started(fit({ seed: 1 }));
  on.after(100);
  assertEquals(called(), " tests.fit(seed=1,");
  build.started(集計({ 都市: "京".repeat(60) }));
  assertEquals(called(), " tests.fit(seed=1,");
  on.screen.resize(40, 24);
  assertEquals(called(), " fit(seed=1,");
});

Deno.test("why a task is tried again is told in a line that fits", async () => {
  using on = await shown(80, 24, 10);
  const { build } = on;
  const lines = (): string[] => on.after(100).split("\n").slice(1);
  build.retrying(fit({ seed: 5 }), new Error("db is\nlocked"), 10_000);
  assertEquals(lines(), [
    "10 waiting, 1 retried",
    `last retry: ${FIT(5)}: db is locked`,
  ]);
  build.retrying(fit({ seed: 5, note: "x".repeat(60) }), new Error("\x1b[31mno".repeat(30)), 10);
  assertEquals(
    lines()[1],
    `last retry: tests.fit(seed=5, note="xxxxxxx…: ${"no".repeat(16)}n…`,
  );
  on.screen.resize(40, 24);
  assertEquals(lines()[1], `last retry: ${"no".repeat(13)}…`);
  build.lastRetry = { task: fit({ seed: 5 }), attempt: 2, error: "a text" };
  assertEquals(lines()[1], "last retry: a text");
});

Deno.test("how many tasks are locked by others is told", async () => {
  using on = await shown(80, 24, 10);
  on.build.waitingForLock = 3;
  assertEquals(on.after(100).split("\n")[1], "3 locked by others, 7 waiting");
});

Deno.test("what tasks write in workers stands above, once, with their names", async () => {
  using on = await shown(80, 24, 10);
  const task = fit({ seed: 1 });
  const name = `tests.fit ${task.id.slice(0, 8)}:`;
  on.build.reporter.onTaskOutput?.(task, "half\u0007 done");
  assertEquals(on.after(100).split("\n")[0], `${name} half done`);
  on.build.reporter.onTaskOutput?.(task, "all done");
  const lines = on.after(100).split("\n");
  assertEquals(lines.slice(0, 2), [`${name} half done`, `${name} all done`]);
  assertEquals(lines.filter((line) => line.startsWith(name)).length, 2);
});

Deno.test("while all that is left to do is to tell the registry, that is said", async () => {
  using on = await shown();
  const { build } = on;
  build.started(fit({ seed: 1 }));
  build.retrying(fit({ seed: 1 }), new Error("boom"), 10);
  build.fails(fit({ seed: 1 }), new Error("boom"));
  on.after(100);
  build.succeeded = 2;
  build.phase = "recording";
  assertEquals(on.after(2000).split("\n").slice(-2), [
    "Telling the registry  2 s",
    "1 failed, 1 retried",
  ]);
});

Deno.test("what tasks print stands above the block, whole and in order", async () => {
  using on = await shown();
  const { build } = on;
  build.started(fit({ seed: 1 }));
  console.log("one");
  assertEquals(on.after(0).split("\n")[0], "one");
  assertStringIncludes(on.after(0), "Building");
  for (let i = 0; i < 200; i++) console.log(`line ${i}`);
  on.after(1000);
  console.error("two");
  Deno.stdout.writeSync(encode("three\nfour\n"));
  await Deno.stderr.write(encode("five\n"));
  on.after(100);
  const lines = on.screen.text().split("\n");
  assertEquals(lines.slice(0, 205), [
    "one",
    ...Array.from({ length: 200 }, (_, i) => `line ${i}`),
    "two",
    "three",
    "four",
    "five",
  ]);
  assertEquals(lines.slice(205).join("\n").match(/Building/g)?.length, 1);
  build.completed(fit({ seed: 1 }));
  await build.ended();
  assertEquals(on.after(0).split("\n").slice(205), [
    "Build cancelled in 1.3 s: 1 succeeded, 2 pending (3 tasks)",
  ]);
});

Deno.test("a line that is not ended yet is left alone", async () => {
  using on = await shown();
  Deno.stdout.writeSync(encode("loading"));
  assertEquals(on.after(500), "loading");
  Deno.stdout.writeSync(encode(" ... "));
  assertEquals(on.after(500), "loading ...");
  Deno.stdout.writeSync(encode("done\n"));
  assertEquals(on.after(100).split("\n").slice(0, 2).map((line) => line.slice(0, 16)), [
    "loading ... done",
    "Building  ──────",
  ]);
  Deno.stdout.writeSync(encode("never ended"));
  on.build.fails(fit({ seed: 1 }), new Error("boom"));
  await on.build.ended();
  assertEquals(on.after(0).split("\n"), [
    "loading ... done",
    "never ended",
    `error: Cannot complete ${FIT(1)}: boom`,
    "Build failed in 1.3 s: 1 failed, 2 pending (3 tasks)",
  ]);
});

Deno.test("while others write, the block waits", async () => {
  using on = await shown();
  const ending = Promise.withResolvers<void>();
  on.screen.beforeWrite = ending.promise;
  const written = Deno.stdout.write(encode("slow\n"));
  on.build.fails(fit({ seed: 1 }), new Error("boom"));
  assertEquals(on.after(1000), "");
  ending.resolve();
  await written;
  assertEquals(on.after(100).split("\n").slice(0, 2), [
    "slow",
    `error: Cannot complete ${FIT(1)}: boom`,
  ]);
});

Deno.test("a dialog has the terminal to itself", async () => {
  const { prompt } = globalThis;
  try {
    let seen: string | undefined;
    globalThis.prompt = () => {
      seen = on.after(0);
      return "yes";
    };
    using on = await shown();
    console.log("Really?");
    assertEquals(globalThis.prompt("Really?"), "yes");
    assertEquals(seen, "Really?");
    assertEquals(on.after(0).split("\n").length, 3);
    await on.build.ended();
  } finally {
    globalThis.prompt = prompt;
  }
});

Deno.test("the block is on stderr unless told, and is not mistaken for what others write", async () => {
  using time = new FakeTime(0);
  const screen = new Screen(40, 24);
  using _ = screen.attach();
  const build = new FakeBuild(consoleReporter({ isTerminal: true, color: false }));
  build.found(3);
  time.tick(100);
  await time.runMicrotasks();
  time.tick(100);
  console.log("printed");
  time.tick(1000);
  assertEquals(screen.text(), "printed\nBuilding  ──────────────────  0/3  1 s\n3 waiting");
  await build.ended();
});

Deno.test("colours take no room", async () => {
  using time = new FakeTime(0);
  const screen = new Screen(40, 24);
  using _ = screen.attach();
  const build = new FakeBuild(consoleReporter({ isTerminal: true, color: true }));
  build.found(30);
  build.skipped = 10;
  time.tick(100);
  await time.runMicrotasks();
  build.fails(fit({ seed: 1 }), new Error("boom"));
  time.tick(1000);
  build.retried = 2;
  time.tick(1000);
  assertEquals(screen.text().split("\n").slice(-2), [
    "Building  ━━━━━───────────  11/30  2 s",
    "1 failed, 10 skipped, 19 waiting",
  ]);
  await build.ended();
});

Deno.test("failures and warnings are printed above the block as they come, and told once", async () => {
  using on = await shown();
  const { build } = on;
  build.started(fit({ seed: 1 }));
  build.warned("the registry is down");
  build.fails(fit({ seed: 1 }), new Error("boom"));
  assertEquals(on.after(100).split("\n").slice(0, 4), [
    "warning: the registry is down",
    `error: Cannot complete ${FIT(1)}: boom`,
    "Building  ━━━━━━━━━━━━━───────────────────────────  1/3  0 s",
    "1 failed, 2 waiting",
  ]);
  build.fails(fit({ seed: 2 }), new Error("boom, too"));
  await build.ended();
  assertEquals(on.after(0).split("\n"), [
    "warning: the registry is down",
    `error: Cannot complete ${FIT(1)}: boom`,
    `error: Cannot complete ${FIT(2)}: boom, too`,
    "Build failed in 300 ms: 2 failed, 1 pending (3 tasks)",
  ]);
});

Deno.test("failures are told again at the end when they are out of sight", async () => {
  using on = await shown();
  on.build.fails(fit({ seed: 1 }), new Error("boom"));
  on.after(100);
  for (let i = 0; i < 11; i++) console.log("something");
  await on.build.ended();
  assertEquals(on.after(0).split("\n"), [
    `error: Cannot complete ${FIT(1)}: boom`,
    ...Array<string>(11).fill("something"),
    "Build failed in 300 ms: 1 failed, 2 pending (3 tasks)",
    `  Cannot complete ${FIT(1)}: boom`,
  ]);
});

Deno.test("a failure is told with the place in the code where it was thrown", async () => {
  using on = await shown();
  on.build.fails(fit({ seed: 1 }), new Error("boom"), "file:///home/ada/pipeline.ts:12:5");
  assertEquals(on.after(100).split("\n").slice(0, 2), [
    `error: Cannot complete ${FIT(1)}: boom`,
    "  at file:///home/ada/pipeline.ts:12:5",
  ]);
  await on.build.ended();
});

Deno.test("of very many failures at once some are printed, and all are counted", async () => {
  using on = await shown(80, 24, 500);
  for (let seed = 0; seed < 300; seed++) on.build.fails(fit({ seed }), new Error(`boom ${seed}`));
  const lines = on.after(100).split("\n");
  assertEquals(lines.filter((line) => line.startsWith("error: ")).length, 10);
  assertEquals(lines[10], "... and 290 more failures");
  assertEquals(lines.at(-1)?.startsWith("300 failed, 200 waiting"), true);
});

Deno.test("failures for the same reason are printed once when there are many", async () => {
  using on = await shown(80, 24, 500);
  for (let seed = 0; seed < 300; seed++) {
    on.build.fails(fit({ seed }), new Error(seed % 100 === 7 ? `odd ${seed}` : "the disk is full"));
  }
  assertEquals(on.after(100).split("\n").slice(0, 6), [
    `error: Cannot complete ${FIT(0)}: the disk is full`,
    "... and 296 more for the same reason",
    `error: Cannot complete ${FIT(7)}: odd 7`,
    `error: Cannot complete ${FIT(107)}: odd 107`,
    `error: Cannot complete ${FIT(207)}: odd 207`,
    "Building  ━━━━━━━━━━━━━━━━━━━━━━━━────────────────  300/500  0 s",
  ]);
});

Deno.test("a window made narrower or wider leaves no remains of the block", async () => {
  using on = await shown();
  on.build.started(fit({ seed: 1, note: "x".repeat(30) }));
  on.after(1000);
  console.log("above");
  on.after(0);
  on.screen.resize(40, 24);
  on.after(100);
  on.screen.resize(30, 20);
  on.after(100);
  on.screen.resize(100, 24);
  const lines = on.after(1000).split("\n");
  assertEquals(lines[0], "above");
  assertEquals(lines[1], "Building  ────────────────────────────────────────  0/3  2 s");
  assertEquals(lines.length, 4);
  await on.build.ended();
  assertEquals(on.after(0).split("\n").length, 2);
});

Deno.test("what a task is called, or throws, cannot move the cursor", async () => {
  using on = await shown();
  const { id } = fit({ seed: 1 });
  const task = { id, toString: () => "evil\x1b[2J\r\n\x9b\x07name" } as sd.AnyTask;
  on.build.started(task);
  on.after(100);
  assertEquals(on.after(1000).split("\n").at(-1), "  1 s  evil name");
  on.build.fails(task, new Error("\x1b[31mred\x1b[39m\x07\nnext"));
  assertEquals(on.after(100).split("\n").slice(0, 3), [
    "error: Cannot complete evil",
    "name: red",
    "next",
  ]);
});

Deno.test("a task that cannot be named ends the showing, and neither the build nor the process", async () => {
  using on = await shown();
  const toString = (): never => {
    throw new Error("no name");
  };
  on.build.started({ id: "odd", toString } as unknown as sd.AnyTask);
  on.after(100);
  assertEquals(on.after(2000), "");
  await assertRejects(() => on.build.ended(), Error, "no name");
  assertEquals(on.after(0), "Build cancelled in 2.3 s: 3 pending (3 tasks)");
});

Deno.test("the time left is told when it can be known", async () => {
  using on = await shown(80, 24, 100);
  const { build } = on;
  const pass = (seconds: number): string => {
    for (let i = 0; i < seconds; i++) {
      build.succeeded++;
      on.after(1000);
    }
    return on.screen.text().split("\n")[1]!;
  };
  assertEquals(pass(2), "98 waiting");
  assertEquals(pass(8), "90 waiting, 1.0/s, about 2 min left");
  on.screen.resize(34, 24);
  assertEquals(on.after(100).split("\n")[1], "90 waiting, about 2 min left");
  on.screen.resize(80, 24);
  build.discovered += 20;
  assertEquals(pass(10), "100 waiting, 1.0/s");
  assertEquals(pass(60), "40 waiting, 1.0/s, about 40 s left");
  build.suspended = 1;
  assertEquals(pass(1), "39 waiting, 1.0/s");
  build.suspended = 0;
  build.isStopping = true;
  assertEquals(pass(1), "38 waiting, 1.0/s");
  assertEquals(on.screen.text().split(" ")[0], "Stopping");
});

Deno.test("while a build looks for what is missing, it is told how much was found", async () => {
  using on = await shown();
  on.build.phase = "discovering";
  on.build.discovered = 2_034;
  on.build.previouslyCompleted = 1_200;
  assertEquals(
    on.after(1000),
    "Looking for what is missing  1 s\n2,034 tasks found, 1,200 complete",
  );
});

Deno.test("nothing is written while nothing changes", async () => {
  using on = await shown();
  on.after(100);
  const { writes } = on.screen;
  on.after(500);
  assertEquals(on.screen.writes, writes);
});

Deno.test("a build that ends at once leaves a line, and never touches the console", async () => {
  using time = new FakeTime(0);
  const screen = new Screen(80, 24);
  const { log } = console;
  const reporter = consoleReporter({ output: screen, isTerminal: true, color: false });
  assertEquals(reporter.onTaskEvent, undefined);
  const build = new FakeBuild(reporter);
  build.found(1);
  time.tick(50);
  build.succeeded = 1;
  assertEquals(console.log, log);
  await build.ended();
  time.tick();
  assertEquals(screen.text(), "Build succeeded in 50 ms: 1 succeeded (1 task)");
  assertEquals(screen.writes, 1);
});

Deno.test("when a build has ended no timer runs, and all is written as before", async () => {
  const { prompt } = globalThis;
  const before = { log: console.log, stdout: Deno.stdout.writeSync };
  {
    using on = await shown();
    const during = [console.log, Deno.stdout.writeSync, globalThis.prompt] as const;
    await on.build.ended();
    assert(during.every((each) => each !== console.log && each !== Deno.stdout.writeSync));
    assertEquals(globalThis.prompt, prompt);
    assertEquals(on.time.next(), true); // the screen takes in what was written
    assertEquals(on.time.next(), false);
  }
  assertEquals({ log: console.log, stdout: Deno.stdout.writeSync }, before);
});

Deno.test("what others have put around the console in the meantime stays, and prints", async () => {
  using on = await shown();
  const { log } = console;
  const wrapped = (text: string): void => log(`> ${text}`);
  console.log = wrapped;
  console.log("during");
  await on.build.ended();
  assertEquals(console.log, wrapped);
  console.log("after");
  assertEquals(on.after(0).split("\n"), [
    "> during",
    "Build cancelled in 200 ms: 3 pending (3 tasks)",
    "> after",
  ]);
});

Deno.test("two builds at once share the terminal", async () => {
  using on = await shown();
  const other = new FakeBuild(
    consoleReporter({ output: on.screen, isTerminal: true, color: false }),
  );
  other.found(7);
  assertEquals(on.after(100).split("\n").map((line) => line.slice(-9)), [
    " 0/3  0 s",
    "3 waiting",
    " 0/7  0 s",
    "7 waiting",
  ]);
  await on.build.ended();
  assertEquals(on.after(0).split("\n").length, 3);
  console.log("printed");
  await other.ended();
  assertEquals(on.after(0).split("\n"), [
    "Build cancelled in 300 ms: 3 pending (3 tasks)",
    "printed",
    "Build cancelled in 100 ms: 7 pending (7 tasks)",
  ]);
});

Deno.test("a reporter serves one build after the other, but not two at once", async () => {
  for (const isTerminal of [true, false]) {
    using time = new FakeTime(0);
    const screen = new Screen(80, 24);
    const reporter = consoleReporter({ output: screen, isTerminal, color: false });
    const first = new FakeBuild(reporter);
    assertThrows(() => new FakeBuild(reporter), TypeError, "Cannot watch two builds at once");
    await first.ended();
    await new FakeBuild(reporter).ended();
    time.tick();
    assertEquals(screen.text().split("\n").length, 2);
  }
});

Deno.test("a build that could not tell what to do leaves nothing on the terminal", async () => {
  using on = await shown();
  await on.build.reporter.onBuildError?.(new Error("boom"));
  assertEquals(on.after(0), "");
  assertEquals(on.time.next(), false);
});

/** A writer that keeps the text. */
class Lines {
  text = "";

  writeSync(bytes: Uint8Array): number {
    // Some writers take only a part at a time.
    const part = bytes.subarray(0, 11);
    this.text += new TextDecoder("latin1").decode(part);
    return part.length;
  }
}

Deno.test("elsewhere a small build has a line for each task that ran", async () => {
  using time = new FakeTime(0);
  const output = new Lines();
  const build = new FakeBuild(consoleReporter({ output }));
  build.found(3, 5);
  build.started(fit({ seed: 1 }), fit({ seed: 2 }));
  time.tick(40);
  build.completed(fit({ seed: 1 }));
  build.retrying(fit({ seed: 2 }), new Error("busy\n\x1b[31m!"), 1500);
  build.warned("the registry is down");
  build.waitingForLock = 1;
  build.reporter.onTaskEvent?.({ kind: "waiting_for_lock", task: fit({ seed: 4 }), owner: "them" });
  build.reporter.onTaskOutput?.(fit({ seed: 1 }), "half done");
  time.tick(1500);
  build.started(fit({ seed: 2 }));
  time.tick(62_000);
  build.completed(fit({ seed: 2 }));
  build.fails(fit({ seed: 3 }), new Error("boom"));
  await build.ended();
  assertEquals(output.text.split("\n"), [
    "3 tasks to run, 5 complete before",
    `[1/3] ${FIT(1)} (40 ms)`,
    `retrying ${FIT(2)} in 1.5 s, attempt 1 failed: busy !`,
    "warning: the registry is down",
    `waiting for ${FIT(4)}: them has its lock`,
    `tests.fit ${fit({ seed: 1 }).id.slice(0, 8)}: half done`,
    "1/3 done, 1 running, 1 locked by others, 1 retried, 1 min 1 s",
    `[2/3] ${FIT(2)} (1 min 2 s)`,
    `error: Cannot complete ${FIT(3)}: boom`,
    "Build failed in 1 min 4 s: 2 succeeded, 1 failed, 5 complete before, 1 retry (8 tasks)",
    `  Cannot complete ${FIT(3)}: boom`,
    "  Warning: the registry is down",
    "",
  ]);
  assertEquals(time.next(), false);
});

Deno.test("elsewhere the size of a build is told when it is known, unless there is nothing to run", async () => {
  using _ = new FakeTime(0);
  const output = new Lines();
  const build = new FakeBuild(consoleReporter({ output }));
  build.found(1, 1200);
  assertEquals(output.text, "1 task to run, 1,200 complete before\n");
  const nothing = new Lines();
  const done = new FakeBuild(consoleReporter({ output: nothing }));
  done.found(0, 5);
  await done.ended();
  assertEquals(
    nothing.text,
    "Build succeeded in 0 ms: nothing to run, 5 complete before (5 tasks)\n",
  );
});

Deno.test("elsewhere it is told now and then that the registry is still being told", () => {
  using time = new FakeTime(0);
  const output = new Lines();
  const build = new FakeBuild(consoleReporter({ output }));
  build.found(1);
  build.started(fit({ seed: 1 }));
  build.completed(fit({ seed: 1 }));
  build.phase = "recording";
  time.tick(11_000);
  assertEquals(output.text.split("\n").slice(2), [
    "telling the registry, 5 s",
    "telling the registry, 10 s",
    "",
  ]);
});

Deno.test("elsewhere a large build has a line now and then, the longer it takes the more seldom", () => {
  using time = new FakeTime(0);
  const output = new Lines();
  const build = new FakeBuild(consoleReporter({ output }));
  build.discovered = 40_000;
  time.tick(6000);
  build.found(20_000, 20_000);
  build.started(fit({ seed: 1 }));
  for (let second = 0; second < 1000; second++) {
    build.succeeded += 9;
    build.warned("again");
    build.completed(fit({ seed: 2 }));
    time.tick(1000);
  }
  const lines = output.text.split("\n").filter((line) => line !== "warning: again");
  assertEquals(lines.slice(0, 4), [
    "looking for what is missing: 40,000 tasks found",
    "20,000 tasks to run, 20,000 complete before",
    "40/20,000 done, 1 running, 10 s, about 33 min left",
    "90/20,000 done, 1 running, 15 s, about 33 min left",
  ]);
  assert(lines.length > 20 && lines.length < 80, `${lines.length} lines`);
  assertEquals(/[^\n\P{Cc}]/u.test(output.text), false);
});

Deno.test("the environment is heeded where it may be read", () => {
  const output = { writeSync: (bytes: Uint8Array) => bytes.length, isTerminal: () => true };
  const isLive = (): boolean => consoleReporter({ output }).onTaskEvent === undefined;
  const before = ["TERM", "CI"].map((name) => [name, Deno.env.get(name)] as const);
  try {
    Deno.env.set("TERM", "xterm");
    Deno.env.delete("CI");
    assertEquals(isLive(), true);
    Deno.env.set("TERM", "dumb");
    assertEquals(isLive(), false);
    Deno.env.set("TERM", "xterm");
    Deno.env.set("CI", "true");
    assertEquals(isLive(), false);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
});

Deno.test("FORCE_COLOR has plain lines painted", async () => {
  const before = Deno.env.get("FORCE_COLOR");
  try {
    for (const [value, start] of [["1", "\x1b[33;1mBuild cancelled"], ["0", "Build cancelled"]]) {
      Deno.env.set("FORCE_COLOR", value!);
      const output = new Lines();
      const build = new FakeBuild(consoleReporter({ output }));
      build.found(1);
      await build.ended();
      assertEquals(output.text.split("\n").at(-2)?.startsWith(start!), true);
    }
  } finally {
    if (before === undefined) Deno.env.delete("FORCE_COLOR");
    else Deno.env.set("FORCE_COLOR", before);
  }
});

for (const isTerminal of [true, false]) {
  Deno.test({
    name: `a build is shown without any permission ${isTerminal ? "on a terminal" : "elsewhere"}`,
    permissions: "none",
    async fn() {
      using _ = sd.targetFactoryProvider.override(
        new sd.TargetFactory({ targetRoots: { default: `memory://console-${isTerminal}` } }),
      );
      const screen = new Screen(80, 24);
      const reporter = consoleReporter({ output: screen, isTerminal });
      assert(consoleReporter() !== reporter);
      const summary = await sd.build(fit({ seed: 1 }), { reporter });
      summary.throwIfFailed();
      await new Promise((resolve) => setTimeout(resolve));
      assertStringIncludes(screen.text(), "Build succeeded");
    },
  });
}

for (const isTerminal of [true, false]) {
  Deno.test(`an output that is none is refused ${isTerminal ? "on a terminal" : "elsewhere"}`, async () => {
    for (const output of ["file", {}, null, Deno.stderr.writable]) {
      const options = { output, isTerminal } as unknown as ConsoleReporterOptions;
      const { message } = assertThrows(() => consoleReporter(options), TypeError);
      assertStringIncludes(message, "Cannot make a consoleReporter with output ");
      assertStringIncludes(message, ": give something with writeSync(), e.g. Deno.stderr");
    }
    for (const taken of [0, undefined, -1, 1.5, "7", Promise.resolve(7)]) {
      using time = new FakeTime(0);
      let calls = 0;
      const writeSync = (): number => {
        if (++calls > 10) throw new Error("the writer is called again and again");
        return taken as number;
      };
      const build = new FakeBuild(consoleReporter({ output: { writeSync }, isTerminal }));
      build.found(1);
      time.tick(100);
      await time.runMicrotasks();
      time.tick(100_000);
      const { message } = await assertRejects(() => build.ended(), TypeError);
      assertStringIncludes(message, "Cannot write: writeSync() of the output gave ");
      assertStringIncludes(message, ". Have it give how many bytes it took, at least 1");
      assertEquals(calls, 1);
      assertEquals(time.next(), false);
    }
  });
}

Deno.test("a terminal that is gone does not touch the build", async () => {
  using time = new FakeTime(0);
  for (const isTerminal of [true, false]) {
    const output = {
      writeSync(): number {
        throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
      },
    };
    const build = new FakeBuild(consoleReporter({ output, isTerminal }));
    build.found(1);
    build.started(fit({ seed: 1 }));
    time.tick(100);
    await time.runMicrotasks();
    time.tick(70_000);
    await build.ended();
  }
});
