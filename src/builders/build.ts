/**
 * Building: find what is missing, run it in order, tell how it ended. Everything is in three parts: `plan.ts` asks what
 * is complete, `schedule.ts` decides what is next, an executor runs it; here they meet.
 *
 * @module
 */

import { messageOf, TaskFailedError } from "../errors.ts";
import type { TaskExecutor, TaskOutcome } from "../executors/executor.ts";
import { InProcessTaskExecutor } from "../executors/in_process.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import { isThenable } from "../thenable.ts";
import { shortName } from "../tasks/describe_task.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { RunContext, TaskStruct } from "../tasks/task.ts";
import { discover, reserve } from "./plan.ts";
import { Schedule } from "./schedule.ts";
import { BuildSummary, type TaskCount } from "./summary.ts";

/** What to do when a task fails. */
export type FailMode =
  /** Start nothing more and stop what runs. */
  | "fail_fast"
  /** Run all that does not require what failed. */
  | "continue";

/** Options of {@linkcode build}. */
export interface BuildOptions {
  /** How tasks are run; in this process, up to 50 at once, unless told. */
  readonly executor?: TaskExecutor | undefined;
  /** What to do when a task fails; `"fail_fast"` unless told. */
  readonly failMode?: FailMode | undefined;
  /** How many completeness checks may be under way at once; 50 unless told. */
  readonly maxConcurrentDiscover?: number | undefined;
  /** Stops the build: nothing more is started, what runs is asked to stop. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs what is missing for the tasks to be complete, and nothing else.
 *
 * A task is complete when its output is there, so a build that was stopped or killed is taken up by building again.
 * Failures of tasks are data in the summary (`summary.throwIfFailed()` throws them); it rejects only when it cannot tell
 * what to do: `DependencyCycleError`, `InstanceConflictError`, `DiscoveryError`, `ConfigError`, `PermissionError`.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * using _ = sd.targetFactoryProvider.override(
 *   new sd.TargetFactory({ targetRoots: { default: "memory://docs" } }),
 * );
 * const two = sd.task({ name: "two", output: z.int(), run: () => 2 });
 * const four = sd.task({
 *   name: "four",
 *   params: { half: sd.depends(z.int()) },
 *   output: z.int(),
 *   run: ({ half }) => 2 * half,
 * });
 * const task = four({ half: two() });
 * const summary = await sd.build(task);
 * summary.throwIfFailed();
 * console.log(await task.load()); // 4
 * ```
 */
export async function build(
  tasks: TaskStruct,
  options: BuildOptions = {},
): Promise<BuildSummary> {
  checkOptions(
    options,
    ["executor", "failMode", "maxConcurrentDiscover", "signal"],
    "build",
  );
  const {
    executor = new InProcessTaskExecutor(),
    failMode = "fail_fast",
    maxConcurrentDiscover = 50,
    signal,
  } = options;
  if (failMode !== "fail_fast" && failMode !== "continue") {
    throw new RangeError(
      `Cannot build with failMode ${describe(failMode)}: give "fail_fast" or "continue"`,
    );
  }
  if (!(Number.isInteger(maxConcurrentDiscover) && maxConcurrentDiscover >= 1)) {
    throw new RangeError(
      `Cannot build with maxConcurrentDiscover ${
        describe(maxConcurrentDiscover)
      }: give an integer from 1`,
    );
  }
  if (!(executor.maxConcurrent >= 1)) {
    throw new RangeError(
      `Cannot build with an executor that takes ${
        describe(executor.maxConcurrent)
      } tasks at once: maxConcurrent is at least 1`,
    );
  }
  return await new Build(executor, failMode, maxConcurrentDiscover, signal).run(tasks);
}

/** The same, one task at a time and in a fixed order: for debugging. */
export function buildSequential(
  tasks: TaskStruct,
  options: Omit<BuildOptions, "executor" | "maxConcurrentDiscover"> = {},
): Promise<BuildSummary> {
  const executor = new InProcessTaskExecutor({ maxConcurrent: 1 });
  return build(tasks, { ...options, executor, maxConcurrentDiscover: 1 });
}

/** How long the build may keep the event loop to itself, in milliseconds: timers and signals come through after it. */
const TIME_SLICE = 50;

/** How many tasks a message names. */
const MOST_NAMED = 3;

/** One build under way. */
class Build {
  readonly #schedule = new Schedule();
  readonly #executor: TaskExecutor;
  readonly #failMode: FailMode;
  readonly #maxConcurrentDiscover: number;
  readonly #outside: AbortSignal | undefined;
  /** Aborted when the build stops early, by a failure or from outside. */
  readonly #stop = new AbortController();
  readonly #context: RunContext = Object.freeze({ signal: this.#stop.signal });
  readonly #errors: TaskFailedError[] = [];
  /** Ends of tasks, in the order in which they came; all of them come through here. */
  #ended: { readonly node: number; readonly outcome: TaskOutcome }[] = [];
  /** Discoveries under way below tasks that have yielded. */
  #discovering = 0;
  /** Suspended tasks that the executor keeps. */
  readonly #kept = new Set<number>();
  /** What cannot happen, but has. */
  #bug: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(
    executor: TaskExecutor,
    failMode: FailMode,
    maxConcurrentDiscover: number,
    outside: AbortSignal | undefined,
  ) {
    this.#executor = executor;
    this.#failMode = failMode;
    this.#maxConcurrentDiscover = maxConcurrentDiscover;
    this.#outside = outside;
  }

