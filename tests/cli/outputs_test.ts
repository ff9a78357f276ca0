import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { command, type Ended, folderWith, PIPELINE, stardag } from "./command_line.ts";

/** A folder with outputs of a pipeline, of which only some are still needed. */
async function withOutputs(): Promise<
  AsyncDisposable & {
    readonly path: string;
    run(...args: readonly string[]): Promise<Ended>;
    files(): Promise<readonly string[]>;
  }
> {
  const folder = await folderWith({
    "pipeline.ts": `${PIPELINE}
export const blob = sd.task({
  name: "blob",
  output: z.instanceof(Uint8Array),
  run: () => Uint8Array.from({ length: 300_000 }, (_, i) => i % 256),
})();
@sd.register
class Parts extends sd.Task({ name: "Parts" }) {
  override output() { return sd.getDirectoryTarget("parts"); }
  override async run() {
    const output = this.output();
    await output.getSubTarget("a.txt").write("a");
    await output.markDone();
  }
}
export const parts = new Parts();
`,
  });
  const { path: cwd } = folder;
  const run = (...args: readonly string[]): Promise<Ended> => stardag(args, { cwd });
  const files = async (): Promise<readonly string[]> => {
    const { stdout } = await run("ls", "--json");
    return JSON.parse(stdout).types.map(({ type, count }: { type: string; count: number }) =>
      `${type} ${count}`
    );
  };
  const { code, stderr } = await run("build", "pipeline.ts:experiment", "-p", "scale=2");
  assertEquals(code, 0, stderr);
  return { path: cwd, run, files, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

Deno.test("gc only tells what it would remove, and with --yes removes it", async () => {
  await using folder = await withOutputs();
  const { run, files } = folder;
  assertEquals(await files(), ["numbers 2", "sum 2"]);
  const args = ["gc", "pipeline.ts:root", "--min-age", "0"];
  const preview = await run(...args);
  assertEquals([preview.code, preview.stderr], [0, "Nothing was removed: --yes does it\n"]);
  assertMatch(preview.stdout, /^Would remove 2 outputs: \d+ B\n/);
  assertEquals(await files(), ["numbers 2", "sum 2"]);

  const young = await run("gc", "pipeline.ts:root");
  assertEquals([young.code, young.stderr], [0, ""]);
  assertMatch(young.stdout, /^There is no garbage; .* 2 younger than 7 d\n$/);

  const { code, stdout, stderr } = await run(...args, "--yes", "--json");
  assertEquals([code, stderr], [0, ""]);
  const { dryRun, outputs, errors } = JSON.parse(stdout);
  assertEquals({ dryRun, outputs, errors }, { dryRun: false, outputs: 2, errors: [] });
  assertEquals(await files(), ["numbers 1", "sum 1"]);
  const plan = await run("plan", "pipeline.ts:root");
  assertMatch(plan.stdout, /^Plan: nothing to run/);
});

Deno.test("gc keeps what any of several tasks needs, with the parameters given", async () => {
  await using folder = await withOutputs();
  const { run } = folder;
  const both = await run(
    "gc",
    "pipeline.ts:experiment",
    "-p",
    "scale=2",
    "--min-age",
    "0",
    "--json",
  );
  assertEquals(JSON.parse(both.stdout).kept.reached, 4);
  const args = ["gc", "pipeline.ts:root", "pipeline.ts:root.of", "--min-age", "0s"];
  assertEquals(JSON.parse((await run(...args, "--json")).stdout).kept.reached, 2);
  const wrong = await run("gc", "pipeline.ts:root", "--min-age", "7 days");
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
  assertStringIncludes(wrong.stderr, "d, h, min (minutes) or s, e.g. 7d");
  const root = await run("gc", "pipeline.ts:root", "--root", "other");
  assertEquals(root.code, 2);
  assertStringIncludes(root.stderr, `Cannot find the target root "other"`);
});

Deno.test({
  name: "what gc cannot remove is told, and the exit code is 1",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await withOutputs();
    const { run, path } = folder;
    const preview = await run("gc", "pipeline.ts:root", "--min-age", "0", "--json");
    const [{ uri }] = JSON.parse(preview.stdout).items;
    const flags = ["--allow-read", "--allow-env", "--allow-sys", "--allow-import"];
    const args = ["gc", "pipeline.ts:root", "--min-age", "0", "--yes"];
    const { code, stdout } = await stardag(args, {
      cwd: path,
      flags: [...flags, `--allow-write=${join(path, "out", "sum")}`],
    });
    assertEquals(code, 1);
    assertStringIncludes(stdout, "Removed 1 output");
    assertStringIncludes(stdout, `Could not remove 1\n  Cannot write "${uri}"`);
  },
});

Deno.test("rm removes the output of a task, and with --downstream what depends on it", async () => {
  await using folder = await withOutputs();
  const { run, files } = folder;
  const preview = await run("rm", "pipeline.ts:root.of", "--downstream");
  assertEquals([preview.code, preview.stderr], [0, "Nothing was removed: --yes does it\n"]);
  assertMatch(preview.stdout, /^Would remove 2 outputs, \d+ B\n/);
  assertEquals(await files(), ["numbers 2", "sum 2"]);
  const removed = await run("rm", "pipeline.ts:root.of", "--downstream", "--yes");
  assertEquals([removed.code, removed.stderr], [0, ""]);
  assertEquals(await files(), ["numbers 1", "sum 1"]);
  const other = await run("rm", "pipeline.ts:experiment.other", "-p", "scale=2", "--yes", "--json");
  assertEquals(JSON.parse(other.stdout).items[0].typeId, "sum");
  assertEquals(await files(), ["numbers 1"]);
  const again = await run("rm", "pipeline.ts:root.of");
  assertEquals([again.code, again.stdout], [0, "There is no output to remove\n"]);
});

Deno.test("ls tells types, and with one its outputs", async () => {
  await using folder = await withOutputs();
  const { run, path } = folder;
  const { code, stdout, stderr } = await run("ls");
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^4 outputs, \d+ B, below .*\/out\/\n\n {2}type .*\n {2}numbers +2 /);
  const sums = await run("ls", "sum");
  assertMatch(sums.stdout, /of=[0-9a-f]{8} scale=2 /);
  const json = JSON.parse((await run("ls", "sum", "--json", "--root", "default")).stdout);
  assertEquals([json.count, json.outputs.length, json.roots], [2, 2, [`${path}/out/`]]);
});

