/**
 * Runs each task where it is best run: in this event loop, in a thread, in a process. Threads and processes are started
 * when the first task needs one, and none of their code is loaded before. Unaware of the DAG.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import { TaskContext } from "../tasks/run_context.ts";
import { EXECUTION_MODES, type ExecutionMode } from "../tasks/run_policy.ts";
import type { AnyTask, RunContext } from "../tasks/task.ts";
import { policyOf } from "../tasks/type_registry.ts";
import { checkMayBuild } from "./build_guard.ts";
import { atLeastOne, type TaskExecutor, type TaskOutcome } from "./executor.ts";
import { checkIsFree } from "./in_process.ts";
import { Lane } from "./lane.ts";
import { TaskRunner } from "./task_runner.ts";
import type { Workers, WorkersOptions } from "./workers.ts";

/** Tells where a task is to be run. */
export type ExecutionModeSelector = (task: AnyTask) => ExecutionMode;

/** Options of {@linkcode HybridConcurrentTaskExecutor}. */
export interface HybridConcurrentTaskExecutorOptions {
  /** How many threads there may be; as many as there are processors unless told. */
  readonly maxWorkers?: number | undefined;
  /** How many processes there may be; as many as there are processors unless told. */
  readonly maxProcesses?: number | undefined;
  /** How many tasks of a build may be under way at once, wherever they run; 50 unless told. */
  readonly maxConcurrent?: number | undefined;
  /** Where a task is to be run; {@linkcode defaultExecutionModeSelector} unless told. */
  readonly executionModeSelector?: ExecutionModeSelector | undefined;
  /** How long a worker may take until it runs a task, most of it to import modules, in milliseconds; 60,000 unless told. */
  readonly startTimeout?: number | undefined;
  /**
   * Further flags for the `deno run` of processes, e.g. `["--unstable-kv"]`; none that grant something. The `deno.json`
   * next to or above the program is found by itself as far as it may be read; else `["--config=..."]` names it.
   */
  readonly processFlags?: readonly string[] | undefined;
}

const DEFAULT_MAX_CONCURRENT = 50;
const DEFAULT_START_TIMEOUT = 60_000;
/** The longest time a timer can wait, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** As the task says by `executionMode`; else in a process when it has `permissions` or a `memoryLimit`, else `"async"`. */
export function defaultExecutionModeSelector(task: AnyTask): ExecutionMode {
  const { executionMode, permissions, memoryLimit } = policyOf(task) ?? {};
  if (executionMode !== undefined) return executionMode;
  return permissions === undefined && memoryLimit === undefined ? "async" : "process";
}

/**
 * Runs tasks in this event loop, in threads and in processes, as each task says by its `executionMode`.
 *
 * A thread or a process imports the module that declares the task, loads the inputs, runs the task and saves the output;
 * a task that yields is run from its start again there. Both are kept for the next task, also of the next build, and do
 * not keep the program from ending. Close it to end them earlier: `await using executor = new ...`.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 *
 * await using executor = new sd.HybridConcurrentTaskExecutor({ maxWorkers: 4 });
 * await sd.build([], { executor });
 * ```
 */
export class HybridConcurrentTaskExecutor implements TaskExecutor, AsyncDisposable {
  readonly maxConcurrent: number;
  readonly #select: ExecutionModeSelector;
  readonly #options: WorkersOptions;
  readonly #runner = new TaskRunner();
  readonly #blocking = new Lane(1);
  /** There once a task needed one. */
  #workers: Promise<Workers> | undefined;
  #isClosed = false;

  /** Starts nothing. Throws `RangeError` and `TypeError` for options that cannot be. */
  constructor(options: HybridConcurrentTaskExecutorOptions = {}) {
    checkOptions(options, OPTIONS, "make a HybridConcurrentTaskExecutor");
    const {
      maxWorkers = navigator.hardwareConcurrency,
      maxProcesses = navigator.hardwareConcurrency,
      maxConcurrent = DEFAULT_MAX_CONCURRENT,
      executionModeSelector = defaultExecutionModeSelector,
      startTimeout = DEFAULT_START_TIMEOUT,
      processFlags = [],
    } = options;
    if (typeof executionModeSelector !== "function") {
      throw new TypeError(
        `Cannot choose where tasks run by ${
          describe(executionModeSelector)
        }: give a function of the task`,
      );
    }
    if (typeof startTimeout !== "number" || !(startTimeout >= 1 && startTimeout <= LONGEST)) {
      throw new RangeError(
        `Cannot wait ${
          describe(startTimeout)
        } ms for a worker: give milliseconds from 1 to ${LONGEST}`,
      );
    }
    this.maxConcurrent = atLeastOne(maxConcurrent, "run", "tasks at once");
    this.#select = executionModeSelector;
    this.#options = {
      maxWorkers: atLeastOne(maxWorkers, "have", "workers"),
      maxProcesses: atLeastOne(maxProcesses, "have", "processes"),
      startTimeout,
      processFlags: checkedFlags(processFlags),
    };
  }

  submit(task: AnyTask, context: RunContext): TaskOutcome | Promise<TaskOutcome> {
    try {
      checkMayBuild();
      const mode = this.#select(task);
      switch (mode) {
        case "async":
          checkIsFree(task);
          return this.#runner.submit(task, context);
        case "blocking":
          checkIsFree(task);
          return this.#blocking.run(task, context, () => this.#runner.submit(task, context));
        case "worker":
          checkIsFree(task);
          return this.#runElsewhere(mode, task, context);
        case "process":
          return this.#runElsewhere(mode, task, context);
        default:
          throw new ConfigError(
            `It cannot be run in the mode ${
              describe(mode satisfies never)
            }: the executionModeSelector must give one of ${
              EXECUTION_MODES.map((known) => `"${known}"`).join(", ")
            }`,
          );
      }
    } catch (error) {
      return { kind: "failed", error };
    }
  }

  async discard(task: AnyTask, context: RunContext): Promise<void> {
    (await this.#workers)?.discard(task, context);
    await this.#runner.discard(task, context);
  }

  /** Ends threads and processes. Tasks that run there, or are submitted to run there later, fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await (await this.#workers)?.[Symbol.asyncDispose]();
  }

  async #runElsewhere(
    mode: "worker" | "process",
    task: AnyTask,
    given: RunContext,
  ): Promise<TaskOutcome> {
    if (this.#isClosed && this.#workers === undefined) {
      return { kind: "failed", error: new ConfigError("Its executor is closed. Make a new one") };
    }
    const context = TaskContext.of(given);
    context.wait();
    this.#workers ??= import("./workers.ts").then(({ Workers }) => new Workers(this.#options));
    return (await this.#workers).run(mode, task, { given, context });
  }
}

const OPTIONS = [
  "maxWorkers",
  "maxProcesses",
  "maxConcurrent",
  "executionModeSelector",
  "startTimeout",
  "processFlags",
] as const satisfies readonly (keyof HybridConcurrentTaskExecutorOptions)[];

function checkedFlags(flags: readonly string[]): readonly string[] {
  const isGood = Array.isArray(flags) &&
    flags.every((flag) => typeof flag === "string" && FLAG.test(flag));
  if (isGood) return [...flags];
  throw new TypeError(
    `Cannot start processes with the flags ${
      describe(flags)
    }: give long flags with their values, e.g. ["--config=app/deno.json"], and none that grants or denies something; that is what permissions of tasks are for`,
  );
}

/** One that says nothing of permissions. */
const FLAG = /^--(?!allow-|deny-|ignore-|permission|no-prompt)[a-z0-9-]+(=.*)?$/s;
