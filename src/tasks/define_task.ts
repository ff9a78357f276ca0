/**
 * Tasks declared as functions: `task({ name, params, output, run })`. Unaware of builds.
 *
 * @module
 */

import { z } from "zod";
import { describe } from "../json.ts";
import { isThenable } from "../thenable.ts";
import type { Input, Output, Schema } from "../schema.ts";
import { type AutoTask, AutoTaskBase, autoTaskClass, type AutoTaskSpec } from "./auto_task.ts";
import { type ParamsArgument, register, SAVES_ITSELF } from "./base_task.ts";
import type { RegistryAsset } from "./asset.ts";
import type { Args, Fields, ParamsIn, Shape } from "./fields.ts";
import { type Bag, loadParameters, tasksInParameters } from "./parameters.ts";
import { TaskContext } from "./run_context.ts";
import { flattenTaskStruct } from "./struct.ts";
import {
  type AnyTask,
  LoadRequest,
  type RunContext,
  type RunResult,
  type TaskStruct,
  type Yieldable,
} from "./task.ts";
import { OWN_BODY } from "./task_body.ts";
import { TASK_TYPE, taskTypeOf } from "./type_registry.ts";

/** What `run` of a function task may give: the output, a promise of it, or a generator that returns it. */
export type FunctionResult<T> =
  | T
  | Promise<T>
  | Generator<Yieldable, T, unknown>
  | AsyncGenerator<Yieldable, T, unknown>;

/** What `task()` takes. */
export interface FunctionTaskSpec<P extends Shape, O extends Schema> extends AutoTaskSpec<P, O> {
  /** Tasks that must be complete before this runs, besides those in its parameters. */
  readonly requires?: ((params: Fields<P>) => TaskStruct | undefined) | undefined;
  /** Makes the output from the loaded parameters; a generator function may yield tasks to wait for. */
  run(args: Args<P>, context: RunContext): FunctionResult<Input<O> | Output<O>>;
  /** What to show of the output in the registry; called with the loaded output, and only where there is a registry. */
  registryAssets?:
    | ((
      output: Output<O>,
      task: AutoTask<Output<O>> & Fields<P>,
    ) => readonly RegistryAsset[] | Promise<readonly RegistryAsset[]>)
    | undefined;
}

/** Makes tasks of one type: call it with the parameters. */
export interface TaskFunction<P extends Shape, T> {
  /** A task with these parameters; nothing runs. Throws `TaskParameterError` when they do not fit. */
  (...params: ParamsArgument<ParamsIn<P>>): AutoTask<T> & Fields<P>;
  /** The plain function on plain values, for unit tests; tasks that it yields must be complete. */
  call(args: Args<P>): Promise<T>;
}

/**
 * Declares a task as a function of its parameters.
 *
 * A parameter takes a value, or a task that loads such a value; with `depends()` only a task. `run` receives the loaded
 * values either way, and what it returns is stored as the output.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const getRange = sd.task({
 *   name: "get_range",
 *   params: { limit: z.int() },
 *   output: z.array(z.int()),
 *   run: ({ limit }) => Array.from({ length: limit }, (_, i) => i),
 * });
 * const getSum = sd.task({
 *   name: "get_sum",
 *   params: { integers: sd.depends(z.array(z.int())) },
 *   output: z.int(),
 *   run: ({ integers }) => integers.reduce((a, b) => a + b, 0),
 * });
 * const sumTask = getSum({ integers: getRange({ limit: 4 }) });
 * ```
 */
