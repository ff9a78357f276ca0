/**
 * Parameters of tasks: the schemas that stand for tasks, and the types of parameters as given, as kept, and as loaded.
 * Unaware of what a task does with them.
 *
 * @module
 */

import { z } from "zod";
import { describe, isPlainObject } from "../json.ts";
import { type Input, isSchema, type Output, type Schema, type SchemaOf } from "../schema.ts";
import { checkOptions } from "../options.ts";
import { type FieldOptions, fieldOptions, referenceSchemas } from "../schema_codec.ts";
import { fits, schemaName } from "./fit.ts";
import { type AnyTask, isTask, type TaskLoads } from "./task.ts";
import { TASK_TYPE, taskTypeOf } from "./type_registry.ts";

/** Parameters of a task type: a Zod schema for each name. */
export type Shape = Readonly<Record<string, Schema>>;

/** What `depends()` declares: a task when constructed, its loaded value inside a function task's `run`. */
export interface Depends<out T> extends TaskLoads<T> {
  /** Only for the compiler: what `run` receives in its place. */
  readonly "~loaded": T;
}

/**
 * A parameter that takes a task whose output fits the schema; `run` of a function task receives the loaded value.
 *
 * It may stand at any depth: in arrays, tuples, records and objects. The schema is compared with that of the task's
 * output; what is loaded has been checked by the latter, so further checks (`.min()`) belong there.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const mean = sd.task({
 *   name: "mean",
 *   params: { columns: z.array(sd.depends(z.array(z.number()))) },
 *   output: z.number(),
 *   run: ({ columns }) => columns.flat().reduce((a, b) => a + b, 0) / columns.flat().length,
 * });
 * ```
 */
export function depends<S extends Schema>(
  schema: S,
): SchemaOf<Depends<Output<S>>, TaskLoads<Output<S>>> {
  return taskSchema<Depends<Output<S>>>(true, schema) as SchemaOf<
    Depends<Output<S>>,
    TaskLoads<Output<S>>
  >;
}

/** The same as `depends()`, but `run` receives the task itself, to load one by one when there are many or large ones. */
export function taskLoads<S extends Schema>(
  schema: S,
): SchemaOf<TaskLoads<Output<S>>, TaskLoads<Output<S>>> {
  return taskSchema<TaskLoads<Output<S>>>(false, schema);
}

/** What `taskOf` takes: a task function or a task class. */
export type TaskMaker<T extends AnyTask> =
  | ((...args: never[]) => T)
  | (abstract new (...args: never[]) => T);

/** A parameter that takes a task of exactly this type, a task function or a class; `run` receives the task itself. */
export function taskOf<T extends AnyTask>(type: TaskMaker<T>): SchemaOf<T, T> {
  if (typeof type !== "function" || !(TASK_TYPE in type)) {
    throw new TypeError(
      `Cannot use ${
        describe(type)
      } in taskOf(): give a task function or a class that extends BaseTask(), Task() or AutoTask()`,
    );
  }
  // Asked when a task is checked: a class is registered after its base is made.
  const isOf = (task: AnyTask): boolean => taskTypeOf(task).id === taskTypeOf(type).id;
  return taskSchema<T>(false, undefined, isOf, () => `a task of type "${taskTypeOf(type).id}"`);
}

function taskSchema<T extends AnyTask>(
  isLoaded: boolean,
  output: Schema | undefined,
  accepts: (task: AnyTask) => boolean = (task) => loadsWhatFits(output, task),
  wanted: () => string = () =>
    `a task that loads ${output === undefined ? "anything" : schemaName(output)}`,
): SchemaOf<T, T> {
  if (output !== undefined && !isSchema(output)) {
    throw new TypeError(
      `Cannot depend on ${
        describe(output)
      }: give a Zod schema of what the task loads, or use taskOf() for a task type`,
    );
  }
  const schema = z.custom<T>((value) => isTask(value) && accepts(value), {
    error: (issue) => `expected ${wanted()}, received ${received(issue.input)}`,
  });
  return referenceSchemas.mark(schema, {
    canonical: (task) => `{"id":"${(task as AnyTask).id}"}`,
    loaded: isLoaded,
    output,
  });
}

function received(value: unknown): string {
  if (!isTask(value)) return `${describe(value)}, which is no task`;
  const { output } = taskTypeOf(value);
  return `${value}${output === undefined ? "" : `, which loads ${schemaName(output)}`}`;
}

/** Whether a task can stand where a value of the schema is wanted. */
export function loadsWhatFits(output: Schema | undefined, task: AnyTask): boolean {
  const actual = taskTypeOf(task).output;
  return output === undefined || actual === undefined || fits(output, actual);
}

