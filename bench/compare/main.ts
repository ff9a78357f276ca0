/**
 * The same flat DAG of tasks with JSON files as outputs, here, in the Python original, and in Luigi:
 * `deno run -A bench/compare/main.ts [--rounds=<n>] [--json=<file>]`.
 *
 * The others are measured where there is a Python that has them: `STARDAG_TEST_PYTHON` names the one with stardag,
 * `STARDAG_TEST_LUIGI_PYTHON` the one with luigi.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { parseArgs } from "node:util";
import { median } from "../bar.ts";
import { perTask, short } from "../clock.ts";

/** For how many tasks a contender is measured, as long as it ends in time. */
const SIZES = [1_000, 3_000, 10_000] as const;
/** Who takes longer for one size is not asked for the next, in milliseconds. */
const PATIENCE = 60_000;

const { values: options } = parseArgs({
  args: Deno.args,
  options: { rounds: { type: "string", default: "3" }, json: { type: "string" } },
});

/** Builds the DAG twice in a program of its own, which writes `Figures`. */
interface Contender {
  readonly name: string;
  readonly command: string;
  args(tasks: number, folder: string): readonly string[];
  /** Whether it is run in a home of its own, without the configuration of whoever runs this. */
  readonly ownHome?: boolean | undefined;
}

/** What a program writes: seconds for all tasks together. */
interface Figures {
  readonly version: string;
  readonly construct: number;
  readonly build: number;
  readonly again: number;
}

const python = Deno.env.get("STARDAG_TEST_PYTHON");
const luigiPython = Deno.env.get("STARDAG_TEST_LUIGI_PYTHON");
const here = (file: string): string => fromFileUrl(new URL(file, import.meta.url));
const deno = { command: Deno.execPath() };
const run = ["run", "-A", "--no-check", here("./stardag_flat.ts")];
const CONTENDERS: readonly Contender[] = [
  {
    name: "@stardag/core",
    ...deno,
    args: (tasks, folder) => [...run, String(tasks), folder],
  },
  {
    name: "@stardag/core, flush: false",
    ...deno,
    args: (tasks, folder) => [...run, String(tasks), folder, "--no-flush"],
  },
  ...(python === undefined ? [] : [{
    name: "stardag (Python)",
    command: python,
    args: (tasks: number) => [here("./stardag_flat.py"), String(tasks)],
    ownHome: true,
  }]),
  ...(luigiPython === undefined ? [] : [{
    name: "Luigi",
    command: luigiPython,
    args: (tasks: number, folder: string) => [here("./luigi_flat.py"), String(tasks), folder],
  }]),
];

const WIDTHS = [28, 9, 6, 18, 14, 18] as const;
const table: Record<string, unknown>[] = [];
const line = (cells: readonly string[]): string =>
  cells.map((cell, i) => cell.padEnd(WIDTHS[i] ?? 0)).join(" ").trimEnd();

console.log(
  line(["", "version", "tasks", "construct, us/task", "build, ms/task", "again, us/task"]),
);
const tooSlow = new Set<Contender>();
for (const tasks of SIZES) {
  const samples = new Map<Contender, Figures[]>(CONTENDERS.map((each) => [each, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [contender, figures] of samples) {
      if (tooSlow.has(contender)) continue;
      const started = performance.now();
      const sample = await measured(contender, tasks);
      if (sample === undefined || performance.now() - started > PATIENCE) tooSlow.add(contender);
      if (sample !== undefined) figures.push(sample);
    }
  }
  for (const [{ name }, figures] of samples) {
    const version = figures[0]?.version;
    if (version === undefined) {
      console.log(line([name, "", short(tasks), `more than ${PATIENCE / 1000} s`]));
      continue;
    }
    const of = (part: "construct" | "build" | "again"): number =>
      perTask(median(figures.map((each) => each[part] * 1000)), tasks);
    const [construct, build, again] = [of("construct"), of("build"), of("again")];
    const cells = [construct.toFixed(1), (build / 1000).toFixed(3), again.toFixed(1)];
    console.log(line([name, version, short(tasks), ...cells]));
    table.push({ name, version, tasks, construct, build, again });
  }
}
if (python === undefined) console.log("\nWithout stardag in Python: set STARDAG_TEST_PYTHON");
if (luigiPython === undefined) console.log("\nWithout Luigi: set STARDAG_TEST_LUIGI_PYTHON");
if (options.json !== undefined) {
  await Deno.writeTextFile(options.json, JSON.stringify(table, null, 2) + "\n");
}

/** The figures of one run; `undefined` when it took far too long. */
async function measured(
  { name, command, args, ownHome }: Contender,
  tasks: number,
): Promise<Figures | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "stardag-bench-" });
  try {
    const signal = AbortSignal.timeout(2 * PATIENCE);
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args: [...args(tasks, `${folder}/output`)],
      env: {
        ...(ownHome && { HOME: folder }),
        STARDAG_TARGET_ROOTS: JSON.stringify({ default: `${folder}/output` }),
      },
      signal,
    }).output();
    if (signal.aborted) return undefined;
    if (!success) throw new Error(`Cannot measure ${name}: ${new TextDecoder().decode(stderr)}`);
    return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
