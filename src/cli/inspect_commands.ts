/**
 * The commands that look at a DAG and run nothing of it, as they are declared.
 *
 * @module
 */

import { type Command, Option } from "commander";
import type { CliIo } from "./cli_io.ts";
import { withExamples } from "./help.ts";
import { countOf } from "./option_values.ts";
import type {
  ShowDiffOptions,
  ShowGraphOptions,
  ShowPlanOptions,
  ShowTreeOptions,
} from "./show_dag.ts";
import { collected, inProject, type TaskOptions, withTaskArgument } from "./task_argument.ts";

/** Adds `plan`, `explain`, `diff`, `tree` and `graph` to the program. */
export function addInspectCommands(program: Command, io: CliIo): void {
  addPlan(program, io);
  addExplain(program, io);
  addDiff(program, io);
  addTree(program, io);
  addGraph(program, io);
}

function addPlan(program: Command, io: CliIo): void {
  const command = program.command("plan").description("tell what a build would run, and why");
  withTaskArgument(command)
    .option("--all", "name all tasks, not only the first")
    .option("--json", "print the plan as one JSON document")
    .action(inProject(io, async (argument: string, options: ShowPlanOptions) => {
      const { showPlan } = await import("./show_dag.ts");
      await showPlan(argument, options, io);
    }));
  withExamples(command, [
    "stardag plan pipeline.ts:report",
    "stardag plan pipeline.ts:report --json | jq .toRun",
  ]);
}

function addExplain(program: Command, io: CliIo): void {
  const command = program.command("explain")
    .description("tell what the id of a task is made of, and why no output of before is reused");
  withTaskArgument(command)
    .option("--json", "print the explanation as one JSON document")
    .action(inProject(io, async (argument: string, options: TaskOptions) => {
      const { showExplanation } = await import("./show_explanation.ts");
      await showExplanation(argument, options, io);
    }));
  withExamples(command, [
    "stardag explain pipeline.ts:train --param rate=0.2",
    "stardag explain pipeline.ts:report.model    # the task in its parameter",
  ]);
}

function addDiff(program: Command, io: CliIo): void {
  const command = program.command("diff")
    .description("tell what differs between two tasks, and which ids downstream change with it");
  withTaskArgument(command)
    .argument("[other]", "the task to compare with; the same one unless told")
    .option(
      "--to <name=value>",
      "a parameter of the other, in place of that of the first",
      collected,
    )
    .option("--to-params <json>", "parameters of the other, in place of --params")
    .option("--json", "print the differences as one JSON document")
    .action(inProject(
      io,
      async (argument: string, other: string | undefined, options: ShowDiffOptions) => {
        const { showDiff } = await import("./show_dag.ts");
        await showDiff(argument, other, options, io);
      },
    ));
  withExamples(command, [
    "stardag diff pipeline.ts:train --param rate=0.1 --to rate=0.2",
    "stardag diff pipeline.ts:train --params @before.json --to-params @after.json",
    "stardag diff pipeline.ts:report pipeline.ts:draft",
  ]);
}

function addTree(program: Command, io: CliIo): void {
  const command = program.command("tree").description("show what a task requires, level by level");
  withTaskArgument(command)
    .option("--depth <levels>", "show so many levels below the task", countOf)
    .option("--lines <count>", "show so many lines; 1000 unless told", countOf)
    .option("--no-states", "do not look which tasks are complete")
    .option("--json", "print the tree as one JSON document")
    .action(inProject(io, async (argument: string, options: ShowTreeOptions) => {
      const { showTree } = await import("./show_dag.ts");
      await showTree(argument, options, io);
    }));
  withExamples(command, ["stardag tree pipeline.ts:report --depth 2"]);
}

function addGraph(program: Command, io: CliIo): void {
  const command = program.command("graph").description("draw the DAG of a task");
  withTaskArgument(command)
    .addOption(new Option("--mermaid", "for Markdown, the default").conflicts(["svg", "dot"]))
    .addOption(new Option("--svg", "a picture").conflicts(["mermaid", "dot"]))
    .addOption(new Option("--dot", "for Graphviz").conflicts(["mermaid", "svg"]))
    .option("-o, --output <file>", "write to a file that ends in .svg, .dot, .mmd or .md")
    .addOption(
      new Option("--direction <direction>", "where arrows lead").choices(["TB", "BT", "LR", "RL"]),
    )
    .option("--group-above <count>", "draw types in place of more tasks; 300 unless told", countOf)
    .option("--no-states", "do not look which tasks are complete")
    .action(inProject(io, async (argument: string, options: ShowGraphOptions) => {
      const { showGraph } = await import("./show_dag.ts");
      await showGraph(argument, options, io);
    }));
  withExamples(command, [
    "stardag graph pipeline.ts:report -o dag.svg",
    "stardag graph pipeline.ts:report --mermaid >> README.md",
  ]);
}
