/**
 * Builds that are watched: what the reporter of a terminal, limits and a registry add to the building itself.
 *
 * @module
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import type { Bar } from "../bar.ts";
import { perTask, time } from "../clock.ts";

const TASKS = 100_000;
/** Each in turns with a build that nobody watches, so that what disturbs one disturbs the other. */
const TURNS = 9;

/** Looked at by all that can look. */
export const watched: Bar = {
  name: "watched",
  measures: {
    all: {
      run: () =>
        fastest(() => ({
          reporter: terminalReporter(),
          registry: new sd.InMemoryRegistry(),
          concurrencyLimits: { bench: 20 },
        })),
    },
    reporter: { run: () => added(() => ({ reporter: terminalReporter() })) },
    registry: { run: () => added(() => ({ registry: new sd.InMemoryRegistry() })) },
    nobody: { run: () => fastest(() => ({})) },
  },
  claims: [
    {
      what: "build, flat 100k, with reporter, a limit for all, and registry; over none of them",
      figure: "all",
      floor: "nobody",
      unit: "us/task",
      goals: [{ kind: "at most", value: 15 }],
    },
    {
      what: "what the reporter of a terminal adds, flat 100k (2 % of a build)",
      figure: "reporter",
      unit: "us/task",
      goals: [{ kind: "at most", value: 0.05 }],
    },
    { what: "what InMemoryRegistry adds, flat 100k", figure: "registry", unit: "us/task" },
  ],
};

const done = new Set<number>();

/** A task that does nothing; `isLimited` has it counted. */
@sd.register
class Watched extends sd.BaseTask({
  name: "Watched",
  namespace: "bench",
  params: { index: z.int(), isLimited: z.boolean() },
  concurrencyKeys: ({ isLimited }) => isLimited ? ["bench"] : [],
}) {
  override complete(): boolean {
    return done.has(this.index);
  }

  override async run(): Promise<void> {
    await undefined;
    done.add(this.index);
  }
}

function tasks(isLimited: boolean): readonly Watched[] {
  return Array.from({ length: TASKS }, (_, index) => new Watched({ index, isLimited }));
}

async function built(
  all: readonly Watched[],
  { executor = new sd.InProcessTaskExecutor(), ...options }: sd.BuildOptions,
): Promise<number> {
  done.clear();
  const spent = await time(async () => {
    (await sd.build(all, { executor, ...options })).throwIfFailed();
  });
  return perTask(spent, TASKS);
}

/** The fastest of some builds. */
async function fastest(options: () => sd.BuildOptions): Promise<number> {
  const all = tasks(options().concurrencyLimits !== undefined);
  let best = Infinity;
  for (let i = 0; i < TURNS; i++) best = Math.min(best, await built(all, options()));
  return best;
}

/** What the options add to the fastest of some builds, never less than nothing. */
async function added(options: () => sd.BuildOptions): Promise<number> {
  const all = tasks(false);
  let [without, within] = [Infinity, Infinity];
  for (let i = 0; i < TURNS; i++) {
    without = Math.min(without, await built(all, {}));
    within = Math.min(within, await built(all, options()));
  }
  return Math.max(0, within - without);
}

/** The live one, on a terminal that nobody looks at. */
function terminalReporter(): sd.Reporter {
  return sd.consoleReporter({
    isTerminal: true,
    color: true,
    output: {
      writeSync: (bytes) => bytes.length,
      isTerminal: () => true,
      consoleSize: () => ({ columns: 80, rows: 24 }),
    },
  });
}
