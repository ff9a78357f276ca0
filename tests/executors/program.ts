/**
 * A program that declares its tasks itself, as small ones do, and builds them in workers:
 * `program.ts <worker|process> <root> <what>`.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import { HybridConcurrentTaskExecutor } from "../../src/executors/hybrid.ts";
import { TaskContext } from "../../src/tasks/run_context.ts";
import { place } from "./elsewhere.ts";
import { made } from "./makes_tasks.ts";
import { asks } from "./sandbox_tasks.ts";
import { endless, look, Writes } from "./worker_tasks.ts";

const where = sd.task({ name: "where", output: z.string(), run: () => place });
/** Declared by the code of another module, which does not know of it. */
const whereMade = made("where_made", () => place);
/** Keeps its worker alive. */
const holds = sd.task({
  name: "holds",
  output: z.int(),
  run: () =>
    new Promise<number>(() => {
      setInterval(() => {}, 1_000);
      console.log("holding");
    }),
});

if (import.meta.main) {
  const [kind = "", root = "", what = ""] = Deno.args;
  sd.targetFactoryProvider.set(new sd.TargetFactory({ targetRoots: { default: root } }));
  const executor = new HybridConcurrentTaskExecutor({
    executionModeSelector: () => kind as "worker" | "process",
    ...(what === "stopped" ? {} : { maxWorkers: 1, maxProcesses: 1 }),
  });
  switch (what) {
    /** Its own task; nothing is closed. */
    case "own":
      // The one that the program itself declares comes last: for it, the worker imports the program in any case.
      (await sd.build(whereMade(), { executor })).throwIfFailed();
      (await sd.build(where(), { executor })).throwIfFailed();
      console.log(JSON.stringify([place, await where().load(), await whereMade().load()]));
      break;
    /** Builds what does not come to an end by itself, and heeds signals. */
    case "stopped": {
      const writes = [1, 2].map((n) => new Writes({ isBusy: kind === "process", n }));
      const progress: sd.Reporter = { onTaskEvent: ({ kind }) => console.log(kind) };
      const all = [look({ n: 1 }), ...writes];
      const summary = await sd.build(all, { executor, handleSignals: true, reporter: progress });
      Deno.exitCode = summary.exitCode;
      break;
    }
    /** Tells which process it has once that holds on to something. */
    case "holding":
    /** The same, and ends while the process computes. */
    case "exiting": {
      await sd.build(look({ n: 1 }), { executor });
      const { place } = await look({ n: 1 }).load();
      const context = new TaskContext(new AbortController().signal, 1, {
        wrote(): void {
          console.log(place);
          if (what === "exiting") Deno.exit();
        },
        warned() {},
        began() {},
      });
      await executor.submit(what === "exiting" ? endless({ isBusy: true }) : holds(), context);
      break;
    }
    /** Has a task try to connect. */
    case "asking": {
      const summary = await sd.build(asks({ kind: "net" }), { executor });
      console.log(String(summary.error?.cause));
    }
  }
}
