/**
 * Hands each task to one of several executors. Unaware of how they run it.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import type { AnyTask, RunContext } from "../tasks/task.ts";
import type { TaskExecutor, TaskOutcome } from "./executor.ts";
import { Lane } from "./lane.ts";

/** Options of {@linkcode RoutedTaskExecutor}. */
export interface RoutedTaskExecutorOptions<K extends string> {
  /** The executors by key. */
  readonly executors: Readonly<Record<K, TaskExecutor>>;
  /** The key of the executor that runs a task; always the same for the same task. */
  router(task: AnyTask): NoInfer<K>;
}

/** An executor, with as many places as it takes tasks: a build only knows how many all of them take together. */
interface Route {
  readonly executor: TaskExecutor;
  readonly lane: Lane;
}

/**
 * Runs each task by one of several executors, as many at once as all of them together.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 *
 * const executor = new sd.RoutedTaskExecutor({
 *   executors: {
 *     here: new sd.InProcessTaskExecutor(),
 *     few: new sd.InProcessTaskExecutor({ maxConcurrent: 2 }),
 *   },
 *   router: (task) => `${task}`.startsWith("download") ? "few" : "here",
 * });
 * await sd.build([], { executor });
 * ```
 */
export class RoutedTaskExecutor<K extends string = string>
  implements TaskExecutor, AsyncDisposable {
  readonly maxConcurrent: number;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #router: (task: AnyTask) => string;

  /** Throws `TypeError` for what is no executor or no function. */
  constructor(options: RoutedTaskExecutorOptions<K>) {
    checkOptions(options, ["executors", "router"], "make a RoutedTaskExecutor");
    const { executors, router } = options;
    const entries = Object.entries<TaskExecutor>(executors ?? {});
    if (entries.length === 0) {
      throw new TypeError(
        `Cannot route tasks to ${
          describe(executors)
        }: give executors by key, e.g. { here: new InProcessTaskExecutor() }`,
      );
    }
    for (const [key, executor] of entries) {
      if (typeof executor?.submit !== "function") {
        throw new TypeError(
          `Cannot route tasks to "${key}": it is ${describe(executor)}. Give an executor`,
        );
      }
    }
    if (typeof router !== "function") {
      throw new TypeError(
        `Cannot route tasks by ${describe(router)}: give a function of the task`,
      );
    }
    this.#routes = new Map(
      entries.map(([key, executor]) => [key, { executor, lane: new Lane(executor.maxConcurrent) }]),
    );
    this.#router = router;
    this.maxConcurrent = entries.reduce((sum, [, { maxConcurrent }]) => sum + maxConcurrent, 0);
  }

  submit(task: AnyTask, context: RunContext): TaskOutcome | Promise<TaskOutcome> {
    try {
      const { executor, lane } = this.#routeOf(task);
      return lane.run(task, context, () => executor.submit(task, context));
    } catch (error) {
      return { kind: "failed", error };
    }
  }

  async discard(task: AnyTask, context: RunContext): Promise<void> {
    await this.#routeOf(task).executor.discard?.(task, context);
  }

  /** Closes all of the executors that can be closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#routes.values().map(({ executor }) => executor[Symbol.asyncDispose]?.()),
    );
  }

  #routeOf(task: AnyTask): Route {
    const key = this.#router(task);
    const route = this.#routes.get(key);
    if (route !== undefined) return route;
    throw new ConfigError(
      `The router sends it to ${describe(key)}: there is no such executor. There are ${
        [...this.#routes.keys()].map((known) => `"${known}"`).join(", ")
      }`,
    );
  }
}