/**
 * Marks a parameter, or a property of an object in one: not part of the id (`significant: false`), or not part of it
 * while it has a certain value (`compatDefault`, for parameters added later).
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const params = {
 *   seed: z.int().default(0),
 *   verbose: sd.field(z.boolean().default(false), { significant: false }),
 *   penalty: sd.field(z.number().default(0), { compatDefault: 0 }),
 * };
 * ```
 */
export function field<S extends Schema>(schema: S, options: FieldOptions<Output<S>>): S {
  if (!isPlainObject(options)) {
    throw new TypeError(
      `Cannot mark a parameter with field(): its options are ${
        describe(options)
      }. Give { significant: false } or { compatDefault: value }`,
    );
  }
  checkOptions(options, ["significant", "compatDefault"], "mark a parameter with field()");
  if (options.significant !== false && !("compatDefault" in options)) {
    throw new TypeError(
      "Cannot use field() without significant: false or a compatDefault: it would change nothing",
    );
  }
  return fieldOptions.mark(schema, options);
}

/** Replaces every `depends()` inside X, at any depth, by what it loads. */
export type Loaded<X> = X extends { readonly "~loaded": infer T } ? T
  : X extends AnyTask | Date | Uint8Array | ((...args: never[]) => unknown) ? X
  : X extends ReadonlyMap<infer K, infer V> ? Map<K, Loaded<V>>
  : X extends ReadonlySet<infer E> ? Set<Loaded<E>>
  : X extends readonly [] | readonly [unknown, ...unknown[]] ? { [I in keyof X]: Loaded<X[I]> }
  : X extends readonly (infer E)[] ? Loaded<E>[]
  : X extends object ? { [K in keyof X]: Loaded<X[K]> }
  : X;

/** `true` somewhere in it when X is, or has in it, a task. */
export type HasTask<X> = X extends AnyTask ? true
  : X extends Date | Uint8Array | ((...args: never[]) => unknown) ? false
  : X extends readonly (infer E)[] ? HasTask<E>
  : X extends object ? { [K in keyof X]-?: HasTask<X[K]> }[keyof X]
  : false;

/** A parameter without tasks in it takes its value, or a task that loads such a value. */
export type OrTask<Value, Out> = Value | (true extends HasTask<Out> ? never : TaskLoads<Out>);

/** The parameters that need not be given. */
export type OptionalKeys<P extends Shape> = {
  [K in keyof P]: undefined extends Input<P[K]> ? K : never;
}[keyof P];

/** What a task function takes: values, or tasks that load such values. */
export type ParamsIn<P extends Shape> =
  & { readonly [K in Exclude<keyof P, OptionalKeys<P>>]: OrTask<Input<P[K]>, Output<P[K]>> }
  & { readonly [K in OptionalKeys<P>]?: OrTask<Input<P[K]>, Output<P[K]>> };

/** What a task class takes: values, and tasks only where the schema says so. */
export type ValuesIn<P extends Shape> =
  & { readonly [K in Exclude<keyof P, OptionalKeys<P>>]: Input<P[K]> }
  & { readonly [K in OptionalKeys<P>]?: Input<P[K]> };

/** The parameters as a function task keeps them. */
export type Fields<P extends Shape> = {
  readonly [K in keyof P]: OrTask<Output<P[K]>, Output<P[K]>>;
};

/** The parameters as a class task keeps them. */
export type Values<P extends Shape> = { readonly [K in keyof P]: Output<P[K]> };

/** The parameters as `run` of a function task receives them: loaded. */
export type Args<P extends Shape> = { readonly [K in keyof P]: Loaded<Output<P[K]>> };

/** Names that a task has itself and a parameter cannot have. */
export type ReservedName =
  | "id"
  | "version"
  | "complete"
  | "requires"
  | "run"
  | "output"
  | "load"
  | "save"
  | "registryAssets"
  | "toJSON"
  | "toString"
  | "valueOf"
  | "hasOwnProperty"
  | "constructor"
  | "then";

/** Parameters none of whose names is reserved. */
export type Unreserved<P> =
  & P
  & {
    readonly [K in keyof P as K extends ReservedName | `__${string}` ? K : never]:
      "a task has this name itself: call the parameter something else";
  };

const RESERVED: Readonly<Record<ReservedName, true>> = {
  id: true,
  version: true,
  complete: true,
  requires: true,
  run: true,
  output: true,
  load: true,
  save: true,
  registryAssets: true,
  toJSON: true,
  toString: true,
  valueOf: true,
  hasOwnProperty: true,
  constructor: true,
  then: true,
};

/** Whether a parameter cannot be called so: names of a task's own members, and names that begin with `__`. */
export function isReservedName(name: string): boolean {
  return Object.hasOwn(RESERVED, name) || name.startsWith("__");
}
