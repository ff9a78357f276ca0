/**
 * What an executor is: how one task is run. Unaware of the DAG, of other tasks and of who wants the result.
 *
 * @module
 */

import { MissingOutputError } from "../errors.ts";
import { describe } from "../json.ts";
import type { AnyTask, RunContext } from "../tasks/task.ts";
import { savesItself } from "../tasks/base_task.ts";
import { outputUriOf } from "../tasks/output_uri.ts";

/** How a submitted task ended, or that it did not end yet. */
export type TaskOutcome =
  /** It ran to its end and its output is there. */
  | { readonly kind: "complete" }
  /** It yielded these tasks and goes on when it is submitted again, which must be when all of them are complete. */
  | { readonly kind: "suspended"; readonly requires: readonly AnyTask[] }
  /** It threw, or its output is not there. */
  | {
    readonly kind: "failed";
    readonly error: unknown;
    /** The last lines that it wrote to the console, when it ran where these are not seen as they come. */
    readonly lastLines?: readonly string[] | undefined;
  };

/**
 * Runs tasks, one way or another. Never rejects and never throws: what goes wrong is an outcome.
 *
 * One that keeps something open while it has nothing to do has `[Symbol.asyncDispose]`. A build leaves it open, so that
 * the next one finds it warm.
 */
export interface TaskExecutor extends Partial<AsyncDisposable> {
  /** How many tasks it takes at once; a build does not submit more. */
  readonly maxConcurrent: number;
  /** Runs a task, or goes on with one that it suspended. The outcome may be given at once where there was no waiting. */
  submit(task: AnyTask, context: RunContext): TaskOutcome | Promise<TaskOutcome>;
  /** Forgets a suspended task that will not be submitted again with this context; its `finally` blocks run. */
  discard?(task: AnyTask, context: RunContext): Promise<void>;
}

/** The number, if it is an integer from 1. Throws `RangeError`. */
export function atLeastOne(number: number, action: string, of: string): number {
  if (Number.isInteger(number) && number >= 1) return number;
  throw new RangeError(`Cannot ${action} ${describe(number)} ${of}: give an integer from 1`);
}

/** The outcome of a task that has run to its end. */
export const COMPLETE: TaskOutcome = Object.freeze({ kind: "complete" });

/** The outcome after `run()` has ended well: a task whose output is not there has failed all the same. */
export function outcomeAfterRun(task: AnyTask): TaskOutcome | Promise<TaskOutcome> {
  if (savesItself(task)) return COMPLETE;
  const complete = task.complete();
  return typeof complete === "boolean"
    ? outcomeOf(task, complete)
    : complete.then((answer) => outcomeOf(task, answer));
}

function outcomeOf(task: AnyTask, complete: boolean): TaskOutcome {
  if (complete) return COMPLETE;
  const uri = outputUriOf(task);
  const error = new MissingOutputError(
    uri === undefined
      ? "run() has ended, but complete() still says false. Have run() do what complete() looks for"
      : `run() has ended, but there is nothing at "${uri}". Store the output, e.g. with this.save(value)`,
  );
  return { kind: "failed", error };
}
