/**
 * Tasks whose output is a file under a target root: path and serializer follow from the type, the id and the output
 * schema. Unaware of how the work is declared.
 *
 * @module
 */

import { checkOptions } from "../options.ts";
import { type Input, isSchema, type Output, type Schema } from "../schema.ts";
import { fieldOptionsOf } from "../schema_codec.ts";
import { getSerializer } from "../serializers/select.ts";
import { Serializable } from "../serializers/serializable.ts";
import type { Serializer } from "../serializers/serializer.ts";
import { getTarget } from "../targets/factory.ts";
import type { LoadableSaveableFileSystemTarget, WriteOptions } from "../targets/target.ts";
import { describe } from "../json.ts";
import { TargetTask, type TaskClass, taskClass, type TaskTypeSpec } from "./base_task.ts";
import type { Shape, Values } from "./fields.ts";
import type { AnyTask, LoadableTask } from "./task.ts";
import { taskTypeOf } from "./type_registry.ts";

/** A task whose output is a file that is loaded and saved as a `T`. */
export interface AutoTask<T> extends LoadableTask<T> {
  /** The file, under the configured target root. */
  output(): LoadableSaveableFileSystemTarget<T>;
}

/** A part of an output path: a fixed text, or made from the task. Empty leaves it out. */
export type RelpathPart = string | ((task: AnyTask) => string);

/**
 * Where the output is, relative to the target root. A string or a function gives the whole path; an object its parts:
 * `[base/][namespace/]name/[v<version>/][extra/]ab/cd/<id>[/filename][.extension]`.
 */
export type Relpath = RelpathPart | {
  readonly base?: RelpathPart | undefined;
  readonly extra?: RelpathPart | undefined;
  readonly filename?: RelpathPart | undefined;
  readonly extension?: RelpathPart | undefined;
};

/** What an `AutoTask()` declaration has. */
export interface AutoTaskSpec<P extends Shape, O extends Schema, Params = Values<P>>
  extends TaskTypeSpec<P, Params> {
  /** What the output is: decides the serializer, checks what is loaded. */
  readonly output: O;
  /** Where the output is; made of namespace, name, version and id unless told. */
  readonly relpath?: Relpath | undefined;
  /** Which of the configured target roots; `"default"` unless told. */
  readonly targetRootKey?: string | undefined;
}

/** Where and how the outputs of a type are stored. */
interface Storage {
  readonly serializer: Serializer<unknown>;
  readonly relpath: (task: AnyTask) => string;
  readonly targetRootKey: string | undefined;
}

/** Under which a class keeps it. */
const STORAGE: unique symbol = Symbol("storage");

/** The class behind every task with a derived output. */
export abstract class AutoTaskBase<T> extends TargetTask<LoadableSaveableFileSystemTarget<T>>
  implements AutoTask<T> {
  output(): LoadableSaveableFileSystemTarget<T> {
    const { serializer, relpath, targetRootKey } =
      (this.constructor as unknown as { readonly [STORAGE]: Storage })[STORAGE];
    const target = targetRootKey === undefined
      ? getTarget(relpath(this))
      : getTarget(relpath(this), { targetRootKey });
    return new Serializable(target, serializer as Serializer<T>);
  }

  override load(): Promise<T> {
    return this.output().load();
  }

  /** Stores the output, whole or not at all; `signal` calls it off. */
  save(value: T, options?: WriteOptions): Promise<void> {
    return this.output().save(value, options);
  }
}

/**
 * A class of tasks whose output is a file that is loaded and saved as a value: extend it with `run()`, which saves.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * @sd.register
 * class Squares extends sd.AutoTask({
 *   name: "Squares",
 *   params: { numbers: sd.depends(z.array(z.int())) },
 *   output: z.array(z.int()),
 * }) {
 *   override async run() {
 *     const numbers = await this.numbers.load();
 *     await this.save(numbers.map((n) => n * n));
 *   }
 * }
 * ```
 */
