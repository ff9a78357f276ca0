/**
 * Tasks nested in arrays and records, as a flat list. Unaware of where the structure comes from.
 *
 * @module
 */

import { describe, isPlainObject } from "../json.ts";
import { type AnyTask, isTask, type TaskStruct } from "./task.ts";

/**
 * The tasks of a structure, in order; a task that stands in it twice comes twice.
 *
 * Throws `TypeError` when something in it is no task, array or record.
 */
export function flattenTaskStruct(struct: TaskStruct | undefined): AnyTask[] {
  if (struct === undefined) return [];
  if (isTask(struct)) return [struct];
  // The usual case, and the quickest.
  if (Array.isArray(struct) && struct.every(isTask)) return [...struct];
  const tasks: AnyTask[] = [];
  const rest: unknown[] = [struct];
  while (rest.length > 0) {
    const part = rest.pop();
    if (isTask(part)) {
      tasks.push(part);
    } else if (Array.isArray(part)) {
      for (let i = part.length - 1; i >= 0; i--) rest.push(part[i]);
    } else if (isPlainObject(part)) {
      for (const member of Object.values(part).reverse()) rest.push(member);
    } else {
      throw new TypeError(
        `Cannot use ${describe(part)} as a task: give a task, or tasks in arrays and records`,
      );
    }
  }
  return tasks;
}
