import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join, relative } from "@std/path";
import { CliIo, runCli } from "../../src/cli/main.ts";
import { cliProgram } from "../../src/cli/program.ts";
import { command, folderWith, MAIN, PIPELINE, ROOT, stardag } from "./command_line.ts";

Deno.test("stardag --help loads the declared commands, and nothing of what they do", async () => {
  const loaded = await staticImports(MAIN);
  const own = loaded.filter((url) => url.startsWith("file:")).map((url) =>
    relative(ROOT, new URL(url).pathname)
  );
  assert(own.includes("src/cli/program.ts"));
  const others = own.filter((path) => !path.startsWith("src/cli/"));
  assertEquals(others.sort(), [
    "src/json.ts",
    "src/reporters/reporter_output.ts",
    "src/reporters/text_width.ts",
  ]);
  const packages = loaded.filter((url) => !url.startsWith("file:"));
  assertEquals(packages.map((url) => url.replace(/@[\d.]+$/, "")), ["npm:/commander"]);
});

Deno.test("stardag --help needs no permission", async () => {
  const { code, stdout, stderr } = await stardag(["--help"], { cwd: ROOT, flags: [] });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertMatch(stdout, /^Usage: stardag \[options\] \[command\]\n/);
});

Deno.test("the help of each command tells what it does, and has examples of it", async () => {
  const names = cliProgram(new CliIo()).commands.map((each) => each.name());
  assert(names.includes("build"));
  for (const name of names.filter((each) => each !== "version")) {
    const { code, stdout } = await inThisProcess([name, "--help"]);
    assertEquals(code, 0);
    assertMatch(stdout, new RegExp(`^Usage: stardag ${name} .*\n\n\\S.*\n`));
    assertMatch(stdout, new RegExp(`\nExamples:\n  \\$ .*stardag ${name} `));
    assertEquals((await inThisProcess(["help", name])).stdout, stdout);
  }
});

Deno.test("stardag without a command shows its help, as wrong use", async () => {
  const { code, stdout, stderr } = await inThisProcess([]);
  assertEquals({ code, stdout }, { code: 2, stdout: "" });
  assertMatch(stderr, /^Usage: stardag /);
});

Deno.test("stardag version tells the version in deno.json", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  for (const args of [["version"], ["--version"], ["-V"]]) {
    const told = await inThisProcess(args);
    assertEquals(told, { code: 0, stdout: `stardag ${version}\n`, stderr: "" });
  }
});

Deno.test("a misspelt command or option is wrong use, and the one meant is named", async () => {
  const typo = await inThisProcess(["biuld"]);
  assertEquals({ ...typo, stderr: "" }, { code: 2, stdout: "", stderr: "" });
  assertStringIncludes(typo.stderr, "error: unknown command 'biuld'\n(Did you mean build?)");
  const option = await inThisProcess(["build", "a.ts", "--dri-run"]);
  assertEquals(option.code, 2);
  assertStringIncludes(option.stderr, "(Did you mean --dry-run?)");
  const value = await inThisProcess(["build", "a.ts", "--workers", "many"]);
  assertEquals(value.code, 2);
  assertStringIncludes(value.stderr, "Give an integer from 1");
});

Deno.test("with --json wrong use is one document, too", async () => {
  const { code, stdout, stderr } = await inThisProcess(["plan", "--json"]);
  assertEquals(code, 2);
  assertEquals(JSON.parse(stdout), { error: "missing required argument 'task'", exitCode: 2 });
  assertMatch(stderr, /^error: missing required argument 'task'\n/);
});

Deno.test("what a module throws is told with its place, and with its stack by --verbose", async () => {
  await using folder = await folderWith({
    "broken.ts": `function deep() { throw new RangeError("out of luck"); }\ndeep();\n`,
  });
  const args = ["plan", "broken.ts"];
  const { code, stdout, stderr } = await stardag(args, { cwd: folder.path });
  assertEquals({ code, stdout }, { code: 1, stdout: "" });
  assertMatch(stderr, /^error: out of luck\n {2}at file:.*\/broken\.ts:1:\d+\n$/);

  const verbose = await stardag([...args, "--verbose"], { cwd: folder.path });
  assertEquals(verbose.code, 1);
  assertMatch(
    verbose.stderr,
    /^error: RangeError: out of luck\n +at deep .*\n +at .*broken\.ts:2:1/,
  );

  const json = await stardag([...args, "--json"], { cwd: folder.path });
  assertEquals(json.code, 1);
  assertEquals(JSON.parse(json.stdout), { error: "out of luck", exitCode: 1 });
});

Deno.test("a command ends quietly when nobody reads its output any more", async () => {
  await using folder = await folderWith({ "pipeline.ts": PIPELINE });
  const child = command(["graph", "pipeline.ts"], { cwd: folder.path }).spawn();
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  assertEquals({ code: (await child.status).code, stderr }, { code: 0, stderr: "" });
});

Deno.test("a result that cannot be written is a failure", async () => {
  const io = new CliIo({
    stdout: {
      writeSync(): number {
        throw new Deno.errors.WriteZero("no space left");
      },
    },
    stderr: {
      writeSync(bytes: Uint8Array): number {
        told += new TextDecoder().decode(bytes);
        return bytes.length;
      },
    },
  });
  let told = "";
  assertEquals(await runCli(["version"], io), 1);
  assertStringIncludes(told, "error: no space left\n");
});

/** Runs a command in this process: for what is told before anything is loaded. */
async function inThisProcess(
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    writeSync(bytes: Uint8Array): number {
      written[name] += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  });
  const io = new CliIo({ stdout: output("stdout"), stderr: output("stderr") });
  const code = await runCli(args, io);
  return { code, ...written };
}

/** URLs of all modules that are loaded with one, as Deno tells: not those that are imported when they are needed. */
async function staticImports(main: string): Promise<readonly string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", main],
    cwd: ROOT,
  }).output();
  const { roots, modules, redirects }: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
  const byUrl = new Map(modules.map((each) => [each.specifier, each]));
  const found = new Set(roots);
  for (const url of found) {
    for (const { code, isDynamic } of byUrl.get(url)?.dependencies ?? []) {
      if (code === undefined || isDynamic === true) continue;
      found.add(redirects[code.specifier] ?? code.specifier);
    }
  }
  return [...found];
}

interface ModuleGraph {
  readonly roots: readonly string[];
  readonly redirects: Readonly<Record<string, string>>;
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier: string };
    }[];
  }[];
}
