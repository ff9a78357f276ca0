/**
 * Are the bills of Chinstrap penguins longer than those of Gentoos? Computes the answer with one worker, with two, and so
 * on to the number of processors, each time from the beginning, and shows how much faster that is.
 *
 *     deno run --allow-read=. --allow-write=examples/bootstrap/output examples/bootstrap/main.ts
 *
 * `--parts` says how many tasks there are for workers, `--times` how many samples each of them draws, `--workers` how many
 * workers there are at most, `--output` where outputs are kept.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { parseArgs } from "node:util";
import { bootstrap } from "./tasks.ts";

// Workers import this file, too, where tasks do not say by namespace() which module declares them: only the program builds.
if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      parts: { type: "string", default: "40" },
      times: { type: "string", default: "25000" },
      workers: { type: "string", default: String(navigator.hardwareConcurrency) },
      output: { type: "string", default: new URL("output", import.meta.url).href },
    },
  });
  const task = bootstrap(Number(values.parts), Number(values.times));
  const times: number[] = [];
  console.log("workers   seconds   speed-up");
  for (let maxWorkers = 1; maxWorkers <= Number(values.workers); maxWorkers++) {
    using _ = sd.targetFactoryProvider.override(
      new sd.TargetFactory({ targetRoots: { default: `${values.output}/${maxWorkers}` } }),
    );
    await using executor = new sd.HybridConcurrentTaskExecutor({ maxWorkers });
    const summary = await sd.build(task, { executor, handleSignals: true });
    if (summary.status !== "success") {
      console.error(String(summary));
      Deno.exit(summary.exitCode); // 130 after Ctrl-C; run again, it goes on
    }
    const { duration } = summary;
    times.push(duration);
    const columns = [maxWorkers, (duration / 1000).toFixed(2), (times[0]! / duration).toFixed(2)];
    console.log(columns.map((column) => String(column).padStart(7)).join("   "));
  }
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: `${values.output}/1` } }),
  );
  const { low, high } = await task.load();
  console.log(`Their bills are ${low} to ${high} mm longer (95 % confidence)`);
}
