/**
 * What a build tells when it has ended. Unaware of how it was done.
 *
 * @module
 */

import { formatDuration } from "../duration.ts";
import { InterruptedError, messageOf, type TaskFailedError } from "../errors.ts";
import type { AnyTask } from "../tasks/task.ts";

/** How a build ended. */
export type BuildStatus =
  /** All tasks asked for are complete. */
  | "success"
  /** Some task failed. */
  | "failure"
  /** All that was left to do is done by other builds, which were not waited for. */
  | "exit_early"
  /** It was stopped from outside. */
  | "cancelled";

/** How many tasks ended how: `discovered` is the sum of all the others. */
export interface TaskCount {
  /** Tasks that the build has seen: those asked for, and what they require down to what was complete. */
  readonly discovered: number;
  /** Complete before the build looked, or before it got to them: others have completed them. */
  readonly previouslyCompleted: number;
  /** Ran, and are complete. */
  readonly succeeded: number;
  /** Threw, or left no output. */
  readonly failed: number;
  /** Could not run because something they require failed. */
  readonly skipped: number;
  /** Had begun when the build was stopped, and did not end: ran, were suspended, or waited for their next attempt. */
  readonly cancelled: number;
  /** Had not begun when the build was stopped, or exited early. */
  readonly pending: number;
}

/** How one task ended. */
export interface TaskResult {
  /** The task. */
  readonly task: AnyTask;
  /** How it ended: the members of `TaskCount`. */
  readonly state: Exclude<keyof TaskCount, "discovered">;
  /** For a skipped task: the one that failed. */
  readonly because?: AnyTask;
  /** For a failed task its `TaskFailedError`; for a cancelled one what its last attempt threw, if one failed. */
  readonly error?: unknown;
}

/** What a summary is made of. */
export type BuildSummaryDetails =
  & Pick<
    BuildSummary,
    | "status"
    | "taskCount"
    | "errors"
    | "warnings"
    | "duration"
    | "retried"
    | "buildId"
    | "reason"
  >
  & { tasks(): readonly TaskResult[] };

/** What a build gives: it does not throw when tasks fail. */
export class BuildSummary {
  /** How it ended. */
  readonly status: BuildStatus;
  /** How many tasks ended how. */
  readonly taskCount: TaskCount;
  /** The failures, in the order in which they happened. */
  readonly errors: readonly TaskFailedError[];
  /** What was not as it should be, though the build went on. */
  readonly warnings: readonly string[];
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** How many attempts failed and were followed by another. */
  readonly retried: number;
  /** Its id in the registry; the nil UUID where there is none. */
  readonly buildId: string;
  /** Why it was stopped from outside, when it was. */
  readonly reason: unknown;
  readonly #tasks: () => readonly TaskResult[];

  /** Made by a build. */
  constructor(details: BuildSummaryDetails) {
    this.status = details.status;
    this.taskCount = details.taskCount;
    this.errors = details.errors;
    this.warnings = details.warnings;
    this.duration = details.duration;
    this.retried = details.retried;
    this.buildId = details.buildId;
    this.reason = details.reason;
    this.#tasks = details.tasks;
  }

  /** The first failure: which task, its path from a root, and as `cause` what was thrown. */
  get error(): TaskFailedError | undefined {
    return this.errors[0];
  }

  /**
   * For `Deno.exit()`: 0 when all is complete or left to other builds, 130 when it was interrupted (SIGINT), 143 when it
   * was terminated (SIGTERM), else 1.
   */
  get exitCode(): number {
    if (this.status === "success" || this.status === "exit_early") return 0;
    if (!(this.reason instanceof InterruptedError)) return 1;
    return this.reason.signal === "SIGTERM" ? 143 : 130;
  }

  /** All tasks of the build with how they ended, in the order in which they were found. */
  tasks(): readonly TaskResult[] {
    return this.#tasks();
  }

  /** Throws the first failure, or why the build was stopped; does nothing when all is complete or left to other builds. */
  throwIfFailed(): void {
    if (this.error !== undefined) throw this.error;
    if (this.status === "cancelled") {
      const { reason } = this;
      if (reason instanceof Error) throw reason;
      const why = reason === undefined ? "" : `: ${messageOf(reason)}`;
      throw new DOMException(`The build was cancelled${why}`, "AbortError");
    }
  }

  /** The outcome in a few lines. */
  toString(): string {
    const { discovered, previouslyCompleted, ...counts } = this.taskCount;
    const parts = Object.entries(counts).filter(([, count]) => count > 0).map(([name, count]) =>
      `${count} ${name}`
    );
    const ran = parts.length === 0 ? "nothing to run" : parts.join(", ");
    const was = previouslyCompleted > 0 ? `, ${previouslyCompleted} complete before` : "";
    const again = this.retried > 0 ? `, ${count(this.retried, "retry", "retries")}` : "";
    const lines = [
      `Build ${TITLES[this.status]} in ${formatDuration(this.duration)}: ${ran}${was}${again} (${
        count(discovered, "task", "tasks")
      })`,
    ];
    for (const error of this.errors.slice(0, MOST_ERRORS)) {
      lines.push(`  ${shorten(error.message)}`);
      if (error.location !== undefined) lines.push(`    at ${error.location}`);
    }
    if (this.errors.length > MOST_ERRORS) {
      const more = this.errors.length - MOST_ERRORS;
      lines.push(`  ... and ${count(more, "more failure", "more failures")}`);
    }
    if (this.reason !== undefined && this.status !== "success") {
      lines.push(`  Stopped: ${shorten(messageOf(this.reason))}`);
    }
    if (this.status === "cancelled" || this.status === "exit_early") lines.push(...this.#notDone());
    for (const warning of this.warnings) lines.push(`  Warning: ${shorten(warning)}`);
    return lines.join("\n");
  }

  #notDone(): readonly string[] {
    const lines: string[] = [];
    let more = 0;
    for (const { task, state, error } of this.tasks()) {
      if (state !== "cancelled" && state !== "pending") continue;
      const why = error === undefined ? "" : `, its last attempt failed: ${messageOf(error)}`;
      if (lines.length < MOST_ERRORS) lines.push(`  ${shorten(`Not done: ${task}${why}`)}`);
      else more++;
    }
    if (more > 0) lines.push(`  ... and ${more} more`);
    return lines;
  }

  /** What the console shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

const TITLES: Readonly<Record<BuildStatus, string>> = {
  success: "succeeded",
  failure: "failed",
  exit_early: "exited early",
  cancelled: "cancelled",
};
const MOST_ERRORS = 5;
const MOST_CHARACTERS = 600;

function shorten(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text;
}

/** How many there are of something, in words. */
export function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}