export function task<O extends Schema, P extends Shape = Record<never, never>>(
  spec: FunctionTaskSpec<P, O>,
): TaskFunction<P, Output<O>> {
  const { run, registryAssets } = spec;
  if (typeof run !== "function") {
    throw new TypeError(
      `Cannot declare the task type "${spec.name}": run is ${describe(run)}. Give a function`,
    );
  }
  if (spec.permissions !== undefined && isGeneratorFunction(run)) {
    throw new TypeError(
      `Cannot declare the task type "${spec.name}": it has permissions, and its run yields, by which it could have any ` +
        `task run, held to nothing. Have it depend on what it needs by its parameters or requires()`,
    );
  }
  if (registryAssets !== undefined && typeof registryAssets !== "function") {
    throw new TypeError(
      `Cannot declare the task type "${spec.name}": registryAssets is ${
        describe(registryAssets)
      }. Give a function of the output`,
    );
  }
  const yields = yielder(run, spec.output);

  class FunctionTask extends autoTaskClass(spec, AutoTaskBase<unknown>, {
    orTask: true,
    own: ["requires", "run", "registryAssets"],
  }) {
    override requires(): TaskStruct | undefined {
      const tasks = tasksInParameters(this);
      if (spec.requires !== undefined) {
        for (const task of flattenTaskStruct(spec.requires(this as unknown as Fields<P>))) {
          tasks.push(task);
        }
      }
      return tasks.length === 0 ? undefined : tasks;
    }

    override run(context: RunContext): RunResult {
      const args = loadParameters(this);
      // The promise of a generator is what an executor understands, and no class method may declare.
      return args instanceof Promise
        ? args.then((loaded) => this.#runWith(loaded, context)) as Promise<void>
        : this.#runWith(args, context);
    }

    get [SAVES_ITSELF](): true {
      return true;
    }

    get [MAY_YIELD](): boolean | undefined {
      // What is promised is the output, never steps.
      return tagOf(run) === "AsyncFunction" ? false : isGeneratorFunction(run) || undefined;
    }

    #runWith(args: Bag, given: RunContext): RunResult {
      const context = TaskContext.of(given);
      const result = run(args as Args<P>, context);
      if (yields(result)) return this.#saveReturned(result, context);
      return isThenable(result)
        ? Promise.resolve(result).then((value) => this.#saveWhole(value, context))
        : this.#saveWhole(result, context);
    }

    async *#saveReturned(
      steps: Steps,
      context: TaskContext,
    ): AsyncGenerator<Yieldable, void, unknown> {
      await this.#saveWhole(yield* steps, context);
    }

    #saveWhole(value: unknown, context: TaskContext): Promise<void> {
      context.beginStoring();
      return this.save(value, { signal: context.givenUp });
    }
  }
  Object.defineProperty(FunctionTask, "name", { value: spec.name });
  if (registryAssets !== undefined) {
    Object.defineProperty(FunctionTask.prototype, "registryAssets", {
      async value(this: FunctionTask) {
        return await registryAssets(await this.load() as never, this as never);
      },
    });
  }
  register(FunctionTask as never);

  const make = (params: unknown = {}): AnyTask =>
    taskTypeOf(FunctionTask).make(params as Bag, taskTypeOf(FunctionTask).version);
  const call = async (args: Args<P>): Promise<unknown> => {
    const result = run(args, { signal: new AbortController().signal, attempt: 1 });
    return await (yields(result) ? returned(result, spec.name) : result);
  };
  Object.defineProperties(make, {
    name: { value: spec.name },
    call: { value: call },
    [TASK_TYPE]: { get: () => taskTypeOf(FunctionTask) },
  });
  return make as unknown as TaskFunction<P, Output<O>>;
}

/** Under which a function task says whether its function is a generator: its own `run()` is none. */
const MAY_YIELD: unique symbol = Symbol("may yield");

/**
 * Whether the task may yield others when it runs: which ones, nobody can know before. `undefined` where its function is no
 * generator, and may hand back one.
 */
export function mayYield(task: AnyTask): boolean | undefined {
  if (OWN_BODY in task) return false; // an alias never runs
  if (MAY_YIELD in task) return task[MAY_YIELD] as boolean | undefined;
  return isGeneratorFunction(task.run) || undefined;
}

type Steps = Generator<Yieldable, unknown, unknown> | AsyncGenerator<Yieldable, unknown, unknown>;

/**
 * Tells whether what `run` gave are its steps and not its output. An output may itself be a generator (rows to be
 * stored), so a generator counts as steps only when `run` is a generator function, or when it cannot be the output.
 */
function yielder(
  run: (...args: never[]) => unknown,
  output: Schema,
): (result: unknown) => result is Steps {
  const isSteps = isGeneratorFunction(run);
  return (result): result is Steps =>
    isSteps ||
    (/^(Async)?Generator$/.test(tagOf(result)) && !z.safeEncode(output, result as never).success);
}

function isGeneratorFunction(run: unknown): boolean {
  return /^(Async)?GeneratorFunction$/.test(tagOf(run));
}

function tagOf(value: unknown): string {
  return typeof value === "object" || typeof value === "function"
    ? Object.prototype.toString.call(value).slice(8, -1)
    : "";
}

/** Runs the steps to their end outside of a build. */
async function returned(steps: Steps, name: string): Promise<unknown> {
  let answer: unknown;
  for (;;) {
    const step = await steps.next(answer);
    if (step.done === true) return step.value;
    const request = step.value;
    const tasks = request instanceof LoadRequest ? [request.task] : flattenTaskStruct(request);
    for (const task of tasks) {
      if (!await task.complete()) {
        throw new TypeError(
          `Cannot call "${name}" outside of a build: it waits for ${task}. Build that first`,
        );
      }
    }
    answer = request instanceof LoadRequest ? await request.task.load() : undefined;
  }
}
