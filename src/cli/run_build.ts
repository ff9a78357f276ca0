/**
 * What `build` does.
 *
 * @module
 */

import { build } from "../builders/build.ts";
import type { BuildSummary } from "../builders/summary.ts";
import { HybridConcurrentTaskExecutor } from "../executors/hybrid.ts";
import { messageOf } from "../errors.ts";
import { consoleReporter } from "../reporters/console_reporter.ts";
import { outputUriOf } from "../tasks/output_uri.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { TaskStruct } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import type { CliIo } from "./cli_io.ts";
import { loadTasks } from "./load_tasks.ts";
import { projectFlags } from "./project.ts";
import type { TaskOptions } from "./task_argument.ts";
import { keepStdout } from "./users_output.ts";

/** Options of `build`. */
export interface RunBuildOptions extends TaskOptions {
  readonly failMode?: "fail_fast" | "continue" | undefined;
  readonly workers?: number | undefined;
  readonly maxConcurrent?: number | undefined;
  readonly limit?: Readonly<Record<string, number>> | undefined;
  readonly resume?: string | undefined;
  readonly description?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Builds the tasks, all of one project: tells of it on stderr, and at the end with `--json` on stdout. */
export async function runBuild(
  taskArguments: readonly string[],
  options: RunBuildOptions,
  io: CliIo,
): Promise<void> {
  const { json = false, workers, maxConcurrent, failMode, limit, resume, description } = options;
  if (json) keepStdout();
  const tasks = await loadTasks(taskArguments, options);
  await using executor = new HybridConcurrentTaskExecutor({
    maxWorkers: workers,
    maxProcesses: workers,
    maxConcurrent,
    processFlags: taskArguments.slice(0, 1).flatMap(projectFlags),
  });
  const summary = await build(tasks, {
    executor,
    failMode,
    concurrencyLimits: limit,
    resumeBuildId: resume,
    description,
    handleSignals: true,
    reporter: consoleReporter({ output: io.stderr.output }),
  });
  io.exitCode = summary.exitCode;
  if (json) io.json(summaryJson(summary, tasks));
}

/** The summary as data; of the single tasks those that were asked for, and those that failed. */
function summaryJson(summary: BuildSummary, tasks: TaskStruct): unknown {
  const { buildId, status, exitCode, duration, taskCount, retried, warnings, reason } = summary;
  return {
    status,
    exitCode,
    buildId,
    duration: Math.round(duration),
    taskCount,
    retried,
    warnings,
    reason: reason === undefined ? null : messageOf(reason),
    failures: summary.errors.map((error) => ({
      taskId: error.taskId,
      message: error.message,
      path: error.path,
      location: error.location,
    })),
    tasks: flattenTaskStruct(tasks).map((task) => ({
      id: task.id,
      type: taskTypeOf(task).id,
      task: String(task),
      uri: outputUriOf(task),
    })),
  };
}
