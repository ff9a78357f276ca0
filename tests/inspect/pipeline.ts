/**
 * A small pipeline to look into: rows, models trained on them, a table that compares the models.
 */

import * as sd from "@stardag/core";
import { z } from "zod";

const { task } = sd.namespace("inspect", import.meta.url);

export const rows = task({
  name: "rows",
  params: { count: z.int() },
  output: z.array(z.int()),
  run: ({ count }) => Array.from({ length: count }, (_, i) => i),
});

export const model = task({
  name: "model",
  params: {
    rows: sd.depends(z.array(z.int())),
    settings: z.object({ rate: z.number(), layers: z.array(z.int()).default([]) }),
    verbose: sd.field(z.boolean().default(false), { significant: false }),
  },
  output: z.number(),
  run: ({ settings }) => settings.rate,
});

export const table = task({
  name: "table",
  params: { models: z.array(sd.depends(z.number())), title: z.string().default("") },
  output: z.array(z.number()),
  run: ({ models }) => models,
});

/** What it gives is known only when it runs. */
export const search = task({
  name: "search",
  params: { table: sd.depends(z.array(z.number())) },
  output: z.number(),
  *run({ table }) {
    yield model({ rows: rows({ count: 1 }), settings: { rate: table.length } });
    return 0;
  },
});

/** A table of a model for each rate. */
export function tableOf(
  rates: readonly number[],
  { count = 3, title = "" }: { readonly count?: number; readonly title?: string } = {},
): ReturnType<typeof table> {
  return table({
    models: rates.map((rate) => model({ rows: rows({ count }), settings: { rate } })),
    title,
  });
}

/** Outputs are kept in memory, apart from those of other tests. */
export function inMemory(): Disposable {
  return sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: `memory://${crypto.randomUUID()}` } }),
  );
}
