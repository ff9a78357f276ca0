/**
 * What a module of the user exports that is a task or makes tasks, and which of it is meant. Unaware of parameters.
 *
 * @module
 */

import { ConfigError, messageOf } from "../errors.ts";
import { configFlags } from "../executors/process_flags.ts";
import { describe, isPlainObject } from "../json.ts";
import { isTask, type TaskStruct } from "../tasks/task.ts";
import { TASK_TYPE, type TaskType, taskTypeOf } from "../tasks/type_registry.ts";
import type { ModuleArgument } from "./module_argument.ts";
import { didYouMean } from "./similar.ts";
import { UsageError } from "./usage.ts";

/** A module as it was imported. */
export type Module = Readonly<Record<string, unknown>>;

/** What an export can be used as. */
export type TaskExport =
  | { readonly kind: "tasks"; readonly tasks: TaskStruct }
  /** A task function, or a registered class. */
  | { readonly kind: "type"; readonly type: TaskType }
  /** Any other function: it gives tasks when it is called. */
  | { readonly kind: "function"; readonly make: (params?: unknown) => unknown };

/** An export of a module, by its name. */
export interface NamedExport {
  /** Its name; `default` for the default export. */
  readonly name: string;
  /** What it can be used as. */
  readonly value: TaskExport;
}

/** Imports the module. Throws `UsageError` where there is none. */
export async function importModule({ module, specifier }: ModuleArgument): Promise<Module> {
  try {
    return await import(specifier) as Module;
  } catch (error) {
    const text = messageOf(error);
    if (text.includes(`Module not found "${specifier}"`)) {
      throw new UsageError(`Cannot import "${module}": there is no such module`);
    }
    if (text.includes(`Directory import '${specifier}'`)) {
      throw new UsageError(`Cannot import "${module}": it is a folder. Name a module in it`);
    }
    // A package that the configuration in force does not know.
    if (error instanceof TypeError && /not a dependency|not prefixed with/.test(text)) {
      const [config = "--config=<its deno.json>"] = configFlags(specifier);
      throw new ConfigError(
        `Cannot import "${module}": ${
          text.split("\n")[0]
        }. Run with ${config}, which says where packages are`,
        { cause: error },
      );
    }
    throw error;
  }
}

/**
 * The export that is named; else the default one, the only tasks, or else the only one that makes tasks. `undefined` where
 * none is named and several may be meant. Throws `UsageError`.
 */
export function findExport(from: ModuleArgument, module: Module): NamedExport | undefined {
  const { name } = from;
  if (name === undefined) return usualExport(module);
  const value = Object.hasOwn(module, name) ? exportOf(module[name]) : undefined;
  if (value !== undefined) return { name, value };
  const state = name in module
    ? `it is ${describe(module[name])}, neither a task nor what makes tasks. The module`
    : "it";
  const advice = didYouMean(name, exportsOf(module).map((each) => each.name));
  throw new UsageError(
    `Cannot use "${name}" of "${from.module}": ${state} ${exportList(module)}${advice}`,
  );
}

function usualExport(module: Module): NamedExport | undefined {
  const value = exportOf(module.default);
  if (value !== undefined) return { name: "default", value };
  const taskLike = exportsOf(module).filter(({ value }) => value.kind !== "function");
  const tasks = taskLike.filter(({ value }) => value.kind === "tasks");
  return only(tasks) ?? (tasks.length === 0 ? only(taskLike) : undefined);
}

/** The exports of a module that may be used. */
export function exportsOf(module: Module): readonly NamedExport[] {
  return Object.entries(module).flatMap(([name, exported]) => {
    const value = exportOf(exported);
    return value === undefined ? [] : [{ name, value }];
  });
}

function exportOf(value: unknown): TaskExport | undefined {
  if (isTask(value)) return { kind: "tasks", tasks: value };
  if (typeof value === "function") {
    if (TASK_TYPE in value) return { kind: "type", type: taskTypeOf(value) };
    const make = value as (params?: unknown) => unknown;
    return String(value).startsWith("class") ? undefined : { kind: "function", make };
  }
  const tasks = structOf(value);
  return tasks === undefined ? undefined : { kind: "tasks", tasks };
}

/** The value where it is tasks in arrays and records, and at least one. */
export function structOf(value: unknown): TaskStruct | undefined {
  try {
    return hasTasks(value, new Map()) === true ? value as TaskStruct : undefined;
  } catch {
    return undefined; // of a getter
  }
}

/** Whether there are tasks in it; `undefined` where it has other things in it, or itself. */
function hasTasks(
  value: unknown,
  known: Map<object, boolean | undefined>,
): boolean | undefined {
  if (isTask(value)) return true;
  if (!Array.isArray(value) && !isPlainObject(value)) return undefined;
  if (known.has(value)) return known.get(value);
  known.set(value, undefined); // as long as it is being looked through
  let has = false;
  for (const part of Array.isArray(value) ? value : Object.values(value)) {
    const inside = hasTasks(part, known);
    if (inside === undefined) return undefined;
    has ||= inside;
  }
  known.set(value, has);
  return has;
}

/** What it exports, to be told. Of functions nobody knows what they give. */
export function exportList(module: Module): string {
  const names = exportsOf(module).map(({ name, value }) =>
    value.kind === "function" ? `"${name}" (a function)` : `"${name}"`
  );
  return names.length === 0
    ? "exports no task, and nothing that makes tasks"
    : `exports ${names.join(", ")}`;
}

function only<T>(values: readonly T[]): T | undefined {
  return values.length === 1 ? values[0] : undefined;
}
