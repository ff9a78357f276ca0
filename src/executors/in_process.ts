/**
 * Runs tasks in this event loop; what they wait for overlaps. Unaware of the DAG.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import type { AnyTask, RunContext } from "../tasks/task.ts";
import { policyOf } from "../tasks/type_registry.ts";
import { checkMayBuild } from "./build_guard.ts";
import { atLeastOne, type TaskExecutor, type TaskOutcome } from "./executor.ts";
import { TaskRunner } from "./task_runner.ts";

const DEFAULT_MAX_CONCURRENT = 50;

/** Options of {@linkcode InProcessTaskExecutor}. */
export interface InProcessTaskExecutorOptions {
  /** How many tasks of a build may be under way at once; 50 unless told. */
  readonly maxConcurrent?: number | undefined;
}

/**
 * Runs tasks in this process, up to `maxConcurrent` of each build at once, whatever their `executionMode` is. A task with
 * `permissions` or a `memoryLimit` fails: it cannot be held to them here.
 */
export class InProcessTaskExecutor implements TaskExecutor {
  readonly maxConcurrent: number;
  readonly #runner = new TaskRunner();

  /** Throws `RangeError` when `maxConcurrent` is no integer from 1. */
  constructor(options: InProcessTaskExecutorOptions = {}) {
    checkOptions(options, ["maxConcurrent"], "make an InProcessTaskExecutor");
    const { maxConcurrent = DEFAULT_MAX_CONCURRENT } = options;
    this.maxConcurrent = atLeastOne(maxConcurrent, "run", "tasks at once");
  }

  submit(task: AnyTask, context: RunContext): TaskOutcome | Promise<TaskOutcome> {
    try {
      checkMayBuild();
      checkIsFree(task);
    } catch (error) {
      return { kind: "failed", error };
    }
    return this.#runner.submit(task, context);
  }

  discard(task: AnyTask, context: RunContext): Promise<void> {
    return this.#runner.discard(task, context);
  }
}

/** Throws `ConfigError` for a task that is to be held to something, to which only a process can hold it. */
export function checkIsFree(task: AnyTask): void {
  const { permissions, memoryLimit } = policyOf(task) ?? {};
  if (permissions === undefined && memoryLimit === undefined) return;
  const limited = permissions === undefined ? "a memoryLimit" : "permissions";
  throw new ConfigError(
    `It has ${limited}, to which only a process can hold it. Build with a HybridConcurrentTaskExecutor, ` +
      `which runs it in one`,
  );
}
