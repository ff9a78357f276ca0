/**
 * Shows a build on a terminal: looks at its progress now and then, so that the build pays nothing for being watched.
 * Unaware of how lines get to their place.
 *
 * @module
 */

import type { AnyTask } from "../tasks/task.ts";
import { formatElapsed, formatEstimate } from "./duration.ts";
import { Pace } from "./pace.ts";
import { failureText, type Look, type Paint, summaryText, warningText } from "./paint.ts";
import { count, ended, oneAtATime, toRun } from "./plain_reporter.ts";
import type { BuildProgress, Reporter } from "./reporter.ts";
import type { ReporterOutput } from "./reporter_output.ts";
import type { BuildSummary } from "./summary.ts";
import { type Room, type Section, Terminal } from "./terminal.ts";
import { printableLine } from "./text_width.ts";

/** How many of the running tasks are shown, and after how many milliseconds: what is over at once only flickers. */
const MOST_RUNNING = 5;
const LEAST_AGE = 500;
/** Of how many running tasks the age is known. */
const MOST_WATCHED = 1000;
/** How many failures are printed at one look. */
const MOST_FAILURES = 10;
/** Wider than this, a line is hard to read. */
const MOST_COLUMNS = 100;
const LEAST_BAR = 8;
const MOST_BAR = 40;

/** Shows the build in a section of the terminal. */
export class LiveReporter implements Reporter, Section {
  readonly #terminal: Terminal;
  readonly #paint: Paint;
  #current: Current | undefined;

  constructor(output: ReporterOutput, paint: Paint) {
    this.#terminal = Terminal.of(output);
    this.#paint = paint;
  }

  onBuildStart(progress: BuildProgress): void {
    if (this.#current !== undefined) throw oneAtATime();
    this.#current = {
      progress,
      start: Date.now(),
      pace: new Pace(),
      since: new Map(),
      warnings: [],
      failures: 0,
      othersWrote: 0,
    };
    this.#terminal.add(this);
  }

  onWarning(message: string): void {
    this.#current?.warnings.push(warningText(message, this.#paint));
  }

