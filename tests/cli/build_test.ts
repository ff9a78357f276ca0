import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { command, folderWith, PIPELINE, projectConfig, ROOT, stardag } from "./command_line.ts";

Deno.test("build runs what is missing and tells of it on stderr, and then finds all done", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const first = await stardag(["build", "pipeline.ts:root"], { cwd: folder.path });
  assertEquals({ ...first, stderr: "" }, { code: 0, stdout: "", stderr: "" });
  assertMatch(first.stderr, /^2 tasks to run\n.*\n.*\nBuild succeeded in .*: 2 succeeded/);
  const second = await stardag(["build", "./pipeline.ts:root"], { cwd: folder.path });
  assertEquals(second.code, 0);
  assertMatch(second.stderr, /^Build succeeded in .*: nothing to run, 1 complete before/);
});

Deno.test("build --json prints how the build ended as one document", async () => {
  await using folder = await folderWith({
    "pipeline.ts": `${PIPELINE}
      console.log("printed by the module");
      export const loud = sd.task({
        name: "loud",
        output: z.int(),
        run() {
          console.log("printed by a task");
          Deno.stdout.writeSync(new TextEncoder().encode("written by a task\\n"));
          return 1;
        },
      });`,
  });
  const { code, stdout, stderr } = await stardag(["build", "pipeline.ts:loud", "--json"], {
    cwd: folder.path,
  });
  assertEquals(code, 0);
  const { duration, tasks, ...rest } = JSON.parse(stdout);
  assert(Number.isInteger(duration));
  assertEquals(rest, {
    status: "success",
    exitCode: 0,
    buildId: "00000000-0000-0000-0000-000000000000",
    taskCount: {
      discovered: 1,
      previouslyCompleted: 0,
      succeeded: 1,
      failed: 0,
      skipped: 0,
      cancelled: 0,
      pending: 0,
    },
    retried: 0,
    warnings: [],
    reason: null,
    failures: [],
  });
  assertEquals(tasks.length, 1);
  assertEquals(tasks[0].type, "loud");
  assertEquals(await Deno.readTextFile(tasks[0].uri), "1");
  for (const each of ["printed by the module", "printed by a task", "written by a task"]) {
    assertStringIncludes(stderr, each);
  }
});

Deno.test("build exits with 1 when a task fails, and tells which", async () => {
  await using folder = await folderWith({
    "pipeline.ts": `
      import * as sd from "@stardag/core";
      import { z } from "zod";
      const fails = sd.task({
        name: "fails",
        params: { n: z.int() },
        output: z.int(),
        run: ({ n }) => { throw new Error("no " + n) },
      });
      const fine = sd.task({ name: "fine", output: z.int(), run: () => 1 });
      export default [fails({ n: 1 }), fails({ n: 2 }), fine()];`,
  });
  const { code, stdout, stderr } = await stardag(
    ["build", "pipeline.ts", "--fail-mode", "continue", "--json"],
    { cwd: folder.path },
  );
  assertEquals(code, 1);
  const { status, exitCode, taskCount, failures } = JSON.parse(stdout);
  assertEquals({ status, exitCode }, { status: "failure", exitCode: 1 });
  assertEquals([taskCount.failed, taskCount.succeeded], [2, 1]);
  assertEquals(failures.length, 2);
  assertStringIncludes(failures[0].message, "no 1");
  assertMatch(failures[0].location, /pipeline\.ts:8:\d+$/);
  assertStringIncludes(stderr, "Build failed");
  assertStringIncludes(stderr, "no 2");
});

