/**
 * DAGs that are deep: a diamond with a quarter of a million paths, a chain longer than any stack.
 *
 * @module
 */

import * as sd from "../../mod.ts";
import { discover, reserve as reserveNodes } from "../../src/builders/discovery.ts";
import { Limits } from "../../src/builders/limits.ts";
import { TimeSlice } from "../../src/builders/time_slice.ts";
import { Schedule } from "../../src/builders/schedule.ts";
import type { Bar, Claim, Measure } from "../bar.ts";
import { medianTime, perTask, short, time } from "../clock.ts";
import { finish, pairs, reset, SHAPES } from "../dags.ts";

const LEVELS = 18;
const LENGTHS = [25_000, 50_000, 100_000] as const;

/** Ids of nested tasks are used again. */
export const diamond: Bar = {
  name: "diamond",
  measures: {
    first: { run: () => time(() => pairs(LEVELS).id) },
    again: { run: () => medianTime(101, () => pairs(LEVELS).id) },
  },
  claims: [
    {
      what: `id of a diamond of ${LEVELS} levels`,
      figure: "again",
      unit: "ms",
      goals: [{ kind: "at most", value: 1 }],
    },
    { what: "... the first time in a process", figure: "first", unit: "ms" },
  ],
};

/** What is done to a chain, in the order of the table. */
const STEPS: Readonly<Record<string, (length: number) => Promise<number>>> = {
  "construct, id": (length) => time(() => SHAPES.chain(length).id),
  stringifyTask(length) {
    const task = SHAPES.chain(length);
    return time(() => sd.stringifyTask(task));
  },
  taskFromJSON(length) {
    const text = sd.stringifyTask(SHAPES.chain(length));
    return time(() => sd.taskFromJSON(text));
  },
  discover(length) {
    const task = SHAPES.chain(length);
    return time(async () => {
      const schedule = new Schedule();
      await discover(schedule, reserveNodes(schedule, [task], undefined).fresh, {
        maxConcurrent: 50,
        signal: new AbortController().signal,
        limits: new Limits({}, schedule.ranks),
        slice: new TimeSlice(1),
        onError(_node, error) {
          throw error;
        },
      });
    });
  },
  async build(length) {
    const task = SHAPES.chain(length);
    finish(length);
    reset();
    return await time(async () => (await sd.build(task)).throwIfFailed());
  },
};

/** Everything that is done to a chain takes time in proportion to its length. */
export const chain: Bar = {
  name: "chain",
  measures: Object.fromEntries(
    Object.entries(STEPS).flatMap(([step, run]) =>
      LENGTHS.map((length): [string, Measure] => [
        `${step} ${short(length)}`,
        { run: async () => perTask(await run(length), length) },
      ])
    ),
  ),
  claims: Object.keys(STEPS).flatMap((step) =>
    LENGTHS.slice(1).map((length): Claim => ({
      what: `chain of ${short(length)} over ${short(length / 2)}: ${step}`,
      figure: `${step} ${short(length)}`,
      floor: `${step} ${short(length / 2)}`,
      unit: "us/task",
      // t(2N)/t(N), per task.
      goals: [{ kind: "ratio", value: 2.3 / 2 }],
    }))
  ),
};