Deno.test("ls names the type that may be meant where there are no outputs of one", async () => {
  await using folder = await withOutputs();
  const typo = await folder.run("ls", "nubmers");
  assertEquals(typo.code, 0);
  assertEquals(typo.stderr, `There are no outputs of a type "nubmers". Did you mean "numbers"?\n`);
  const other = await folder.run("ls", "elsewhere", "--json");
  assertEquals(JSON.parse(other.stdout).count, 0);
  assertEquals(other.stderr, `There are no outputs of a type "elsewhere"\n`);
  const root = await folder.run("ls", "--root", "other");
  assertEquals(root.code, 2);
  assertStringIncludes(root.stderr, `Cannot find the target root "other"`);
});

Deno.test("status takes parameters only with a task", async () => {
  await using folder = await folderWith({});
  const { code, stderr } = await stardag(["status", "-p", "a=1"], { cwd: folder.path });
  assertEquals(code, 2);
  assertStringIncludes(stderr, "Cannot use parameters without a task");
});

Deno.test("cat writes an output as it is stored, by id, beginning of an id, uri or task", async () => {
  await using folder = await withOutputs();
  const { run, path } = folder;
  const { outputs: [{ id, uri }] } = JSON.parse((await run("ls", "sum", "--json")).stdout);
  const content = await Deno.readTextFile(uri);
  for (const name of [id, id.slice(0, 6).toUpperCase(), uri, uri.slice(path.length + 1)]) {
    assertEquals(await run("cat", name), { code: 0, stdout: content, stderr: "" });
  }
  assertEquals((await run("cat", "pipeline.ts:root")).stdout, "6");

  const unknown = await run("cat", "00000000");
  assertEquals([unknown.code, unknown.stdout], [2, ""]);
  assertStringIncludes(unknown.stderr, `Cannot find the output "00000000"`);
  const nowhere = await run("cat", join(path, "out", "sum", "none.json"));
  assertEquals([nowhere.code, nowhere.stdout], [2, ""]);
  assertStringIncludes(nowhere.stderr, "it is not there");
  for (const name of ["out/sum", `${path}/out/sum/`]) {
    const plain = await run("cat", name);
    assertEquals([plain.code, plain.stdout], [2, ""]);
    assertMatch(
      plain.stderr,
      /it is a folder\. Name a file in it:\n {2}.*\/out\/sum\/[0-9a-f]{2}\/\n/,
    );
  }
  const missing = await run("cat", "pipeline.ts:blob");
  assertEquals([missing.code, missing.stdout], [1, ""]);
  const several = await run("cat", "pipeline.ts:experiment");
  assertEquals(several.code, 2);
  assertStringIncludes(several.stderr, "one of root, other");
});

