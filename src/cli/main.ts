/**
 * The command line: `deno run -A jsr:@stardag/core/cli --help` tells the rest. Unaware of what the commands do, which is
 * loaded when one of them runs.
 *
 * @module
 */

import { type Command, CommanderError } from "commander";
import { printable } from "../reporters/text_width.ts";
import { CliIo, type CliOutput, type CliStream } from "./cli_io.ts";
import { cliProgram } from "./program.ts";
import { takesTask } from "./task_argument.ts";
import { untilDone } from "./until_done.ts";
import { UsageError } from "./usage.ts";

export { CliIo, type CliOutput, type CliStream };

/**
 * Runs a command and gives its exit code: 0, 1 when it failed, 2 when it was used wrongly, 130 when it was interrupted.
 * Never throws; what is to be said is written to `io`.
 *
 * @example
 * ```ts
 * import { runCli } from "@stardag/core/cli";
 *
 * Deno.exitCode = await runCli(["version"]);
 * ```
 */
export async function runCli(args: readonly string[], io: CliIo = new CliIo()): Promise<number> {
  try {
    io.args = args;
    const program = cliProgram(io);
    await untilDone(async () => {
      if (!await helpedWithTask(program, io)) await program.parseAsync([...args], { from: "user" });
    }, () => endedEarly(io));
    if (io.stdout.error !== undefined) throw io.stdout.error;
    return io.exitCode;
  } catch (error) {
    return await toldError(error, io);
  }
}

/** Shows the help of a command with that of the task it is told: more than commander knows. `false` for all else. */
async function helpedWithTask(program: Command, io: CliIo): Promise<boolean> {
  if (!io.args.includes("--help") && !io.args.includes("-h")) return false;
  const { operands: [name, ...operands], unknown } = program.parseOptions([...io.args]);
  const command = program.commands.find((each) => each.name() === name);
  if (command === undefined || !takesTask(command)) return false;
  const { operands: more } = command.parseOptions(unknown);
  const [task] = [...operands, ...more];
  if (task === undefined) return false;
  const { showTaskHelp } = await import("./task_help.ts");
  await showTaskHelp(command, task, io);
  return true;
}

/** Tells what went wrong, and gives the exit code. */
async function toldError(error: unknown, io: CliIo): Promise<number> {
  if (error instanceof CommanderError) {
    // It has been told; with 0 it is no error but the end of what shows the help or the version.
    if (error.exitCode === 0) return 0;
    return failed(2, error.message.replace(/^error: /, ""), io);
  }
  if (error instanceof UsageError) {
    io.tellError(error.message);
    return failed(2, error.message, io);
  }
  const { errorText, messageOf } = await import("./error_text.ts");
  io.tellError(errorText(error, optionsOf(io).includes("--verbose")));
  return failed(1, messageOf(error), io);
}

/** Code of the user has ended the process, or another signal to stop has: that is no success. */
function endedEarly(io: CliIo): void {
  if (io.isHandedOn) return;
  const message =
    "Cannot finish: the process was ended by code of a module or a task, or by a signal";
  io.tellError(message);
  Deno.exitCode = failed(Deno.exitCode || 1, message, io);
}

/** With `--json` a program waits for the one document. */
function failed(exitCode: number, error: string, io: CliIo): number {
  if (optionsOf(io).includes("--json") && !io.hasJson) {
    io.json({ error: printable(error), exitCode });
  }
  return exitCode;
}

/** What was typed in, but for what cannot be an option. */
function optionsOf({ args }: CliIo): readonly string[] {
  return args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
}

// Not awaited here: then Deno would say that it never ends, and not we.
if (import.meta.main) runCli(Deno.args).then((code) => Deno.exit(code));
