/**
 * Rows as text that is safe to show, whoever has told what is in them.
 *
 * @module
 */

import { tableText } from "../inspect/table_text.ts";
import { printableLine } from "../reporters/text_width.ts";

/** The head, and a line for each row. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return tableText(head, rows.map((row) => row.map(printableLine))).join("\n");
}
