/**
 * Runs tasks where it stands. Keeps the generators of suspended tasks and goes on with them where they stood. Unaware of
 * the DAG, and of what tasks are allowed to do.
 *
 * @module
 */

import { describe } from "../json.ts";
import { isThenable } from "../thenable.ts";
import { checkVersion } from "../tasks/base_task.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import { type AnyTask, LoadRequest, type RunContext, type Yieldable } from "../tasks/task.ts";
import { outcomeAfterRun, type TaskOutcome } from "./executor.ts";

/** How many steps a task that is given up may still take. */
const MOST_LAST_STEPS = 100;

/** Runs tasks of any number of builds. Never rejects and never throws. */
export class TaskRunner {
  /** By build, which is told by its context, and by task: several builds may share it. */
  readonly #suspended = new WeakMap<RunContext, Map<string, Suspended>>();

  /** Runs a task, or goes on with one that it suspended. */
  submit(task: AnyTask, context: RunContext): TaskOutcome | Promise<TaskOutcome> {
    try {
      const suspended = this.#takeSuspended(task, context);
      if (suspended !== undefined) return this.#resume(suspended).catch(failed);
      checkVersion(task);
      const result: unknown = task.run(context);
      const outcome = isThenable(result)
        ? Promise.resolve(result).then((value) => this.#afterRun(task, context, value))
        : this.#afterRun(task, context, result);
      return outcome instanceof Promise ? outcome.catch(failed) : outcome;
    } catch (error) {
      return failed(error);
    }
  }

  /** Forgets a suspended task; its `finally` blocks run. */
  async discard(task: AnyTask, context: RunContext): Promise<void> {
    const steps = this.#takeSuspended(task, context)?.steps;
    if (steps === undefined) return;
    try {
      // A yield in a `finally` block ends that block: to go on from there would go on with the task itself.
      let step = await steps.return(undefined);
      for (let n = 0; step.done !== true && n < MOST_LAST_STEPS; n++) {
        step = await steps.return(undefined);
      }
    } catch {
      // What a task throws while it is given up changes nothing any more.
    }
  }

  #afterRun(
    task: AnyTask,
    context: RunContext,
    result: unknown,
  ): TaskOutcome | Promise<TaskOutcome> {
    return isSteps(result)
      ? this.#step({ task, context, steps: result }, result.next())
      : outcomeAfterRun(task);
  }

  async #resume({ request, ...started }: Suspended): Promise<TaskOutcome> {
    const { steps } = started;
    if (!(request instanceof LoadRequest)) return this.#step(started, steps.next());
    let value: unknown;
    try {
      value = await request.task.load();
    } catch (error) {
      return this.#step(started, steps.throw(error));
    }
    return this.#step(started, steps.next(value));
  }

  #step(started: Started, first: Step | Promise<Step>): TaskOutcome | Promise<TaskOutcome> {
    const { task, steps } = started;
    for (let next = first;;) {
      if (isThenable(next)) {
        return Promise.resolve(next).then((step) => this.#step(started, step));
      }
      if (next.done === true) return outcomeAfterRun(task);
      const request = next.value;
      const requires = tasksOf(request);
      if (requires !== undefined) {
        this.#keepSuspended({ ...started, request });
        return { kind: "suspended", requires };
      }
      // Thrown where it was yielded, so that the stack shows the line.
      next = steps.throw(
        new TypeError(
          `Cannot wait for ${describe(request)}: yield a task, or tasks in arrays and records. ` +
            `What an output is made of, such as rows, is not yielded by run() itself: have it return what yields that`,
        ),
      );
    }
  }

  #keepSuspended(suspended: Suspended): void {
    const { context, task } = suspended;
    const kept = this.#suspended.get(context);
    if (kept === undefined) this.#suspended.set(context, new Map([[task.id, suspended]]));
    else kept.set(task.id, suspended);
  }

  #takeSuspended(task: AnyTask, context: RunContext): Suspended | undefined {
    const kept = this.#suspended.get(context);
    const taken = kept?.get(task.id);
    kept?.delete(task.id);
    return taken;
  }
}

type Steps = Generator<Yieldable, void, unknown> | AsyncGenerator<Yieldable, void, unknown>;
type Step = IteratorResult<Yieldable, void>;
/** A generator task under way. */
interface Started {
  readonly task: AnyTask;
  readonly context: RunContext;
  readonly steps: Steps;
}

/** A generator task that waits, and for what. */
interface Suspended extends Started {
  readonly request: Yieldable;
}

/** The tasks that were yielded; `undefined` when it is something else. */
function tasksOf(request: Yieldable): readonly AnyTask[] | undefined {
  if (request instanceof LoadRequest) return [request.task];
  try {
    return flattenTaskStruct(request);
  } catch {
    return undefined;
  }
}

function isSteps(value: unknown): value is Steps {
  return typeof value === "object" && value !== null &&
    /Generator\]$/.test(Object.prototype.toString.call(value));
}

function failed(error: unknown): TaskOutcome {
  return { kind: "failed", error };
}
