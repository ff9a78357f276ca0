/**
 * The class behind every task, and the two ways to declare a class of tasks that say themselves what their output is.
 * Unaware of serializers and of builds.
 *
 * @module
 */

import { TaskTypeError, TaskVersionError } from "../errors.ts";
import { describe, isPlainObject } from "../json.ts";
import { checkOptions } from "../options.ts";
import { isSchema, type Output, type Schema } from "../schema.ts";
import { hasInsignificant } from "../schema_codec.ts";
import type { LoadableTarget, Target } from "../targets/target.ts";
import type { Shape, Unreserved, Values, ValuesIn } from "./fields.ts";
import {
  type Bag,
  compileParameters,
  setParameters,
  tasksInParameters,
  unwritable,
} from "./parameters.ts";
import {
  type AnyTask,
  type LoadableTask,
  type OutputTask,
  type RunContext,
  type RunResult,
  TASK_BRAND,
  type TaskBody,
  type TaskStruct,
} from "./task.ts";
import { describeTask } from "./describe_task.ts";
import { RUN_OPTIONS, type RunOptions, runPolicy } from "./run_policy.ts";
import { taskBody } from "./task_body.ts";
import { taskId } from "./task_id.ts";
import {
  callerLocation,
  registerTaskType,
  TASK_TYPE,
  type TaskType,
  typeId,
} from "./type_registry.ts";

/** What every declaration of a task type has. */
export interface TaskTypeSpec<P extends Shape, Params = Values<P>> extends RunOptions<Params> {
  /** Name of the type, unique within its namespace; part of the id. */
  readonly name: string;
  /** A Zod schema for each parameter; none unless told. */
  readonly params?: Unreserved<P> | undefined;
  /** Dot-separated; part of the id. None unless told, or bound by `namespace()`. */
  readonly namespace?: string | undefined;
  /** Version of the code; part of the id, so that raising it has the output made anew. */
  readonly version?: string | undefined;
  /** URL of the module that declares the type, e.g. `import.meta.url`; bound by `namespace()`. */
  readonly module?: string | undefined;
}

/** What makes a task takes its parameters, or nothing where all of them are optional. */
export type ParamsArgument<P> = keyof P extends never ? [params?: Record<PropertyKey, never>]
  : Record<never, never> extends P ? [params?: P]
  : [params: P];

/**
 * A class to extend: its instances have the parameters as properties. They are frozen when they are made, so a subclass
 * has getters, methods and `#private` fields, but no public fields of its own.
 */
export type TaskClass<P extends Shape, Instance> = abstract new (
  ...params: ParamsArgument<ValuesIn<P>>
) => Instance & Values<P>;

/** Own classes of this package extend it; others extend what `BaseTask()`, `Task()` and `AutoTask()` give. */
export abstract class TaskBase implements AnyTask {
  readonly #id: string;
  readonly #version: string;

  /** Checks the parameters and freezes the task. `version` is only for tasks made from JSON. */
  constructor(params?: unknown, version?: string) {
    const Class = new.target as unknown as {
      readonly [TASK_TYPE]: TaskType;
      readonly name: string;
    };
    const type = Class[TASK_TYPE];
    if (classes.get(type) !== new.target as unknown) {
      throw new TaskTypeError(
        `Cannot make a task "${type.id}": the class ${Class.name} is not registered. Put @register above it, or call register(${Class.name})`,
        { typeId: type.id },
      );
    }
    setParameters(this as unknown as Bag, type, params === undefined ? {} : params);
    this.#version = version ?? type.version;
    try {
      this.#id = taskId(type, this as unknown as Bag, this.#version);
    } catch (error) {
      throw unwritable(type, this as unknown as Bag, error);
    }
    Object.freeze(this);
  }

  get id(): string {
    return this.#id;
  }

  get version(): string {
    return this.#version;
  }

  get [TASK_BRAND](): true {
    return true;
  }

  get [TASK_TYPE](): TaskType {
    return (this.constructor as unknown as { readonly [TASK_TYPE]: TaskType })[TASK_TYPE];
  }

  abstract complete(): boolean | Promise<boolean>;

  abstract run(context: RunContext): RunResult;

  requires(): TaskStruct | undefined {
    const tasks = tasksInParameters(this);
    return tasks.length === 0 ? undefined : tasks;
  }

  toJSON(): TaskBody {
    return taskBody(this);
  }

  toString(): string {
    return describeTask(this);
  }

