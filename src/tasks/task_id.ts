/**
 * From a task to its id: the canonical text of its type and significant parameters, hashed. Byte for byte as in Python.
 * Unaware of JSON bodies and storage.
 *
 * @module
 */

import { canonicalString, compareCodePoints } from "../json.ts";
import { uuid5 } from "../uuid.ts";
import { type AnyTask, isTask } from "./task.ts";
import type { Bag } from "./parameters.ts";
import { type Parameter, type TaskType, taskTypeOf } from "./type_registry.ts";

/** Never to be changed: ids of all tasks are in this namespace. */
const TASK_NAMESPACE = "9ca26b27-f7ee-4044-8b3c-e335dc5778dc";

/** A piece of the canonical text: the same for all tasks of the type, or made of the version or of a parameter. */
type Piece = string | typeof VERSION | { readonly prefix: string; readonly parameter: Parameter };
const VERSION = Symbol("version");

const compiled = new WeakMap<TaskType, readonly Piece[]>();

/** The id of a task of the type with these parameters. */
export function taskId(type: TaskType, parameters: Bag, version: string): string {
  return idOfText(canonicalText(type, parameters, version));
}

/** The id of the task with this canonical text. */
export function idOfText(canonical: string): string {
  return uuid5(TASK_NAMESPACE, canonical);
}

/** The text whose hash is the task's id: JSON with sorted keys, a nested task as `{"id": ...}`. */
export function canonicalTask(task: AnyTask): string {
  return canonicalText(taskTypeOf(task), task as unknown as Bag, task.version);
}

function canonicalText(type: TaskType, parameters: Bag, version: string): string {
  let pieces = compiled.get(type);
  if (pieces === undefined) compiled.set(type, pieces = compile(type));
  let text = "";
  for (const piece of pieces) {
    if (typeof piece === "string") {
      text += text === "" ? piece : `,${piece}`;
    } else if (piece === VERSION) {
      text += `${text === "" ? "" : ","}"version":${canonicalString(version)}`;
    } else {
      const { prefix, parameter } = piece;
      const value = parameters[parameter.key];
      if (value === undefined || !parameter.mark.significant) continue;
      const isNested = isTask(value);
      // Where a task stands for a plain value, that value is not known.
      const hasValue = !isNested || !parameter.orTask;
      if (hasValue && parameter.mark.isCompatDefault(value)) continue;
      text += text === "" ? prefix : `,${prefix}`;
      text += isNested ? `{"id":"${value.id}"}` : parameter.codec.canonical(value);
    }
  }
  return `{${text}}`;
}

function compile(type: TaskType): readonly Piece[] {
  const pieces: [string, Piece][] = [
    ["__name", `"__name":${canonicalString(type.name)}`],
    ["__namespace", `"__namespace":${canonicalString(type.namespace)}`],
    ["version", VERSION],
    ...type.parameters.map((parameter): [string, Piece] => [
      parameter.key,
      { prefix: `${canonicalString(parameter.key)}:`, parameter },
    ]),
  ];
  return pieces.sort(([a], [b]) => compareCodePoints(a, b)).map(([, piece]) => piece);
}