  async run(tasks: TaskStruct): Promise<BuildSummary> {
    const started = performance.now();
    const onAbort = (): void => this.#abort(this.#outside?.reason);
    if (this.#outside?.aborted === true) onAbort();
    this.#outside?.addEventListener("abort", onAbort, { once: true });
    try {
      const roots = flattenTaskStruct(tasks);
      await this.#discoverAll(reserve(this.#schedule, roots, undefined).fresh);
      await this.#loop();
      await this.#discardSuspended();
      return this.#summary(performance.now() - started);
    } finally {
      this.#outside?.removeEventListener("abort", onAbort);
    }
  }

  async #discoverAll(nodes: readonly number[]): Promise<void> {
    const schedule = this.#schedule;
    try {
      await discover(schedule, nodes, {
        maxConcurrent: this.#maxConcurrentDiscover,
        signal: this.#stop.signal,
        onError(_node, error) {
          throw error;
        },
      });
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      throw error;
    }
    const cycle = schedule.findCycle();
    if (cycle !== undefined) throw schedule.cycleError(cycle);
  }

  /** Starts what is ready, takes in what has ended, until nothing moves any more. */
  async #loop(): Promise<void> {
    const schedule = this.#schedule;
    const { counts } = schedule;
    let sliceStart = performance.now();
    let turns = 0;
    for (;;) {
      if (this.#bug !== undefined) throw this.#bug.error;
      while (counts.running < this.#executor.maxConcurrent && !this.#stop.signal.aborted) {
        const node = schedule.takeReady();
        if (node === undefined) break;
        if (!this.#start(node)) break;
        // Looking at the clock costs something, too.
        if ((++turns & 63) === 0 && performance.now() - sliceStart > TIME_SLICE) {
          await new Promise((resolve) => setTimeout(resolve));
          sliceStart = performance.now();
        }
      }
      if (this.#ended.length > 0) {
        this.#takeEnded();
      } else if (counts.running > 0 || this.#discovering > 0) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      } else if (this.#stop.signal.aborted || !this.#failCycle()) {
        return;
      }
    }
  }

  /** Submits the node; `false` when it has failed on the spot, which the failure mode may want to know first. */
  #start(node: number): boolean {
    this.#kept.delete(node);
    const failed = (error: unknown): void => this.#end(node, { kind: "failed", error });
    try {
      const outcome = this.#executor.submit(this.#schedule.task(node), this.#context);
      if (isThenable(outcome)) {
        outcome.then((settled) => this.#end(node, settled), failed);
        return true;
      }
      this.#ended.push({ node, outcome });
      return outcome?.kind !== "failed";
    } catch (error) {
      // An executor of others that breaks its contract must not leave the build waiting.
      failed(error);
      return false;
    }
  }

  #end(node: number, outcome: TaskOutcome): void {
    this.#ended.push({ node, outcome });
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  #takeEnded(): void {
    const ended = this.#ended;
    this.#ended = [];
    for (const { node, outcome } of ended) {
      switch (outcome?.kind) {
        case "complete":
          this.#schedule.completed(node);
          break;
        case "suspended":
          this.#suspend(node, outcome);
          break;
        case "failed":
          this.#fail(node, outcome.error);
          break;
        default:
          this.#fail(
            node,
            new TypeError(
              `the executor gave the outcome ${
                describe(outcome satisfies never)
              }. It must be complete, suspended or failed`,
            ),
          );
      }
    }
  }

  /** Has the node wait for what it yielded, which may be new to the build. */
  #suspend(node: number, { requires }: TaskOutcome & { readonly kind: "suspended" }): void {
    const schedule = this.#schedule;
    schedule.suspended(node);
    this.#kept.add(node);
    try {
      const { nodes, fresh } = reserve(schedule, requires, node);
      for (const required of nodes) schedule.require(node, required);
      schedule.release(node, nodes);
      if (fresh.length > 0) this.#discoverMore(fresh);
    } catch (error) {
      this.#fail(node, error);
    }
  }

  #discoverMore(nodes: readonly number[]): void {
    this.#discovering++;
    discover(this.#schedule, nodes, {
      maxConcurrent: this.#maxConcurrentDiscover,
      signal: this.#stop.signal,
      onError: (node, error) => {
        // When the build is stopped, so are the checks: that tells nothing about their tasks.
        if (!this.#stop.signal.aborted) this.#fail(node, error);
      },
    }).catch((error) => {
      if (!this.#stop.signal.aborted) this.#bug ??= { error };
    }).finally(() => {
      this.#discovering--;
      this.#wakeUp();
    });
  }

  #fail(node: number, error: unknown): void {
    const schedule = this.#schedule;
    const { signal } = this.#stop;
    if (signal.aborted && isAbort(error, signal)) {
      schedule.cancelled(node);
      return;
    }
    schedule.failed(node);
    const task = schedule.task(node);
    const above = schedule.path(node, MOST_NAMED + 2).slice(0, -1).reverse().map(shortName);
    const below = above.length === 0
      ? ""
      : ` (required by ${
        above.length > MOST_NAMED
          ? `${above.slice(0, MOST_NAMED).join(", by ")}, ...`
          : above.join(", by ")
      })`;
    this.#errors.push(
      new TaskFailedError(`Cannot complete ${task}${below}: ${messageOf(error)}`, {
        taskId: task.id,
        path: () => schedule.path(node).map(String),
        cause: error,
      }),
    );
    if (this.#failMode === "fail_fast") {
      this.#abort(new DOMException("Another task of the build has failed", "AbortError"));
    }
  }

  #abort(reason: unknown): void {
    if (!this.#stop.signal.aborted) this.#stop.abort(reason);
    this.#wakeUp();
  }

  /** Nothing moves though tasks wait: they wait for each other, by what they have yielded. Fails one of them. */
  #failCycle(): boolean {
    const schedule = this.#schedule;
    const cycle = schedule.findCycle();
    if (cycle === undefined) return false;
    const node = cycle.find((each) => schedule.state(each) === "suspended") ?? cycle[0]!;
    this.#fail(node, schedule.cycleError(cycle));
    return true;
  }

  /** Gives up the suspended tasks that will not go on, so that their `finally` blocks run. */
  async #discardSuspended(): Promise<void> {
    const schedule = this.#schedule;
    for (const node of this.#kept) {
      if (schedule.state(node) === "suspended") schedule.cancelled(node);
      await this.#executor.discard?.(schedule.task(node), this.#context);
    }
  }

  #summary(duration: number): BuildSummary {
    const { counts, size, previouslyCompleted } = this.#schedule;
    const taskCount: TaskCount = {
      discovered: size,
      previouslyCompleted,
      succeeded: counts.complete - previouslyCompleted,
      failed: counts.failed,
      skipped: counts.skipped,
      cancelled: counts.cancelled,
      pending: counts.waiting + counts.ready,
    };
    const status = counts.failed > 0 ? "failure" : counts.complete < size ? "cancelled" : "success";
    const reason: unknown = this.#outside?.aborted === true ? this.#outside.reason : undefined;
    return new BuildSummary({ status, taskCount, errors: this.#errors, duration, reason });
  }
}

/** Whether what a task threw says that it stopped because it was asked to. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason ||
    (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError"));
}
