import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ensureDir, walk } from "@std/fs";
import process from "node:process";
import { dirname, join, relative, toFileUrl } from "@std/path";
import { command, folderWith, projectConfig, ROOT, stardag } from "./command_line.ts";

const TASK = `
export default sd.task({ name: "of_project", output: z.string(), run: () => "done" })();
console.error("modules: " + import.meta.resolve("@stardag/core"));
`;
const BY_NAME = `import * as sd from "@stardag/core";\nimport { z } from "zod";\n${TASK}`;

Deno.test("the command line of a project is started by the name of the package", async () => {
  await using folder = await folderWith({
    "deno.json": await projectConfig(),
    "pipeline.ts": BY_NAME,
  });
  const { code, stderr } = await stardag(["build", "pipeline.ts"], {
    cwd: folder.path,
    main: "@stardag/core/cli",
  });
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /Build succeeded .* 1 succeeded/);
});

Deno.test("from elsewhere, a module finds the packages of its project", async () => {
  await using project = await folderWith({
    "deno.json": await projectConfig(ROOT, { "own/": "./own/" }),
    "own/name.ts": `export const name = "of_project";`,
    "inner/pipeline.ts": BY_NAME.replace(`"of_project"`, "name") +
      `import { name } from "own/name.ts";`,
  });
  await using other = await folderWith({});
  const module = join(project.path, "inner", "pipeline.ts");
  const plan = await stardag(["plan", module, "--json"], { cwd: other.path });
  assertEquals(plan.code, 0, plan.stderr);
  assertEquals(JSON.parse(plan.stdout).tasks[0].type, "of_project");
  const help = await stardag(["build", module, "--help"], { cwd: other.path });
  assertEquals(help.code, 0, help.stderr);
  assertEquals(help.stdout.match(/^Usage:/gm)?.length, 1);
  assertStringIncludes(help.stdout, "is the task of_project()");
  const missing = await stardag(["build", `${module}:other`], { cwd: other.path });
  assertEquals(missing.code, 2);
});

Deno.test("from elsewhere, the copy of the package that a project uses does the work", async () => {
  await using copied = await copyOfPackage();
  await using project = await folderWith({
    "deno.json": await projectConfig(copied.path),
    "pipeline.ts": BY_NAME,
  });
  const { code, stderr } = await stardag(["build", "pipeline.ts"], { cwd: project.path });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, `modules: ${toFileUrl(copied.path).href}/mod.ts`);
  assertMatch(stderr, /Build succeeded .* 1 succeeded/);
});

Deno.test("with less than all permissions, a module of elsewhere is told to need its deno.json", async () => {
  await using project = await folderWith({
    "deno.json": JSON.stringify({ imports: { "own/": "./own/" } }),
    "own/value.ts": "export const value = 1;",
    "pipeline.ts": `import "own/value.ts";`,
  });
  const { code, stderr } = await stardag(["plan", "pipeline.ts"], {
    cwd: project.path,
    flags: ["--allow-read", "--allow-env"],
  });
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^error: Cannot import "pipeline\.ts": .*own\/value\.ts.*\. Run with --config=.*deno\.json, which says/,
  );
});

Deno.test("tasks of another copy of the package are refused, and it is told which copy is in use", async () => {
  await using copied = await copyOfPackage();
  await using folder = await folderWith({
    "pipeline.ts": BY_NAME.replace("@stardag/core", toFileUrl(join(copied.path, "mod.ts")).href),
  });
  const { code, stdout, stderr } = await stardag(["plan", "pipeline.ts"], { cwd: folder.path });
  assertEquals({ code, stdout }, { code: 1, stdout: "" });
  assertStringIncludes(stderr, "they are of another copy of @stardag/core than this command line");
  assertStringIncludes(stderr, toFileUrl(ROOT).href);
});

const ENDS: readonly (readonly [Deno.Signal, number])[] = [["SIGTERM", 143], ["SIGINT", 130], [
  "SIGHUP",
  129,
]];
for (const [signal, exitCode] of ENDS) {
  Deno.test(`at ${signal} the command line ends with what it started in the project`, async () => {
    const { code, stderr, isGone } = await endedBy(signal);
    assertEquals([code, isGone], [exitCode, true]);
    if (signal !== "SIGHUP") assertMatch(stderr, /Build cancelled/);
  });
}

/** How a build ends that is told to, in the process that it is handed on to. */
async function endedBy(
  signal: Deno.Signal,
): Promise<{ readonly code: number; readonly stderr: string; readonly isGone: boolean }> {
  await using project = await folderWith({
    "deno.json": await projectConfig(),
    "pipeline.ts": `
      import * as sd from "@stardag/core";
      import { z } from "zod";
      export default sd.task({
        name: "endless",
        output: z.int(),
        async run(_, { signal }) {
          console.error("running in " + Deno.pid);
          const timer = setInterval(() => {}, 1000);
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          clearInterval(timer);
          throw signal.reason;
        },
      })();`,
  });
  const child = command(["build", "pipeline.ts"], { cwd: project.path }).spawn();
  let stderr = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    const RUNNING = /running in \d+\n/;
    if (!RUNNING.test(stderr) && RUNNING.test(stderr + text)) child.kill(signal);
    stderr += text;
  }
  // Both have ended: the other one, too, writes to where this has come to an end.
  const { code } = await child.status;
  await child.stdout.cancel();
  const [, pid] = /running in (\d+)\n/.exec(stderr) ?? [];
  return { code, stderr, isGone: !isAlive(Number(pid)) };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The package, once more. */
async function copyOfPackage(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await folderWith({});
  const sources = await Array.fromAsync(walk(join(ROOT, "src"), { exts: ["ts"] }));
  for (const path of ["mod.ts", "deno.json", ...sources.map((each) => relative(ROOT, each.path))]) {
    await ensureDir(dirname(join(folder.path, path)));
    await Deno.copyFile(join(ROOT, path), join(folder.path, path));
  }
  return folder;
}
