/**
 * Counts the work that things of several sizes take, for `growth_test.ts`: how often the parts of the package's own code
 * (functions, branches, bodies of loops) are run. The same on any machine, however busy. Loops within the engine
 * (`indexOf`, `slice`) do not show; those are for the benchmarks to find.
 *
 * To be run without optimizing compilers, which leave out counts of what they inline. Writes JSON: from name to the work
 * for each of the sizes.
 *
 * @module
 */

import { Session } from "node:inspector";
import * as sd from "../../mod.ts";
import { nodes, pairs, reset, type ShapeName, SHAPES, Yielding } from "../../bench/dags.ts";

/** Gets ready for a size; what is given then is what is counted. */
type Job = (size: number) => () => unknown;

const build = async (task: sd.TaskStruct): Promise<void> => {
  reset();
  (await sd.build(task)).throwIfFailed();
};
const shapes = Object.keys(SHAPES) as ShapeName[];
const JOBS: Readonly<Record<string, Job>> = {
  ...Object.fromEntries(shapes.map((shape): [string, Job] => [`build a ${shape}`, (size) => {
    const task = SHAPES[shape](size);
    return () => build(task);
  }])),
  "build what is complete but its root"(size) {
    const task = SHAPES.flat(size);
    return async () => {
      await build(task.after as readonly sd.BaseTask[]);
      (await sd.build(task)).throwIfFailed();
    };
  },
  "yield one by one": (size) => () => build(new Yielding({ index: size, count: size, batch: 1 })),
  "yield the same, many": (size) => () =>
    build(
      Array.from({ length: size }, (_, i) => new Yielding({ index: i + 1, count: 1, batch: 1 })),
    ),
  "construct many": (size) => () => nodes(0, size),
  "construct a chain": (size) => () => SHAPES.chain(size),
  "construct a diamond": (size) => () => pairs(size),
  "a chain to JSON": (size) => {
    const task = SHAPES.chain(size);
    return () => sd.stringifyTask(task);
  },
  "a chain from JSON": (size) => {
    const text = sd.stringifyTask(SHAPES.chain(size));
    return () => sd.taskFromJSON(text);
  },
  "the body of a diamond": (size) => {
    const task = pairs(size);
    return () => task.toJSON();
  },
  "a diamond from its body": (size) => {
    const body = pairs(size).toJSON();
    return () => sd.taskFromJSON(body);
  },
};

const source = new URL("../../src/", import.meta.url).href;
const session = new Session();
session.connect();

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
}

function ask(method: string, params: object = {}): Promise<Coverage> {
  return new Promise((resolve, reject) =>
    session.post(method, params, (error, answer) => {
      if (error === null) resolve(answer as Coverage);
      else reject(error);
    })
  );
}

async function workOf(work: () => unknown): Promise<number> {
  await ask("Profiler.takePreciseCoverage");
  await work();
  const { result } = await ask("Profiler.takePreciseCoverage");
  return result.filter(({ url }) => url.startsWith(source))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0);
}

const sizes = Deno.args.map(Number);
await ask("Profiler.enable");
await ask("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
const found: Record<string, number[]> = {};
for (const [name, job] of Object.entries(JOBS)) {
  found[name] = [];
  for (const size of sizes) found[name].push(await workOf(job(size)));
}
console.log(JSON.stringify(found));
