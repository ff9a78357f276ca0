/**
 * All commands with their options, help and examples. Nothing of what they do is loaded here: a group of commands is a
 * function `add...Commands(program, io)` in a file of its own that declares them, and loads the rest in their actions.
 *
 * @module
 */

import { Command } from "commander";
import { addAuthCommands } from "./auth_commands.ts";
import { addBuildCommands } from "./build_commands.ts";
import type { CliIo } from "./cli_io.ts";
import { addCompletionsCommand } from "./completions_command.ts";
import { addConfigCommands } from "./config_commands.ts";
import { withExamples } from "./help.ts";
import { addInspectCommands } from "./inspect_commands.ts";
import { addOutputsCommands } from "./outputs_commands.ts";
import { VERSION } from "./version.ts";

/** The declared commands, which write to `io`. Nothing ends the process or writes elsewhere. */
export function cliProgram(io: CliIo): Command {
  const program = new Command("stardag")
    .description("Declarative DAGs of persistently stored assets")
    .option("--verbose", "show errors with their stack")
    .version(`stardag ${VERSION}`, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .configureHelp({
      showGlobalOptions: true,
      minWidthToWrap: 10,
      styleTitle: (title) => `\x1b[1m${title}\x1b[0m`,
    })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text) => io.tellError(text.replace(/^error: |\n$/g, "")),
      getOutHelpWidth: () => io.stdout.columns,
      getErrHelpWidth: () => io.stderr.columns,
      getOutHasColors: () => io.stdout.color,
      getErrHasColors: () => io.stderr.color,
    })
    .showHelpAfterError("(--help tells more)")
    .exitOverride();
  // In the order in which help shows them. Commands take over what is set above, so it must be set before.
  addBuildCommands(program, io);
  addInspectCommands(program, io);
  addOutputsCommands(program, io);
  addAuthCommands(program, io);
  addConfigCommands(program, io);
  addCompletionsCommand(program, io);
  program.command("version").description("show the version").action(() => {
    io.print(`stardag ${VERSION}`);
  });
  return withExamples(program, [
    "stardag build pipeline.ts:report",
    "stardag plan pipeline.ts:report --json",
    "stardag build pipeline.ts:train --help    # lists its parameters",
  ]);
}
