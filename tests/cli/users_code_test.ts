/** What code of the user does to the process, and what a program that waits for the document sees of it. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Ended, folderWith, projectConfig, stardag } from "./command_line.ts";

/** How `build --json` ends for the module. */
async function built(text: string, ...args: readonly string[]): Promise<Ended> {
  await using folder = await folderWith({ "pipeline.ts": text });
  return await stardag(["build", "pipeline.ts", "--json", ...args], { cwd: folder.path });
}

/** A module with a task. */
function withTask(body: string, options = ""): string {
  return `
    import * as sd from "@stardag/core";
    import process from "node:process";
    import { z } from "zod";
    const { task } = sd.namespace("of_user", import.meta.url);
    export const it = task({ name: "it", output: z.int(), ${options} async run() { ${body}; return 1; } });
    export default it();`;
}

for (
  const [what, text] of [
    ["a module that calls Deno.exit(0)", "Deno.exit(0)"],
    ["a module that calls process.exit(0)", `(await import("node:process")).default.exit(0)`],
    ["a task that calls Deno.exit(0)", withTask("Deno.exit(0)")],
  ] as const
) {
  Deno.test(`${what} makes the command fail, and the document tells so`, async () => {
    const { code, stdout, stderr } = await built(text);
    assertEquals(code, 1);
    const { error, exitCode } = JSON.parse(stdout);
    assertEquals(exitCode, 1);
    assertMatch(error, /^Cannot finish: the process was ended by code of a module or a task/);
    assertStringIncludes(stderr, `error: ${error}\n`);
  });
}

Deno.test("a module that ends the process with a code of its own has the command end with that", async () => {
  const { code, stdout } = await built("Deno.exit(7)");
  assertEquals([code, JSON.parse(stdout).exitCode], [7, 7]);
});

for (
  const [what, text] of [
    ["in a timer", `setTimeout(() => { throw new Error("late"); });`],
    [
      "in a promise that nobody awaits",
      `Promise.resolve().then(() => { throw new Error("late"); });`,
    ],
  ] as const
) {
  Deno.test(`what code of the user throws ${what} is told as what it throws elsewhere`, async () => {
    const { code, stdout, stderr } = await built(
      withTask(`${text} await new Promise((resolve) => setTimeout(resolve, 60_000))`),
    );
    assertEquals([code, JSON.parse(stdout)], [1, { error: "late", exitCode: 1 }]);
    assertMatch(stderr, /error: late\n {2}at file:.*pipeline\.ts:6:\d+\n$/);
  });
}

Deno.test("a task that waits for what never comes is a failure with a document", async () => {
  const { code, stdout } = await built(withTask("await new Promise(() => {})"));
  assertEquals(code, 1);
  assertStringIncludes(JSON.parse(stdout).error, "is never settled");
});

Deno.test("nothing that modules and tasks write to stdout comes before the document", async () => {
  const write = (what: string): string => `
    const bytes = (text) => new TextEncoder().encode(text + " ${what}\\n");
    console.log("console ${what}");
    Deno.stdout.writeSync(bytes("writeSync"));
    await Deno.stdout.write(bytes("write"));
    const writer = Deno.stdout.writable.getWriter();
    await writer.write(bytes("writable"));
    writer.releaseLock();
    process.stdout.write("process ${what}\\n");`;
  await using folder = await folderWith({
    "deno.json": await projectConfig(),
    "pipeline.ts": `${withTask(write("of a worker"), 'executionMode: "worker",')}\n{${
      write("of a module")
    }}`,
  });
  const { code, stdout, stderr } = await stardag(["build", "pipeline.ts", "--json"], {
    cwd: folder.path,
  });
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout).status, "success");
  for (const what of ["of a module", "of a worker"]) {
    for (const how of ["console", "writeSync", "write", "writable", "process"]) {
      assertStringIncludes(stderr, `${how} ${what}`);
    }
  }
});

Deno.test("an error that is its own cause is told once, also with --verbose", async () => {
  const text = `const a = new Error("a"), b = new Error("b"); a.cause = b; b.cause = a; throw a;`;
  const { code, stdout, stderr } = await built(text, "--verbose");
  assertEquals(code, 1);
  assertMatch(JSON.parse(stdout).error, /^a /);
  assertEquals(stderr.match(/Caused by: /g)?.length, 1);
});

Deno.test("no error has characters that steer a terminal, be it told or in the document", async () => {
  const { stdout, stderr } = await built(`throw new Error("\\x1b[31mred\\x07 alert");`);
  assertEquals(JSON.parse(stdout).error, "red alert");
  assertStringIncludes(stderr, "error: red alert\n");
  const usage = await built("", "-p", "\x1b[31mlimit");
  assertStringIncludes(usage.stderr, `error: Cannot use --param "limit"`);
  assertStringIncludes(JSON.parse(usage.stdout).error, `"limit"`);
});
