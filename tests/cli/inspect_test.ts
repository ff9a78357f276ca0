import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { folderWith, PIPELINE, stardag } from "./command_line.ts";

Deno.test("plan tells what would run, and why", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const { path: cwd } = folder;
  const { code, stdout, stderr } = await stardag(["plan", "pipeline.ts"], { cwd });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertMatch(stdout, /^Plan: 2 tasks to run, 0 complete\n/);
  assertMatch(stdout, /\n {2}numbers\(limit=4.*\n {4}output missing: .*out\/numbers\//);
  assertMatch(stdout, /\n {2}sum\(.*\n {4}upstream will run: numbers /);

  await stardag(["build", "pipeline.ts:numbers", "-p", "limit=4"], { cwd });
  const json = await stardag(["plan", "pipeline.ts", "--json"], { cwd });
  assertEquals(json.stderr, "");
  const { toRun, complete, tasks } = JSON.parse(json.stdout);
  assertEquals({ toRun, complete }, { toRun: 1, complete: 1 });
  assertEquals([tasks[0].type, tasks[0].reason], ["sum", "output_missing"]);
});

Deno.test("plan names the first tasks, and with --all each of them", async () => {
  await using folder = await folderWith({
    "pipeline.ts":
      `${PIPELINE}\nexport default Array.from({ length: 30 }, (_, n) => numbers({ limit: n }));`,
  });
  const tasksIn = async (...args: string[]): Promise<number | undefined> => {
    const { stdout } = await stardag(["plan", "pipeline.ts", ...args], { cwd: folder.path });
    return stdout.match(/^ {2}numbers\(/gm)?.length;
  };
  assertEquals(await tasksIn(), 10);
  assertEquals(await tasksIn("--all"), 30);
});

Deno.test("explain tells why no output of before is reused", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const { path: cwd } = folder;
  await stardag(["build", "pipeline.ts"], { cwd });
  const args = ["explain", "pipeline.ts:experiment.other", "-p", "scale=3"];
  const { code, stdout, stderr } = await stardag(args, { cwd });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertMatch(stdout, /^sum [-0-9a-f]{36}\n/);
  assertStringIncludes(stdout, "    scale: 1 -> 3\n    of.limit: 4 -> 5\n");

  const json = await stardag([...args, "--json"], { cwd });
  const { complete, reason } = JSON.parse(json.stdout);
  assertEquals({ complete, kind: reason.kind }, { complete: false, kind: "different" });
  assertMatch(reason.nearest[0].output.builtAt, /^\d{4}-\d\d-\d\dT/);
});

Deno.test("one of several tasks, and the task in a parameter, is named behind a dot", async () => {
  await using folder = await folderWith({
    "pipeline.ts": PIPELINE,
    "several.ts": `import { root } from "./pipeline.ts"; export const all = [root, { root }];`,
  });
  const { path: cwd } = folder;
  const explained = (task: string) => stardag(["explain", task], { cwd });
  assertMatch((await explained("pipeline.ts:root.of")).stdout, /^numbers /);
  assertMatch((await explained("several.ts:all.1.root.of")).stdout, /^numbers /);
  const several = await explained("pipeline.ts:experiment");
  assertEquals({ ...several }, {
    code: 2,
    stdout: "",
    stderr: "error: Cannot explain 2 tasks at once: name one behind a dot, one of root, other\n",
  });
  const typo = await explained("pipeline.ts:experiment.oter");
  assertEquals(typo.code, 2);
  assertStringIncludes(
    typo.stderr,
    `Cannot find the tasks "oter" in "pipeline.ts:experiment": there are root, other. Did you mean "other"?`,
  );
  const scalar = await explained("pipeline.ts:root.scale");
  assertStringIncludes(scalar.stderr, `in "pipeline.ts:root": there are of`);
});

Deno.test("diff tells which parameter of two tasks differs", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const { path: cwd } = folder;
  const args = ["diff", "pipeline.ts:numbers", "-p", "limit=1", "-p", "step=2", "--to", "limit=3"];
  const { code, stdout } = await stardag(args, { cwd });
  assertEquals(code, 0);
  assertStringIncludes(stdout, "limit: 1 -> 3");
  assertEquals(stdout.includes("step"), false);

  const json = await stardag([...args, "--json"], { cwd });
  assertEquals(typeof JSON.parse(json.stdout), "object");
  const files = ["--params", '{"limit": 1}', "--to-params", '{"limit": 2}', "-p", "step=3"];
  const other = await stardag(["diff", "pipeline.ts:numbers", ...files], { cwd });
  assertStringIncludes(other.stdout, "    limit: 1 -> 2\n\n");
  const mixed = ["-p", "limit=1", "-p", "step=3", "--to-params", '{"limit": 2}'];
  const single = await stardag(["diff", "pipeline.ts:numbers", ...mixed], { cwd });
  assertStringIncludes(single.stdout, "    limit: 1 -> 2\n\n");
  assertEquals(single.stdout.includes("step"), false);
  const two = await stardag(["diff", "pipeline.ts:experiment", "pipeline.ts:root"], { cwd });
  assertEquals(two.code, 0, two.stderr);
  assertMatch(two.stdout, /1 removed|2 removed/);
});

Deno.test("tree shows what a task requires, and how it stands where that is asked for", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const { path: cwd } = folder;
  const all = await stardag(["tree", "pipeline.ts"], { cwd });
  assertEquals(all.code, 0);
  assertMatch(all.stdout, /sum\(.*\n.*numbers\(/);
  assertMatch(all.stdout, /2 to run/);
  const bare = await stardag(["tree", "pipeline.ts", "--no-states"], { cwd });
  assertEquals(bare.stdout.includes("to run"), false);
  const cut = await stardag(["tree", "pipeline.ts", "--lines", "1", "--json"], { cwd });
  const { tasks, lines, isShortened } = JSON.parse(cut.stdout);
  assertEquals([tasks, lines.length, isShortened], [2, 1, true]);
});

Deno.test("graph draws the DAG, in the kind that is told or that the name of the file tells", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const { path: cwd } = folder;
  const drawn = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await stardag(["graph", "pipeline.ts", ...args], { cwd });
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    return stdout;
  };
  assertMatch(await drawn(), /^flowchart TB\n/);
  assertMatch(await drawn("--direction", "LR"), /^flowchart LR\n/);
  assertMatch(await drawn("--dot"), /^digraph /);
  const svg = await drawn("--svg");
  assertStringIncludes(svg, "<svg");

  const drawnTo = async (file: string, start: RegExp, ...args: string[]): Promise<void> => {
    await stardag(["graph", "pipeline.ts", "-o", file, ...args], { cwd });
    assertMatch(await Deno.readTextFile(join(cwd, file)), start);
  };
  const written = await stardag(["graph", "pipeline.ts", "-o", "dag.svg"], { cwd });
  assertEquals(written, { code: 0, stdout: "", stderr: "Wrote dag.svg\n" });
  assertEquals(await Deno.readTextFile(join(cwd, "dag.svg")), svg);
  const nowhere = await stardag(["graph", "pipeline.ts", "-o", "no/dag.svg"], { cwd });
  assertEquals(nowhere.code, 2);
  assertStringIncludes(nowhere.stderr, `Cannot write "no/dag.svg": its folder is not there`);
  const both = await stardag(["graph", "pipeline.ts", "--svg", "--dot"], { cwd });
  assertEquals(both.code, 2);
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await stardag(["graph", "pipeline.ts", ...args], { cwd });
    assertEquals(code, 2);
    return stderr;
  };
  assertStringIncludes(await refused("-o", "dag.png"), "Let it end in .svg, .dot, .mmd or .md");
  assertStringIncludes(await refused("-o", "dag.dot", "--svg"), "says another kind of drawing");
  await drawnTo("dag.mmd", /^flowchart TB\n/);
  await drawnTo("dag.GV", /^digraph /);
  await drawnTo("dag.txt", /^digraph /, "--dot");
});

