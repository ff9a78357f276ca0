/**
 * Rows as aligned lines of text. Unaware of what they say.
 *
 * @module
 */

import { visible } from "../json.ts";

/** The head and the rows, indented by two; columns of numbers are aligned to the right. */
export function tableText(
  head: readonly string[],
  cells: readonly (readonly (string | number)[])[],
): readonly string[] {
  const rows = cells.map((row) =>
    row.map((cell) => typeof cell === "string" ? visible(cell) : cell)
  );
  const widths = head.map((title, i) =>
    rows.reduce((width, row) => Math.max(width, String(row[i]).length), title.length)
  );
  const isNumber = head.map((_, i) => typeof rows[0]?.[i] === "number");
  return [head, ...rows].map((row) =>
    row.map((cell, i) =>
      isNumber[i] ? String(cell).padStart(widths[i]!) : String(cell).padEnd(widths[i]!)
    ).join("  ").trimEnd()
  ).map((line) => `  ${line}`);
}
