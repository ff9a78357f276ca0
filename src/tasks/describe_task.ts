/**
 * A task in messages. Unaware of what it does.
 *
 * @module
 */

import { describe } from "../json.ts";
import type { Bag } from "./parameters.ts";
import { type AnyTask, isTask } from "./task.ts";
import { taskTypeOf } from "./type_registry.ts";

/** Type, parameters as far as they fit on a line, and the beginning of the id. */
export function describeTask(task: AnyTask): string {
  const { id, parameters } = taskTypeOf(task);
  const parts = parameters.map(({ key, codec, hasReferences }) => {
    const value = (task as unknown as Bag)[key];
    if (isTask(value)) return `${key}=${shortName(value)}`;
    const named = hasReferences && value !== undefined
      ? codec.mapReferences(value, (nested) => shortName(nested as AnyTask))
      : value;
    return `${key}=${shorten(describe(named), 40)}`;
  });
  return `${id}(${shorten(parts.join(", "), 100)}) ${task.id.slice(0, 8)}`;
}

/** Type and beginning of the id. */
export function shortName(task: AnyTask): string {
  return `${taskTypeOf(task).id} ${task.id.slice(0, 8)}`;
}

function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}
