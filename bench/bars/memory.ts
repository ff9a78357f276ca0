/**
 * What a build keeps of each task while it is under way, beside the task itself.
 *
 * @module
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import type { Bar, Claim, Measure } from "../bar.ts";
import { nodes, reserve, reset, type ShapeName, SHAPES } from "../dags.ts";

const TASKS = 100_000;
const v8Flags: readonly string[] = ["--expose-gc"];
const SHAPES_MEASURED = ["flat", "chain", "layered"] as const satisfies readonly ShapeName[];

/** At most 1 KiB, when all is planned and when all has run. */
export const memory: Bar = {
  name: "memory",
  rounds: 3,
  measures: {
    ...Object.fromEntries(
      SHAPES_MEASURED.map((shape): [string, Measure] => [shape, {
        run: () => kept(shape),
        v8Flags,
      }]),
    ),
    files: { run: whileLooking, v8Flags },
    task: { run: ofTask, v8Flags },
  },
  claims: [
    ...SHAPES_MEASURED.map((shape): Claim => ({
      what: `memory of the plan, ${shape} 100k`,
      figure: shape,
      unit: "B/task",
      goals: [{ kind: "at most", value: 1024 }],
    })),
    {
      what: "memory of the plan while 100k files are looked for",
      figure: "files",
      unit: "B/task",
      goals: [{ kind: "at most", value: 1024 }],
    },
    { what: "memory of a task with one parameter", figure: "task", unit: "B/task" },
  ],
};

/** Bytes per task that are in use in the middle of a build and were not before it: the larger of first and last task. */
async function kept(shape: ShapeName): Promise<number> {
  reserve(TASKS + 1);
  const root = SHAPES[shape](TASKS);
  // Ids are put together when they are first looked up: that is memory of the tasks.
  (await sd.build(root)).throwIfFailed();
  reset();
  // What that build kept is let go in the next turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve));
  const before = used();
  let most = 0;
  const look = (): void => void (most = Math.max(most, used()));
  (await sd.build(root, { executor: new LookingExecutor(root, look) })).throwIfFailed();
  return (most - before) / TASKS;
}

/** The same while a store is asked for the outputs of all tasks, their uris among it. */
async function whileLooking(): Promise<number> {
  let most = 0;
  const store: sd.TargetStore = {
    existsMany(uris) {
      most = used();
      return Promise.resolve(uris.map(() => true));
    },
  };
  class File extends sd.LocalTarget {
    override get probe(): sd.ExistenceProbe {
      return { store, uri: this.uri };
    }
  }
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({
      targetRoots: { default: "/bench" },
      prefixToTargetPrototype: { "/": (uri) => new File(uri) },
    }),
  );
  const file = sd.task({
    name: "file",
    namespace: "bench",
    params: { index: z.int() },
    output: z.int(),
    run: ({ index }) => index,
  });
  const files = Array.from({ length: TASKS }, (_, index) => file({ index }));
  await sd.build(files);
  await new Promise((resolve) => setTimeout(resolve));
  const before = used();
  await sd.build(files);
  return (most - before) / TASKS;
}

/** Bytes of the task itself. */
function ofTask(): number {
  nodes(0, 1);
  const before = used();
  const made = nodes(0, TASKS);
  return (used() - before) / made.length;
}

/** Looks before the first task and before the last one. */
class LookingExecutor extends sd.InProcessTaskExecutor {
  readonly #last: sd.BaseTask;
  readonly #look: () => void;
  #started = false;

  constructor(last: sd.BaseTask, look: () => void) {
    super();
    this.#last = last;
    this.#look = look;
  }

  override submit(
    ...args: Parameters<sd.InProcessTaskExecutor["submit"]>
  ): ReturnType<sd.InProcessTaskExecutor["submit"]> {
    if (!this.#started || args[0] === this.#last) this.#look();
    this.#started = true;
    return super.submit(...args);
  }
}

/** Bytes in use, without what is garbage. */
function used(): number {
  (globalThis as unknown as { gc(): void }).gc();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
