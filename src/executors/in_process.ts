/**
 * Runs tasks in this event loop; what they wait for overlaps. Keeps the generators of suspended tasks and goes on with
 * them where they stood. Unaware of the DAG.
 *
 * @module
 */

import { describe } from "../json.ts";
import { checkVersion } from "../tasks/base_task.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import { type AnyTask, LoadRequest, type RunContext, type Yieldable } from "../tasks/task.ts";
import { outcomeAfterRun, type TaskExecutor, type TaskOutcome } from "./executor.ts";

const DEFAULT_MAX_CONCURRENT = 50;

/** Options of {@linkcode InProcessTaskExecutor}. */
export interface InProcessTaskExecutorOptions {
  /** How many tasks may be under way at once; 50 unless told. */
  readonly maxConcurrent?: number | undefined;
}

/** Runs tasks in this process, up to `maxConcurrent` at once: the default of a build. */
export class InProcessTaskExecutor implements TaskExecutor {
  readonly maxConcurrent: number;
  readonly #suspended = new Map<string, Suspended>();

  /** Throws `RangeError` when `maxConcurrent` is no integer from 1. */
  constructor({ maxConcurrent = DEFAULT_MAX_CONCURRENT }: InProcessTaskExecutorOptions = {}) {
    if (!(Number.isInteger(maxConcurrent) && maxConcurrent >= 1)) {
      throw new RangeError(
        `Cannot run ${describe(maxConcurrent)} tasks at once: give an integer from 1`,
      );
    }
    this.maxConcurrent = maxConcurrent;
  }

  submit(task: AnyTask, context: RunContext): TaskOutcome | Promise<TaskOutcome> {
    try {
      const suspended = this.#suspended.get(task.id);
      if (suspended !== undefined) {
        this.#suspended.delete(task.id);
        return this.#resume(task, suspended).catch(failed);
      }
      checkVersion(task);
      const result: unknown = task.run(context);
      if (result instanceof Promise) {
        return result.then((value) => this.#afterRun(task, value)).catch(failed);
      }
      const outcome = this.#afterRun(task, result);
      return outcome instanceof Promise ? outcome.catch(failed) : outcome;
    } catch (error) {
      return failed(error);
    }
  }

  async discard(task: AnyTask): Promise<void> {
    const suspended = this.#suspended.get(task.id);
    this.#suspended.delete(task.id);
    try {
      await suspended?.steps.return(undefined);
    } catch {
      // What a task throws while it is given up changes nothing any more.
    }
  }

  #afterRun(task: AnyTask, result: unknown): TaskOutcome | Promise<TaskOutcome> {
    return isSteps(result) ? this.#step(task, result, result.next()) : outcomeAfterRun(task);
  }

  async #resume(task: AnyTask, { steps, request }: Suspended): Promise<TaskOutcome> {
    if (!(request instanceof LoadRequest)) return this.#step(task, steps, steps.next());
    let value: unknown;
    try {
      value = await request.task.load();
    } catch (error) {
      return this.#step(task, steps, steps.throw(error));
    }
    return this.#step(task, steps, steps.next(value));
  }

  #step(
    task: AnyTask,
    steps: Steps,
    next: Step | Promise<Step>,
  ): TaskOutcome | Promise<TaskOutcome> {
    if (next instanceof Promise) return next.then((step) => this.#step(task, steps, step));
    if (next.done === true) return outcomeAfterRun(task);
    const request = next.value;
    let requires: readonly AnyTask[];
    try {
      requires = request instanceof LoadRequest ? [request.task] : flattenTaskStruct(request);
    } catch {
      // Thrown where it was yielded, so that the stack shows the line.
      const error = new TypeError(
        `Cannot wait for ${
          describe(request)
        }, which ${task} yielded: yield a task, or tasks in arrays and records`,
      );
      return this.#step(task, steps, steps.throw(error));
    }
    this.#suspended.set(task.id, { steps, request });
    return { kind: "suspended", requires };
  }
}

type Steps = Generator<Yieldable, void, unknown> | AsyncGenerator<Yieldable, void, unknown>;
type Step = IteratorResult<Yieldable, void>;
interface Suspended {
  readonly steps: Steps;
  readonly request: Yieldable;
}

function isSteps(value: unknown): value is Steps {
  return typeof value === "object" && value !== null &&
    /Generator\]$/.test(Object.prototype.toString.call(value));
}

function failed(error: unknown): TaskOutcome {
  return { kind: "failed", error };
}
