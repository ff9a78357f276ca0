/**
 * What a registry keeps of a task besides its JSON: where its output is, and what it requires. Unaware of registries.
 *
 * @module
 */

import { outputUriOf } from "../tasks/output_uri.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { AnyTask } from "../tasks/task.ts";

/**
 * Where the output of the task is, or will be, by the target factory in force. `undefined` for a task that has no
 * target, and for one whose `output()` throws: that is for who needs the output to say.
 */
export function registeredUriOf(task: AnyTask): string | undefined {
  try {
    return outputUriOf(task);
  } catch {
    return undefined;
  }
}

/** The ids of the tasks that it requires, each once, in order; none where `requires()` throws: that is why it failed. */
export function dependencyIdsOf(task: AnyTask): readonly string[] {
  try {
    return [...new Set(flattenTaskStruct(task.requires()).map(({ id }) => id))];
  } catch {
    return [];
  }
}
