/**
 * Verdicts as lines of a table.
 *
 * @module
 */

import type { Goal, Unit, Verdict } from "./bar.ts";

const WIDTHS = [18, 66, 15, 15, 7, 24, 5] as const;

/** The first line. */
export function headings(): string {
  return row(["bar", "what", "figure", "floor", "ratio", "goal", "met"]);
}

/** One verdict. */
export function line({ bar, claim, figure, floor, ratio, met, error }: Verdict): string {
  return row([
    bar,
    claim.what,
    figure === undefined ? "failed" : number(figure, claim.unit),
    floor === undefined ? "" : number(floor, claim.unit),
    ratio === undefined ? "" : ratio.toFixed(2),
    (claim.goals ?? []).map((goal) => goalText(goal, claim.unit)).join(", "),
    met === undefined ? "" : met ? "yes" : "NO",
  ]) + (error === undefined ? "" : `\n  ${error.split("\n")[0]}`);
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padEnd(WIDTHS[i]!)).join(" ").trimEnd();
}

function number(value: number, unit: Unit): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}

function goalText(goal: Goal, unit: Unit): string {
  switch (goal.kind) {
    case "at most":
      return `<= ${goal.value} ${unit}`;
    case "ratio":
      return `<= ${goal.value} x`;
    case "above floor":
      return `<= floor + ${goal.value} ${unit}`;
    default:
      throw new Error(`BUG: unknown goal ${JSON.stringify(goal satisfies never)}`);
  }
}
