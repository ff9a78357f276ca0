/**
 * How sure is a difference of means? Both samples are drawn anew from themselves many times: the middle 95 % of the
 * differences found so is its confidence interval (the bootstrap of B. Efron). That is nothing but computing.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { z } from "zod";
import { RawPenguin } from "../penguins/schemas.ts";

const { task } = sd.namespace("bootstrap", import.meta.url);

const Species = z.enum(["Adelie", "Chinstrap", "Gentoo"]);

/** Bill lengths of a species in millimetres. Reads a small file: that is done here, and not in a worker. */
export const billLengths = task({
  name: "bill_lengths",
  params: { species: Species },
  output: z.array(z.number()),
  async run({ species }) {
    const file = sd.getTarget(new URL("../penguins/penguins.csv", import.meta.url).href);
    const rows = await new sd.CsvSerializer(RawPenguin).load(file);
    return rows
      .filter((row) => row.species === species && row.bill_length_mm !== "NA")
      .map((row) => Number(row.bill_length_mm));
  },
});

/** Differences of the means of so many pairs of new samples, as counts of hundredths of a millimetre. */
const differences = task({
  name: "differences",
  params: {
    a: sd.depends(z.array(z.number())),
    b: sd.depends(z.array(z.number())),
    seed: z.int(),
    times: z.int(),
  },
  output: z.record(z.string(), z.int()),
  executionMode: "worker",
  run({ a, b, seed, times }) {
    const random = randomOf(seed);
    const counts: Record<string, number> = {};
    for (let i = 0; i < times; i++) {
      const difference = Math.round(100 * (meanOfNew(a, random) - meanOfNew(b, random)));
      counts[difference] = (counts[difference] ?? 0) + 1;
    }
    return counts;
  },
});

/** The interval that 95 % of all differences are in, in millimetres. */
export const interval = task({
  name: "interval",
  params: { counts: z.array(sd.depends(z.record(z.string(), z.int()))) },
  output: z.object({ low: z.number(), high: z.number() }),
  run({ counts }) {
    const all = new Map<number, number>();
    for (const part of counts) {
      for (const [difference, count] of Object.entries(part)) {
        all.set(Number(difference), (all.get(Number(difference)) ?? 0) + count);
      }
    }
    const sorted = [...all].sort(([a], [b]) => a - b);
    const total = sorted.reduce((sum, [, count]) => sum + count, 0);
    const at = (share: number): number => {
      let seen = 0;
      return (sorted.find(([, count]) => (seen += count) >= share * total)?.[0] ?? NaN) / 100;
    };
    return { low: at(0.025), high: at(0.975) };
  },
});

/** The whole DAG: `parts` tasks for workers, each of them with so many samples. */
export function bootstrap(parts: number, times: number): ReturnType<typeof interval> {
  const [a, b] = [billLengths({ species: "Chinstrap" }), billLengths({ species: "Gentoo" })];
  return interval({
    counts: Array.from({ length: parts }, (_, seed) => differences({ a, b, seed, times })),
  });
}

/** The mean of a new sample of the same size. */
function meanOfNew(sample: readonly number[], random: () => number): number {
  let sum = 0;
  for (let i = 0; i < sample.length; i++) sum += sample[Math.floor(random() * sample.length)]!;
  return sum / sample.length;
}

/** Numbers from 0 to 1 that are the same on every machine (Mulberry32, by T. Ettinger). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}
