/**
 * Takes every measure in turns, each in a process of its own, and shows what came out: `deno task bench`.
 *
 * Options: `--quick` (few rounds, without what takes long), `--only=<bar>,...`, `--rounds=<n>`, `--json=<file>`.
 * Files are written below the system's folder for temporary files, which `TMPDIR` sets: it says which disk is measured.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { parseArgs } from "node:util";
import { type Bar, type Samples, type Verdict, verdicts } from "./bar.ts";
import { BARS } from "./bars.ts";
import { headings, line } from "./table.ts";

const DEFAULT_ROUNDS = 5;
const QUICK_ROUNDS = 3;

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    json: { type: "string" },
  },
});

const bars = chosen(options.only);
const scratch = await Deno.makeTempDir({ prefix: "stardag-bench-" });
const removeScratch = (): void => Deno.removeSync(scratch, { recursive: true });
Deno.addSignalListener("SIGINT", () => {
  removeScratch();
  Deno.exit(130);
});
try {
  await main();
} finally {
  removeScratch();
}

async function main(): Promise<void> {
  const started = new Date();
  console.log(headings());
  const all: Verdict[] = [];
  const samples: Record<string, Record<string, Samples>> = {};
  for (const bar of bars) {
    const taken = await take(bar);
    samples[bar.name] = Object.fromEntries(taken);
    for (const verdict of verdicts(bar, taken)) {
      all.push(verdict);
      console.log(line(verdict));
    }
  }
  const missed = all.filter(({ met }) => met === false).length;
  console.log(missed === 0 ? "\nAll goals are met" : `\n${missed} of ${all.length} are not met`);
  if (options.json !== undefined) {
    const machine = {
      os: Deno.build.os,
      arch: Deno.build.arch,
      processors: navigator.hardwareConcurrency,
      memory: Deno.systemMemoryInfo().total,
      deno: Deno.version.deno,
    };
    await Deno.writeTextFile(
      options.json,
      JSON.stringify({ started, machine, verdicts: all, samples }, null, 2) + "\n",
    );
  }
  if (all.some(({ error }) => error !== undefined)) Deno.exitCode = 1;
}

/** Takes the measures of a bar in turns; one that has failed is not tried again. */
async function take(bar: Bar): Promise<ReadonlyMap<string, Samples>> {
  const names = Object.keys(bar.measures).filter((name) =>
    !(options.quick && bar.measures[name]!.slow)
  );
  const folder = `${scratch}/${bar.name}`;
  await Deno.mkdir(folder);
  const samples = new Map<string, Samples>();
  for (let round = 0; round < roundsOf(bar); round++) {
    // Every other round backwards, so that nobody is always the one who comes after the other.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const before = samples.get(name) ?? { kind: "measured", figures: [] };
      if (before.kind === "failed") continue;
      const sample = await measured(bar, name, folder);
      samples.set(
        name,
        typeof sample === "number"
          ? { kind: "measured", figures: [...before.figures, sample] }
          : { kind: "failed", error: sample.error },
      );
    }
  }
  await Deno.remove(folder, { recursive: true });
  return samples;
}

function roundsOf({ rounds = DEFAULT_ROUNDS }: Bar): number {
  if (options.rounds !== undefined) return Number(options.rounds);
  return options.quick ? Math.min(QUICK_ROUNDS, rounds) : rounds;
}

/** Takes one measure in a new process. */
async function measured(
  bar: Bar,
  name: string,
  folder: string,
): Promise<number | { readonly error: string }> {
  const flags = bar.measures[name]!.v8Flags ?? [];
  const child = fromFileUrl(new URL("./child.ts", import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      ...(flags.length > 0 ? [`--v8-flags=${flags.join(",")}`] : []),
      child,
      bar.name,
      name,
      folder,
    ],
    cwd: fromFileUrl(new URL("../", import.meta.url)),
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (success) return JSON.parse(decoder.decode(stdout));
  return { error: decoder.decode(stderr).trim() };
}

function chosen(only: string | undefined): readonly Bar[] {
  if (only === undefined) return BARS;
  return only.split(",").map((name) => {
    const bar = BARS.find((each) => each.name === name);
    if (bar === undefined) {
      throw new RangeError(
        `Cannot measure "${name}": there is no such bar. Give some of ${
          BARS.map((each) => each.name).join(", ")
        }`,
      );
    }
    return bar;
  });
}
