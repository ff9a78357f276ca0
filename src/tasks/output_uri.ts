/**
 * Where the output of a task is, in one text, and what that text tells.
 *
 * @module
 */

import type { AnyTask, OutputTask } from "../tasks/task.ts";

/** The uri of the task's target; `undefined` when it has none. Throws what its `output()` throws. */
export function outputUriOf(task: AnyTask): string | undefined {
  return "output" in task && typeof task.output === "function"
    ? (task as OutputTask).output().uri
    : undefined;
}

/** Whether it is the path of a file or a folder of this machine. */
export function isLocalUri(uri: string | undefined): uri is string {
  return uri !== undefined && (uri.startsWith("/") || /^[a-z]:[\\/]/i.test(uri));
}

/** Whether it is in the memory of this process. */
export function isInMemoryUri(uri: string): boolean {
  return /^memory(?:-value)?:\/\//.test(uri);
}
