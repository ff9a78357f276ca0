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
 * Throws `TypeError` when something in it is no task, array or record, and when an array or record contains itself.
 */
export function flattenTaskStruct(struct: TaskStruct | undefined): AnyTask[] {
  if (struct === undefined) return [];
  if (isTask(struct)) return [struct];
  // The usual case, and the quickest.
  if (Array.isArray(struct) && struct.every(isTask)) return [...struct];
  const tasks: AnyTask[] = [];
  const rest: unknown[] = [struct];
  const open = new Set<object>();
  while (rest.length > 0) {
    const part = rest.pop();
    if (isTask(part)) {
      tasks.push(part);
      continue;
    }
    if (part instanceof End) {
      open.delete(part.of);
      continue;
    }
    if (!Array.isArray(part) && !isPlainObject(part)) {
      throw new TypeError(
        `Cannot use ${describe(part)} as a task: give a task, or tasks in arrays and records`,
      );
    }
    if (open.has(part)) {
      throw new TypeError(
        `Cannot use ${
          Array.isArray(part) ? "an array" : "a record"
        } as tasks: it contains itself. ` +
          `Give tasks in arrays and records without circles`,
      );
    }
    open.add(part);
    rest.push(new End(part));
    const members = Array.isArray(part) ? part : Object.values(part);
    for (let i = members.length - 1; i >= 0; i--) rest.push(members[i]);
  }
  return tasks;
}

/** Comes after all that is in an array or record. */
class End {
  readonly of: object;

  constructor(of: object) {
    this.of = of;
  }
}