Deno.test("graph tells why it is unknown how tasks stand", async () => {
  await using folder = await folderWith({
    "pipeline.ts": `${PIPELINE}
      @sd.register
      class Odd extends sd.AutoTask({ name: "Odd", params: { n: z.int() }, output: z.int() }) {
        override complete() { return Promise.reject(new Error("the secret is wrong")); }
        override run() {}
      }
      export default [new Odd({ n: 1 }), new Odd({ n: 2 })];`,
  });
  const { code, stdout, stderr } = await stardag(["graph", "pipeline.ts"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^flowchart TB\n/);
  assertMatch(stderr, /^It is unknown whether 2 tasks ran before: .*the secret is wrong.*\n$/);
  const bare = await stardag(["graph", "pipeline.ts", "--no-states"], { cwd: folder.path });
  assertEquals(bare.stderr, "");
});

Deno.test("what a module prints is no part of the result", async () => {
  await using folder = await folderWith({
    "pipeline.ts": `console.log("a"); console.table([1]); console.group("g");\n${PIPELINE}`,
  });
  const { stdout, stderr } = await stardag(["graph", "pipeline.ts"], { cwd: folder.path });
  assertMatch(stdout, /^flowchart TB\n/);
  assertMatch(stderr, /^a\n[^]*\ng\n$/);
});
