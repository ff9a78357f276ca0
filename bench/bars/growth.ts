/**
 * Twice the tasks take twice the time, whatever the shape.
 *
 * @module
 */

import type { Bar, Claim, Measure } from "../bar.ts";
import { short } from "../clock.ts";
import { type ShapeName, SHAPES } from "../dags.ts";
import { built } from "./in_memory.ts";

const SIZES = [10_000, 20_000, 40_000] as const;

/** One bar for each shape. */
export const growth: readonly Bar[] = (Object.keys(SHAPES) as ShapeName[]).map((shape) => ({
  name: `growth-${shape}`,
  measures: Object.fromEntries(
    SIZES.map((tasks): [string, Measure] => [short(tasks), { run: () => built(shape, tasks, 5) }]),
  ),
  claims: SIZES.slice(1).map((tasks): Claim => ({
    what: `build, ${shape}, ${short(tasks)} over ${short(tasks / 2)}`,
    figure: short(tasks),
    floor: short(tasks / 2),
    unit: "us/task",
    // t(2N)/t(N), per task.
    goals: [{ kind: "ratio", value: 2.3 / 2 }],
  })),
}));
