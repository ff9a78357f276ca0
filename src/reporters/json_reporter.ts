/**
 * Tells of a build to a program: JSON Lines, one for each event. Unaware of who reads them.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import { checkOptions } from "../options.ts";
import type { AnyTask } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import type { BuildProgress, Reporter, TaskEvent } from "../builders/reporter.ts";
import { oneAtATime, toRun } from "./plain_reporter.ts";
import { checkOutput, type ReporterOutput, TextOutput } from "./reporter_output.ts";
import type { BuildStatus, BuildSummary, TaskCount } from "../builders/summary.ts";

/** Lines wait for each other up to so many milliseconds, or characters. */
const LONGEST_WAIT = 100;
const MOST_WAITING = 1 << 16;

/** Options of {@linkcode jsonReporter}. */
export interface JsonReporterOptions {
  /** Where to write; `Deno.stdout` unless told. */
  readonly output?: ReporterOutput | undefined;
}

/**
 * A line of {@linkcode jsonReporter}. `time` is when it happened, as in `2026-01-31T12:00:00.000Z`; durations are in ms.
 * What tasks print to stdout is no such line, and stands before one where it has not ended its own.
 */
export type BuildEventLine =
  & { readonly time: string }
  & (
    | { readonly event: "build_started" }
    /** It is known what is to be built, but for what tasks will yield. */
    | {
      readonly event: "build_planned";
      readonly discovered: number;
      readonly previouslyCompleted: number;
      readonly toRun: number;
    }
    /** It was complete when the build looked, or when it got to it. */
    | { readonly event: "task_previously_completed" } & TaskOfLine
    /** Somebody else has its lock. */
    | { readonly event: "task_waiting_for_lock"; readonly owner?: string | undefined } & TaskOfLine
    | { readonly event: "task_started"; readonly attempt: number } & TaskOfLine
    /** It waits for the tasks with these ids. */
    | { readonly event: "task_suspended"; readonly requires: readonly string[] } & TaskOfLine
    | { readonly event: "task_resumed" } & TaskOfLine
    /** An attempt failed; the next begins after `delay`. */
    | {
      readonly event: "task_retrying";
      readonly attempt: number;
      readonly delay: number;
      readonly error: ErrorOfLine;
    } & TaskOfLine
    /** `duration` is that of its last attempt, with the time in which it was suspended. */
    | { readonly event: "task_completed"; readonly duration: number | null } & TaskOfLine
    /** `attempt` is 0 when it could not even begin. */
    | {
      readonly event: "task_failed";
      readonly attempt: number;
      readonly duration: number | null;
      readonly error: ErrorOfLine;
    } & TaskOfLine
    /** The task with the id `because`, which it requires, failed; `attempt` is 0 when it had not begun. */
    | {
      readonly event: "task_skipped";
      readonly attempt: number;
      readonly because: string;
    } & TaskOfLine
    | { readonly event: "task_cancelled"; readonly duration: number | null } & TaskOfLine
    /** It wrote a line to its console, in a worker. */
    | { readonly event: "task_output"; readonly line: string } & TaskOfLine
    | { readonly event: "warning"; readonly message: string }
    | {
      readonly event: "build_ended";
      readonly buildId: string;
      readonly status: BuildStatus;
      readonly duration: number;
      readonly taskCount: TaskCount;
      /** How many attempts failed and were followed by another. */
      readonly retried: number;
      readonly warnings: readonly string[];
      /** Why it was stopped from outside, when it was. */
      readonly reason: ErrorOfLine | null;
    }
    /** In place of `build_ended`: the build could not tell what to do. */
    | { readonly event: "build_error"; readonly error: ErrorOfLine }
  );

/** The task that a line is about. */
export interface TaskOfLine {
  /** Its id. */
  readonly taskId: string;
  /** Namespace and name of its type, e.g. `my_pipeline.get_sum`. */
  readonly taskType: string;
  /** The task as text, e.g. `my_pipeline.get_range(limit=4) 00665fbb`. */
  readonly task: string;
}

/** What was thrown. */
export interface ErrorOfLine {
  /** Name of its class; the type of what was thrown where that is no error. */
  readonly name: string;
  /** What it says. */
  readonly message: string;
  /** Where it comes from; `null` where that is not known. */
  readonly stack: string | null;
}

/**
 * Writes a line of JSON for each thing that happens in a build, as {@linkcode BuildEventLine} tells.
 *
 * Lines are written whole, within 100 ms, and at once when something fails. When nobody reads any more, as after
 * `| head`, the build goes on. Stdout is shared with what tasks print there: where they do, give another `output`. Needs
 * no permission. Serves one build at a time.
 *
 * @example
 * ```ts ignore
 * using output = await Deno.open("build.jsonl", { write: true, create: true, truncate: true });
 * await sd.build(task, { reporter: sd.jsonReporter({ output }) });
 * ```
 */
export function jsonReporter(options: JsonReporterOptions = {}): Reporter {
  checkOptions(options, ["output"], "make a jsonReporter");
  const { output = Deno.stdout } = options;
  checkOutput(output, "make a jsonReporter", "Deno.stdout");
  return new JsonReporter(output);
}

