/**
 * Declaring the tasks of a module in a namespace. Unaware of what the tasks do.
 *
 * @module
 */

import type { Output, Schema } from "../schema.ts";
import { AutoTask, type AutoTaskSpec } from "./auto_task.ts";
import { BaseTask, Task, type TaskTypeSpec } from "./base_task.ts";
import { type FunctionTaskSpec, task, type TaskFunction } from "./define_task.ts";
import type { Shape } from "./fields.ts";

/** The ways to declare tasks, bound to a namespace and a module. */
export interface Namespace {
  /** The namespace. */
  readonly namespace: string;
  /** `task()` in the namespace. */
  readonly task: typeof task;
  /** `AutoTask()` in the namespace. */
  readonly AutoTask: typeof AutoTask;
  /** `Task()` in the namespace. */
  readonly Task: typeof Task;
  /** `BaseTask()` in the namespace. */
  readonly BaseTask: typeof BaseTask;
}

/**
 * The ways to declare tasks in a fixed namespace. The module, `import.meta.url`, is what a worker imports to run them.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const { task } = sd.namespace("weather", import.meta.url);
 * const rain = task({ name: "rain", output: z.number(), run: () => 3.5 });
 * console.log(`${rain()}`); // weather.rain() 1b4f...
 * ```
 */
export function namespace(name: string, module: string): Namespace {
  const bind = <S extends object>(spec: S): S => ({ namespace: name, module, ...spec });
  return {
    namespace: name,
    task: <O extends Schema, P extends Shape>(
      spec: FunctionTaskSpec<P, O>,
    ): TaskFunction<P, Output<O>> => task(bind(spec)),
    AutoTask: ((spec: AutoTaskSpec<Shape, Schema>) => AutoTask(bind(spec))) as typeof AutoTask,
    Task: ((spec: TaskTypeSpec<Shape>) => Task(bind(spec))) as typeof Task,
    BaseTask: ((spec: TaskTypeSpec<Shape>) => BaseTask(bind(spec))) as typeof BaseTask,
  };
}

/** Options of {@linkcode autoNamespace}. */
export interface AutoNamespaceOptions {
  /** The folder that the namespace is relative to; nothing above it is part of any id. */
  readonly root: URL | string;
}

/**
 * The same, in the namespace of the module's path below `root`: `pipelines/daily.ts` gives `pipelines.daily`.
 *
 * Throws `RangeError` when the module is not below the root.
 */
export function autoNamespace(module: string, options: AutoNamespaceOptions): Namespace {
  if (options?.root === undefined) {
    throw new TypeError(
      `Cannot make a namespace of the module "${module}": give the folder it is relative to, { root: new URL("../", import.meta.url) }`,
    );
  }
  const root = new URL(".", options.root).href;
  const file = new URL(module);
  file.search = file.hash = "";
  if (!file.href.startsWith(root)) {
    throw new RangeError(
      `Cannot make a namespace of the module "${module}": it is not below the root "${root}". Give a folder above it, e.g. new URL("../", import.meta.url)`,
    );
  }
  const path = decodeURIComponent(file.href.slice(root.length)).replace(/\.[^./]*$/, "");
  return namespace(path.replaceAll(".", "_").replaceAll("/", "."), module);
}
