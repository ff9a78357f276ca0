/**
 * Which model tells penguins apart? A pipeline on real data; a second run finds that all is done.
 *
 *     deno run --allow-read=examples/penguins --allow-write=examples/penguins/output \
 *       examples/penguins/main.ts
 *
 * It reads the data beside this file and keeps its outputs in the folder `output` there, or in that
 * of `--output`, or where the variable `STARDAG_TARGET_ROOTS` says, if it may be read: with
 * `'{"default":"s3://my-bucket/penguins"}'` on S3. `--api=class` takes the pipeline of `classes.ts`,
 * instead of `functions.ts`.
 *
 * @module
 */

import { relative } from "@std/path";
import * as sd from "@stardag/core";
import { parseArgs } from "node:util";
import { modelName, percent, settings } from "./report.ts";
import type { HyperParameters, Split } from "./schemas.ts";
import { sourceDigest } from "./source.ts";

// Change a number, or add a line: only what depends on it runs.
const CANDIDATES: HyperParameters[] = [
  { kind: "logistic", learningRate: 0.01, l2: 0.01 },
  { kind: "logistic", learningRate: 0.1, l2: 0.01 },
  { kind: "logistic", learningRate: 0.1, l2: 1 },
  { kind: "neighbors", k: 5, standardize: true },
  { kind: "neighbors", k: 25, standardize: true },
  { kind: "neighbors", k: 5, standardize: false },
];
const SPLIT: Split = { testFraction: 0.5, seed: 0 };

// On the command line of the package, the arguments are not for this program.
const { values: { api, output } } = parseArgs({
  args: import.meta.main ? Deno.args : [],
  options: {
    api: { type: "string", default: "function" },
    output: { type: "string" },
  },
});
if (api !== "function" && api !== "class") {
  console.error(`Cannot use --api=${api}: give --api=function or --api=class`);
  Deno.exit(2);
}
// Only one of them: both declare the same types of tasks, and a program declares a type once.
const { pipeline } = await (api === "class" ? import("./classes.ts") : import("./functions.ts"));

const variable = "STARDAG_TARGET_ROOTS";
const mayRead = Deno.permissions.querySync({ name: "env", variable }).state === "granted";
if (output !== undefined || !mayRead || !Deno.env.has(variable)) {
  const root = output ?? new URL("output", import.meta.url).href;
  sd.targetFactoryProvider.set(new sd.TargetFactory({ targetRoots: { default: root } }));
}

/** What is to be made: `stardag plan examples/penguins/main.ts` shows it. */
export const tasks = pipeline({
  sha256: await sourceDigest(),
  candidates: CANDIDATES,
  split: SPLIT,
});

if (import.meta.main) {
  const summary = await sd.build(tasks, { handleSignals: true, reporter: sd.consoleReporter() });
  if (summary.status !== "success") Deno.exit(summary.exitCode);
  if (summary.taskCount.succeeded === 0) console.log("All is complete, 0 tasks have run");

  console.log("\n  accuracy  log loss  model                hyper-parameters");
  for (const { hyperParameters, metrics } of await tasks.benchmark.load()) {
    const cells = [
      percent(metrics.accuracy).padStart(8),
      metrics.logLoss.toFixed(3).padStart(8),
      modelName(hyperParameters).padEnd(19),
      settings(hyperParameters),
    ];
    console.log(`  ${cells.join("  ")}`);
  }

  console.log();
  for (const [name, task] of Object.entries(tasks)) {
    const { uri } = task.output();
    console.log(`  ${name.padEnd(9)}  ${uri.includes("://") ? uri : relative(Deno.cwd(), uri)}`);
  }
}
