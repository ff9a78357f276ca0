/**
 * Making a task: parameters checked, frozen, hashed to an id.
 *
 * @module
 */

import { hash } from "node:crypto";
import { z } from "zod";
import * as sd from "../../mod.ts";
import type { Bar } from "../bar.ts";
import { perTask, time } from "../clock.ts";

const TASKS = 100_000;

/** At most half of what the original takes. */
export const construct: Bar = {
  name: "construct",
  measures: {
    "one parameter": {
      run() {
        const leaf = sd.task({
          name: "leaf",
          namespace: "bench",
          params: { index: z.int() },
          output: z.int(),
          run: ({ index }) => index,
        });
        return constructed((index) => leaf({ index }));
      },
    },
    "one parameter by hand": {
      run() {
        const schema = z.object({ index: z.int() });
        return constructed((index) => {
          const parameters = Object.freeze(schema.parse({ index }));
          const text = JSON.stringify({ __name: "leaf", __namespace: "bench", ...parameters });
          return { ...parameters, id: hash("sha1", text, "hex") };
        });
      },
    },
    "seven parameters": {
      run() {
        const fit = sd.task({
          name: "fit",
          namespace: "bench",
          params: SEVEN,
          output: z.int(),
          run: ({ seed }) => seed,
        });
        return constructed((seed) => fit({ ...seven(seed), seed }));
      },
    },
    "seven parameters by hand": {
      run() {
        const schema = z.object(SEVEN);
        return constructed((seed) => {
          const parameters = Object.freeze(schema.parse({ ...seven(seed), seed }));
          const text = JSON.stringify({ __name: "fit", __namespace: "bench", ...parameters });
          return { ...parameters, id: hash("sha1", text, "hex") };
        });
      },
    },
  },
  claims: [
    {
      what: "construct, validate, id: 1 parameter, 100k",
      figure: "one parameter",
      floor: "one parameter by hand",
      unit: "us/task",
      goals: [{ kind: "at most", value: 9 }],
    },
    {
      what: "construct, validate, id: 7 parameters, 100k",
      figure: "seven parameters",
      floor: "seven parameters by hand",
      unit: "us/task",
    },
  ],
};

const SEVEN = {
  name: z.string(),
  rate: z.number(),
  verbose: z.boolean().default(false),
  columns: z.array(z.string()),
  model: z.object({ kind: z.literal("linear"), penalty: z.number() }),
  note: z.string().nullable(),
  seed: z.int(),
};

function seven(index: number): z.input<z.ZodObject<Omit<typeof SEVEN, "seed">>> {
  return {
    name: `fit ${index}`,
    rate: index / 7,
    columns: ["a", "b", "c"],
    model: { kind: "linear", penalty: 0.1 },
    note: null,
  };
}

async function constructed(make: (index: number) => unknown): Promise<number> {
  const made: unknown[] = new Array(TASKS);
  const spent = await time(() => {
    for (let index = 0; index < TASKS; index++) made[index] = make(index);
  });
  return perTask(spent, made.length);
}
