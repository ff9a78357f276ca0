/**
 * What a build tells when it has ended. Unaware of how it was done.
 *
 * @module
 */

import type { TaskFailedError } from "../errors.ts";

/** How a build ended. */
export type BuildStatus =
  /** All tasks asked for are complete. */
  | "success"
  /** Some task failed. */
  | "failure"
  /** It was stopped from outside. */
  | "cancelled";

/** How many tasks ended how: `discovered` is the sum of all the others. */
export interface TaskCount {
  /** Tasks that the build has seen: those asked for, and what they require down to what was complete. */
  readonly discovered: number;
  /** Complete before the build looked. */
  readonly previouslyCompleted: number;
  /** Ran, and are complete. */
  readonly succeeded: number;
  /** Threw, or left no output. */
  readonly failed: number;
  /** Could not run because something they require failed. */
  readonly skipped: number;
  /** Were under way when the build was stopped. */
  readonly cancelled: number;
  /** Did not get their turn before the build was stopped. */
  readonly pending: number;
}

/** What a build gives: it does not throw when tasks fail. */
export class BuildSummary {
  /** How it ended. */
  readonly status: BuildStatus;
  /** How many tasks ended how. */
  readonly taskCount: TaskCount;
  /** The failures, in the order in which they happened. */
  readonly errors: readonly TaskFailedError[];
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** Why it was stopped from outside, when it was. */
  readonly reason: unknown;

  /** Made by a build. */
  constructor(
    { status, taskCount, errors, duration, reason }: {
      readonly status: BuildStatus;
      readonly taskCount: TaskCount;
      readonly errors: readonly TaskFailedError[];
      readonly duration: number;
      readonly reason?: unknown;
    },
  ) {
    this.status = status;
    this.taskCount = taskCount;
    this.errors = errors;
    this.duration = duration;
    this.reason = reason;
  }

  /** The first failure: which task, its path from a root, and as `cause` what was thrown. */
  get error(): TaskFailedError | undefined {
    return this.errors[0];
  }

  /** Throws the first failure, or why the build was stopped; does nothing when all is complete. */
  throwIfFailed(): void {
    if (this.error !== undefined) throw this.error;
    if (this.status === "cancelled") {
      throw this.reason ?? new DOMException("The build was cancelled", "AbortError");
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
    const lines = [
      `Build ${TITLES[this.status]} in ${
        formatDuration(this.duration)
      }: ${ran}${was} (${discovered} ${discovered === 1 ? "task" : "tasks"})`,
    ];
    for (const error of this.errors.slice(0, MOST_ERRORS)) {
      lines.push(`  ${shorten(error.message)}`);
    }
    if (this.errors.length > MOST_ERRORS) {
      lines.push(`  ... and ${this.errors.length - MOST_ERRORS} more failures`);
    }
    return lines.join("\n");
  }

  /** What the console shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

const TITLES: Readonly<Record<BuildStatus, string>> = {
  success: "succeeded",
  failure: "failed",
  cancelled: "cancelled",
};
const MOST_ERRORS = 5;
const MOST_CHARACTERS = 600;

function shorten(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text;
}

function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
