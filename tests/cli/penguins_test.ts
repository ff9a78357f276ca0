import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { folderWith, ROOT, stardag } from "./command_line.ts";

const PIPELINE = `${join(ROOT, "examples", "penguins", "functions.ts")}:pipeline`;

Deno.test("the penguins are planned, built, changed, explained and cleaned up by the command line", async () => {
  await using folder = await folderWith({});
  const { path: cwd } = folder;
  const { sourceDigest } = await import(
    toFileUrl(join(ROOT, "examples", "penguins", "source.ts")).href
  );
  const experiment = {
    sha256: await sourceDigest(),
    split: { testFraction: 0.5, seed: 0 },
    candidates: [
      { kind: "logistic", learningRate: 0.1, l2: 0.01 },
      { kind: "neighbors", k: 5, standardize: true },
    ],
  };
  const before = join(cwd, "before.json");
  const after = join(cwd, "after.json");
  await Deno.writeTextFile(before, JSON.stringify(experiment));
  await Deno.writeTextFile(after, JSON.stringify(experiment).replace('"k":5', '"k":7'));
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await stardag(args, { cwd });
    assertEquals(code, 0, stderr);
    return stdout;
  };

  const planned = await run("plan", PIPELINE, "--params", `@${before}`);
  assertMatch(planned, /^Plan: at least 13 tasks to run, 0 complete\n.*penguins\.benchmark/);
  await run("build", PIPELINE, "--params", `@${before}`);
  assertMatch(
    await run("plan", PIPELINE, "--params", `@${before}`),
    /^Plan: nothing to run, 3 tasks complete\n/,
  );

  const explained = await run("explain", `${PIPELINE}.report`, "--params", `@${after}`);
  assertStringIncludes(explained, "benchmark.candidates[1].hyperParameters.k: 5 -> 7\n");
  const differing = ["--params", `@${before}`, "--to-params", `@${after}`];
  const diff = await run("diff", PIPELINE, ...differing);
  assertMatch(diff, /^2 tasks have changed, 6 ids moved, 0 added, 0 removed, 7 the same\n/);
  const tree = await run("tree", PIPELINE, "--params", `@${after}`);
  assertMatch(tree, /\n13 tasks: ○ 6 to run, ✓ 7 complete\n$/);
  await run("graph", PIPELINE, "--params", `@${after}`, "-o", "dag.svg");
  const svg = await Deno.readTextFile(join(cwd, "dag.svg"));
  assertEquals(svg.match(/<g [^>]*class="node/g)?.length, 13);

  await run("build", PIPELINE, "--params", `@${after}`);
  const gc = ["gc", PIPELINE, "--params", `@${after}`, "--min-age", "0"];
  const old = await run(...gc);
  assertMatch(old, /^Would remove 6 outputs: .*\n\nKept are 25 outputs that the tasks reach\n$/s);
  await run(...gc, "--yes");
  assertMatch(await run(...gc), /^There is no garbage; kept are 25 outputs/);
  assertMatch(await run("plan", PIPELINE, "--params", `@${after}`), /^Plan: nothing to run/);
  assertMatch(await run("plan", PIPELINE, "--params", `@${before}`), /^Plan: .* 6 tasks to run/);
});
