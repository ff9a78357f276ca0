/**
 * Where the output of a task is, in one text, and what that text tells.
 *
 * @module
 */

import type { Target } from "../targets/target.ts";
import type { AnyTask } from "./task.ts";

/** The uri of the task's target; `undefined` when it has none. Throws what its `output()` throws. */
export function outputUriOf(task: AnyTask): string | undefined {
  const target = (task as { readonly output?: () => Partial<Target> | undefined }).output?.();
  return typeof target?.uri === "string" ? target.uri : undefined;
}

/** Whether it is the path of a file or a folder of this machine. */
export function isLocalUri(uri: string | undefined): uri is string {
  return uri !== undefined && (uri.startsWith("/") || /^[a-z]:[\\/]/i.test(uri));
}

/** Whether it is in the memory of this process. */
export function isInMemoryUri(uri: string): boolean {
  return /^memory(?:-value)?:\/\//.test(uri);
}
