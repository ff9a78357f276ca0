/**
 * How commands are told which task is meant: `<module>[:export]`, and its parameters. Only declared here: what it takes to
 * get the task is in `load_tasks.ts`.
 *
 * @module
 */

import type { Command } from "commander";
import type { CliIo } from "./cli_io.ts";

/** Options of commands that are told a task. */
export interface TaskOptions {
  /** Each `name=value`. */
  readonly param?: readonly string[] | undefined;
  /** All of them as a JSON object, or `@` and the path of a file with it. */
  readonly params?: string | undefined;
  /** Whether the result is to be one JSON document. */
  readonly json?: boolean | undefined;
}

/** Has the command take one task with its parameters. Gives the command. */
export function withTaskArgument(command: Command): Command {
  return withParameters(command.argument("<task>", TASK_ARGUMENT));
}

/** What help says of a task argument. */
export const TASK_ARGUMENT =
  "module[:export]: a task, a task function or class, tasks in an array or record, or a function that gives them";

/** Has the command take the parameters of a task. Gives the command. */
export function withParameters(command: Command): Command {
  return command
    .option("-p, --param <name=value>", "a parameter of the task; JSON, text, or @file", collected)
    .option("--params <json>", "parameters as a JSON object, or @file");
}

/** An option that may be given several times. */
export function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/**
 * An action that imports modules of the user, the first of its arguments: one, or several of one project. Where these find
 * their packages by a `deno.json` that is not in force here, the whole command is run again where it is.
 */
export function inProject<Args extends readonly [string | readonly string[], ...unknown[]]>(
  io: CliIo,
  act: (...args: Args) => Promise<void>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    const { ranInProject } = await import("./project.ts");
    const [first] = args;
    const argument = typeof first === "string" ? first : first[0];
    if (argument === undefined || !await ranInProject(argument, io)) await act(...args);
  };
}

/** Whether the command is told a task, so that its help can tell of the parameters of that. */
export function takesTask(command: Command): boolean {
  return command.registeredArguments[0]?.description === TASK_ARGUMENT;
}
