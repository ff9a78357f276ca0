/**
 * Outputs in an S3 that is a process of its own and takes its time to answer: how long it takes to find what is there, how many
 * requests, and to write; beside the same by hand, where nothing is signed or checked. And what is kept in memory meanwhile.
 *
 * @module
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import { S3ServerProcess } from "../../tests/support/s3_server_process.ts";
import type { Bar } from "../bar.ts";
import { perTask, time } from "../clock.ts";

const TASKS = 100_000;
/** Other files in the folder of these. */
const OTHERS = 1_000_000;
const FAMILIES = 1_000;
const CHAIN = 2_000;
const WRITTEN = 10_000;
/** As many requests as a build has under way at once. */
const CONCURRENCY = 50;
/** Of each answer, in milliseconds. */
const AWAY = 50;
const NEAR = 20;
const MIB = 2 ** 20;

/** Not much more than the requests that it cannot do without. */
export const s3: readonly Bar[] = [
  {
    name: "s3-known",
    rounds: 3,
    measures: {
      known: { run: () => known(parts(TASKS)) },
      "by hand": { run: listedByHand },
      families: { run: () => known(families()) },
      "among others": { run: () => known(parts(TASKS), OTHERS), slow: true },
    },
    claims: [
      {
        what: "build 100k tasks that are complete in S3, 50 ms away; over listing",
        figure: "known",
        floor: "by hand",
        unit: "ms",
        goals: [{ kind: "at most", value: 3000 }],
      },
      {
        what: "... of 1k types",
        figure: "families",
        unit: "ms",
        goals: [{ kind: "at most", value: 3000 }],
      },
      {
        what: "... of one, among 1M other files in its folder",
        figure: "among others",
        unit: "ms",
      },
    ],
  },
  {
    name: "s3-requests",
    rounds: 1,
    measures: {
      known: { run: () => requestsOf(parts(TASKS)) },
      families: { run: () => requestsOf(families()) },
      missing: { run: () => requestsOf(parts(TASKS), { missing: 100 }) },
      "among others": { run: () => requestsOf(parts(TASKS), { others: OTHERS }), slow: true },
      "few among others": { run: () => requestsOf(parts(1000), { others: OTHERS }), slow: true },
      chain: { run: () => requestsOf(parts(CHAIN), { atOnce: 1 }) },
    },
    claims: [
      {
        what: "requests to find 100k tasks complete in S3",
        figure: "known",
        unit: "requests",
        goals: [{ kind: "at most", value: 300 }],
      },
      {
        what: "... of 1k types",
        figure: "families",
        unit: "requests",
        goals: [{ kind: "at most", value: 300 }],
      },
      {
        what: "... or 1 in 100 missing",
        figure: "missing",
        unit: "requests",
        goals: [{ kind: "at most", value: 300 }],
      },
      {
        what: "... complete, among 1M other files in their folder",
        figure: "among others",
        unit: "requests",
        goals: [{ kind: "at most", value: 1500 }],
      },
      {
        what: "... 1k tasks only",
        figure: "few among others",
        unit: "requests",
        goals: [{ kind: "at most", value: 1000 }],
      },
      {
        what: "... 2k tasks one after the other, nothing else there",
        figure: "chain",
        unit: "requests",
        goals: [{ kind: "at most", value: 300 }],
      },
    ],
  },
  {
    name: "s3-written",
    rounds: 3,
    measures: {
      written: { run: () => written(({ spent }) => perTask(spent, WRITTEN)) },
      "by hand": { run: putByHand },
      requests: { run: () => written(({ requests }) => requests) },
    },
    claims: [
      {
        what: "build 10k tasks with small outputs in S3, 20 ms away; over PUTs",
        figure: "written",
        floor: "by hand",
        unit: "us/task",
        goals: [{ kind: "at most", value: 2000 }],
      },
      {
        what: "... requests",
        figure: "requests",
        unit: "requests",
        goals: [{ kind: "at most", value: 2 * WRITTEN + 20 }],
      },
    ],
  },
  {
    name: "s3-memory",
    rounds: 1,
    measures: { streamed: { run: streamed, slow: true } },
    claims: [
      {
        what: "memory of a process that streams 1 GiB to S3 and back",
        figure: "streamed",
        unit: "MiB",
        goals: [{ kind: "at most", value: 256 }],
      },
    ],
  },
];

const OUTPUT = z.object({ index: z.int(), values: z.array(z.number()) });

type Part = ReturnType<typeof part>;

const part = partOf("part");

function partOf(name: string) {
  return sd.task({
    name,
    namespace: "bench.s3",
    params: { index: z.int() },
    output: OUTPUT,
    run: ({ index }) => outputOf(index),
  });
}

function outputOf(index: number): z.infer<typeof OUTPUT> {
  return { index, values: [index / 2, index / 3, index / 7] };
}

function parts(count: number, from = 0): readonly Part[] {
  return Array.from({ length: count }, (_, index) => part({ index: from + index }));
}

/** As many tasks of many types. */
function families(): readonly Part[] {
  return Array.from({ length: FAMILIES }, (_, family) => {
    const task = partOf(`part_${family}`);
    return Array.from({ length: TASKS / FAMILIES }, (_, index) => task({ index }));
  }).flat();
}

