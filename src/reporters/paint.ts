/**
 * Colours of a terminal.
 *
 * @module
 */

import type { BuildSummary } from "../builders/summary.ts";
import type { TaskFailedError } from "../errors.ts";
import { shortName } from "../tasks/describe_task.ts";
import type { AnyTask } from "../tasks/task.ts";
import { printable, printableLine } from "./text_width.ts";

/** The looks of text. */
export type Look = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Gives the text that look, or leaves it as it is. */
export type Paint = (text: string, ...looks: readonly Look[]) => string;

/** Paints, or does not. */
export function paintOf(color: boolean): Paint {
  if (!color) return (text) => text;
  return (text, ...looks) =>
    text === "" ? "" : `\x1b[${looks.map((look) => CODES[look]).join(";")}m${text}\x1b[0m`;
}

const CODES: Readonly<Record<Look, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  cyan: 36,
};

/** A failure, to be printed. */
export function failureText({ message, location }: TaskFailedError, paint: Paint): string {
  const text = printable(message);
  const short = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text;
  const place = location === undefined
    ? ""
    : `\n  ${paint(`at ${printableLine(location)}`, "dim")}`;
  return `${paint("error", "red", "bold")}: ${short}${place}`;
}

const MOST_CHARACTERS = 600;

/** A warning, to be printed. */
export function warningText(message: string, paint: Paint): string {
  return `${paint("warning", "yellow", "bold")}: ${printable(message)}`;
}

/** A line that a task wrote in a worker, to be printed. */
export function outputText(task: AnyTask, line: string, paint: Paint): string {
  return `${paint(`${printableLine(shortName(task))}:`, "dim")} ${printableLine(line)}`;
}

/** How a build ended, to be printed. */
export function summaryText(summary: BuildSummary, paint: Paint): string {
  const look = summary.status === "success"
    ? "green"
    : summary.status === "failure"
    ? "red"
    : "yellow";
  return printable(String(summary)).replace(
    /^Build (?:exited early|\w+)/,
    (title) => paint(title, look, "bold"),
  );
}
