/**
 * Tells of a build in plain lines: for a pipe, a file, a log of CI. Unaware of terminals.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import type { AnyTask } from "../tasks/task.ts";
import { formatDuration, formatElapsed, formatEstimate } from "../duration.ts";
import { Pace } from "./pace.ts";
import { failureText, outputText, type Paint, summaryText, warningText } from "./paint.ts";
import type { BuildProgress, Reporter, TaskEvent } from "../builders/reporter.ts";
import { type ReporterOutput, TextOutput } from "./reporter_output.ts";
import type { BuildSummary } from "../builders/summary.ts";
import { printableLine } from "./text_width.ts";

/** A build that runs at most so many tasks has a line for each. */
const MOST_LINES = 100;
/** How often it is asked whether it is time for a line about the progress, in milliseconds. */
const INTERVAL = 1000;
const LEAST_SILENCE = 5000;
const MOST_SILENCE = 60_000;

/** Writes a line when something happens. */
export class PlainReporter implements Reporter {
  readonly #text: TextOutput;
  readonly #paint: Paint;
  #current: Current | undefined;

  constructor(output: ReporterOutput, paint: Paint) {
    this.#text = new TextOutput(output);
    this.#paint = paint;
  }

  onBuildStart(progress: BuildProgress): void {
    if (this.#current !== undefined) throw oneAtATime();
    const now = Date.now();
    const timer = setInterval(() => this.#look(), INTERVAL);
    Deno.unrefTimer(timer);
    this.#current = {
      progress,
      timer,
      start: now,
      lastLine: now,
      lastLook: now,
      pace: new Pace(),
      starts: new Map(),
    };
  }

  onDiscoveryEnd(progress: BuildProgress): void {
    const total = toRun(progress);
    if (total === 0) return;
    const { previouslyCompleted } = progress;
    const before = previouslyCompleted > 0 ? `, ${count(previouslyCompleted)} complete before` : "";
    this.#line(`${count(total)} ${total === 1 ? "task" : "tasks"} to run${before}`);
  }

  onTaskEvent(event: TaskEvent): void {
    const current = this.#current;
    if (current === undefined) return;
    const { progress, starts } = current;
    switch (event.kind) {
      case "started":
        if (isSmall(progress)) starts.set(event.task, Date.now());
        return;
      case "completed":
        if (isSmall(progress)) this.#tellCompleted(current, event.task);
        return;
      case "retrying": {
        const { task, attempt, delay, error } = event;
        return this.#line(
          `retrying ${printableLine(String(task))} in ${
            formatDuration(delay)
          }, attempt ${attempt} failed: ${printableLine(messageOf(error))}`,
        );
      }
      case "failed":
        return this.#line(failureText(event.error, this.#paint));
      case "waiting_for_lock":
        if (isSmall(progress)) this.#tellLocked(event);
        return;
      case "previously_completed":
      case "suspended":
      case "resumed":
      case "skipped":
      case "cancelled":
        return;
      default:
        event satisfies never;
    }
  }

  #tellLocked({ task, owner }: TaskEvent & { readonly kind: "waiting_for_lock" }): void {
    const who = owner === undefined ? "somebody else" : printableLine(owner);
    this.#line(`waiting for ${printableLine(String(task))}: ${who} has its lock`);
  }

  onTaskOutput(task: AnyTask, line: string): void {
    this.#line(outputText(task, line, this.#paint));
  }

  onWarning(message: string): void {
    this.#line(warningText(message, this.#paint));
  }

  onBuildEnd(summary: BuildSummary): void {
    this.#line(summaryText(summary, this.#paint));
    this.#end();
    if (this.#text.error !== undefined) throw this.#text.error;
  }

  onBuildError(): void {
    this.#end();
  }

  #end(): void {
    clearInterval(this.#current?.timer);
    this.#current = undefined;
  }

  #tellCompleted({ progress, starts }: Current, task: AnyTask): void {
    const start = starts.get(task);
    starts.delete(task);
    const took = start === undefined ? "" : ` (${formatDuration(Date.now() - start)})`;
    this.#line(`[${ended(progress)}/${toRun(progress)}] ${printableLine(String(task))}${took}`);
  }

  /** Writes a line about the progress when it is time: the longer the build takes, the more seldom. */
  #look(): void {
    const current = this.#current;
    if (current === undefined) return;
    const { progress, pace, start } = current;
    const { phase } = progress;
    const now = Date.now();
    if (phase === "building") pace.look(now, ended(progress), toRun(progress));
    const pause = Math.min(MOST_SILENCE, Math.max(LEAST_SILENCE, (now - start) / 20));
    const isDue = phase !== "building"
      ? now - current.lastLine >= pause
      : isSmall(progress)
      ? now - current.lastLine >= MOST_SILENCE
      : now - current.lastLook >= pause;
    if (!isDue) return;
    current.lastLook = now;
    if (phase === "recording") {
      return this.#line(`telling the registry, ${formatElapsed(now - start)}`);
    }
    if (phase === "discovering") {
      return this.#line(
        `looking for what is missing: ${count(progress.discovered)} tasks found`,
      );
    }
    const parts = [
      `${count(ended(progress))}/${count(toRun(progress))} done`,
      `${count(progress.running)} running`,
    ];
    if (progress.failed > 0) parts.push(`${count(progress.failed)} failed`);
    if (progress.skipped > 0) parts.push(`${count(progress.skipped)} skipped`);
    if (progress.waitingForLock > 0) {
      parts.push(`${count(progress.waitingForLock)} locked by others`);
    }
    if (progress.retried > 0) parts.push(`${count(progress.retried)} retried`);
    parts.push(formatElapsed(now - start));
    if (pace.timeLeft !== undefined && progress.suspended === 0 && !progress.isStopping) {
      parts.push(`${formatEstimate(pace.timeLeft)} left`);
    }
    this.#line(parts.join(", "));
  }

  #line(text: string): void {
    if (this.#current !== undefined) this.#current.lastLine = Date.now();
    this.#text.write(`${text}\n`);
  }
}

/** The build that is told of. */
interface Current {
  readonly progress: BuildProgress;
  readonly timer: ReturnType<typeof setInterval>;
  readonly start: number;
  readonly pace: Pace;
  readonly starts: Map<AnyTask, number>;
  /** When a line was written, and when one about the progress. */
  lastLine: number;
  lastLook: number;
}

function isSmall(progress: BuildProgress): boolean {
  return toRun(progress) <= MOST_LINES;
}

/** How many tasks there are that were not complete before. */
export function toRun({ discovered, previouslyCompleted }: BuildProgress): number {
  return discovered - previouslyCompleted;
}

/** How many of them have ended, one way or another. */
export function ended({ succeeded, failed, skipped, cancelled }: BuildProgress): number {
  return succeeded + failed + skipped + cancelled;
}

/** A number of tasks, e.g. `1,204`. */
export function count(tasks: number): string {
  return String(tasks).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Thrown where a reporter is given to a build while it watches another. */
export function oneAtATime(): TypeError {
  return new TypeError(
    "Cannot watch two builds at once with one reporter: make a reporter for each",
  );
}
