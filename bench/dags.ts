/**
 * DAGs of tasks that do nothing, in the shapes that schedulers are slow at; what is complete is kept in memory. For the
 * benchmarks, and for the tests that guard how the work grows.
 *
 * @module
 */

import { z } from "zod";
import * as sd from "../mod.ts";

let done = new Uint8Array(1024);

/** A task that does nothing, after others. */
@sd.register
export class Node extends sd.BaseTask({
  name: "Node",
  namespace: "bench",
  params: { index: z.int(), after: z.array(sd.taskLoads(z.unknown())).optional() },
}) {
  override complete(): boolean {
    return isDone(this.index);
  }

  override async run(): Promise<void> {
    await undefined;
    finish(this.index);
  }

  /** What makes it fit `taskLoads`. */
  load(): Promise<unknown> {
    return Promise.resolve(this.index);
  }
}

/** A task that yields others, a batch at a time. */
@sd.register
export class Yielding extends sd.BaseTask({
  name: "Yielding",
  namespace: "bench",
  params: { index: z.int(), count: z.int(), batch: z.int() },
}) {
  override complete(): boolean {
    return isDone(this.index);
  }

  override *run(): Generator<sd.TaskStruct, void, unknown> {
    for (let at = 0; at < this.count; at += this.batch) yield nodes(at, at + this.batch);
    finish(this.index);
  }
}

/** The shapes by name: each gives the task to build, with so many tasks in all, or yielded by it. */
export const SHAPES = {
  /** All under one root. */
  flat: (tasks) => new Node({ index: tasks - 1, after: nodes(0, tasks - 1) }),
  /** Each after the one before. */
  chain(tasks) {
    let last = new Node({ index: 0 });
    for (let index = 1; index < tasks; index++) last = new Node({ index, after: [last] });
    return last;
  },
  /** Layers of a hundred, each task after ten of the layer before. */
  layered(tasks) {
    let layer: readonly Node[] = [];
    for (let from = 0; from < tasks; from += LAYER) {
      const before = layer;
      layer = Array.from({ length: Math.min(LAYER, tasks - from) }, (_, i) => {
        const after = Array.from({ length: FAN_IN }, (_, k) => before[(i + k * FAN_IN) % LAYER]);
        return new Node({ index: from + i, ...(from > 0 && { after: after as Node[] }) });
      });
    }
    return new Node({ index: tasks, after: [...layer] });
  },
  /** Pairs, each task after both of the pair before: as many paths as two to the power of the levels. */
  diamond: (tasks) => pairs(tasks / 2),
  /** All yielded at once. */
  "fan-out": (tasks) => new Yielding({ index: tasks, count: tasks, batch: tasks }),
} as const satisfies Readonly<Record<string, (tasks: number) => sd.BaseTask>>;

/** Name of a shape. */
export type ShapeName = keyof typeof SHAPES;

const LAYER = 100;
const FAN_IN = 10;

/** Tasks without requirements, numbered. */
export function nodes(from: number, to: number): Node[] {
  return Array.from({ length: to - from }, (_, i) => new Node({ index: from + i }));
}

/** Levels of two tasks, each after both of the level before. */
export function pairs(levels: number): Node {
  let after: Node[] = [];
  for (let level = 0; level < levels; level++) {
    after = [0, 1].map((side) =>
      new Node({ index: 2 * level + side, ...(level > 0 && { after }) })
    );
  }
  return new Node({ index: 2 * levels, after });
}

/** Marks the task of this number as complete. */
export function finish(index: number): void {
  reserve(index + 1);
  done[index] = 1;
}

/** Makes room for so many tasks, so that it does not have to be made while something is measured. */
export function reserve(tasks: number): void {
  if (tasks <= done.length) return;
  const more = new Uint8Array(2 * tasks);
  more.set(done);
  done = more;
}

/** Nothing is complete any more. */
export function reset(): void {
  done.fill(0);
}

function isDone(index: number): boolean {
  return done[index] === 1;
}
