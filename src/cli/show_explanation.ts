/**
 * What `explain` does.
 *
 * @module
 */

import { explain } from "../inspect/explain.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { CliIo } from "./cli_io.ts";
import { loadTasks } from "./load_tasks.ts";
import type { TaskOptions } from "./task_argument.ts";
import { UsageError } from "./usage.ts";
import { keepStdout } from "./users_output.ts";

/** Shows why a task has the id it has, and why it would run. */
export async function showExplanation(
  argument: string,
  options: TaskOptions,
  io: CliIo,
): Promise<void> {
  keepStdout();
  const tasks = await loadTasks(argument, options);
  const [task, ...others] = flattenTaskStruct(tasks);
  if (task === undefined || others.length > 0) {
    throw new UsageError(
      `Cannot explain ${others.length + 1} tasks at once: name one behind a dot, one of ${
        Object.keys(tasks).join(", ")
      }`,
    );
  }
  io.showResult(await explain(task), options);
}
