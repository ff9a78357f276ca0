/**
 * Builds a flat DAG of asynchronous tasks with JSON outputs twice: `stardag_flat.ts <tasks> <folder> [--no-flush]`.
 * Writes JSON.
 *
 * @module
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import { time } from "../clock.ts";
import config from "../../deno.json" with { type: "json" };

const [tasks, folder = "", noFlush] = Deno.args;
sd.targetFactoryProvider.set(
  new sd.TargetFactory({ targetRoots: { default: folder }, flush: noFlush === undefined }),
);
const part = sd.task({
  name: "part",
  params: { index: z.int() },
  output: z.record(z.string(), z.array(z.number())),
  run: ({ index }) => Promise.resolve({ values: [index / 2, index / 3, index / 7] }),
});

let parts: sd.BaseTask[] = [];
const build = async (): Promise<void> => (await sd.build(parts)).throwIfFailed();
const construct = await time(() => {
  parts = Array.from({ length: Number(tasks) }, (_, index) => part({ index }));
});
const [first, again] = [await time(build), await time(build)];
console.log(JSON.stringify({
  version: config.version,
  construct: construct / 1000,
  build: first / 1000,
  again: again / 1000,
}));
