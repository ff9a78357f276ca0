/**
 * What is looked at, and how completeness is asked for, when nothing is built. Unaware of what the answers are for.
 *
 * @module
 */

import { describe } from "../json.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { AnyTask, TaskStruct } from "../tasks/task.ts";

/** Options of functions that ask whether tasks are complete. */
export interface CheckOptions {
  /** How many completeness checks may be under way at once; 50 unless told. */
  readonly maxConcurrentDiscover?: number | undefined;
  /** Stops asking. */
  readonly signal?: AbortSignal | undefined;
}

/** The options with nothing left out, as discovery takes them. Throws `TypeError` and `RangeError`. */
export function checksOf(
  { maxConcurrentDiscover = 50, signal = new AbortController().signal }: CheckOptions,
): { readonly maxConcurrent: number; readonly signal: AbortSignal } {
  if (!(Number.isInteger(maxConcurrentDiscover) && maxConcurrentDiscover >= 1)) {
    throw new RangeError(
      `Cannot look at tasks with maxConcurrentDiscover ${
        describe(maxConcurrentDiscover)
      }: give an integer from 1`,
    );
  }
  if (!(signal instanceof AbortSignal)) {
    throw new TypeError(
      `Cannot look at tasks with signal ${describe(signal)}: give an AbortSignal`,
    );
  }
  return { maxConcurrent: maxConcurrentDiscover, signal };
}

/** The tasks given. Throws `TypeError` when they are none. */
export function rootsOf(struct: TaskStruct | undefined): readonly AnyTask[] {
  if (struct === undefined) {
    throw new TypeError(
      "Cannot look at undefined: give a task, or tasks in arrays and records",
    );
  }
  return flattenTaskStruct(struct);
}
