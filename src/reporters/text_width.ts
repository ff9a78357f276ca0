/**
 * Text in the cells of a terminal: how wide it is, the part of it that fits, what is safe to show. Unaware of what it says.
 *
 * @module
 */

/** Measures text in cells: CJK and emoji take two, colours none. */
export interface Measure {
  /** How many cells the text takes. */
  width(text: string): number;
  /** The text where it fits, else its beginning and an ellipsis. Without colours. */
  fit(text: string, cells: number): string;
}

/** Loaded when it is needed: only a terminal needs it. */
export async function loadMeasure(): Promise<Measure> {
  // deno-lint-ignore no-import-prefix -- loaded only where a build is shown on a terminal
  const { default: measured } = await import("npm:fast-string-truncated-width@^3");
  return {
    width: (text) => measured(text).width,
    fit(text, cells) {
      const { index, ellipsed } = measured(text, {
        limit: cells,
        ellipsis: ELLIPSIS,
        ellipsisWidth: 1,
      });
      return text.slice(0, index) + (ellipsed ? ELLIPSIS : "");
    },
  };
}

const ELLIPSIS = "\u2026";

/** The text without anything that would move the cursor or change colours; lines are kept. */
export function printable(text: string): string {
  return text.replaceAll("\t", " ").replace(/(?!\n)\p{Cc}(?:\[[0-?]*[ -/]*[@-~])?/gu, "");
}

/** The same on one line. */
export function printableLine(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, " "));
}
