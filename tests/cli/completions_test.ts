import { assertEquals } from "@std/assert";
import { CliIo } from "../../src/cli/main.ts";
import { completionScript, type Shell } from "../../src/cli/completions.ts";
import { cliProgram } from "../../src/cli/program.ts";

const program = cliProgram(new CliIo());
const COMMANDS = [...program.commands.map((each) => each.name()), "help"].sort();

/** What is typed in, the word under the cursor last; and what can stand there. */
const CASES: readonly (readonly [readonly string[], readonly string[]])[] = [
  [[""], COMMANDS],
  [["bui"], ["build"]],
  [["build", "--fail"], ["--fail-mode"]],
  [["build", "--fail-mode", ""], ["continue", "fail_fast"]],
  [["build", "pipeline.ts:plan", "--dr"], ["--dry-run"]],
  [["completions", ""], ["bash", "fish", "zsh"]],
  [["build", "version", "--ver"], ["--verbose", "--version"]],
];

Deno.test("bash completes commands, options and choices", async () => {
  for (const [words, expected] of CASES) {
    const quoted = ["stardag", ...words].map((word) => `"${word}"`).join(" ");
    const script = `${completionScript(program, "bash")}
      complete -p stardag >/dev/null || exit 1
      COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _stardag
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    assertEquals(await linesOf("bash", ["--norc", "-c", script]), expected);
  }
});

Deno.test({
  name: "fish completes commands, options and choices",
  ignore: !isThere("fish"),
  async fn() {
    for (const [words, expected] of CASES) {
      const script = `${completionScript(program, "fish")}\ncomplete -C "stardag ${
        words.join(" ")
      }"`;
      const lines = await linesOf("fish", ["--no-config", "-c", script]);
      assertEquals(lines.map((line) => line.replace(/\t.*/, "")), expected);
    }
  },
});

Deno.test({
  name: "zsh completes commands, options and choices",
  ignore: !isThere("zsh"),
  async fn() {
    for (const [typed, expected] of CASES) {
      const quoted = ["stardag", ...typed].map((word) => `"${word}"`).join(" ");
      // What zsh does with the words is its own; here they are only printed.
      const script = `compdef() {}; _files() {}
        _describe() { print -l -- \${items%%:*} }
        ${completionScript(program, "zsh")}
        words=(${quoted}); CURRENT=${typed.length + 1}; _stardag`;
      const lines = await linesOf("zsh", ["-f", "-c", script]);
      const last = typed.at(-1) ?? "";
      assertEquals(lines.filter((line) => line.startsWith(last)), expected);
    }
  },
});

async function linesOf(shell: Shell, args: readonly string[]): Promise<readonly string[]> {
  const { success, stdout, stderr } = await new Deno.Command(shell, { args: [...args] }).output();
  assertEquals({ success, stderr: new TextDecoder().decode(stderr) }, {
    success: true,
    stderr: "",
  });
  return new TextDecoder().decode(stdout).trim().split("\n").sort();
}

function isThere(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}
