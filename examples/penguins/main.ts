/**
 * Which model tells penguins apart best? A pipeline on real data; the second time there is nothing left to do:
 *
 *     deno run --allow-read=. --allow-write=examples/penguins/output examples/penguins/main.ts
 *
 * It reads the data beside this file (and finds its own modules), and writes below `--output=<folder>`, here
 * `examples/penguins/output`. With `--api=class` the same pipeline is declared by classes.
 *
 * @module
 */

import { relative } from "@std/path";
import * as sd from "@stardag/core";
import { parseArgs } from "node:util";
import { modelName, percent, settings } from "./report.ts";
import type { HyperParameters, Split } from "./schemas.ts";
import { sourceDigest } from "./source.ts";

const CANDIDATES: HyperParameters[] = [
  { kind: "logistic", learningRate: 0.01, l2: 0.01 },
  { kind: "logistic", learningRate: 0.1, l2: 0.01 },
  { kind: "logistic", learningRate: 0.1, l2: 1 },
  { kind: "neighbors", k: 5, standardize: true },
  { kind: "neighbors", k: 25, standardize: true },
  { kind: "neighbors", k: 5, standardize: false },
];
const SPLIT: Split = { testFraction: 0.5, seed: 0 };

const { values: { api, output } } = parseArgs({
  options: {
    api: { type: "string", default: "function" },
    output: { type: "string", default: new URL("output", import.meta.url).href },
  },
});
if (api !== "function" && api !== "class") {
  console.error(`Cannot use the API "${api}": give --api=function or --api=class`);
  Deno.exit(2);
}
const { pipeline } = await (api === "class" ? import("./classes.ts") : import("./functions.ts"));

// Where outputs are kept. Without this line it would be told by STARDAG_TARGET_ROOTS, or be a folder below the home folder.
sd.targetFactoryProvider.set(new sd.TargetFactory({ targetRoots: { default: output } }));

const tasks = pipeline({ sha256: await sourceDigest(), candidates: CANDIDATES, split: SPLIT });
const summary = await sd.build(tasks);
console.log(`${summary}`);
if (summary.status !== "success") Deno.exit(1);
if (summary.taskCount.succeeded === 0) console.log("All is complete, 0 tasks have run");

console.log("\n  accuracy  model                hyper-parameters");
for (const { hyperParameters, metrics } of await tasks.benchmark.load()) {
  const cells = [percent(metrics.accuracy).padStart(10), modelName(hyperParameters).padEnd(19)];
  console.log(`${cells.join("  ")}  ${settings(hyperParameters)}`);
}

console.log();
for (const [name, task] of Object.entries(tasks)) {
  console.log(`  ${name.padEnd(10)} ${relative(Deno.cwd(), task.output().uri)}`);
}
