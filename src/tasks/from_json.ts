/**
 * From JSON back to tasks, without recursion: a chain of any length, a task shared by many only once. Unaware of where
 * the JSON comes from.
 *
 * @module
 */

import { z } from "zod";
import { TaskParameterError, TaskTypeError } from "../errors.ts";
import { describe, isPlainObject, parseJson, stringifyJson } from "../json.ts";
import type { Schema } from "../schema.ts";
import { aliasTask } from "./alias_task.ts";
import { isBody } from "./body.ts";
import { type Bag, parameterError } from "./parameters.ts";
import { type AnyTask, isTask, type TaskBody } from "./task.ts";
import { bodyOf } from "./task_body.ts";
import { findTaskType, type TaskType, taskTypeIds, taskTypeOf, typeId } from "./type_registry.ts";

/** A body found in JSON: the task made of it, or why none could be made. */
type Made = { readonly task: AnyTask } | { readonly error: unknown };

/**
 * Makes a task again from what its `toJSON()` gave, or from the JSON text of that.
 *
 * The types of it and of the tasks in it must have been declared: import their modules first. Throws `TaskTypeError`
 * for a type that is not, `TaskParameterError` for parameters that do not fit, `SyntaxError` for a text that is no JSON.
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
 * const text = JSON.stringify(getRange({ limit: 4 }));
 * const task = sd.taskFromJSON(text); // the same id
 * ```
 */
export function taskFromJSON(body: unknown): AnyTask {
  const root = typeof body === "string" ? parseJson(body) : body;
  if (!isBody(root)) {
    throw new TypeError(
      `Cannot make a task from ${
        describe(root)
      }: give what toJSON() of a task gave, an object with "__name" and "__namespace"`,
    );
  }
  const made = new Map<object, Made>();
  // Bodies inside come first: a container is entered once, and left when all in it has been.
  const stack: { readonly node: object; left: boolean }[] = [{ node: root, left: false }];
  const entered = new Set<object>([root]);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { node } = top;
    if (top.left) {
      stack.pop();
      if (node !== root && isBody(node) && !("__aliased" in node)) {
        made.set(
          node,
          attempt(() => fromBody(node, made)),
        );
      }
      continue;
    }
    top.left = true;
    for (const part of Object.values(node)) {
      if (typeof part === "object" && part !== null && !entered.has(part)) {
        entered.add(part);
        stack.push({ node: part, left: false });
      }
    }
  }
  return "__aliased" in root ? aliasFrom(root, z.unknown()) : fromBody(root, made);
}

/**
 * The parameters that do not come back from JSON as they were; empty when the task is stable, as it should be. An
 * unstable one would have another id on another machine.
 */
export function checkSerializationStability(task: AnyTask): readonly string[] {
  const type = taskTypeOf(task);
  let again: AnyTask;
  try {
    again = taskFromJSON(stringifyTask(task));
  } catch (error) {
    if (error instanceof TaskParameterError && error.path.length > 0) {
      return [String(error.path[0])];
    }
    throw error;
  }
  const body = (each: AnyTask): TaskBody =>
    bodyOf(each, (nested) => ({ id: (nested as AnyTask).id }));
  const [before, after] = [body(task), body(again)];
  return type.parameters.filter(({ key, codec }) => {
    const canonical = (each: AnyTask): string => {
      const value = (each as unknown as Bag)[key];
      return value === undefined ? "" : isTask(value) ? value.id : codec.canonical(value);
    };
    return stringifyJson(before[key]) !== stringifyJson(after[key]) ||
      canonical(task) !== canonical(again);
  }).map(({ key }) => key);
}

/** The text that `JSON.stringify(task)` gives, for chains of any length; that overflows the stack at a few thousand. */
export function stringifyTask(task: AnyTask): string {
  return stringifyJson(task.toJSON());
}

function fromBody(body: TaskBody, made: ReadonlyMap<object, Made>): AnyTask {
  const { __name: name, __namespace: namespace, version = "", ...given } = body as Bag;
  const id = typeId(String(namespace), String(name));
  const type = findTaskType(id);
  if (type === undefined) {
    const known = taskTypeIds();
    throw new TaskTypeError(
      `Cannot make a task of the type "${id}": no such type is registered. Import the module that declares it; known are ${
        known.length === 0 ? "none" : known.slice(0, 20).map((each) => `"${each}"`).join(", ")
      }${known.length > 20 ? ", ..." : ""}`,
      { typeId: id },
    );
  }
  if (typeof version !== "string") {
    throw parameterError(
      type,
      ["version"],
      version,
      `"version" is ${describe(version)}: give a string`,
    );
  }
  return type.make(parametersFrom(type, given, made), version);
}

function parametersFrom(type: TaskType, given: Bag, made: ReadonlyMap<object, Made>): Bag {
  const params: Bag = { ...given };
  const taskOf = (json: unknown, output: Schema | undefined): unknown => {
    if (!isBody(json)) return json;
    if ("__aliased" in json) return aliasFrom(json, output ?? z.unknown());
    const result = made.get(json);
    if (result === undefined) return json;
    if ("error" in result) throw result.error;
    return result.task;
  };
  for (const { key, schema, codec, orTask, mark } of type.parameters) {
    const json = given[key];
    if (json === undefined) {
      if (mark.whenMissing !== undefined) params[key] = mark.whenMissing.value;
    } else if (orTask && isBody(json)) {
      params[key] = taskOf(json, schema);
    } else {
      params[key] = codec.fromJson(json, (reference, { output }) => taskOf(reference, output));
    }
  }
  return params;
}

function aliasFrom(body: TaskBody, output: Schema): AnyTask {
  const { __aliased: aliased, ...rest } = body;
  if (
    !isPlainObject(aliased) || typeof aliased.id !== "string" || typeof aliased.uri !== "string"
  ) {
    throw new TypeError(
      `Cannot make an alias from ${describe(aliased)}: "__aliased" has an "id" and a "uri"`,
    );
  }
  return aliasTask({ id: aliased.id, uri: aliased.uri, output, body: rest });
}

function attempt(make: () => AnyTask): Made {
  try {
    return { task: make() };
  } catch (error) {
    return { error };
  }
}
