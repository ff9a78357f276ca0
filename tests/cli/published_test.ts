import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { folderWith, stardag, type StartOptions } from "./command_line.ts";
import { packageRegistry, VERSIONS } from "./package_registry.ts";

const [OLDER, NEWER] = VERSIONS;
const COMMAND_LINE = "jsr:@stardag/core/cli";
const TASK = `
export default sd.task({ name: "published", output: z.string(), run: () => "done" })();
`;
const BY_NAME = `
import * as sd from "@stardag/core";
import { z } from "zod";
console.log(import.meta.resolve("@stardag/core"));
${TASK}`;

Deno.test("the published command line works by the version that a project uses", async () => {
  await using site = await publishedSite();
  const { inProject, newer, elsewhere, inline, unnamed } = site;
  const used = async (options: Partial<StartOptions>, module: string): Promise<string> => {
    const { code, stderr } = await site.run(["plan", module], options);
    assertEquals(code, 0, stderr);
    return stderr;
  };

  // Its deno.json names the older one.
  const older = `${OLDER}/mod.ts`;
  assertStringIncludes(await used({ cwd: inProject }, "pipeline.ts"), older);
  assertStringIncludes(await used({ cwd: elsewhere }, `${inProject}/pipeline.ts`), older);
  // Another project is in force there.
  assertStringIncludes(await used({ cwd: newer }, `${inProject}/pipeline.ts`), older);
  const main = "@stardag/core/cli";
  assertStringIncludes(await used({ cwd: inProject, main }, "pipeline.ts"), older);
  // Where none does, modules get that of the command line.
  const pinned = `jsr:@stardag/core@${OLDER}/cli`;
  await used({ cwd: elsewhere, main: pinned }, inline);
  await used({ cwd: elsewhere, main: pinned }, unnamed);

  const other = await site.run(["plan", inline.replace(".ts", `_${NEWER}.ts`)], {
    cwd: elsewhere,
    main: pinned,
  });
  assertEquals(other.code, 1);
  assertStringIncludes(other.stderr, "they are of another copy of @stardag/core");
});

Deno.test("the published command line can be installed, for all projects", async () => {
  await using site = await publishedSite();
  const { inProject, elsewhere } = site;
  const bin = join(elsewhere, "bin");
  const args = ["install", "--global", "-A", "--root", elsewhere, "--name", "stardag"];
  const installed = await new Deno.Command(Deno.execPath(), {
    args: [...args, COMMAND_LINE],
    env: site.env,
  }).output();
  assertEquals(installed.code, 0, new TextDecoder().decode(installed.stderr));
  const { code, stdout, stderr } = await new Deno.Command(join(bin, "stardag"), {
    args: ["build", "pipeline.ts", "--json"],
    cwd: inProject,
    env: { ...site.env, STARDAG_TARGET_ROOTS: `{"default": "memory://published"}` },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)).status, "success");
  assertStringIncludes(new TextDecoder().decode(stderr), `${OLDER}/mod.ts`);
});

/** The registry, a project that uses the older version, another folder, and modules without a project. */
async function publishedSite() {
  const registry = await packageRegistry();
  const config = (version: string): string =>
    JSON.stringify({
      imports: { "@stardag/core": `jsr:@stardag/core@${version}`, "zod": "npm:zod@^4" },
    });
  const inline = (version: string): string =>
    `import * as sd from "jsr:@stardag/core@${version}";\nimport { z } from "npm:zod@^4";\n${TASK}`;
  const folder = await folderWith({
    "project/deno.json": config(OLDER),
    "newer/deno.json": config(NEWER),
    "project/pipeline.ts": BY_NAME,
    "inline/task.ts": inline("^0.1"),
    "unnamed/deno.json": "{}",
    "unnamed/task.ts": inline("^0.1"),
    [`inline/task_${NEWER}.ts`]: inline(NEWER),
    "elsewhere/empty.txt": "",
  });
  const cache = join(folder.path, "cache");
  const env = {
    JSR_URL: registry.url,
    DENO_DIR: cache,
    STARDAG_NO_REGISTRY: "1",
    NO_COLOR: "1",
  };
  // What is from npm is not got anew.
  await Deno.mkdir(cache);
  await Deno.symlink(await npmCache(), join(cache, "npm"));
  const inProject = join(folder.path, "project");
  return {
    env,
    inProject,
    newer: join(folder.path, "newer"),
    elsewhere: join(folder.path, "elsewhere"),
    inline: join(folder.path, "inline", "task.ts"),
    unnamed: join(folder.path, "unnamed", "task.ts"),
    run: (args: readonly string[], options: Partial<StartOptions>) =>
      stardag(args, { cwd: inProject, main: COMMAND_LINE, env, ...options }),
    async [Symbol.asyncDispose](): Promise<void> {
      await registry[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function npmCache(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).npmCache;
}