  onBuildEnd(summary: BuildSummary): void {
    const current = this.#current;
    if (current === undefined) return;
    const lines = current.warnings.splice(0);
    const text = summaryText(summary, this.#paint);
    if (current.failures === 0 || current.othersWrote !== this.#terminal.othersWrote) {
      lines.push(text);
    } else {
      // The failures stand right above: not once more.
      lines.push(...this.#failures(current), text.split("\n", 1)[0]!);
    }
    this.#end(lines);
  }

  onBuildError(): void {
    this.#end(this.#current?.warnings ?? []);
  }

  look(room: Room): { readonly above: readonly string[]; readonly block: readonly string[] } {
    const current = this.#current!;
    const above = [...current.warnings.splice(0), ...this.#failures(current)];
    const columns = Math.min(room.columns, MOST_COLUMNS);
    const now = Date.now();
    const { progress, pace } = current;
    if (progress.phase === "building") pace.look(now, ended(progress), toRun(progress));
    const block = [this.#title(current, now, columns, room), this.#counts(current, columns, room)];
    const most = Math.min(MOST_RUNNING, room.rows - block.length - 1);
    block.push(...this.#running(current, now, most, columns, room));
    return { above, block: block.filter((line) => line !== "") };
  }

  #end(lines: readonly string[]): void {
    if (this.#current === undefined) return;
    this.#current = undefined;
    this.#terminal.remove(this, lines);
  }

  /** The failures that have come since the last look. */
  #failures(current: Current): string[] {
    const { errors } = current.progress;
    const fresh = errors.length - current.failures;
    if (fresh <= 0) return [];
    if (current.failures === 0) current.othersWrote = this.#terminal.othersWrote;
    const lines = errors.slice(current.failures, current.failures + MOST_FAILURES)
      .map((error) => failureText(error, this.#paint));
    if (fresh > MOST_FAILURES) lines.push(`... and ${count(fresh - MOST_FAILURES)} more failures`);
    current.failures = errors.length;
    return lines;
  }

  /** What is done, how far it is, and for how long. */
  #title({ progress, start }: Current, now: number, columns: number, { measure }: Room): string {
    const elapsed = this.#paint(formatElapsed(now - start), "dim");
    const title = progress.isStopping
      ? this.#paint("Stopping", "yellow", "bold")
      : progress.phase === "discovering"
      ? this.#paint("Looking for what is missing", "bold")
      : this.#paint("Building", "bold");
    if (progress.phase === "discovering") return joined([title, elapsed], "  ", columns, measure);
    const done = `${count(ended(progress))}/${count(toRun(progress))}`;
    const room = columns - measure.width(`${title}    ${done}  ${elapsed}`);
    const bar = room < LEAST_BAR ? "" : this.#bar(progress, Math.min(room, MOST_BAR));
    return joined([title, bar, done, elapsed], "  ", columns, measure);
  }

  #bar(progress: BuildProgress, cells: number): string {
    const total = Math.max(1, toRun(progress));
    const done = Math.floor(ended(progress) / total * cells);
    const lost = ended(progress) - progress.succeeded;
    const red = Math.min(done, Math.ceil(lost / total * cells));
    return this.#paint("\u2501".repeat(done - red), "green") +
      this.#paint("\u2501".repeat(red), "red") +
      this.#paint("\u2500".repeat(cells - done), "dim");
  }

  /** How many tasks are in which state, and how fast it goes: as much of it as fits. */
  #counts({ progress, pace }: Current, columns: number, { measure }: Room): string {
    if (progress.phase === "discovering") {
      return this.#paint(
        `${count(progress.discovered)} tasks found, ${
          count(progress.previouslyCompleted)
        } complete`,
        "dim",
      );
    }
    const part = (tasks: number, what: string, ...looks: Look[]): string =>
      tasks === 0 ? "" : this.#paint(`${count(tasks)} ${what}`, ...looks);
    const knowsTimeLeft = pace.timeLeft !== undefined && progress.suspended === 0 &&
      !progress.isStopping;
    const parts = [
      part(progress.running, "running"),
      part(progress.failed, "failed", "red"),
      part(progress.skipped, "skipped", "red"),
      part(progress.pending + progress.suspended, "waiting"),
      knowsTimeLeft ? `about ${formatEstimate(pace.timeLeft ?? 0)} left` : "",
      part(progress.retried, "retried", "yellow"),
      pace.rate === undefined ? "" : formatRate(pace.rate),
    ];
    return joined(parts, ", ", columns, measure);
  }

  /** The tasks that have been running longest. */
  #running(
    current: Current,
    now: number,
    most: number,
    columns: number,
    { measure }: Room,
  ): string[] {
    const since = new Map<AnyTask, number>();
    for (const task of current.progress.runningTasks()) {
      if (since.size === MOST_WATCHED) break;
      since.set(task, current.since.get(task) ?? now);
    }
    current.since = since;
    const shown = [...since].filter(([, start]) => now - start >= LEAST_AGE).slice(0, most);
    if (shown.length === 0) return [];
    const ages = shown.map(([, start]) => formatElapsed(now - start));
    const indent = Math.max(...ages.map((age) => age.length)) + 2;
    const lines = shown.map(([task], i) =>
      `${this.#paint(ages[i]!.padStart(indent), "dim")}  ${
        measure.fit(printableLine(String(task)), columns - indent - 2)
      }`
    );
    const more = current.progress.running - shown.length;
    if (more > 0) {
      lines.push(this.#paint(`${" ".repeat(indent)}  ... and ${count(more)} more`, "dim"));
    }
    return lines;
  }
}

/** The build that is shown. */
interface Current {
  readonly progress: BuildProgress;
  readonly start: number;
  readonly pace: Pace;
  /** Printed at the next look. */
  readonly warnings: string[];
  /** When the running tasks were first seen. */
  since: ReadonlyMap<AnyTask, number>;
  /** How many failures have been printed. */
  failures: number;
  /** How often others had written when the first failure was printed. */
  othersWrote: number;
}

/** The first parts, as many as fit; those that are empty are left out. */
function joined(
  parts: readonly string[],
  separator: string,
  columns: number,
  { width }: Room["measure"],
): string {
  let line = "";
  for (const part of parts) {
    if (part === "") continue;
    const longer = line === "" ? part : `${line}${separator}${part}`;
    if (width(longer) <= columns) line = longer;
  }
  return line;
}

function formatRate(perSecond: number): string {
  if (perSecond >= 10) return `${count(Math.round(perSecond))}/s`;
  return perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${Math.ceil(perSecond * 60)}/min`;
}
