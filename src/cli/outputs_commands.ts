/**
 * The commands that look at outputs, show and remove them, as they are declared.
 *
 * @module
 */

import type { Command } from "commander";
import type { CliIo } from "./cli_io.ts";
import { withExamples } from "./help.ts";
import { ageOf } from "./option_values.ts";
import type { ShowGarbageOptions, ShowListOptions, ShowRemovalOptions } from "./show_outputs.ts";
import {
  collected,
  inProject,
  TASK_ARGUMENT,
  type TaskOptions,
  withParameters,
  withTaskArgument,
} from "./task_argument.ts";
import { UsageError } from "./usage.ts";

/** Adds `status`, `ls`, `cat`, `rm` and `gc` to the program. */
export function addOutputsCommands(program: Command, io: CliIo): void {
  addStatus(program, io);
  addLs(program, io);
  addCat(program, io);
  addRm(program, io);
  addGc(program, io);
}

function addStatus(program: Command, io: CliIo): void {
  const command = program.command("status")
    .description("count how the tasks of a DAG stand; without one, tell of roots and last builds")
    .argument("[task]", TASK_ARGUMENT);
  withParameters(command)
    .option("--json", "print the status as one JSON document")
    .action(async (argument: string | undefined, options: TaskOptions) => {
      if (argument === undefined) {
        if (options.param !== undefined || options.params !== undefined) {
          throw new UsageError("Cannot use parameters without a task: name the task, too");
        }
        const { showRoots } = await import("./show_roots.ts");
        return await showRoots(options, io);
      }
      const { showStatus } = await import("./show_outputs.ts");
      await inProject(io, (task: string) => showStatus(task, options, io))(argument);
    });
  withExamples(command, ["stardag status pipeline.ts:report", "stardag status"]);
}

function addLs(program: Command, io: CliIo): void {
  const command = program.command("ls").description("list the outputs that are there, by type")
    .argument("[type]", "namespace and name: list each output of that type, the newest first")
    .option("--root <key>", "look below this target root only; may be given again", collected)
    .option("--json", "print the outputs as one JSON document")
    .action(async (type: string | undefined, options: ShowListOptions) => {
      const { showList } = await import("./show_outputs.ts");
      await showList(type, options, io);
    });
  withExamples(command, ["stardag ls --root default", "stardag ls penguins.trained_model"]);
}

function addCat(program: Command, io: CliIo): void {
  const command = program.command("cat").description("write an output to stdout as it is stored")
    .argument("<output>", "id of its task or the beginning of one, uri, or module[:export]");
  withParameters(command)
    .action(async (argument: string, options: TaskOptions) => {
      const { catOutput } = await import("./cat_output.ts");
      await catOutput(argument, options, io);
    });
  withExamples(command, [
    "stardag cat 0f3c12ab | jq .",
    "stardag cat s3://my-bucket/penguins/report/0f/3c/0f3c12ab-....md",
    "stardag cat pipeline.ts:report",
  ]);
}

function addRm(program: Command, io: CliIo): void {
  const command = program.command("rm")
    .description("remove the output of a task, so that it is built again");
  withTaskArgument(command)
    .option("--downstream", "and of all tasks of the module that depend on it")
    .option("--yes", "do it; without this it is only told what would be removed")
    .option("--json", "print what is removed as one JSON document")
    .action(inProject(io, async (argument: string, options: ShowRemovalOptions) => {
      const { showRemoval } = await import("./show_outputs.ts");
      await showRemoval(argument, options, io);
    }));
  withExamples(command, [
    "stardag rm pipeline.ts:report",
    "stardag rm pipeline.ts:report.model --downstream --yes",
  ]);
}

function addGc(program: Command, io: CliIo): void {
  const command = program.command("gc")
    .description("remove the outputs that none of the tasks needs, in the target roots of theirs")
    .argument("<task...>", TASK_ARGUMENT);
  withParameters(command)
    .option("--yes", "do it; without this it is only told what would be removed")
    .option("--min-age <age>", "keep outputs younger than this; 7d unless told", ageOf)
    .option("--root <key>", "look through this target root; may be given again", collected)
    .option("--ignore-unrecorded", "go on where it is not known what tasks have yielded")
    .option("--all", "name all outputs, not only the first")
    .option("--json", "print what is removed as one JSON document")
    .action(inProject(io, async (tasks: readonly string[], options: ShowGarbageOptions) => {
      const { showGarbage } = await import("./show_outputs.ts");
      await showGarbage(tasks, options, io);
    }));
  withExamples(command, [
    "stardag gc pipeline.ts:report pipeline.ts:dashboard",
    "stardag gc pipeline.ts:report --min-age 12h --yes",
  ]);
}