Deno.test("cat names the outputs that an id may mean, and the files of a folder", async () => {
  await using folder = await withOutputs();
  const { run, path } = folder;
  await run("build", "pipeline.ts:parts");
  const parts = await run("cat", "pipeline.ts:parts");
  assertEquals([parts.code, parts.stdout], [2, ""]);
  assertStringIncludes(
    parts.stderr,
    `it is a folder. Name a file in it:\n  ${path}/out/parts/a.txt`,
  );
  assertEquals((await run("cat", `${path}/out/parts/a.txt`)).stdout, "a");

  const ids = ["abcd1", "abcd2"].map((id) => `${id}000-0000-5000-8000-000000000000`);
  for (const id of ids) {
    await Deno.mkdir(`${path}/out/made/ab/cd`, { recursive: true });
    await Deno.writeTextFile(`${path}/out/made/ab/cd/${id}.json`, "1");
  }
  const ambiguous = await run("cat", "abcd");
  assertEquals([ambiguous.code, ambiguous.stdout], [2, ""]);
  for (const id of ids) assertStringIncludes(ambiguous.stderr, `\n  ${id}  made`);
});

Deno.test("cat gives bytes as they are, and ends well when nobody reads them", async () => {
  await using folder = await withOutputs();
  const { run, path: cwd } = folder;
  await run("build", "pipeline.ts:blob");
  const { outputs: [{ id }] } = JSON.parse((await run("ls", "blob", "--json")).stdout);
  const { stdout } = await command(["cat", id], { cwd }).output();
  assertEquals(stdout.length, 300_000);
  assert(stdout.every((byte, i) => byte === i % 256));

  const child = command(["cat", id], { cwd }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals(await new Response(child.stderr).text(), "");
  assertEquals((await child.status).code, 0);
});

Deno.test("status counts the tasks of a DAG; without one it tells of roots, registry and builds", async () => {
  await using folder = await withOutputs();
  const { run, path } = folder;
  const dag = await run("status", "pipeline.ts:experiment", "-p", "scale=3");
  assertEquals([dag.code, dag.stderr], [0, ""]);
  assertMatch(dag.stdout, /^4 tasks: 1 to run, 3 complete\n\n.*\n {2}sum +1 +1\n/);
  const json = await run("status", "pipeline.ts:root", "--json");
  assertEquals(JSON.parse(json.stdout).complete, 2);

  const roots = await run("status");
  assertEquals([roots.code, roots.stderr], [0, ""]);
  assertMatch(roots.stdout, /\n {2}default +4 +\d+ B +.*\/out\/\n\nRegistry: none\n$/);
  const { roots: [root], registry, builds } = JSON.parse((await run("status", "--json")).stdout);
  assertEquals({ root: root.uri, registry, builds }, {
    root: `${path}/out/`,
    registry: null,
    builds: [],
  });
});
