/**
 * Building: find what is missing, run it in order, tell how it ended. `plan.ts` asks what is complete, `schedule.ts`
 * decides what is next, an executor runs it, reporters and the registry's recorder are told; here they meet.
 *
 * @module
 */

import {
  ConfigError,
  InterruptedError,
  messageOf,
  PermissionError,
  TaskFailedError,
  TaskTimeoutError,
  TaskVersionError,
} from "../errors.ts";
import type { TaskOutcome } from "../executors/executor.ts";
import { InProcessTaskExecutor } from "../executors/in_process.ts";
import { describe } from "../json.ts";
import { NIL_BUILD_ID } from "../registries/registry.ts";
import { NoOpRegistry } from "../registries/no_op_registry.ts";
import { isThenable } from "../thenable.ts";
import { shortName } from "../tasks/describe_task.ts";
import { backOff, type RunPolicy } from "../tasks/run_policy.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { AnyTask, RunContext, TaskStruct } from "../tasks/task.ts";
import { policyOf } from "../tasks/type_registry.ts";
import { hasStopped } from "./has_stopped.ts";
import { type BuildOptions, type BuildSettings, settingsOf } from "./build_options.ts";
import { Limits } from "./limits.ts";
import { discover, reserve } from "./plan.ts";
import { countsOf, Progress, resultsOf } from "./progress.ts";
import { Recorder } from "./recorder.ts";
import { Reporters, type TaskEvent } from "./reporter.ts";
import { Schedule, type TaskState } from "./schedule.ts";
import { BuildSummary } from "./summary.ts";
import { onSystemSignal } from "./system_signals.ts";
import { withTelemetry } from "./telemetry.ts";

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
  const settings = settingsOf(options);
  return await withTelemetry(
    settings.executor,
    (executor) => new Build({ ...settings, executor }).run(tasks),
  );
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
const MOST_UNTIL_LOOK = 64;
/** Kept from before a test replaces it: a clock that stands still must not keep the build. */
const realSetTimeout = setTimeout;

/** The states of tasks that could still go on. */
const OPEN: ReadonlySet<TaskState> = new Set<TaskState>(["waiting", "ready", "suspended"]);

/** What a timer is called. */
type Timer = ReturnType<typeof setTimeout>;

/** How many tasks a message names. */
const MOST_NAMED = 3;

/** An attempt at a task that has a timeout, or is not the first. */
interface Attempt {
  readonly context: RunContext;
  /** Aborts this attempt alone. */
  readonly controller: AbortController | undefined;
  /** The time that is left, in milliseconds. */
  left: number;
}

/** An end of a task, or of the part up to its next yield. */
interface End {
  readonly node: number;
  /** With which it was submitted: what has another one now was given up. */
  readonly context: RunContext;
  readonly outcome: TaskOutcome;
  /** Whether it ended while it was submitted. */
  readonly atOnce?: boolean;
}

