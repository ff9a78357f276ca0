/**
 * What a task is, as others see it: an id made of its parameters, whether it is complete, what it requires, how it
 * runs. Unaware of how tasks are declared, where outputs are kept, and of builds.
 *
 * @module
 */

import { describe } from "../json.ts";
import type { LoadableTarget, Target } from "../targets/target.ts";
import type { RegistryAsset } from "./asset.ts";

/** A task of any kind. Made by `task()`, or by a class that extends `BaseTask()`, `Task()` or `AutoTask()`. */
export interface AnyTask {
  /** A UUID made of the type and the significant parameters: the same parameters, the same id, on any machine. */
  readonly id: string;
  /** Version of the code that makes the output; `""` when the type declares none. */
  readonly version: string;
  /** Whether the output is there, so that nothing needs to run. */
  complete(): boolean | Promise<boolean>;
  /** What must be complete before this runs: unless overridden, every task found in the parameters. */
  requires(): TaskStruct | undefined;
  /** Does the work; a generator may yield tasks and goes on when they are complete. Called by a build. */
  run(context: RunContext): RunResult;
  /**
   * What to show of the output in the registry. Called after the task is complete, and only where there is a registry:
   * load what is needed from the output. What it throws is a warning, not a failure.
   */
  registryAssets?(): readonly RegistryAsset[] | Promise<readonly RegistryAsset[]>;
  /** The task as JSON, nested tasks in full; `taskFromJSON` makes it again. */
  toJSON(): TaskBody;
  /** Type, parameters and the beginning of the id, e.g. `get_range(limit=4) 00665fbb`. */
  toString(): string;
}

/** A task whose output is a target. */
export interface OutputTask<out O extends Target = Target> extends AnyTask {
  /** Where the output is, or will be. */
  output(): O;
}

/** Any task whose `load()` gives a `T`. */
export interface TaskLoads<out T> extends AnyTask {
  /** The output. Rejects with `TargetNotFoundError` when the task is not complete. */
  load(): Promise<T>;
}

/** A task whose output can be loaded from its target. */
export interface LoadableTask<out T> extends OutputTask<LoadableTarget<T>>, TaskLoads<T> {}

/** A task, or tasks nested in arrays and records. */
export type TaskStruct =
  | AnyTask
  | readonly TaskStruct[]
  | { readonly [key: string]: TaskStruct };

/** What `run` is handed besides the task. */
export interface RunContext {
  /** Aborted when the build wants the task to stop, or when the attempt took longer than the task's `timeout`. */
  readonly signal: AbortSignal;
  /** Which attempt at the task this is; the first is 1. */
  readonly attempt: number;
}

/** What a generator `run` may yield. */
export type Yieldable = TaskStruct | LoadRequest<unknown>;

/** What `run` of a class may be: synchronous, a promise, a generator or an async generator. */
export type RunResult =
  | void
  | Promise<void>
  | Generator<Yieldable, void, unknown>
  | AsyncGenerator<Yieldable, void, unknown>;

/** What `load()` yields: "wait for this task, then give me its output". */
export class LoadRequest<out T> {
  /** The task to wait for. */
  readonly task: TaskLoads<T>;

  /** Made by `load()`. */
  constructor(task: TaskLoads<T>) {
    this.task = task;
  }
}

/**
 * In a generator `run`: waits for a task and gives what it loads, typed.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const part = sd.task({ name: "part", params: { n: z.int() }, output: z.int(), run: ({ n }) => n * n });
 * const squares = sd.task({
 *   name: "squares",
 *   params: { upTo: z.int() },
 *   output: z.int(),
 *   *run({ upTo }) {
 *     let sum = 0;
 *     for (let n = 1; n <= upTo; n++) sum += yield* sd.load(part({ n }));
 *     return sum;
 *   },
 * });
 * ```
 */
export function* load<T>(task: TaskLoads<T>): Generator<LoadRequest<T>, T, unknown> {
  if (!isTask(task) || typeof task.load !== "function") {
    throw new TypeError(`Cannot load ${describe(task)}: give a task that has a load()`);
  }
  return (yield new LoadRequest(task)) as T;
}

/** A task as JSON: `__namespace`, `__name`, `version`, then its parameters, nested tasks in full. */
export type TaskBody = { readonly [key: string]: unknown };

/** What tells a task from anything else. */
export const TASK_BRAND: unique symbol = Symbol.for("@stardag/core/task") as never;

/** Whether the value is a task. */
export function isTask(value: unknown): value is AnyTask {
  return typeof value === "object" && value !== null && TASK_BRAND in value;
}
