/**
 * Builds of tasks that do nothing: what the building itself costs.
 *
 * @module
 */

import * as sd from "../../mod.ts";
import type { Bar } from "../bar.ts";
import { fastestTime, perTask, time } from "../clock.ts";
import { reserve, reset, type ShapeName, SHAPES } from "../dags.ts";

/** Cheap, and no dearer in a large DAG than in a small one. */
export const inMemory: Bar = {
  name: "in-memory",
  measures: {
    "10k": { run: () => built("flat", 10_000) },
    "100k": { run: () => built("flat", 100_000) },
    "1M": { run: () => built("flat", 1_000_000), slow: true },
    "100k by hand": { run: () => byHand(100_000) },
  },
  claims: [
    {
      what: "build, async no-op tasks, flat 10k",
      figure: "10k",
      unit: "us/task",
      goals: [{ kind: "at most", value: 10 }],
    },
    {
      what: "build, async no-op tasks, flat 100k, over awaiting them",
      figure: "100k",
      floor: "100k by hand",
      unit: "us/task",
      goals: [{ kind: "at most", value: 10 }],
    },
    {
      what: "build, async no-op tasks, flat 1M, over 10k",
      figure: "1M",
      floor: "10k",
      unit: "us/task",
      goals: [{ kind: "at most", value: 10 }, { kind: "ratio", value: 1.5 }],
    },
  ],
};

/**
 * Builds a DAG of the shape, after a small one to warm up; microseconds per task, without those to make the tasks. With
 * `times`, those of the fastest of so many builds.
 */
export async function built(shape: ShapeName, tasks: number, times = 1): Promise<number> {
  reserve(tasks + 1);
  (await sd.build(SHAPES[shape](2_000))).throwIfFailed();
  const root = SHAPES[shape](tasks);
  const spent = await fastestTime(times, async () => {
    reset();
    (await sd.build(root)).throwIfFailed();
  });
  return perTask(spent, tasks);
}

/** The same tasks without a build: asked whether they are complete, and run, fifty at once. */
async function byHand(tasks: number): Promise<number> {
  reserve(tasks + 1);
  const root = SHAPES.flat(tasks);
  const context = { signal: new AbortController().signal, attempt: 1 };
  const spent = await time(async () => {
    const rest = [...root.after as readonly sd.BaseTask[]].values();
    const lane = async (): Promise<void> => {
      for (const task of rest) if (!await task.complete()) await task.run(context);
    };
    await Promise.all(Array.from({ length: 50 }, lane));
    await root.run();
  });
  return perTask(spent, tasks);
}
