/**
 * Building: find what is missing, run it in order, tell how it ended. `plan.ts` asks what is complete, `schedule.ts`
 * decides what is next, an executor runs it, reporters and the registry's recorder are told; here they meet.
 *
 * @module
 */

import {
  ConfigError,
  messageOf,
  MissingOutputError,
  PermissionError,
  TaskFailedError,
  TaskVersionError,
} from "../errors.ts";
import { checkMayBuild } from "../executors/build_guard.ts";
import type { TaskOutcome } from "../executors/executor.ts";
import { InProcessTaskExecutor } from "../executors/in_process.ts";
import { describe } from "../json.ts";
import { NIL_BUILD_ID } from "../registries/registry.ts";
import { NoOpRegistry } from "../registries/no_op_registry.ts";
import { isThenable } from "../thenable.ts";
import { shortName } from "../tasks/describe_task.ts";
import { backOff, type RunPolicy } from "../tasks/run_policy.ts";
import { flattenTaskStruct } from "../tasks/struct.ts";
import type { TaskContext } from "../tasks/run_context.ts";
import type { AnyTask, TaskStruct } from "../tasks/task.ts";
import { policyOf } from "../tasks/type_registry.ts";
import { type Attempt, Attempts } from "./attempts.ts";
import { type BuildOptions, type BuildSettings, settingsOf } from "./build_options.ts";
import { Limits } from "./limits.ts";
import { Locks, type LockTurn } from "./locks.ts";
import { discover, reserve } from "./discovery.ts";
import { OutputIndex } from "./output_index.ts";
import { countsOf, Progress, resultsOf } from "./progress.ts";
import { Recorder } from "./recorder.ts";
import { type BuildProgress, Reporters, type TaskEvent } from "./reporter.ts";
import { Schedule, type TaskState } from "./schedule.ts";
import { type BuildStatus, BuildSummary } from "./summary.ts";
import { Stop } from "./stop.ts";
import { withTelemetry } from "./telemetry.ts";
import { TimeSlice } from "./time_slice.ts";

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
  checkMayBuild();
  const settings = settingsOf(options);
  if (tasks === undefined) {
    throw new TypeError("Cannot build undefined: give a task, or tasks in arrays and records");
  }
  try {
    return await withTelemetry(
      settings.executor,
      (executor) => new Build({ ...settings, executor }).run(tasks),
    );
  } finally {
    // One that was handed in may be used by the next build, too.
    if (options.executor === undefined) await settings.executor[Symbol.asyncDispose]?.();
  }
}

/** The same, one task at a time and in a fixed order: for debugging. */
export function buildSequential(
  tasks: TaskStruct,
  options: Omit<BuildOptions, "executor" | "maxConcurrentDiscover"> = {},
): Promise<BuildSummary> {
  const executor = new InProcessTaskExecutor({ maxConcurrent: 1 });
  return build(tasks, { ...options, executor, maxConcurrentDiscover: 1 });
}

/** The states of tasks that could still go on. */
const OPEN: ReadonlySet<TaskState> = new Set<TaskState>(["waiting", "ready", "suspended"]);

/** After so many milliseconds it is worth a word that the registry is waited for. */
const LONG_WAIT = 10_000;

/** How long an output may take to be called off that is being stored when nobody waits any more, in milliseconds. */
const CALL_OFF_TIME = 1000;

/** How many tasks a message names. */
const MOST_NAMED = 3;

/** An end of a task, or of the part up to its next yield. */
interface End {
  readonly node: number;
  /** With which it was submitted: what has another one now was given up. */
  readonly context: TaskContext;
  readonly outcome: TaskOutcome;
  /** Whether it ended while it was submitted. */
  readonly atOnce: boolean;
  /** Whether the build was to stop by then, and the task may have done so. */
  readonly isStopping: boolean;
  readonly mayHaveStopped: boolean;
}

