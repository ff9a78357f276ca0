/**
 * Shows a build on a terminal: looks at its progress now and then, so that the build pays nothing for being watched.
 * Unaware of how lines get to their place.
 *
 * @module
 */

import { messageOf, type TaskFailedError } from "../errors.ts";
import type { AnyTask } from "../tasks/task.ts";
import { formatElapsed, formatEstimate } from "../duration.ts";
import { Pace } from "./pace.ts";
import {
  failureText,
  type Look,
  outputText,
  type Paint,
  summaryText,
  warningText,
} from "./paint.ts";
import { count, ended, oneAtATime, toRun } from "./plain_reporter.ts";
import type { BuildProgress, Reporter } from "../builders/reporter.ts";
import type { ReporterOutput } from "./reporter_output.ts";
import { BuildSummary } from "../builders/summary.ts";
import { type Room, type Section, Terminal } from "./terminal.ts";
import { printableLine } from "./text_width.ts";

/** How many of the running tasks are shown, and after how many milliseconds: what is over at once only flickers. */
const MOST_RUNNING = 5;
const LEAST_AGE = 1000;
/** Of how many running tasks the age is known. */
const MOST_WATCHED = 1000;
/** How many failures are printed at one look; where there are more, one for each reason. */
const MOST_FAILURES = 10;
/** After how many writes of others what was printed before is out of sight. */
const OUT_OF_SIGHT = 10;
/** Wider than this, a line is hard to read; narrower than that, tasks are named without namespace. */
const MOST_COLUMNS = 100;
const NARROW = 60;
/** How wide the time so far is in the first minute, and later. */
const SHORT_TIME = "59 s".length;
const LONG_TIME = "59 min 59 s".length;
const LAST_RETRY = "last retry: ";
/** How much of what was thrown is looked at for a line. */
const MOST_CHARACTERS = 500;
const LEAST_BAR = 5;
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
      written: [],
      warnings: [],
      warningsPrinted: 0,
      failuresPrinted: 0,
      othersWrote: undefined,
      error: undefined,
    };
    this.#terminal.add(this);
  }

  onTaskOutput(task: AnyTask, line: string): void {
    this.#current?.written.push(outputText(task, line, this.#paint));
  }

  onWarning(message: string): void {
    this.#current?.warnings.push(message);
  }

  onBuildEnd(summary: BuildSummary): void {
    const current = this.#current;
    if (current === undefined) return;
    // What is still in sight above is not told once more.
    const { othersWrote } = this.#terminal;
    const isAbove = othersWrote - (current.othersWrote ?? othersWrote) <= OUT_OF_SIGHT;
    this.#end([
      ...current.written,
      ...(isAbove ? this.#news(current) : []),
      summaryText(isAbove ? withoutNews(summary, current) : summary, this.#paint),
    ]);
    const error = current.error ?? this.#terminal.error;
    if (error !== undefined) throw error;
  }

  onBuildError(): void {
    const current = this.#current;
    if (current !== undefined) this.#end([...current.written, ...this.#news(current)]);
  }

  look(room: Room): { readonly above: readonly string[]; readonly block: readonly string[] } {
    const current = this.#current!;
    if (current.error === undefined) {
      try {
        const above = [...current.written.splice(0), ...this.#news(current)];
        return { above, block: this.#block(current, room) };
      } catch (error) {
        // What tasks are called, and what they throw, is made by others. Nobody would catch it here.
        current.error = error;
      }
    }
    return { above: [], block: [] };
  }

  #block(current: Current, room: Room): string[] {
    const columns = Math.min(room.columns, MOST_COLUMNS);
    const now = Date.now();
    const { progress, pace } = current;
    if (progress.phase === "building") pace.look(now, ended(progress), toRun(progress));
    const block = [
      this.#title(current, now, columns, room),
      this.#counts(current, columns, room),
      this.#lastRetry(current, columns, room),
    ].filter((line) => line !== "");
    const most = Math.max(0, Math.min(MOST_RUNNING, room.rows - block.length - 1));
    block.push(...this.#running(current, now, most, columns, room));
    return block;
  }

  #end(lines: readonly string[]): void {
    this.#current = undefined;
    this.#terminal.remove(this, lines);
  }

  /** The warnings and failures that have come since the last look. */
  #news(current: Current): string[] {
    const { errors } = current.progress;
    const lines = [
      ...current.warnings.slice(current.warningsPrinted)
        .map((warning) => warningText(warning, this.#paint)),
      ...this.#failures(errors.slice(current.failuresPrinted)),
    ];
    current.warningsPrinted = current.warnings.length;
    current.failuresPrinted = errors.length;
    if (lines.length > 0) current.othersWrote ??= this.#terminal.othersWrote;
    return lines;
  }

  #failures(errors: readonly TaskFailedError[]): string[] {
    if (errors.length <= MOST_FAILURES) return errors.map((each) => failureText(each, this.#paint));
    const reasons = [...Map.groupBy(errors, ({ cause }) => messageOf(cause)).values()];
    const shown = reasons.slice(0, MOST_FAILURES);
    const lines = shown.flatMap((same) => {
      const text = failureText(same[0]!, this.#paint);
      return same.length === 1
        ? [text]
        : [text, `... and ${count(same.length - 1)} more for the same reason`];
    });
    const more = errors.length - shown.flat().length;
    return more === 0
      ? lines
      : [...lines, `... and ${count(more)} more ${more === 1 ? "failure" : "failures"}`];
  }

  /** What is done, how far it is, and for how long. */
  #title({ progress, start }: Current, now: number, columns: number, { measure }: Room): string {
    const elapsed = this.#paint(formatElapsed(now - start), "dim");
    const title = progress.phase === "recording"
      ? this.#paint("Telling the registry", "bold")
      : progress.isStopping
      ? this.#paint("Stopping", "yellow", "bold")
      : progress.phase === "discovering"
      ? this.#paint("Looking for what is missing", "bold")
      : this.#paint("Building", "bold");
    if (progress.phase !== "building") {
      return joined([[title, 0], [elapsed, 1]], "  ", columns, measure);
    }
    const total = count(toRun(progress));
    const done = `${count(ended(progress)).padStart(total.length)}/${total}`;
    // The bar keeps its place while the numbers grow.
    const reserved = now - start < 60_000 ? SHORT_TIME : LONG_TIME;
    const room = columns - measure.width(`${title}    ${done}  `) - reserved;
    const bar = room < LEAST_BAR ? "" : this.#bar(progress, Math.min(room, MOST_BAR));
    return joined([[title, 1], [bar, 0], [done, 0], [elapsed, 2]], "  ", columns, measure);
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
      const found = `${count(progress.discovered)} tasks found`;
      const complete = `${count(progress.previouslyCompleted)} complete`;
      return this.#paint(joined([[found, 0], [complete, 1]], ", ", columns, measure), "dim");
    }
    const part = (tasks: number, what: string, ...looks: Look[]): string =>
      tasks === 0 ? "" : this.#paint(`${count(tasks)} ${what}`, ...looks);
    const isBuilding = progress.phase === "building";
    const knowsTimeLeft = isBuilding && pace.timeLeft !== undefined && progress.suspended === 0 &&
      !progress.isStopping;
    const waiting = progress.pending + progress.suspended - progress.waitingForLock;
    // As a person reads them; the number says which of them are left out first where there is no room.
    return joined(
      [
        [part(progress.running, "running"), 1],
        [part(progress.failed, "failed", "red"), 0],
        [part(progress.skipped, "skipped", "red"), 3],
        [part(progress.waitingForLock, "locked by others", "yellow"), 2],
        [part(waiting, "waiting"), 2],
        [part(progress.retried, "retried", "yellow"), 5],
        [isBuilding && pace.rate !== undefined ? formatRate(pace.rate) : "", 6],
        [knowsTimeLeft ? `${formatEstimate(pace.timeLeft ?? 0)} left` : "", 4],
      ],
      ", ",
      columns,
      measure,
    );
  }

  /** Why a task is tried again. */
  #lastRetry({ progress }: Current, columns: number, { measure }: Room): string {
    if (progress.lastRetry === undefined || progress.phase !== "building") return "";
    const { task, error } = progress.lastRetry;
    const reason = printableLine(String(messageOf(error)).slice(0, MOST_CHARACTERS));
    const cells = columns - LAST_RETRY.length;
    // The reason is what one wants to know: half of the line is its own, all of it where that is short.
    const half = Math.floor(cells / 2);
    const left = cells - Math.min(half, measure.width(reason)) - 2;
    const name = columns < NARROW ? "" : `${measure.fit(calledIn(columns, task), left)}: `;
    return this.#paint(measure.fit(`${LAST_RETRY}${name}${reason}`, columns), "dim");
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
    const cells = columns - indent - 2;
    const lines = shown.map(([task], i) => {
      const name = measure.fit(calledIn(columns, task), cells);
      return `${this.#paint(ages[i]!.padStart(indent), "dim")}  ${name}`;
    });
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
  /** What tasks wrote in workers and is not yet printed. */
  readonly written: string[];
  readonly warnings: string[];
  /** When the running tasks were first seen. */
  since: ReadonlyMap<AnyTask, number>;
  /** How many of the warnings and failures stand above the block. */
  warningsPrinted: number;
  failuresPrinted: number;
  /** How often others had written when the first of them was printed. */
  othersWrote: number | undefined;
  /** Why it is not shown any more. */
  error: unknown;
}

/** The summary without what has been printed. */
function withoutNews(summary: BuildSummary, { warnings }: Current): BuildSummary {
  return new BuildSummary({
    ...summary,
    errors: [],
    warnings: summary.warnings.filter((warning) => !warnings.includes(warning)),
    tasks: () => summary.tasks(),
  });
}

/** The parts that are not empty, in this order, without those of the highest numbers where there is no room; one stays. */
function joined(
  parts: readonly (readonly [text: string, rank: number])[],
  separator: string,
  columns: number,
  { width }: Room["measure"],
): string {
  let left = parts.filter(([text]) => text !== "");
  for (;;) {
    const line = left.map(([text]) => text).join(separator);
    if (left.length <= 1 || width(line) <= columns) return line;
    const last = Math.max(...left.map(([, rank]) => rank));
    left = left.filter(([, rank]) => rank < last);
  }
}

/** The task as text: where that is narrow, less what comes before the name of its type. */
function calledIn(columns: number, task: AnyTask): string {
  const name = printableLine(String(task));
  return columns < NARROW ? name.replace(/^[^(]*\./, "") : name;
}

function formatRate(perSecond: number): string {
  if (perSecond >= 10) return `${count(Math.round(perSecond))}/s`;
  return perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${Math.ceil(perSecond * 60)}/min`;
}