/** What is in S3 for as long. */
async function inS3<T>(
  { latency, existing = [], others = 0, isPublic = false }: {
    readonly latency: number;
    readonly existing?: readonly Part[];
    readonly others?: number;
    readonly isPublic?: boolean;
  },
  use: (server: S3ServerProcess) => Promise<T>,
): Promise<T> {
  await using server = await S3ServerProcess.start({ latency, buckets: { bench: { isPublic } } });
  const { url: endpoint, region, credentials } = server;
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({
      targetRoots: { default: "s3://bench/root" },
      fileSystems: { "s3://": new sd.S3FileSystem({ endpoint, region, credentials }) },
    }),
  );
  // Ids are as good as chance: others are like those of the same type that are not asked for.
  for (let from = 0; from < others; from += TASKS) {
    await server.load("bench", keysOf(parts(Math.min(TASKS, others - from), OTHERS + from)));
  }
  await server.load("bench", keysOf(existing));
  await fetch(`${server.url}/bench?list-type=2&max-keys=1`).then((response) => response.text());
  await server.forget();
  return await use(server);
}

function keysOf(tasks: readonly Part[]): readonly string[] {
  return tasks.map((task) => task.output().uri.slice("s3://bench/".length));
}

/** Milliseconds until a build knows that all are complete. */
function known(existing: readonly Part[], others = 0): Promise<number> {
  return inS3({ latency: AWAY, existing, others }, () =>
    time(async () => {
      const summary = await sd.build([...existing]);
      if (summary.taskCount.previouslyCompleted !== existing.length) throw new Error(`${summary}`);
    }));
}

/** How many requests it takes to know which of the tasks are complete. */
function requestsOf(
  tasks: readonly Part[],
  { missing = Infinity, others = 0, atOnce = tasks.length }: {
    /** One of so many is not there. */
    readonly missing?: number;
    readonly others?: number;
    readonly atOnce?: number;
  } = {},
): Promise<number> {
  const isThere = (_: Part, index: number): boolean => (index + 1) % missing !== 0;
  const existing = tasks.filter(isThere);
  return inS3({ latency: 0, existing, others }, async (server) => {
    const asker = {};
    const { store } = tasks[0]!.output().probe!;
    for (let from = 0; from < tasks.length; from += atOnce) {
      const uris = tasks.slice(from, from + atOnce).map((task) => task.output().uri);
      const answers = await store.existsMany(uris, { asker, maxConcurrent: CONCURRENCY });
      const isWrong = answers.some((answer, index) =>
        answer !== isThere(tasks[from + index]!, from + index)
      );
      if (isWrong) throw new Error("Cannot measure: not all answers are right");
    }
    return (await server.counts()).total;
  });
}

/** The same by hand: all that begins with each pair of digits, and a look at what is there. */
function listedByHand(): Promise<number> {
  const existing = parts(TASKS);
  return inS3({ latency: AWAY, existing, isPublic: true }, ({ url }) => {
    const [before] = existing[0]!.output().uri.slice("s3://bench/".length).split(/[0-9a-f]{2}\//);
    return time(async () => {
      const there = new Set<string>();
      const pairs = Array.from({ length: 256 }, (_, pair) => pair.toString(16).padStart(2, "0"));
      await inLanes(pairs, async (pair) => {
        const prefix = encodeURIComponent(`${before}${pair}/`);
        const response = await fetch(`${url}/bench?list-type=2&prefix=${prefix}`);
        const text = await response.text();
        if (text.includes("<IsTruncated>true")) throw new Error("Cannot compare: a second page");
        for (const [, key] of text.matchAll(/<Key>([^<]*)<\/Key>/g)) there.add(key!);
      });
      if (keysOf(existing).some((key) => !there.has(key))) throw new Error("Cannot compare");
    });
  });
}

async function written(
  figure: (figures: { readonly spent: number; readonly requests: number }) => number,
): Promise<number> {
  return await inS3({ latency: NEAR }, async (server) => {
    const tasks = parts(WRITTEN);
    const spent = await time(async () => (await sd.build([...tasks])).throwIfFailed());
    return figure({ spent, requests: (await server.counts()).total });
  });
}

/** The same files, as many at once. */
function putByHand(): Promise<number> {
  const tasks = parts(WRITTEN);
  return inS3({ latency: NEAR, isPublic: true }, async ({ url }) => {
    const keys = keysOf(tasks);
    const spent = await time(() =>
      inLanes(keys.entries(), async ([index, key]) => {
        const body = JSON.stringify(outputOf(index));
        const response = await fetch(`${url}/bench/${key}`, { method: "PUT", body });
        await response.body?.cancel();
        if (!response.ok) throw new Error(`Cannot compare: ${response.status}`);
      })
    );
    return perTask(spent, WRITTEN);
  });
}

async function inLanes<T>(items: Iterable<T>, use: (item: T) => Promise<void>): Promise<void> {
  const rest = Iterator.from(items);
  const lane = async (): Promise<void> => {
    for (const item of rest) await use(item);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
}

/** The most that this process has in memory meanwhile. */
function streamed(): Promise<number> {
  return inS3({ latency: NEAR }, async () => {
    const size = 1024;
    let most = 0;
    const look = (): void => {
      most = Math.max(most, Deno.memoryUsage().rss);
    };
    let left = size;
    const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        look();
        if (left-- > 0) controller.enqueue(new Uint8Array(MIB).fill(left));
        else controller.close();
      },
    }, { highWaterMark: 0 });
    const target = sd.getTarget("large.bin");
    await target.write(source);
    let read = 0;
    for await (const chunk of target.readable()) {
      look();
      read += chunk.length;
    }
    if (read !== size * MIB) throw new Error(`Cannot measure: ${read} bytes came back`);
    return most / MIB;
  });
}