  /** What the console shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/** Declared with a target of its own: complete when the target exists. */
export abstract class TargetTask<O extends Target> extends TaskBase implements OutputTask<O> {
  abstract output(): O;

  override complete(): boolean | Promise<boolean> {
    return this.output().exists();
  }

  /** What the target loads; only where it can. */
  load(): Promise<unknown> {
    const target = this.output() as Target & Partial<LoadableTarget<unknown>>;
    if (target.load === undefined) {
      throw new TypeError(
        `Cannot load the output of ${this}: its target "${target.uri}" has no load()`,
      );
    }
    return target.load();
  }
}

/** Whether the task is complete just when its target exists, so that targets can be asked together. */
export function isCompleteByTarget(task: AnyTask): task is TargetTask<Target> {
  return task instanceof TargetTask && task.complete === TargetTask.prototype.complete;
}

/** Under which a task says that its `run()` ends well only when its output is stored. */
export const SAVES_ITSELF: unique symbol = Symbol("saves itself");

/** Whether the output is there whenever `run()` has ended well, so that nobody needs to look. */
export function savesItself(task: AnyTask): boolean {
  return SAVES_ITSELF in task;
}

/** Refuses to run a task that was made by another version of the code. */
export function checkVersion(task: AnyTask): void {
  const type = (task as { readonly [TASK_TYPE]?: TaskType })[TASK_TYPE];
  if (type !== undefined && task.version !== type.version) {
    throw new TaskVersionError(
      `It is of version "${task.version}", the code is of version "${type.version}": its output can only be loaded. Make the task anew to run it`,
    );
  }
}

/** A task of any kind. */
export type BaseTask = AnyTask;

/**
 * A class of tasks that say themselves whether they are complete: extend it with `complete()` and `run()`.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const sent = new Set<string>();
 *
 * @sd.register
 * class Notify extends sd.BaseTask({ name: "Notify", params: { user: z.string() } }) {
 *   override complete() {
 *     return sent.has(this.user);
 *   }
 *   override run() {
 *     sent.add(this.user);
 *   }
 * }
 * await sd.build(new Notify({ user: "ada" }));
 * ```
 */
export function BaseTask<P extends Shape = Record<never, never>>(
  spec: TaskTypeSpec<P>,
): TaskClass<P, AnyTask> {
  return taskClass(spec, TaskBase) as never;
}

/** A task whose output is a target. */
export type Task<O extends Target = Target> = OutputTask<O>;

/**
 * A class of tasks with a target of their own kind: extend it with `output()` and `run()`. Complete when the target
 * exists. With an `output` schema the target must load such a value, and other tasks can depend on it.
 */
export function Task<S extends Schema, P extends Shape = Record<never, never>>(
  spec: TaskTypeSpec<P> & { readonly output: S },
): TaskClass<P, LoadableTask<Output<S>>>;
/** Without an `output` schema: any target. */
export function Task<P extends Shape = Record<never, never>>(
  spec: TaskTypeSpec<P>,
): TaskClass<P, OutputTask>;
export function Task<P extends Shape>(
  spec: TaskTypeSpec<P> & { readonly output?: Schema },
): TaskClass<P, OutputTask> {
  return taskClass(spec, TargetTask, { output: spec.output, own: ["output"] }) as never;
}

/** What the ways to declare a class differ in. */
interface DeclareOptions {
  /** What its tasks load. */
  readonly output?: Schema | undefined;
  /** Whether a task may stand for a plain value. */
  readonly orTask?: boolean;
  /** Options of a declaration beside those that all have. */
  readonly own?: readonly string[];
}

const OPTIONS = [
  "name",
  "params",
  "namespace",
  "version",
  "module",
  ...RUN_OPTIONS,
] as const satisfies readonly (keyof TaskTypeSpec<Shape>)[];

/** A class that extends `Base` for the declared type; to be registered before tasks are made. */
export function taskClass<
  P extends Shape,
  Base extends abstract new (...args: never[]) => TaskBase,
>(
  spec: TaskTypeSpec<P, never>,
  Base: Base,
  options: DeclareOptions = {},
): Base {
  const { own = [], ...rest } = options;
  checkOptions(spec, [...OPTIONS, ...own], `declare the task type "${spec.name}"`);
  const type = declaredType(spec, rest);
  // Its members are those of `Base`; the abstract ones are looked for when the class is registered.
  const Declared = class extends (Base as unknown as new () => object) {};
  Object.defineProperty(Declared, TASK_TYPE, { value: type });
  return Declared as unknown as Base;
}

/** The class registered for a type, as declared and as registered: the one of which tasks can be made. */
const classes = new WeakMap<TaskType, RegistrableClass>();

/**
 * Makes a task class known, so that tasks can be made of it, also from JSON. A class decorator, or called as a function.
 *
 * Throws `TaskTypeError` when other code has registered the type id.
 */
export function register<C extends abstract new (...args: never[]) => AnyTask>(
  type: C,
  _context?: ClassDecoratorContext,
): void {
  const Class = type as unknown as RegistrableClass;
  const declared = Class[TASK_TYPE];
  if (declared === undefined || !(Class.prototype instanceof TaskBase)) {
    throw new TypeError(
      `Cannot register ${describe(type)}: it does not extend BaseTask(), Task() or AutoTask()`,
    );
  }
  for (const method of ["complete", "run"] as const) {
    if (typeof Class.prototype[method] !== "function") {
      throw new TypeError(`Cannot register ${Class.name}: it has no ${method}(). Implement it`);
    }
  }
  if (Class.prototype instanceof TargetTask && typeof Class.prototype.output !== "function") {
    throw new TypeError(`Cannot register ${Class.name}: it has no output(). Implement it`);
  }
  for (const { key } of declared.parameters) {
    if (key in Class.prototype) {
      throw new TypeError(
        `Cannot register ${Class.name}: parameter "${key}" and a member of the class have one name. Rename one of them`,
      );
    }
  }
  const other = classes.get(declared);
  if (other === Class) return;
  if (other !== undefined) {
    throw new TaskTypeError(
      `Cannot register ${Class.name}: ${other.name} is registered for the task type "${declared.id}" already. Give ${Class.name} a type of its own: have it extend its own AutoTask(), Task() or BaseTask()`,
      { typeId: declared.id },
    );
  }
  const bound: TaskType = {
    ...declared,
    make: (params, version) => new Class(params, version),
  };
  registerTaskType(bound);
  classes.set(declared, Class);
  classes.set(bound, Class);
  Object.defineProperty(Class, TASK_TYPE, { value: bound });
}

type RegistrableClass =
  & (new (params: unknown, version?: string) => TaskBase)
  & { readonly [TASK_TYPE]?: TaskType; readonly prototype: TaskBase };

/** The type as declared, before it is bound to what makes its tasks. */
function declaredType(
  spec: TaskTypeSpec<Shape, never>,
  { output, orTask = false }: DeclareOptions,
): TaskType {
  const { name, namespace = "", version = "", params = {}, module } = spec;
  if (typeof name !== "string" || !SEGMENT.test(name) || name.includes(".")) {
    throw new TypeError(
      `Cannot declare a task type with the name ${
        describe(name)
      }: a name is not empty and has no dot, slash, blank or control character`,
    );
  }
  if (
    typeof namespace !== "string" ||
    (namespace !== "" && !namespace.split(".").every((segment) => SEGMENT.test(segment)))
  ) {
    throw new TypeError(
      `Cannot declare the task type "${name}" in the namespace ${
        describe(namespace)
      }: give names joined by dots`,
    );
  }
  if (typeof version !== "string" || !/^[^/\\\s]*$/.test(version)) {
    throw new TypeError(
      `Cannot declare the task type "${name}" with the version ${
        describe(version)
      }: give a string without slashes and blanks`,
    );
  }
  const id = typeId(namespace, name);
  if (isSchema(params) || !isPlainObject(params)) {
    throw new TypeError(
      `Cannot declare the task type "${id}": params is ${
        isSchema(params) ? "itself a schema" : describe(params)
      }. Give an object with a schema for each parameter`,
    );
  }
  const parameters = compileParameters(id, params as Shape, orTask);
  return {
    id,
    namespace,
    name,
    version,
    parameters,
    output,
    module,
    declaredAt: callerLocation(),
    hasInsignificant: parameters.some(({ schema }) => hasInsignificant(schema)),
    policy: runPolicy(spec, id, parameters),
    make() {
      throw new TaskTypeError(`Cannot make a task "${id}": its class is not registered`, {
        typeId: id,
      });
    },
  };
}

/** A part of a path on any system. */
// deno-lint-ignore no-control-regex -- control characters are what is refused
const SEGMENT = /^(?!\.)[^\s/\\:"<>|?*\u0000-\u001f]+$/u;