/** One build under way. */
class Build {
  readonly #settings: BuildSettings;
  readonly #schedule: Schedule;
  readonly #limits: Limits;
  readonly #reporters: Reporters;
  readonly #recorder: Recorder | undefined;
  readonly #outputIndex: OutputIndex | undefined;
  readonly #locks: Locks | undefined;
  readonly #progress: Progress;
  readonly #stop: Stop;
  readonly #attempts: Attempts;
  readonly #errors: TaskFailedError[] = [];
  /** What the attempts threw that were to be followed by others. */
  readonly #lastErrors = new Map<number, unknown>();
  /** The last that tasks wrote to the console in workers before they failed. */
  readonly #lastLines = new Map<number, readonly string[]>();
  readonly #warnings: string[] = [];
  /** Ends of tasks, in the order in which they came; all of them come through here. */
  #ended: End[] = [];
  /** What the executor has not answered yet, longest first. */
  readonly #running = new Map<number, TaskContext>();
  /** What tasks have yielded that is still to be looked at, and whether something is being looked at. */
  #toDiscover: number[] = [];
  #isDiscovering = false;
  /** Those whose lock is asked for. */
  readonly #locking = new Set<number>();
  #hasExitedEarly = false;
  /** Suspended tasks that the executor keeps, with what they were submitted with. */
  readonly #kept = new Map<number, TaskContext>();
  /** Attempts that were given up while their output was being stored, with how long it is waited for that to end. */
  readonly #callingOff = new Map<number, ReturnType<typeof setTimeout>>();
  /** Clean-ups under way of tasks that were suspended and do not go on, by node. */
  readonly #cleaningUp = new Map<number, Promise<void>>();
  readonly #slice: TimeSlice;
  #retried = 0;
  #lastRetry: BuildProgress["lastRetry"];
  /** Why the build cannot go on: what cannot happen, but has; or the registry refuses. */
  #broken: { readonly error: unknown } | undefined;
  /** Whether nothing that still ends is waited for. */
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(settings: BuildSettings) {
    this.#settings = settings;
    this.#slice = new TimeSlice(settings.handleSignals ? 2 : 1);
    const { concurrencyLimits, registry, onRegistryFailure, reporters } = settings;
    this.#stop = new Stop({
      ...settings,
      onStop: () => this.#cancelOpen(),
      onGraceEnd: () => this.#endGrace(),
    });
    this.#attempts = new Attempts({
      signal: this.#stop.signal,
      observer: {
        wrote: (task, line) => this.#reporters.taskWrote(task, line),
        warned: (message) => this.#warn(message),
        began: ({ id }) => this.#attempts.startClock(this.#schedule.find(id)!),
      },
      gracePeriod: settings.gracePeriod,
      onOverdue: (node, attempt) => this.#overdue(node, attempt),
      onDue: (node) => this.#isDue(node),
    });
    this.#reporters = new Reporters(
      reporters,
      (error) => this.#warn(`A reporter has failed and is not told any more: ${messageOf(error)}`),
    );
    // Its subclasses may do something.
    if (registry.constructor !== NoOpRegistry) {
      this.#recorder = new Recorder(registry, {
        onRegistryFailure,
        warn: (message) => this.#warn(message),
        stop: (error) => this.#break(error),
        onRoom: () => this.#wakeUp(),
      });
    }
    if (settings.outputIndex) {
      this.#outputIndex = new OutputIndex({
        buildId: () => this.#buildId,
        warn: (message) => this.#warn(message),
      });
    }
    const { globalLockManager: manager, globalLockConfig } = settings;
    if (manager !== undefined && globalLockConfig.enabled !== false) {
      this.#locks = new Locks({
        manager,
        settings: globalLockConfig,
        signal: this.#stop.signal,
        onDue: (node) => this.#isDue(node),
        warn: (message) => this.#warn(message),
      });
    }
    this.#schedule = new Schedule((node, because) => this.#skipped(node, because));
    this.#limits = new Limits(concurrencyLimits, this.#schedule.ranks);
    this.#progress = new Progress({
      schedule: this.#schedule,
      errors: this.#errors,
      running: this.#running,
      signal: this.#stop.signal,
      waitingForLock: () => this.#locks?.waiting ?? 0,
      retried: () => this.#retried,
      lastRetry: () => this.#lastRetry,
    });
  }

  async run(tasks: TaskStruct): Promise<BuildSummary> {
    const started = performance.now();
    const roots = flattenTaskStruct(tasks);
    using _ = this.#stop.listen();
    this.#reporters.buildStarted(this.#progress);
    try {
      await this.#discoverAll(reserve(this.#schedule, roots, undefined).fresh);
      if (this.#recorder !== undefined) await this.#startRecording(this.#recorder, roots);
      this.#progress.phase = "building";
      if (!this.#stop.isAsked) this.#reporters.discoveryEnded(this.#progress);
      await this.#loop();
      this.#isOver = true;
      // A lock that is still asked for is given back when it comes.
      if (this.#stop.isAsked) await Promise.race([this.#locks?.idle(), this.#stop.graceEnd]);
      await this.#cleanedUp();
      this.#throwIfBroken();
      this.#progress.phase = "recording";
      await this.#endRecording();
      this.#throwIfBroken(); // the registry may have refused what was told last
      await this.#endIndex();
      if (this.#locks !== undefined) await this.#stop.atMost(this.#locks.close());
      // A signal that came while the last task kept the event loop to itself is not lost.
      if (this.#settings.handleSignals && this.#slice.isOver) await this.#slice.giveTurn();
      const summary = this.#summary(performance.now() - started);
      await this.#reporters.buildEnded(summary);
      return summary;
    } catch (error) {
      this.#stop.ask(error);
      if (this.#recorder !== undefined) await this.#stop.atMost(this.#recorder.fail(error));
      await this.#endIndex();
      if (this.#locks !== undefined) await this.#stop.atMost(this.#locks.close());
      await this.#reporters.buildBroke(error);
      throw error;
    } finally {
      this.#isOver = true;
    }
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
        slice: this.#slice,
        onError(_node, error) {
          throw error;
        },
      });
      await Promise.race([discovered, this.#stop.graceEnd]);
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
    const known = function* (): Iterable<AnyTask> {
      for (let node = 0; node < schedule.size; node++) {
        if (schedule.state(node) === "complete") yield schedule.task(node);
      }
    };
    this.#progress.phase = "recording";
    const begun = recorder.start(roots, this.#settings, known);
    if (await this.#stop.atMost(begun)) return;
    recorder.giveUp();
    this.#warn("The registry did not answer in time when the build was to begin");
  }

  /** Waits until all is recorded; when the build is, or was, stopped from outside, only for a while. */
  async #endRecording(): Promise<void> {
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    const warning = setTimeout(() => {
      this.#warn("The tasks are done, but the registry has not been told all of it yet");
    }, LONG_WAIT);
    try {
      if (!await this.#stop.atMost(recorder.idle()) && recorder.isBehind) {
        this.#warn("The registry was not told all of what was built: it took too long");
      }
      recorder.giveUp();
      await this.#stop.atMost(recorder.end(this.#status, this.#errors[0]));
    } finally {
      clearTimeout(warning);
    }
  }

  async #endIndex(): Promise<void> {
    if (this.#outputIndex !== undefined) await this.#stop.atMost(this.#outputIndex.close());
  }

  /** Starts what is ready, takes in what has ended, until nothing moves any more. */
  async #loop(): Promise<void> {
    const schedule = this.#schedule;
    const { counts } = schedule;
    const { executor } = this.#settings;
    for (;;) {
      while (counts.running < executor.maxConcurrent && this.#mayStart) {
        const node = schedule.takeReady();
        if (node === undefined) break;
        if (!this.#start(node)) break;
        if (this.#slice.isOver) await this.#slice.giveTurn();
      }
      if (this.#ended.length > 0) {
        this.#takeEnded();
      } else if (this.#isWaiting) {
        if (this.#isAllLocked) this.#exitEarly();
        else await new Promise<void>((resolve) => this.#wake = resolve);
      } else if (this.#stop.isAsked || !this.#failCycle()) {
        return;
      }
    }
  }

  get #mayStart(): boolean {
    return !this.#stop.isAsked && this.#recorder?.isFull !== true;
  }

  /** Whether something will happen by itself. */
  get #isWaiting(): boolean {
    if (this.#schedule.counts.running > 0) return true;
    if (this.#isDiscovering && !this.#stop.isGraceOver) return true;
    return !this.#stop.isAsked &&
      (this.#attempts.areWaiting || this.#recorder?.isFull === true ||
        this.#locks?.areWaiting === true);
  }

  /** Whether nothing will happen but that others give back their locks, and the build is not to wait for that. */
  get #isAllLocked(): boolean {
    return this.#settings.globalLockConfig.exitEarlyWhenAllLocked &&
      this.#locks?.areTaken === true && this.#schedule.counts.running === 0 &&
      !this.#isDiscovering && !this.#attempts.areWaiting && this.#recorder?.isFull !== true;
  }

  #exitEarly(): void {
    this.#hasExitedEarly = true;
    this.#stop.ask(
      new DOMException("All that is left to do is locked by other builds", "AbortError"),
    );
  }

  /** It is time for the node to go on. */
  #isDue(node: number): void {
    this.#schedule.release(node, []);
    this.#wakeUp();
  }

  /**
   * Submits the node, or asks for its lock first; `false` when it has failed on the spot, which the failure mode may want
   * to know first.
   */
  #start(node: number): boolean {
    const task = this.#schedule.task(node);
    try {
      if (this.#locks?.areWanted(node, task) !== true) return this.#run(node, task);
    } catch (error) {
      this.#failUnlocked(node, error);
      return true;
    }
    // What was suspended when its lock was lost begins anew.
    const kept = this.#kept.get(node);
    if (kept !== undefined) this.#discardKept(node, kept);
    this.#locking.add(node);
    this.#locks.take(node, task).then((turn) => this.#takeTurn(node, task, turn));
    return true;
  }

  /** The node has its lock, or has not. */
  #takeTurn(node: number, task: AnyTask, turn: LockTurn): void {
    if (!this.#locking.delete(node)) return this.#locks!.release(node);
    this.#wakeUp();
    switch (turn.kind) {
      case "run":
        this.#run(node, task);
        return;
      case "complete":
        this.#schedule.completedByOthers(node);
        this.#attempts.delete(node);
        if (this.#isWatched) this.#tell({ kind: "previously_completed", task });
        return;
      case "wait":
        this.#schedule.backedOff(node);
        if (turn.isFirst && this.#isWatched) {
          this.#tell({ kind: "waiting_for_lock", task, owner: turn.owner });
        }
        return;
      case "failed":
        return this.#failUnlocked(node, turn.error);
      default:
        turn satisfies never;
    }
  }

  /** Fails the node without its lock, and so before it begins, or before its next attempt. */
  #failUnlocked(node: number, error: unknown): void {
    this.#fail(node, error, this.#attempts.get(node)?.context.attempt ?? 0);
  }

  /** Submits the node. */
  #run(node: number, task: AnyTask): boolean {
    const context = this.#kept.get(node) ??
      this.#attempts.contextOf(node, task, this.#locks?.signal(node));
    const isResumed = this.#kept.delete(node);
    if (this.#isWatched) {
      this.#tell(
        isResumed ? { kind: "resumed", task } : { kind: "started", task, attempt: context.attempt },
      );
    }
    try {
      const outcome = this.#settings.executor.submit(task, context);
      if (isThenable(outcome)) {
        this.#running.set(node, context);
        if (!context.isWaiting) this.#attempts.startClock(node);
        outcome.then(
          (settled) => this.#end(node, context, settled),
          (error) => this.#end(node, context, { kind: "failed", error }),
        );
        return true;
      }
      this.#end(node, context, outcome, true);
      return outcome?.kind !== "failed";
    } catch (error) {
      // An executor of others that breaks its contract must not leave the build waiting.
      this.#end(node, context, { kind: "failed", error }, true);
      return false;
    }
  }

  /**
   * The time of an attempt is over. It has kept its place and its slots until it would have stopped; what it ends with
   * from here on is not looked at.
   */
  #overdue(node: number, { context, timedOut }: Attempt): void {
    if (!context.isStoring) {
      this.#warn(
        `The build did not wait for ${
          this.#schedule.task(node)
        }: it went on for more than ${this.#settings.gracePeriod} ms after its timeout. Have run() heed its signal`,
      );
    }
    this.#leaveBehind(node, context, timedOut);
  }

  /**
   * Goes on without the attempt: at once, or, where its output is being stored, when that has ended, which is called off, or
   * is done by then. So what the build says of it is so.
   */
  #leaveBehind(node: number, context: TaskContext, error: unknown): void {
    context.giveUp();
    const end = (): void => this.#end(node, context, { kind: "failed", error });
    if (!context.isStoring) return end();
    const timer = setTimeout(() => {
      this.#warn(
        `The build did not wait until the output of ${
          this.#schedule.task(node)
        } was called off: that took more than ${CALL_OFF_TIME} ms. It may be there later on`,
      );
      end();
    }, CALL_OFF_TIME);
    this.#callingOff.set(node, timer);
  }

  #end(node: number, context: TaskContext, outcome: TaskOutcome, atOnce = false): void {
    const isStopping = this.#stop.isAsked;
    // Executors of others may know why to stop without having looked there.
    const mayHaveStopped = context.mayHaveStopped ||
      (outcome?.kind === "failed" && outcome.error === this.#stop.signal.reason);
    this.#ended.push({ node, context, outcome, atOnce, isStopping, mayHaveStopped });
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
      if (outcome?.kind === "failed" && outcome.lastLines !== undefined) {
        this.#lastLines.set(node, outcome.lastLines);
      } else {
        this.#lastLines.delete(node);
      }
      if (!end.atOnce) {
        if (this.#running.get(node) !== context) {
          this.#forget(end);
          continue;
        }
        this.#running.delete(node);
        if (context.isGivenUp) {
          clearTimeout(this.#callingOff.get(node));
          this.#callingOff.delete(node);
        }
        const timedOut = this.#attempts.stopClock(node)?.timedOut;
        if (timedOut !== undefined && outcome?.kind !== "complete") {
          context.giveUp();
          this.#forget(end);
          if (outcome?.kind === "failed" && outcome.error !== timedOut) {
            timedOut.cause = outcome.error;
          }
          this.#attemptFailed(node, timedOut, { isStopping: false, mayHaveStopped: false });
          continue;
        }
      }
      switch (outcome?.kind) {
        case "complete":
          this.#completed(node);
          break;
        case "suspended":
          this.#suspend(node, context, outcome);
          break;
        case "failed":
          if (!this.#hasLostLock(end)) this.#attemptFailed(node, outcome.error, end);
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
    if (!this.#isDiscovering && this.#toDiscover.length > 0) this.#discoverMore();
  }

  #completed(node: number): void {
    const task = this.#schedule.task(node);
    this.#schedule.completed(node);
    this.#attempts.delete(node);
    const registry = this.#recorder?.isClosed === false ? this.#settings.registry : undefined;
    const complete = this.#locks?.completion(node, registry);
    this.#outputIndex?.completed(task);
    if (!this.#isWatched) return;
    const event: TaskEvent = { kind: "completed", task };
    this.#recorder?.record(event, complete);
    this.#reporters.taskEvent(event);
  }

  /** Whether the attempt has stopped because its lock was lost: then it waits for it again, which is no failure. */
  #hasLostLock({ node, isStopping, mayHaveStopped }: End): boolean {
    try {
      if (isStopping || !mayHaveStopped || this.#locks?.isLost(node) !== true) return false;
    } catch (error) {
      this.#fail(node, error);
      return true;
    }
    this.#schedule.backedOff(node);
    if (this.#stop.isAsked) this.#cancel(node);
    else this.#isDue(node);
    return true;
  }

  /** An attempt that was given up has ended after all, or goes on to a yield: there it stays. */
  #forget({ node, context, outcome }: End): void {
    if (outcome?.kind === "suspended") this.#discard(node, context);
  }

  /** Has the node wait for what it yielded, which may be new to the build. */
  #suspend(
    node: number,
    context: TaskContext,
    { requires }: TaskOutcome & { readonly kind: "suspended" },
  ): void {
    const schedule = this.#schedule;
    schedule.suspended(node);
    this.#kept.set(node, context);
    this.#outputIndex?.suspended(schedule.task(node), requires);
    if (this.#isWatched) this.#tell({ kind: "suspended", task: schedule.task(node), requires });
    try {
      // Others that wait in a circle are found when nothing moves any more.
      if (requires.some(({ id }) => schedule.find(id) === node)) throw schedule.cycleError([node]);
      const { nodes, fresh } = reserve(schedule, requires, node);
      for (const required of nodes) schedule.require(node, required);
      schedule.release(node, nodes);
      for (const each of fresh) this.#toDiscover.push(each);
    } catch (error) {
      return this.#fail(node, error);
    }
    if (this.#stop.isAsked && OPEN.has(schedule.state(node))) this.#cancel(node);
  }

  /** Looks at what was yielded, one level after the other; what is yielded meanwhile is taken along. */
  #discoverMore(): void {
    const taken = (): readonly number[] => {
      const nodes = this.#toDiscover;
      this.#toDiscover = [];
      this.#wakeUp();
      return nodes;
    };
    this.#isDiscovering = true;
    discover(this.#schedule, taken(), {
      maxConcurrent: this.#settings.maxConcurrentDiscover,
      signal: this.#stop.signal,
      limits: this.#limits,
      slice: this.#slice,
      more: taken,
      onComplete: this.#isWatched
        ? (node) => this.#tell({ kind: "previously_completed", task: this.#schedule.task(node) })
        : undefined,
      onError: (node, error) => {
        // When the build is stopped, so are the checks: that tells nothing about their tasks.
        if (!this.#stop.isAsked) this.#fail(node, error);
      },
    }).catch((error) => {
      if (!this.#stop.isAsked) this.#break(error);
    }).finally(() => {
      this.#isDiscovering = false;
      if (this.#toDiscover.length > 0) this.#discoverMore();
      this.#wakeUp();
    });
  }

  /** An attempt at the node has failed: it is tried again, or has failed for good, or stopped as it was asked to. */
  #attemptFailed(
    node: number,
    error: unknown,
    { isStopping, mayHaveStopped }: Pick<End, "isStopping" | "mayHaveStopped">,
  ): void {
    if (isStopping && (mayHaveStopped || error instanceof MissingOutputError)) {
      return this.#cancel(node);
    }
    const task = this.#schedule.task(node);
    const retries = policyOf(task)?.retries;
    const attempt = this.#attempts.get(node)?.context.attempt ?? 1;
    if (
      retries === undefined || attempt >= retries.maxAttempts || this.#stop.isAsked
    ) {
      return this.#fail(node, error);
    }
    try {
      if (!isRetriable(error, retries)) return this.#fail(node, error);
    } catch (thrown) {
      this.#warn(`isRetriable of ${task} threw, so it is not tried again: ${messageOf(thrown)}`);
      return this.#fail(node, error);
    }
    this.#backOff(node, attempt, error, backOff(retries, attempt));
  }

  #backOff(node: number, attempt: number, error: unknown, delay: number): void {
    const schedule = this.#schedule;
    schedule.backedOff(node);
    const task = schedule.task(node);
    this.#retried++;
    this.#lastRetry = { task, attempt, error };
    this.#attempts.prepare(node, task, attempt + 1, error, delay);
    if (this.#isWatched) this.#tell({ kind: "retrying", task, attempt, error, delay });
  }

  #fail(node: number, error: unknown, attempt: number = this.#attemptAt(node)): void {
    const schedule = this.#schedule;
    const task = schedule.task(node);
    const failure = new TaskFailedError(
      `Cannot complete ${task}${this.#requiredBy(node)}${
        attempt > 1 ? ` after ${attempt} attempts` : ""
      }: ${messageOf(error)}`,
      {
        taskId: task.id,
        path: () => schedule.path(node).map(String),
        cause: error,
        lastLines: this.#lastLines.get(node),
      },
    );
    this.#errors.push(failure);
    this.#doesNotGoOn(node);
    if (this.#isWatched) this.#tell({ kind: "failed", task, attempt, error: failure });
    schedule.failed(node);
    if (this.#settings.failMode === "fail_fast") {
      this.#stop.ask(new DOMException("Another task of the build has failed", "AbortError"));
    }
  }

  /** The number of the attempt under way at the node; 0 when it has not begun. */
  #attemptAt(node: number): number {
    if (this.#schedule.state(node) === "waiting") return 0;
    return this.#attempts.get(node)?.context.attempt ?? 1;
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
    const lastError = this.#attempts.get(node)?.lastError;
    if (lastError !== undefined) this.#lastErrors.set(node, lastError);
    this.#doesNotGoOn(node);
    if (this.#isWatched) this.#tell({ kind: "cancelled", task: this.#schedule.task(node) });
  }

  #skipped(node: number, because: number): void {
    const attempt = this.#kept.get(node)?.attempt ?? 0;
    this.#doesNotGoOn(node);
    if (!this.#isWatched) return;
    const [task, failed] = [this.#schedule.task(node), this.#schedule.task(because)];
    this.#tell({ kind: "skipped", task, attempt, because: failed });
  }

  /** Nothing of the node is kept; where it was suspended, its `finally` blocks run. */
  #doesNotGoOn(node: number): void {
    this.#attempts.delete(node);
    const context = this.#kept.get(node);
    if (context !== undefined) this.#discardKept(node, context);
    this.#locks?.release(node);
  }

  #discardKept(node: number, context: TaskContext): void {
    this.#kept.delete(node);
    // One that began anew may still be at the clean-up of the time before.
    const both = Promise.all([this.#cleaningUp.get(node), this.#discard(node, context)]);
    const cleanedUp = both.then(() => {
      if (this.#cleaningUp.get(node) === cleanedUp) this.#cleaningUp.delete(node);
    });
    this.#cleaningUp.set(node, cleanedUp);
  }

  /** Has the executor give up a suspended task. Never rejects. */
  async #discard(node: number, context: TaskContext): Promise<void> {
    context.giveUp();
    try {
      await this.#settings.executor.discard?.(this.#schedule.task(node), context);
    } catch {
      // What a task throws while it is given up changes nothing any more.
    }
  }

  #throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken.error;
  }

  #break(error: unknown): void {
    this.#broken ??= { error };
    this.#stop.ask(error);
    this.#wakeUp();
  }

  /** What was to go on later does not; what runs is asked to stop by its signal. */
  #cancelOpen(): void {
    this.#attempts.stop();
    this.#locks?.stop();
    // They have not begun.
    for (const node of this.#locking) this.#schedule.backedOff(node);
    this.#locking.clear();
    for (const node of [...this.#kept.keys(), ...this.#attempts.nodes]) {
      if (OPEN.has(this.#schedule.state(node))) this.#cancel(node);
    }
    this.#wakeUp();
  }

  /** Goes on without the tasks that were asked to stop and have not. */
  #endGrace(): void {
    const late = [...this.#running].filter(([node]) => !this.#callingOff.has(node));
    const deaf = late.filter(([, { isStoring }]) => !isStoring).map(([node]) => node);
    if (deaf.length > 0) {
      this.#warn(
        `The build did not wait for ${
          this.#named(deaf)
        }: asked to stop, they went on for more than ${this.#settings.gracePeriod} ms. Have run() heed its signal`,
      );
    }
    const { reason } = this.#stop.signal;
    for (const [node, context] of late) this.#leaveBehind(node, context, reason);
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

  /** Waits for the clean-ups, for a grace period at most. */
  async #cleanedUp(): Promise<void> {
    if (this.#cleaningUp.size === 0) return;
    this.#stop.startGrace();
    await Promise.race([Promise.all(this.#cleaningUp.values()), this.#stop.graceEnd]);
    if (this.#cleaningUp.size > 0) {
      this.#warn(
        `The build did not wait for the clean-up of ${
          this.#named([...this.#cleaningUp.keys()])
        }: it took more than ${this.#settings.gracePeriod} ms`,
      );
    }
  }

  #named(nodes: readonly number[]): string {
    const names = nodes.slice(0, MOST_NAMED).map((node) => String(this.#schedule.task(node)));
    const more = nodes.length - MOST_NAMED;
    return names.join(", ") + (more > 0 ? ` and ${more} more` : "");
  }

  /** Whether anybody is told what happens to each task. */
  get #isWatched(): boolean {
    return this.#recorder !== undefined || this.#reporters.wantTaskEvents;
  }

  #tell(event: TaskEvent): void {
    this.#recorder?.record(event);
    this.#reporters.taskEvent(event);
  }

  #warn(message: string): void {
    this.#warnings.push(message);
    this.#reporters.warned(message);
  }

  get #buildId(): string {
    return this.#recorder?.buildId ?? this.#settings.resumeBuildId ?? NIL_BUILD_ID;
  }

  get #status(): BuildStatus {
    const { counts, size } = this.#schedule;
    if (counts.failed > 0) return "failure";
    if (counts.complete === size) return "success";
    return this.#hasExitedEarly ? "exit_early" : "cancelled";
  }

  #summary(duration: number): BuildSummary {
    const schedule = this.#schedule;
    return new BuildSummary({
      status: this.#status,
      taskCount: countsOf(this.#progress),
      errors: this.#errors,
      warnings: this.#warnings,
      duration,
      retried: this.#retried,
      buildId: this.#buildId,
      reason: this.#stop.reason,
      tasks: () => resultsOf(schedule, this.#errors, this.#lastErrors),
    });
  }
}

/** What is wrong with the surroundings or the code stays wrong. */
function isRetriable(error: unknown, retries: NonNullable<RunPolicy["retries"]>): boolean {
  const lasting = [PermissionError, Deno.errors.NotCapable, ConfigError, TaskVersionError];
  return !lasting.some((type) => error instanceof type) && retries.isRetriable(error);
}