export function AutoTask<O extends Schema, P extends Shape = Record<never, never>>(
  spec: AutoTaskSpec<P, O>,
): TaskClass<P, AutoTask<Output<O>> & Saves<Input<O> | Output<O>>> {
  return autoTaskClass(spec, AutoTaskBase) as never;
}

/** What stores its own output. */
export interface Saves<in T> {
  /** Stores the output, whole or not at all; `signal` calls it off. */
  save(value: T, options?: WriteOptions): Promise<void>;
}

/** A class that extends `Base` and knows where its outputs are. */
export function autoTaskClass<
  P extends Shape,
  Base extends abstract new (...args: never[]) => AutoTaskBase<unknown>,
>(
  spec: AutoTaskSpec<P, Schema, never>,
  Base: Base,
  options: { readonly orTask?: boolean; readonly own?: readonly string[] } = {},
): Base {
  const { output, relpath, targetRootKey } = spec;
  if (!isSchema(output)) {
    throw new TypeError(
      `Cannot declare the task type "${spec.name}": its output is ${
        describe(output)
      }. Give a Zod schema of what it makes`,
    );
  }
  if (typeof relpath === "string" && Object.keys(spec.params ?? {}).length > 0) {
    throw new TypeError(
      `Cannot declare the task type "${spec.name}": all its tasks would have the one output "${relpath}". Give relpath as a function of the task, or as { base, extra, filename, extension }`,
    );
  }
  if (fieldOptionsOf(output) !== undefined) {
    throw new TypeError(
      `Cannot declare the task type "${spec.name}": its output is marked with field(). Mark parameters only`,
    );
  }
  const own = ["output", "relpath", "targetRootKey", ...options.own ?? []];
  const Declared = taskClass(spec, Base, { output, orTask: options.orTask ?? false, own });
  const serializer = getSerializer(output);
  const storage: Storage = { serializer, relpath: relpathOf(relpath, serializer), targetRootKey };
  Object.defineProperty(Declared, STORAGE, { value: storage });
  return Declared;
}

/** How the path of an output is made; see {@linkcode Relpath}. */
function relpathOf(
  relpath: Relpath | undefined,
  { extension }: Serializer<unknown>,
): Storage["relpath"] {
  if (typeof relpath === "string") return () => relpath;
  if (typeof relpath === "function") {
    return (task) => {
      const path: unknown = relpath(task);
      if (typeof path === "string" && path !== "") return path;
      throw new TypeError(
        `Cannot tell where the output of ${task} is: relpath gave ${describe(path)}. Return a path`,
      );
    };
  }
  const parts = relpath ?? {};
  checkOptions(
    parts,
    ["base", "extra", "filename", "extension"],
    `make output paths of ${describe(relpath)}`,
  );
  const text = (part: RelpathPart | undefined, task: AnyTask): string =>
    typeof part === "function" ? part(task) : part ?? "";
  const slashed = (part: string): string => part === "" ? "" : `${part}/`;
  /** What stands before and after the id, which only differs between tasks where a part is a function. */
  const around = (task: AnyTask): { readonly before: string; readonly after: string } => {
    const { namespace, name } = taskTypeOf(task);
    const filename = text(parts.filename, task);
    const suffix = text(parts.extension ?? extension, task).replace(/^\./, "");
    return {
      before: slashed(text(parts.base, task)) + slashed(namespace.replaceAll(".", "/")) +
        slashed(name) + slashed(task.version === "" ? "" : `v${task.version}`) +
        slashed(text(parts.extra, task)),
      after: (filename === "" ? "" : `/${filename}`) + (suffix === "" ? "" : `.${suffix}`),
    };
  };
  const isFixed = !Object.values(parts).some((part) => typeof part === "function");
  let last: ReturnType<typeof around> & { readonly version: string } | undefined;
  return (task) => {
    const { id, version } = task;
    if (!isFixed || last?.version !== version) last = { ...around(task), version };
    return `${last.before}${id.slice(0, 2)}/${id.slice(2, 4)}/${id}${last.after}`;
  };
}