class JsonReporter implements Reporter {
  readonly #text: TextOutput;
  /** The tasks under way: when they began, and how they are told. */
  readonly #underWay = new Map<AnyTask, { readonly start: number; readonly told: TaskOfLine }>();
  #isWatching = false;
  #waiting = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #time = { now: NaN, text: "" };
  readonly #flush = (): void => this.#flushed();

  constructor(output: ReporterOutput) {
    this.#text = new TextOutput(output);
  }

  onBuildStart(_progress: BuildProgress): void {
    if (this.#isWatching) {
      throw oneAtATime();
    }
    this.#isWatching = true;
    // A process that is ended in the middle of a build has told all that happened.
    globalThis.addEventListener("unload", this.#flush);
    this.#line({ time: this.#now(), event: "build_started" });
  }

  onDiscoveryEnd(progress: BuildProgress): void {
    const { discovered, previouslyCompleted } = progress;
    this.#line({
      time: this.#now(),
      event: "build_planned",
      discovered,
      previouslyCompleted,
      toRun: toRun(progress),
    });
  }

  onTaskEvent(event: TaskEvent): void {
    const time = this.#now();
    const { task } = event;
    switch (event.kind) {
      case "previously_completed":
        return this.#line({ time, event: "task_previously_completed", ...told(task) });
      case "waiting_for_lock":
        return this.#line({
          time,
          event: "task_waiting_for_lock",
          ...told(task),
          owner: event.owner,
        });
      case "started": {
        const about = told(task);
        this.#underWay.set(task, { start: this.#time.now, told: about });
        return this.#line({ time, event: "task_started", ...about, attempt: event.attempt });
      }
      case "suspended": {
        const requires = event.requires.map(({ id }) => id);
        return this.#line({ time, event: "task_suspended", ...told(task), requires });
      }
      case "resumed":
        return this.#line({ time, event: "task_resumed", ...told(task) });
      case "retrying": {
        const { told } = this.#ended(task);
        const { attempt, delay } = event;
        const error = thrown(event.error);
        this.#line({ time, event: "task_retrying", ...told, attempt, delay, error });
        return this.#flushed();
      }
      case "completed": {
        const { told, duration } = this.#ended(task);
        return this.#line({ time, event: "task_completed", ...told, duration });
      }
      case "failed": {
        const { told, duration } = this.#ended(task);
        const { attempt } = event;
        const error = thrown(event.error.cause);
        this.#line({ time, event: "task_failed", ...told, attempt, duration, error });
        return this.#flushed();
      }
      case "skipped": {
        const { told } = this.#ended(task);
        const { attempt, because } = event;
        return this.#line({ time, event: "task_skipped", ...told, attempt, because: because.id });
      }
      case "cancelled": {
        const { told, duration } = this.#ended(task);
        return this.#line({ time, event: "task_cancelled", ...told, duration });
      }
      default:
        event satisfies never;
    }
  }

  onTaskOutput(task: AnyTask, line: string): void {
    this.#line({ time: this.#now(), event: "task_output", ...told(task), line });
  }

  onWarning(message: string): void {
    this.#line({ time: this.#now(), event: "warning", message });
  }

  onBuildEnd(summary: BuildSummary): void {
    const { buildId, status, duration, taskCount, retried, warnings, reason } = summary;
    this.#end({
      time: this.#now(),
      event: "build_ended",
      buildId,
      status,
      duration: Math.round(duration),
      taskCount,
      retried,
      warnings,
      reason: reason === undefined ? null : thrown(reason),
    });
  }

  onBuildError(error: unknown): void {
    this.#end({ time: this.#now(), event: "build_error", error: thrown(error) });
  }

  #end(line: BuildEventLine): void {
    this.#line(line);
    this.#isWatching = false;
    this.#underWay.clear();
    globalThis.removeEventListener("unload", this.#flush);
    this.#flushed();
    if (this.#text.error !== undefined) throw this.#text.error;
  }

  #line(line: BuildEventLine): void {
    this.#waiting += `${JSON.stringify(line)}\n`;
    if (this.#waiting.length >= MOST_WAITING) return this.#flushed();
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(this.#flush, LONGEST_WAIT);
    Deno.unrefTimer(this.#timer);
  }

  #flushed(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#waiting;
    this.#waiting = "";
    if (text !== "") this.#text.write(text);
  }

  /** The task is no longer under way. */
  #ended(task: AnyTask): { readonly told: TaskOfLine; readonly duration: number | null } {
    const began = this.#underWay.get(task);
    this.#underWay.delete(task);
    return began === undefined
      ? { told: told(task), duration: null }
      : { told: began.told, duration: this.#time.now - began.start };
  }

  /** The time as text; many events have the same one. */
  #now(): string {
    const now = Date.now();
    if (now !== this.#time.now) this.#time = { now, text: new Date(now).toISOString() };
    return this.#time.text;
  }
}

function told(task: AnyTask): TaskOfLine {
  return { taskId: task.id, taskType: taskTypeOf(task).id, task: String(task) };
}

function thrown(error: unknown): ErrorOfLine {
  return error instanceof Error
    ? { name: error.name, message: messageOf(error), stack: error.stack ?? null }
    : { name: typeof error, message: messageOf(error), stack: null };
}