Deno.test("build makes a task of a task function or class with the parameters given", async () => {
  await using folder = await folderWith({
    "pipeline.ts": PIPELINE,
    "given.json": JSON.stringify({ limit: 2, order: "down" }),
    "title.txt": "Total",
  });
  const built = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await stardag(["build", ...args, "--json"], {
      cwd: folder.path,
    });
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout).tasks[0].task;
  };
  const withOptions = await built("pipeline.ts:numbers", "-p", "limit=3", "--param", "step=0.5");
  assertMatch(withOptions, /^numbers\(limit=3, step=0\.5, order="up"/);
  assertMatch(
    await built("pipeline.ts:numbers", "--params", "@given.json", "-p", "limit=4"),
    /^numbers\(limit=4, step=1, order="down"/,
  );
  const { default: sum } = await bodyOfSum(folder.path);
  assertMatch(
    await built("pipeline.ts:Report", "-p", `total=${sum}`, "-p", "title=@title.txt"),
    /^Report\(total=sum .*, title="Total"\) /,
  );
  assertMatch(await built("pipeline.ts:experiment", "-p", "scale=2"), /^sum\(/);
});

Deno.test("build refuses parameters that do not fit, and names those that were meant", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await stardag(["build", ...args], { cwd: folder.path });
    assertEquals({ code, stdout }, { code: 2, stdout: "" });
    return stderr;
  };
  assertEquals(
    await refused("pipeline.ts:numbers", "-p", "limt=3"),
    `error: Cannot give "limt" to "numbers": it takes limit, step, order, label. Did you mean "limit"?\n`,
  );
  assertMatch(
    await refused("pipeline.ts:numbers", "-p", "limit=x"),
    /"limit" is "x": .*\. Its parameters: stardag build pipeline\.ts:numbers --help\n$/,
  );
  assertStringIncludes(await refused("pipeline.ts:numbers"), `"limit" is missing`);
  assertStringIncludes(
    await refused("pipeline.ts:numbers", "-p", "limit=1", "-p", "limit=2"),
    `"limit" is given twice`,
  );
  assertStringIncludes(await refused("pipeline.ts:numbers", "-p", "limit"), "give name=value");
  assertStringIncludes(
    await refused("pipeline.ts:numbers", "-p", "limit=@no.json"),
    `Cannot read "no.json": there is no such file`,
  );
  assertStringIncludes(
    await refused("pipeline.ts:root", "-p", "limit=1"),
    `Cannot give parameters to "pipeline.ts:root"`,
  );
  assertStringIncludes(
    await refused("pipeline.ts:numbers", "--params", "[1]"),
    "give a JSON object",
  );
});

Deno.test("build names the exports of a module in place of one that it has not", async () => {
  await using folder = await folderWith({
    "pipeline.ts": PIPELINE,
    "several.ts": `export { numbers, sum } from "./pipeline.ts";`,
    "none.ts": "export const a = 1;",
  });
  const refused = async (task: string): Promise<string> => {
    const { code, stderr } = await stardag(["build", task], { cwd: folder.path });
    assertEquals(code, 2);
    return stderr;
  };
  assertEquals(
    await refused("pipeline.ts:rot"),
    `error: Cannot use "rot" of "pipeline.ts": it exports "Report", "experiment" (a function), "numbers", "root", "sum". Did you mean "root"?\n`,
  );
  assertEquals(
    await refused("pipeline.ts:nothing"),
    `error: Cannot use "nothing" of "pipeline.ts": it is 3, neither a task nor what makes tasks. The module exports "Report", "experiment" (a function), "numbers", "root", "sum"\n`,
  );
  assertEquals(
    await refused("several.ts"),
    `error: Cannot tell which task of "several.ts" is meant: it exports "numbers", "sum"\n`,
  );
  assertEquals(
    await refused("none.ts"),
    `error: Cannot tell which task of "none.ts" is meant: it exports no task, and nothing that makes tasks\n`,
  );
  assertEquals(
    await refused("pipelines.ts"),
    `error: Cannot import "pipelines.ts": there is no such module\n`,
  );
});

Deno.test("build tells with what it has called a function that throws", async () => {
  await using folder = await folderWith({
    "functions.ts": `
      export function pipeline({ rates }) { return rates.map(() => 1); }
      export default function () { throw new RangeError("none today"); }`,
  });
  const told = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await stardag(["build", ...args], { cwd: folder.path });
    assertEquals(code, 1);
    return stderr;
  };
  assertMatch(
    await told("functions.ts:pipeline", "-p", "rates=1"),
    /^error: Cannot get the tasks of "functions\.ts:pipeline", called with \{"rates":1\}: rates\.map is not a function\n {2}at file:.*functions\.ts:2:\d+\n$/,
  );
  assertMatch(
    await told("functions.ts:pipeline"),
    /, called without parameters: Cannot destructure/,
  );
  assertMatch(await told("functions.ts"), /^error: none today\n/);
});

