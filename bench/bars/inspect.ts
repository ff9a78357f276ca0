/**
 * Telling what would run costs not much more than finding it.
 *
 * @module
 */

import { discover, reserve as reserveNodes } from "../../src/builders/discovery.ts";
import { Schedule } from "../../src/builders/schedule.ts";
import { TimeSlice } from "../../src/builders/time_slice.ts";
import { plan } from "../../src/inspect/inspect.ts";
import type { AnyTask } from "../../src/tasks/task.ts";
import type { Bar } from "../bar.ts";
import { fastestTime, perTask } from "../clock.ts";
import { SHAPES } from "../dags.ts";

const TASKS = 100_000;

/** Beside the discovery that a build begins with. */
export const inspect: Bar = {
  name: "plan",
  measures: {
    plan: { run: () => measured(plan) },
    discovery: { run: () => measured(discovered) },
  },
  claims: [
    {
      what: "plan, layered 100k, over discovery",
      figure: "plan",
      floor: "discovery",
      unit: "us/task",
      goals: [{ kind: "ratio", value: 1.5 }],
    },
  ],
};

/** Microseconds per task, without those to make the tasks. */
async function measured(look: (task: AnyTask) => Promise<unknown>): Promise<number> {
  await look(SHAPES.layered(2_000));
  const root = SHAPES.layered(TASKS);
  return perTask(await fastestTime(5, () => look(root)), TASKS);
}

async function discovered(task: AnyTask): Promise<void> {
  const schedule = new Schedule();
  await discover(schedule, reserveNodes(schedule, [task], undefined).fresh, {
    maxConcurrent: 50,
    signal: new AbortController().signal,
    limits: undefined,
    slice: new TimeSlice(1),
    onError(_node, error) {
      throw error;
    },
  });
}
