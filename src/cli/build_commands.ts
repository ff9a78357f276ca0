/**
 * `build`, as it is declared.
 *
 * @module
 */

import { type Command, Option } from "commander";
import type { CliIo } from "./cli_io.ts";
import { withExamples } from "./help.ts";
import { buildIdOf, countOf, limitsOf } from "./option_values.ts";
import type { RunBuildOptions } from "./run_build.ts";
import { inProject, TASK_ARGUMENT, withParameters } from "./task_argument.ts";

/** Adds `build` to the program. */
export function addBuildCommands(program: Command, io: CliIo): void {
  const command = program.command("build").description("run whatever of the tasks is missing")
    .argument("<task...>", TASK_ARGUMENT);
  withParameters(command)
    .addOption(
      new Option("--fail-mode <mode>", "what a failure stops: all, or what depends on it")
        .choices(["fail_fast", "continue"]),
    )
    .option("--workers <count>", "how many threads, and how many processes, run tasks", countOf)
    .option("--max-concurrent <count>", "how many tasks are under way at once", countOf)
    .option("--limit <name=count>", "how many tasks with a concurrency key run at once", limitsOf)
    .option("--resume <build-id>", "go on with a build in the registry", buildIdOf)
    .option("--description <text>", "what the registry says of the build")
    .option("--dry-run", "only tell what would run, as plan does")
    .option("--json", "print how it ended as one JSON document")
    .action(inProject(io, async (tasks: readonly string[], options: RunBuildOptions) => {
      if (options.dryRun === true) {
        const { showPlan } = await import("./show_dag.ts");
        await showPlan(tasks, options, io);
      } else {
        const { runBuild } = await import("./run_build.ts");
        await runBuild(tasks, options, io);
      }
    }));
  withExamples(command, [
    "stardag build pipeline.ts:report pipeline.ts:dashboard",
    "stardag build pipeline.ts:train --param rate=0.1 --param 'layers=[64, 64]'",
    "stardag build pipeline.ts:train --params @experiment.json --limit gpu=1",
    "stardag build pipeline.ts:train --help    # lists its parameters",
  ]);
}
