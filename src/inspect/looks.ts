/**
 * How boxes look, by the state of what they stand for: dark text on light grounds, to be read on a light and on a dark
 * page. The hues are those of Okabe and Ito, which nobody confuses; lines differ too, and each box names its state.
 *
 * @module
 */

import type { DagState } from "./dag.ts";

/** The look of a box. */
export interface Look {
  readonly fill: string;
  readonly line: string;
  /** Whether the line is broken. */
  readonly isDashed: boolean;
}

/** By state. */
export const LOOKS: Readonly<Record<DagState, Look>> = {
  complete: { fill: "#d3ede4", line: "#009e73", isDashed: false },
  to_run: { fill: "#fbe3b0", line: "#d55e00", isDashed: false },
  not_needed: { fill: "#eceff1", line: "#90a4ae", isDashed: true },
  unknown: { fill: "#f5dbe8", line: "#cc79a7", isDashed: true },
};

/** Where no states are shown. */
export const PLAIN_LOOK: Look = { fill: "#e3eef7", line: "#0072b2", isDashed: false };

/** The ink on the grounds. */
export const INK = "#1b1f24";
/** Softer, and still legible there. */
export const SOFT_INK = "#4a525b";
/** What is drawn on the page itself, light or dark. */
export const LINE = "#7d8790";
