/**
 * Explaining one task among many outputs of its type, beside reading the bytes of the index alone; and one above a large
 * DAG, beside finding out what of that is complete.
 *
 * @module
 */

import { z } from "zod";
import { OutputIndex } from "../../src/builders/output_index.ts";
import { INDEX } from "../../src/builders/output_index_writer.ts";
import { explain as explained } from "../../src/inspect/explain.ts";
import type { Explanation } from "../../src/inspect/explanation.ts";
import { plan } from "../../src/inspect/planning.ts";
import { listUris } from "../../src/targets/listing.ts";
import * as sd from "../../mod.ts";
import type { Bar } from "../bar.ts";
import { fastestTime, time } from "../clock.ts";

const OUTPUTS = 100_000;

const trained = sd.task({
  name: "trained",
  namespace: "bench.explain",
  params: {
    data: z.string(),
    index: z.int(),
    learningRate: z.number(),
    layers: z.array(z.int()),
    optimizer: z.enum(["adam", "sgd"]),
  },
  output: z.int(),
  run: ({ index }) => index,
});

const whole = sd.task({
  name: "whole",
  namespace: "bench.explain",
  params: { parts: z.array(sd.taskLoads(z.unknown())), seed: z.int() },
  output: z.int(),
  run: ({ parts }) => parts.length,
});

type Trained = ReturnType<typeof trained>;

/** A tenth of a second for one task, and never much longer than finding the tasks. */
export const explain: Bar = {
  name: "explain",
  rounds: 3,
  measures: {
    near: { run: (scratch) => one(scratch, 5, "different") },
    far: { run: (scratch) => one(scratch, OUTPUTS, "different") },
    built: { run: (scratch) => one(scratch, OUTPUTS - 1, "output_gone") },
    read: { run: readAlone },
    DAG: { run: (scratch) => wholeDag(scratch, explainedAll) },
    discovery: { run: (scratch) => wholeDag(scratch, planned) },
  },
  claims: [
    {
      what: "explain a task; the oldest of 100k outputs differs in one parameter",
      figure: "near",
      floor: "read",
      unit: "ms",
      goals: [{ kind: "at most", value: 100 }],
    },
    {
      what: "... all of them differ in four, over reading the index",
      figure: "far",
      floor: "read",
      unit: "ms",
      goals: [{ kind: "at most", value: 100 }],
    },
    {
      what: "... it is one of them, and its output is gone",
      figure: "built",
      floor: "read",
      unit: "ms",
      goals: [{ kind: "at most", value: 100 }],
    },
    {
      what: "explain what depends on 100k tasks of which none is built, over a plan",
      figure: "DAG",
      floor: "discovery",
      unit: "ms",
      goals: [{ kind: "ratio", value: 1.5 }],
    },
  ],
};

/** All parameters are made of the number: two tasks are near when their numbers are. */
function trainedAt(index: number, kind = index): Trained {
  return trained({
    data: `s3://bucket/data/${kind}.csv`,
    index,
    learningRate: kind / 7,
    layers: [kind, kind + 1],
    optimizer: "adam",
  });
}

/** Explains the task of this number, cold: nothing of the index has been read before. */
async function one(
  scratch: string,
  kind: number,
  expected: Explanation["reason"]["kind"],
): Promise<number> {
  using _ = await indexed(scratch);
  const task = trainedAt(expected === "different" ? OUTPUTS : kind, kind);
  await warm();
  let explanation: Explanation | undefined;
  const spent = await time(async () => {
    explanation = await explained(task);
    String(explanation);
  });
  if (explanation?.reason.kind !== expected) throw new Error(`Cannot measure: ${explanation}`);
  return spent;
}

async function readAlone(scratch: string): Promise<number> {
  using _ = await indexed(scratch);
  await warm();
  return await time(async () => {
    for await (const path of listUris(`${scratch}/root/${INDEX}`)) await Deno.readFile(path);
  });
}

/** What is measured is the work and not the compiling of it. */
async function warm(): Promise<void> {
  await explained(whole({ parts: [], seed: 0 }));
}

/** A root whose index tells of 100k outputs of one type, of which some are there: made once for the whole bar. */
async function indexed(scratch: string): Promise<Disposable> {
  const root = `${scratch}/root`;
  const override = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: root }, flush: false }),
  );
  const last = trainedAt(5);
  if (!await last.complete()) {
    const index = new OutputIndex({
      buildId: () => crypto.randomUUID(),
      warn(message) {
        throw new Error(message);
      },
    });
    for (let i = 0; i < OUTPUTS; i++) index.completed(trainedAt(i));
    await index.close();
    for (let i = OUTPUTS - 100; i < OUTPUTS - 1; i++) await trainedAt(i).output().save(i);
    await last.output().save(5);
  }
  return override;
}

async function wholeDag(
  scratch: string,
  look: (task: ReturnType<typeof whole>) => Promise<void>,
): Promise<number> {
  using _ = await indexed(scratch);
  const former = whole({ parts: [], seed: 0 });
  if (!await former.complete()) (await sd.build(former)).throwIfFailed();
  const parts = Array.from({ length: OUTPUTS }, (_, i) => trainedAt(i, i + 1));
  const task = whole({ parts, seed: 1 });
  return await fastestTime(2, () => look(task));
}

async function explainedAll(task: ReturnType<typeof whole>): Promise<void> {
  String(await explained(task));
}

async function planned(task: ReturnType<typeof whole>): Promise<void> {
  await plan(task, {});
}