/** One build under way. */
class Build {
  readonly #settings: BuildSettings;
  readonly #schedule: Schedule;
  readonly #limits: Limits;
  readonly #reporters: Reporters;
  readonly #recorder: Recorder | undefined;
  readonly #progress: Progress;
  /** Aborted when the build stops early, by a failure or from outside. */
  readonly #stop = new AbortController();
  /** Of all attempts that need none of their own. */
  readonly #context: RunContext = Object.freeze({ signal: this.#stop.signal, attempt: 1 });
  readonly #attempts = new Map<number, Attempt>();
  readonly #errors: TaskFailedError[] = [];
  readonly #warnings: string[] = [];
  /** Ends of tasks, in the order in which they came; all of them come through here. */
  #ended: End[] = [];
  /** What the executor has not answered yet, longest first. */
  readonly #running = new Map<number, RunContext>();
  /** The timers of attempts that run and have a timeout, with the time at which they were set. */
  readonly #timeouts = new Map<number, { readonly timer: Timer; readonly since: number }>();
  /** The timers of tasks that wait for their next attempt. */
  readonly #backOffs = new Map<number, Timer>();
  /** Discoveries under way below tasks that have yielded. */
  #discovering = 0;
  /** Suspended tasks that the executor keeps, with what they were submitted with. */
  readonly #kept = new Map<number, RunContext>();
  #retried = 0;
  /** Why the build was stopped from outside. */
  #reason: unknown;
  /** Why the build cannot go on: what cannot happen, but has; or the registry refuses. */
  #broken: { readonly error: unknown } | undefined;
  /** Runs while there is something to wait for that was asked to stop. */
  #graceTimer: Timer | undefined;
  readonly #graceEnd = Promise.withResolvers<void>();
  #isGraceOver = false;
  /** Whether all is told: nothing that still ends is waited for. */
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(settings: BuildSettings) {
    this.#settings = settings;
    const { concurrencyLimits, registry, onRegistryFailure, reporters } = settings;
    this.#reporters = new Reporters(
      reporters,
      (error) => this.#warn(`A reporter has failed and is not told any more: ${messageOf(error)}`),
    );
    if (!(registry instanceof NoOpRegistry)) {
      this.#recorder = new Recorder(registry, {
        onRegistryFailure,
        warn: (message) => this.#warn(message),
        stop: (error) => this.#break(error),
        onRoom: () => this.#wakeUp(),
      });
    }
    this.#schedule = new Schedule((node, because) => {
      if (!this.#isWatched) return;
      this.#tell({
        kind: "skipped",
        task: this.#schedule.task(node),
        attempt: this.#kept.get(node)?.attempt ?? 0,
        because: this.#schedule.task(because),
      });
    });
    this.#limits = new Limits(concurrencyLimits, (a, b) => this.#schedule.isBefore(a, b));
    this.#progress = new Progress({
      schedule: this.#schedule,
      errors: this.#errors,
      running: this.#running,
      signal: this.#stop.signal,
      retried: () => this.#retried,
    });
  }

  async run(tasks: TaskStruct): Promise<BuildSummary> {
    const started = performance.now();
    const roots = flattenTaskStruct(tasks);
    using _ = this.#listen();
    this.#reporters.buildStarted(this.#progress);
    try {
      await this.#discoverAll(reserve(this.#schedule, roots, undefined).fresh);
      if (this.#recorder !== undefined) await this.#startRecording(this.#recorder, roots);
      this.#progress.phase = "building";
      await this.#loop();
      await this.#giveUpRest();
      if (this.#broken !== undefined) throw this.#broken.error;
      const summary = this.#summary(performance.now() - started);
      await this.#endRecording((recorder) => recorder.end(summary));
      await this.#reporters.buildEnded(summary);
      return summary;
    } catch (error) {
      this.#abort(error);
      await this.#endRecording((recorder) => recorder.fail(error));
      await this.#reporters.buildBroke(error);
      throw error;
    } finally {
      clearTimeout(this.#graceTimer);
      this.#isOver = true;
    }
  }

  /** Has the outside stop the build, until it is disposed. */
  #listen(): Disposable {
    const { signal, handleSignals = false } = this.#settings;
    const onAbort = (): void => this.#stopFromOutside(signal?.reason);
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    const unlisten = handleSignals
      ? onSystemSignal((name) =>
        this.#stopFromOutside(
          new InterruptedError(`The build was stopped by ${name}`, { signal: name }),
        )
      )
      : undefined;
    return {
      [Symbol.dispose](): void {
        signal?.removeEventListener("abort", onAbort);
        unlisten?.();
      },
    };
  }

  async #discoverAll(nodes: readonly number[]): Promise<void> {
    const schedule = this.#schedule;
    const { signal } = this.#stop;
    try {
      const discovered = discover(schedule, nodes, {
        maxConcurrent: this.#settings.maxConcurrentDiscover,
        signal,
        limits: this.#limits,
        onComplete: this.#reporters.wantTaskEvents
          ? (node) => this.#tell({ kind: "previously_completed", task: schedule.task(node) })
          : undefined,
        onError(_node, error) {
          throw error;
        },
      });
      await Promise.race([discovered, this.#graceEnd.promise]);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (signal.aborted) return;
    const cycle = schedule.settle();
    if (cycle !== undefined) throw schedule.cycleError(cycle);
  }

  /** Begins the record of the build, with what is complete already: nothing is recorded of a discovery that fails. */
  async #startRecording(recorder: Recorder, roots: readonly AnyTask[]): Promise<void> {
    const schedule = this.#schedule;
    const begun = recorder.start(roots, this.#settings.description);
    await Promise.race([begun, this.#graceEnd.promise]);
    for (let node = 0; node < schedule.size; node++) {
      if (schedule.state(node) !== "complete") continue;
      recorder.onTaskEvent({ kind: "previously_completed", task: schedule.task(node) });
    }
  }

  /** Waits until all is recorded; for a build that was stopped, no longer than half a grace period. */
  async #endRecording(end: (recorder: Recorder) => Promise<void>): Promise<void> {
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    let timer: Timer | undefined;
    const late = !this.#stop.signal.aborted
      ? this.#graceEnd.promise
      : new Promise<void>((resolve) => {
        timer = setTimeout(resolve, this.#settings.gracePeriod / 2);
      });
    try {
      await Promise.race([end(recorder), late]);
    } finally {
      clearTimeout(timer);
      recorder.close();
    }
  }

  /** Starts what is ready, takes in what has ended, until nothing moves any more. */
  async #loop(): Promise<void> {
    const schedule = this.#schedule;
    const { counts } = schedule;
    const { executor } = this.#settings;
    let sliceStart = performance.now();
    // Looking at the clock costs something, too: that is done after so many tasks, few of them where each takes long.
    let untilLook = 1;
    let lastLook = 1;
    for (;;) {
      while (counts.running < executor.maxConcurrent && this.#mayStart) {
        const node = schedule.takeReady();
        if (node === undefined) break;
        if (!this.#start(node)) break;
        if (--untilLook > 0) continue;
        const spent = performance.now() - sliceStart;
        lastLook = spent > TIME_SLICE ? 1 : Math.min(2 * lastLook, MOST_UNTIL_LOOK);
        untilLook = lastLook;
        if (spent > TIME_SLICE) {
          await new Promise((resolve) => realSetTimeout(resolve));
          sliceStart = performance.now();
        }
      }
      if (this.#ended.length > 0) {
        this.#takeEnded();
      } else if (this.#isWaiting) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      } else if (this.#stop.signal.aborted || !this.#failCycle()) {
        return;
      }
    }
  }

  get #mayStart(): boolean {
    return !this.#stop.signal.aborted && this.#recorder?.isFull !== true;
  }

  /** Whether something will happen by itself. */
  get #isWaiting(): boolean {
    if (this.#schedule.counts.running > 0) return true;
    if (this.#discovering > 0 && !this.#isGraceOver) return true;
    return !this.#stop.signal.aborted &&
      (this.#backOffs.size > 0 || this.#recorder?.isFull === true);
  }

  /** Submits the node; `false` when it has failed on the spot, which the failure mode may want to know first. */
  #start(node: number): boolean {
    const task = this.#schedule.task(node);
    const context = this.#contextOf(node, task);
    const isResumed = this.#kept.delete(node);
    if (this.#isWatched) {
      this.#tell(
        isResumed ? { kind: "resumed", task } : { kind: "started", task, attempt: context.attempt },
      );
    }
    const end = (outcome: TaskOutcome): void => this.#end({ node, context, outcome });
    const failed = (error: unknown): void => end({ kind: "failed", error });
    try {
      const outcome = this.#settings.executor.submit(task, context);
      if (isThenable(outcome)) {
        this.#running.set(node, context);
        this.#startClock(node, context);
        outcome.then(end, failed);
        return true;
      }
      this.#ended.push({ node, context, outcome, atOnce: true });
      return outcome?.kind !== "failed";
    } catch (error) {
      // An executor of others that breaks its contract must not leave the build waiting.
      this.#ended.push({ node, context, outcome: { kind: "failed", error }, atOnce: true });
      return false;
    }
  }

  #contextOf(node: number, task: AnyTask): RunContext {
    const attempt = this.#attempts.get(node);
    if (attempt !== undefined) return attempt.context;
    if (policyOf(task)?.timeout === undefined) return this.#context;
    return this.#newAttempt(node, 1).context;
  }

  #newAttempt(node: number, number: number): Attempt {
    const timeout = policyOf(this.#schedule.task(node))?.timeout;
    const controller = timeout === undefined ? undefined : new AbortController();
    const { signal: stop } = this.#stop;
    const signal = controller === undefined ? stop : AbortSignal.any([stop, controller.signal]);
    const context = Object.freeze({ signal, attempt: number });
    const attempt = { context, controller, left: timeout ?? Infinity };
    this.#attempts.set(node, attempt);
    return attempt;
  }

  #startClock(node: number, context: RunContext): void {
    const attempt = this.#attempts.get(node);
    if (attempt?.controller === undefined) return;
    const timer = setTimeout(() => {
      const { timeout } = policyOf(this.#schedule.task(node))!;
      const error = new TaskTimeoutError(
        `It took longer than its timeout of ${timeout} ms. Have it end earlier, or give it more time`,
        { timeout: timeout! },
      );
      // The attempt has failed whether or not it heeds the signal. If it does not, its end is not looked at.
      this.#end({ node, context, outcome: { kind: "failed", error } });
      attempt.controller!.abort(error);
    }, attempt.left);
    this.#timeouts.set(node, { timer, since: performance.now() });
  }

  #stopClock(node: number): void {
    const timeout = this.#timeouts.get(node);
    if (timeout === undefined) return;
    clearTimeout(timeout.timer);
    this.#timeouts.delete(node);
    const attempt = this.#attempts.get(node)!;
    attempt.left = Math.max(0, attempt.left - (performance.now() - timeout.since));
  }

  #end(end: End): void {
    this.#ended.push(end);
    this.#wakeUp();
    if (this.#isOver) this.#takeEnded();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  #takeEnded(): void {
    const ended = this.#ended;
    this.#ended = [];
    for (const end of ended) {
      const { node, context, outcome } = end;
      if (end.atOnce !== true) {
        if (this.#running.get(node) !== context) {
          this.#forget(end);
          continue;
        }
        this.#running.delete(node);
        this.#stopClock(node);
      }
      switch (outcome?.kind) {
        case "complete":
          this.#schedule.completed(node);
          this.#attempts.delete(node);
          if (this.#isWatched) {
            this.#tell({ kind: "completed", task: this.#schedule.task(node) });
          }
          break;
        case "suspended":
          this.#suspend(node, context, outcome);
          break;
        case "failed":
          this.#attemptFailed(node, outcome.error);
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

  /** An attempt that was given up has ended after all, or goes on to a yield: there it stays. */
  #forget({ node, context, outcome }: End): void {
    if (outcome?.kind !== "suspended") return;
    this.#settings.executor.discard?.(this.#schedule.task(node), context).catch(() => {});
  }

  /** Has the node wait for what it yielded, which may be new to the build. */
  #suspend(
    node: number,
    context: RunContext,
    { requires }: TaskOutcome & { readonly kind: "suspended" },
  ): void {
    const schedule = this.#schedule;
    schedule.suspended(node);
    this.#kept.set(node, context);
    if (this.#isWatched) this.#tell({ kind: "suspended", task: schedule.task(node), requires });
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
      maxConcurrent: this.#settings.maxConcurrentDiscover,
      signal: this.#stop.signal,
      limits: this.#limits,
      onComplete: this.#isWatched
        ? (node) => this.#tell({ kind: "previously_completed", task: this.#schedule.task(node) })
        : undefined,
      onError: (node, error) => {
        // When the build is stopped, so are the checks: that tells nothing about their tasks.
        if (!this.#stop.signal.aborted) this.#fail(node, error);
      },
    }).catch((error) => {
      if (!this.#stop.signal.aborted) this.#break(error);
    }).finally(() => {
      this.#discovering--;
      this.#wakeUp();
    });
  }

  /** An attempt at the node has failed: it is tried again, or has failed for good, or stopped as it was asked to. */
  #attemptFailed(node: number, error: unknown): void {
    const { signal } = this.#stop;
    if (signal.aborted && hasStopped(error, signal)) return this.#cancel(node);
    const retries = policyOf(this.#schedule.task(node))?.retries;
    const attempt = this.#attempts.get(node)?.context.attempt ?? 1;
    if (retries === undefined || attempt >= retries.maxAttempts || signal.aborted) {
      return this.#fail(node, error);
    }
    try {
      if (!isRetriable(error, retries)) return this.#fail(node, error);
    } catch (cause) {
      return this.#fail(node, new Error(`isRetriable threw ${describe(cause)}`, { cause }));
    }
    this.#backOff(node, attempt, error, backOff(retries, attempt));
  }

  #backOff(node: number, attempt: number, error: unknown, delay: number): void {
    const schedule = this.#schedule;
    schedule.backedOff(node);
    this.#retried++;
    this.#newAttempt(node, attempt + 1);
    const timer = setTimeout(() => {
      this.#backOffs.delete(node);
      schedule.release(node, []);
      this.#wakeUp();
    }, delay);
    this.#backOffs.set(node, timer);
    if (this.#isWatched) {
      this.#tell({ kind: "retrying", task: schedule.task(node), attempt, error, delay });
    }
  }

  #fail(node: number, error: unknown): void {
    const schedule = this.#schedule;
    const isBegun = schedule.state(node) !== "waiting";
    const attempt = isBegun ? this.#attempts.get(node)?.context.attempt ?? 1 : 0;
    const task = schedule.task(node);
    const failure = new TaskFailedError(
      `Cannot complete ${task}${this.#requiredBy(node)}${
        attempt > 1 ? ` after ${attempt} attempts` : ""
      }: ${messageOf(error)}`,
      { taskId: task.id, path: () => schedule.path(node).map(String), cause: error },
    );
    this.#errors.push(failure);
    this.#attempts.delete(node);
    if (this.#isWatched) this.#tell({ kind: "failed", task, attempt, error: failure });
    schedule.failed(node);
    if (this.#settings.failMode === "fail_fast") {
      this.#abort(new DOMException("Another task of the build has failed", "AbortError"));
    }
  }

  #requiredBy(node: number): string {
    const path = this.#schedule.path(node, MOST_NAMED + 2).slice(0, -1);
    if (path.length === 0) return "";
    const above = path.reverse().map(shortName);
    const named = above.slice(0, MOST_NAMED).join(", by ");
    return ` (required by ${named}${above.length > MOST_NAMED ? ", ..." : ""})`;
  }

  #cancel(node: number): void {
    this.#schedule.cancelled(node);
    this.#attempts.delete(node);
    if (this.#isWatched) this.#tell({ kind: "cancelled", task: this.#schedule.task(node) });
  }

  #stopFromOutside(reason: unknown): void {
    this.#reason ??= reason;
    this.#abort(reason);
  }

  #break(error: unknown): void {
    this.#broken ??= { error };
    this.#abort(error);
  }

  #abort(reason: unknown): void {
    if (!this.#stop.signal.aborted) {
      for (const timer of this.#backOffs.values()) clearTimeout(timer);
      this.#startGrace();
      this.#stop.abort(reason);
    }
    this.#wakeUp();
  }

  #startGrace(): void {
    this.#graceTimer ??= setTimeout(() => this.#endGrace(), this.#settings.gracePeriod);
  }

  /** Goes on without the tasks that were asked to stop and have not. */
  #endGrace(): void {
    this.#isGraceOver = true;
    const nodes = [...this.#running];
    if (nodes.length > 0) {
      const names = nodes.slice(0, MOST_NAMED).map(([node]) => String(this.#schedule.task(node)));
      const more = nodes.length > MOST_NAMED ? ` and ${nodes.length - MOST_NAMED} more` : "";
      this.#warn(
        `The build did not wait for ${
          names.join(", ")
        }${more}: asked to stop, they went on for more than ${this.#settings.gracePeriod} ms. Have run() heed its signal`,
      );
    }
    const { reason: error } = this.#stop.signal;
    for (const [node, context] of nodes) {
      this.#ended.push({ node, context, outcome: { kind: "failed", error } });
    }
    this.#graceEnd.resolve();
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

  /** Gives up what had begun and will not go on; the `finally` blocks of what was suspended run. */
  async #giveUpRest(): Promise<void> {
    const schedule = this.#schedule;
    for (const node of [...this.#kept.keys(), ...this.#attempts.keys()]) {
      if (OPEN.has(schedule.state(node))) this.#cancel(node);
    }
    if (this.#kept.size === 0) return;
    this.#startGrace();
    for (const [node, context] of this.#kept) {
      const discarded = this.#settings.executor.discard?.(schedule.task(node), context);
      await Promise.race([discarded, this.#graceEnd.promise]);
    }
  }

  /** Whether anybody is told what happens to each task. */
  get #isWatched(): boolean {
    return this.#recorder !== undefined || this.#reporters.wantTaskEvents;
  }

  #tell(event: TaskEvent): void {
    this.#recorder?.onTaskEvent(event);
    this.#reporters.taskEvent(event);
  }

  #warn(message: string): void {
    this.#warnings.push(message);
    this.#reporters.warned(message);
  }

  #summary(duration: number): BuildSummary {
    const schedule = this.#schedule;
    const { counts, size } = schedule;
    const status = counts.failed > 0 ? "failure" : counts.complete < size ? "cancelled" : "success";
    return new BuildSummary({
      status,
      taskCount: countsOf(schedule),
      errors: this.#errors,
      warnings: this.#warnings,
      duration,
      retried: this.#retried,
      buildId: this.#recorder?.buildId ?? NIL_BUILD_ID,
      reason: this.#reason,
      tasks: () => resultsOf(schedule),
    });
  }
}

/** What is wrong with the surroundings or the code stays wrong. */
function isRetriable(error: unknown, retries: NonNullable<RunPolicy["retries"]>): boolean {
  return !(error instanceof PermissionError || error instanceof ConfigError ||
    error instanceof TaskVersionError) && retries.isRetriable(error);
}
