/**
 * Builds that take a lock for each task: what locks in a folder cost.
 *
 * @module
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import type { Bar } from "../bar.ts";
import { fastestTime, perTask } from "../clock.ts";

const TASKS = 1_000;
/** The first ones warm up. */
const TURNS = 5;

/** For information: a task that is worth a lock takes longer than one. */
export const locks: Bar = {
  name: "locks",
  measures: {
    files: { run: (scratch) => built({ globalLockManager: lockManager(scratch) }) },
    none: { run: () => built({}) },
  },
  claims: [
    {
      what: "build 1k tasks in memory with FileLockManager, over none",
      figure: "files",
      floor: "none",
      unit: "us/task",
    },
  ],
};

const done = new Set<number>();

@sd.register
class Locked extends sd.BaseTask({
  name: "Locked",
  namespace: "bench",
  params: { index: z.int() },
}) {
  override complete(): boolean {
    return done.has(this.index);
  }

  override async run(): Promise<void> {
    await undefined;
    done.add(this.index);
  }
}

async function built(options: sd.BuildOptions): Promise<number> {
  const tasks = Array.from({ length: TASKS }, (_, index) => new Locked({ index }));
  const spent = await fastestTime(TURNS, async () => {
    done.clear();
    (await sd.build(tasks, options)).throwIfFailed();
  });
  return perTask(spent, TASKS);
}

function lockManager(scratch: string): sd.GlobalConcurrencyLockManager {
  return new sd.FileLockManager({ root: Deno.makeTempDirSync({ dir: scratch }) });
}
