/**
 * Tasks for workers. A module of its own, so that a worker imports nothing else of the benchmarks.
 *
 * @module
 */

import { z } from "zod";
import * as sd from "../../mod.ts";

const { task } = sd.namespace("bench.workers", import.meta.url);

/** Does next to nothing. */
export const tiny = task({
  name: "tiny",
  params: { index: z.int() },
  output: z.int(),
  run: ({ index }) => index,
});

/** Computes for some 20 ms. */
export const computes = task({
  name: "computes",
  params: { index: z.int() },
  output: z.number(),
  run({ index }) {
    let value = index;
    for (let i = 0; i < 1_000_000; i++) value = Math.sin(value) + 1;
    return value;
  },
});
