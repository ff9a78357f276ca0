/**
 * A task that yields one task after the other: each yield costs the same.
 *
 * @module
 */

import * as sd from "../../mod.ts";
import type { Bar, Claim, Measure } from "../bar.ts";
import { fastestTime, perTask, short } from "../clock.ts";
import { reserve, reset, Yielding } from "../dags.ts";

const YIELDS = [1_000, 2_000, 4_000] as const;

/** Linear in the yields. */
export const suspended: Bar = {
  name: "suspended",
  measures: Object.fromEntries(YIELDS.map((count): [string, Measure] => [short(count), {
    run: () => yielded(count),
  }])),
  claims: YIELDS.slice(1).map((count): Claim => ({
    what: `suspended ${short(count)} times by single yields, over ${short(count / 2)}`,
    figure: short(count),
    floor: short(count / 2),
    unit: "us/task",
    goals: [{ kind: "ratio", value: 2.3 / 2 }],
  })),
};

async function yielded(count: number): Promise<number> {
  reserve(count + 1);
  const build = async (yields: number): Promise<void> => {
    reset();
    (await sd.build(new Yielding({ index: yields, count: yields, batch: 1 }))).throwIfFailed();
  };
  await build(500);
  return perTask(await fastestTime(5, () => build(count)), count);
}
