/**
 * `completions`, as it is declared.
 *
 * @module
 */

import { Argument, type Command } from "commander";
import type { CliIo } from "./cli_io.ts";
import { withExamples } from "./help.ts";

/** Adds `completions` to the program. */
export function addCompletionsCommand(program: Command, io: CliIo): void {
  const command = program.command("completions")
    .description("print the script that has a shell complete commands and options")
    .addArgument(new Argument("<shell>", "the shell").choices(["bash", "zsh", "fish"]))
    .action(async (shell: "bash" | "zsh" | "fish") => {
      const { completionScript } = await import("./completions.ts");
      io.print(completionScript(program, shell));
    });
  withExamples(command, [
    'eval "$(stardag completions bash)"    # in ~/.bashrc; zsh in ~/.zshrc',
    "stardag completions fish > ~/.config/fish/completions/stardag.fish",
  ]);
}