Deno.test("build runs several tasks in one build", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const args = ["build", "pipeline.ts:experiment.other", "./pipeline.ts:root", "--json"];
  const { code, stdout } = await stardag(args, { cwd: folder.path });
  const { taskCount, tasks } = JSON.parse(stdout);
  assertEquals([code, taskCount.succeeded, tasks.length], [0, 4, 2]);
  const plan = await stardag([...args, "--dry-run"], { cwd: folder.path });
  assertEquals(JSON.parse(plan.stdout).complete, 2);
});

Deno.test("build --resume takes the id of a build only, and a folder is no module", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const { code, stderr } = await stardag(["build", "pipeline.ts", "--resume", "123"], {
    cwd: folder.path,
  });
  assertEquals(code, 2);
  assertStringIncludes(stderr, "Give the buildId of a former summary, a UUID");
  const none = await stardag(["build", folder.path], { cwd: folder.path });
  assertEquals(none.code, 2);
  assertStringIncludes(none.stderr, "it is a folder. Name a module in it");
});

Deno.test("build --help tells the parameters of the task by its schema", async () => {
  await using folder = await folderWith({
    "pipeline.ts": PIPELINE,
    "several.ts": `export { numbers, sum } from "./pipeline.ts";`,
  });
  const help = async (task: string): Promise<string> => {
    const { code, stdout, stderr } = await stardag(["build", task, "--help"], { cwd: folder.path });
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assertMatch(stdout, /^Usage: stardag build /);
    return stdout;
  };
  assertStringIncludes(
    await help("pipeline.ts:numbers"),
    `
Parameters of pipeline.ts:numbers:
  limit  How many numbers (integer, required)
  step   (number, default: 1)
  order  ("up" or "down", default: "up")
  label  (string, optional, not part of the id)
`,
  );
  assertStringIncludes(await help("pipeline.ts:Report"), "\n  total  (task of number, required)\n");
  assertMatch(await help("pipeline.ts"), /\npipeline\.ts:root is the task sum\(.*; it takes no/);
  assertMatch(await help("pipeline.ts:experiment"), /\n.*:experiment is a function, called with/);
  assertStringIncludes(
    await help("several.ts"),
    `
Exports of several.ts:
  numbers  makes numbers(limit, step, order, label)
  sum      makes sum(of, scale)
`,
  );
});

Deno.test("build --dry-run tells what would run, and runs nothing", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const { code, stdout } = await stardag(["build", "pipeline.ts", "--dry-run"], {
    cwd: folder.path,
  });
  assertEquals(code, 0);
  assertMatch(stdout, /^Plan: 2 tasks to run, 0 complete\n/);
  const plan = await stardag(["plan", "pipeline.ts"], { cwd: folder.path });
  assertEquals(plan.stdout, stdout);
  const entries = await Array.fromAsync(Deno.readDir(folder.path), ({ name }) => name);
  assertEquals(entries, ["pipeline.ts"]);
});

Deno.test("build keeps to the limits given", async () => {
  await using folder = await folderWith({
    "pipeline.ts": `
      import * as sd from "@stardag/core";
      import { z } from "zod";
      let running = 0;
      const most = { api: 0, all: 0 };
      const call = sd.task({
        name: "call",
        params: { n: z.int() },
        output: z.int(),
        concurrencyKeys: ["api"],
        async run({ n }) {
          most.api = Math.max(most.api, ++running);
          await Promise.resolve();
          running--;
          return n;
        },
      });
      export default sd.task({
        name: "count",
        params: { calls: z.array(sd.depends(z.int())) },
        output: z.int(),
        run: () => most.api,
      })({ calls: [1, 2, 3, 4, 5].map((n) => call({ n })) });`,
  });
  const most = async (root: string, ...args: string[]): Promise<string> => {
    const env = { STARDAG_TARGET_ROOTS: JSON.stringify({ default: join(folder.path, root) }) };
    const { code, stdout, stderr } = await stardag(["build", "pipeline.ts", "--json", ...args], {
      cwd: folder.path,
      env,
    });
    assertEquals(code, 0, stderr);
    return await Deno.readTextFile(JSON.parse(stdout).tasks[0].uri);
  };
  assertEquals(await most("a", "--limit", "api=9"), "5");
  assertEquals(await most("b", "--limit", "api=2", "--limit", "other=1"), "2");
  assertEquals(await most("c", "--limit", "api=9", "--max-concurrent", "3"), "3");
});

