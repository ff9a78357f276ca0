/**
 * Tasks whose outputs are local JSON files, beside code that writes or looks for the same files by hand.
 *
 * @module
 */

import { dirname } from "@std/path";
import { z } from "zod";
import * as sd from "../../mod.ts";
import type { Bar, Goal, Measure } from "../bar.ts";
import { perTask, short, time } from "../clock.ts";

/** As many as a build runs at once unless told. */
const CONCURRENCY = 50;

const OUTPUT = z.object({ index: z.int(), values: z.array(z.number()) });

const part = sd.task({
  name: "part",
  namespace: "bench",
  params: { index: z.int() },
  output: OUTPUT,
  run: ({ index }) => Promise.resolve(outputOf(index)),
});

const whole = sd.task({
  name: "whole",
  namespace: "bench",
  params: { parts: z.array(sd.taskLoads(z.unknown())) },
  output: z.int(),
  run: ({ parts }) => parts.length,
});

type Part = ReturnType<typeof part>;

/** Not much more than writing the files, and than looking whether they are there. */
export const localFiles: readonly Bar[] = [
  filesBar("files", 10_000, { rounds: 5, slow: false }),
  filesBar("files-100k", 100_000, { rounds: 3, slow: true }),
  {
    name: "root-missing",
    measures: {
      build: { run: (scratch) => onlyRootMissing(scratch, 100_000) },
      "by hand": { run: (scratch) => looked(scratch, 100_000) },
    },
    claims: [
      {
        what: "build, only the root of 100k files missing, over looking",
        figure: "build",
        floor: "by hand",
        unit: "ms",
        goals: [{ kind: "ratio", value: 1.5 }, { kind: "at most", value: 2000 }],
      },
    ],
  },
];

function filesBar(
  name: string,
  tasks: number,
  { rounds, slow }: { readonly rounds: number; readonly slow: boolean },
): Bar {
  const goals: readonly Goal[] = [{ kind: "ratio", value: 1.3 }];
  const what = `build ${short(tasks)} local files`;
  return {
    name,
    rounds,
    measures: {
      flushed: { ...writing(built, tasks, true), slow },
      "flushed by hand": { ...writing(byHand, tasks, true), slow },
      "not flushed": { ...writing(built, tasks, false), slow },
      "not flushed by hand": { ...writing(byHand, tasks, false), slow },
    },
    claims: [
      {
        what: `${what}, over writing them`,
        figure: "flushed",
        floor: "flushed by hand",
        unit: "us/task",
        goals,
      },
      {
        what: `${what}, flush: false, over writing them`,
        figure: "not flushed",
        floor: "not flushed by hand",
        unit: "us/task",
        goals,
      },
    ],
  };
}

/** Writes the outputs of the parts; milliseconds. */
type Writer = (parts: readonly Part[], flush: boolean) => Promise<number>;

function writing(write: Writer, tasks: number, flush: boolean): Measure {
  return {
    async run(scratch) {
      const root = await Deno.makeTempDir({ dir: scratch });
      using _ = targetsBelow(root, flush);
      const parts = Array.from({ length: tasks }, (_, index) => part({ index }));
      await settled();
      try {
        const spent = await write(parts, flush);
        await checkWritten(parts);
        return perTask(spent, tasks);
      } finally {
        await Deno.remove(root, { recursive: true });
      }
    },
  };
}

function built(parts: readonly Part[]): Promise<number> {
  return time(async () => (await sd.build(parts)).throwIfFailed());
}

/** The same files: folders made when missing, a temporary file that is renamed, as many at once. */
function byHand(parts: readonly Part[], flush: boolean): Promise<number> {
  const paths = parts.map((each) => each.output().uri);
  const encoder = new TextEncoder();
  const write = async (path: string, content: Uint8Array): Promise<void> => {
    if (!flush) return await Deno.writeFile(path, content, { createNew: true });
    using file = await Deno.open(path, { write: true, createNew: true });
    await file.write(content);
    await file.syncData();
  };
  return time(async () => {
    const rest = paths.entries();
    const lane = async (): Promise<void> => {
      for (const [index, path] of rest) {
        const content = encoder.encode(JSON.stringify(outputOf(index)));
        const temporary = `${dirname(path)}/.${index}.tmp`;
        try {
          await write(temporary, content);
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
          await Deno.mkdir(dirname(path), { recursive: true });
          await write(temporary, content);
        }
        await Deno.rename(temporary, path);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  });
}

async function onlyRootMissing(scratch: string, tasks: number): Promise<number> {
  const { root, parts } = await allWritten(scratch, tasks);
  using _ = targetsBelow(root, false);
  const last = whole({ parts });
  let summary: sd.BuildSummary | undefined;
  const spent = await time(async () => summary = await sd.build(last));
  const { previouslyCompleted, succeeded } = summary!.taskCount;
  if (previouslyCompleted !== tasks || succeeded !== 1) {
    throw new Error(`Cannot measure: ${summary}`);
  }
  await Deno.remove(last.output().uri);
  return spent;
}

/** The fastest that one can do by hand: one question after the other, without waiting. */
async function looked(scratch: string, tasks: number): Promise<number> {
  const { root, parts } = await allWritten(scratch, tasks);
  using _ = targetsBelow(root, false);
  const paths = parts.map((each) => each.output().uri);
  return await time(() => {
    for (const path of paths) if (!Deno.statSync(path).isFile) throw new Error(`a folder: ${path}`);
  });
}

/** Parts whose outputs are there: written once for the whole bar. */
async function allWritten(
  scratch: string,
  tasks: number,
): Promise<{ root: string; parts: Part[] }> {
  const root = `${scratch}/complete-${tasks}`;
  using _ = targetsBelow(root, false);
  const parts = Array.from({ length: tasks }, (_, index) => part({ index }));
  if (!await parts.at(-1)!.complete()) await byHand(parts, false);
  return { root, parts };
}

function targetsBelow(root: string, flush: boolean): Disposable {
  return sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: root }, flush }),
  );
}

function outputOf(index: number): z.infer<typeof OUTPUT> {
  return { index, values: [index / 2, index / 3, index / 7] };
}

/** Has the system write what it still holds in memory, so that one measure does not pay for the other. */
async function settled(): Promise<void> {
  if (Deno.build.os !== "windows") await new Deno.Command("sync").output();
}

/** That what was written is what the library reads, and byte for byte what it writes. */
async function checkWritten(parts: readonly Part[]): Promise<void> {
  for (const index of [0, parts.length - 1]) {
    const text = await parts[index]!.output().text();
    if (text !== JSON.stringify(outputOf(index))) {
      throw new Error(`Cannot compare: file ${index} holds ${text}`);
    }
  }
}
