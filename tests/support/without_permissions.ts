/**
 * A program that is run without any permission: it builds a DAG in memory and prints what it loads.
 */

import * as sd from "../../mod.ts";
import { z } from "zod";

if (import.meta.main) {
  sd.targetFactoryProvider.set(
    new sd.TargetFactory({ targetRoots: { default: "memory://no-permission" } }),
  );
  const parts = sd.task({
    name: "parts",
    params: { n: z.int() },
    output: z.array(z.object({ id: z.string(), when: z.date() })),
    run: ({ n }) => Array.from({ length: n }, (_, i) => ({ id: `${i}`, when: new Date(i) })),
  });
  const count = sd.task({
    name: "count",
    params: { of: z.array(sd.depends(z.array(z.object({ id: z.string() })))) },
    output: z.int(),
    *run({ of }) {
      const more = yield* sd.load(parts({ n: 5 }));
      return of.flat().length + more.length;
    },
  });
  const task = count({ of: [parts({ n: 1 }), parts({ n: 2 })] });
  (await sd.build(task)).throwIfFailed();
  const again = sd.taskFromJSON(JSON.stringify(task)) as sd.AutoTask<number>;
  console.log(JSON.stringify({ id: again.id, value: await again.load() }));
}