Deno.test("build runs tasks in workers and processes, of which there are as many as told", async () => {
  await using folder = await folderWith({
    "deno.json": await projectConfig(),
    "pipeline.ts": `
      import * as sd from "@stardag/core";
      import { z } from "zod";
      const { task } = sd.namespace("elsewhere", import.meta.url);
      export const inThread = task({
        name: "in_thread", output: z.boolean(), executionMode: "worker",
        run: () => "postMessage" in globalThis,
      });
      export const inProcess = task({
        name: "in_process", output: z.int(), executionMode: "process", run: () => Deno.pid,
      });
      export default [inThread(), inProcess()];`,
  });
  const { code, stdout, stderr } = await stardag(
    ["build", "pipeline.ts", "--workers", "1", "--json"],
    { cwd: folder.path },
  );
  assertEquals(code, 0, stderr);
  const [thread, process] = JSON.parse(stdout).tasks;
  assertEquals(await Deno.readTextFile(thread.uri), "true");
  assertMatch(await Deno.readTextFile(process.uri), /^\d+$/);
});

Deno.test("build is stopped by Ctrl-C, and exits with 130", async () => {
  await using folder = await folderWith({
    "pipeline.ts": `
      import * as sd from "@stardag/core";
      import { z } from "zod";
      export default sd.task({
        name: "endless",
        output: z.int(),
        async run(_, { signal }) {
          console.error("running");
          const timer = setInterval(() => {}, 1000);
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          clearInterval(timer);
          throw signal.reason;
        },
      })();`,
  });
  const child = command(["build", "pipeline.ts", "--json"], { cwd: folder.path }).spawn();
  const stdout = new Response(child.stdout).text();
  let stderr = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    if (!stderr.includes("running\n") && (stderr + text).includes("running\n")) {
      child.kill("SIGINT");
    }
    stderr += text;
  }
  assertEquals((await child.status).code, 130);
  const { status, exitCode, taskCount, reason } = JSON.parse(await stdout);
  assertEquals({ status, exitCode }, { status: "cancelled", exitCode: 130 });
  assertEquals(taskCount.cancelled, 1);
  assertStringIncludes(reason, "SIGINT");
  assertMatch(stderr, /Build cancelled/);
});

Deno.test("build needs no more permissions than the module and its outputs", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const out = join(folder.path, "out");
  const flags = [
    "--allow-env=STARDAG_TARGET_ROOTS,STARDAG_TARGET_ROOTS__DEFAULT,STARDAG_NO_REGISTRY",
    `--allow-read=${folder.path},${ROOT}`,
    `--allow-write=${out}`,
  ];
  const { code, stderr } = await stardag(["build", "pipeline.ts"], { cwd: folder.path, flags });
  assertEquals(code, 0, stderr);
  const denied = await stardag(["build", "pipeline.ts:numbers", "-p", "limit=9"], {
    cwd: folder.path,
    flags: flags.slice(0, 2),
  });
  assertEquals(denied.code, 1);
  assertStringIncludes(denied.stderr, `--allow-write=`);
});

/** The JSON of a task, as somebody has kept it. */
async function bodyOfSum(folder: string): Promise<{ readonly default: string }> {
  const module = join(folder, "body.ts");
  await Deno.writeTextFile(
    module,
    `import { root } from "./pipeline.ts"; export default JSON.stringify(root);`,
  );
  return await import(`file://${module}`);
}
