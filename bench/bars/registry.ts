/**
 * Builds that tell a registry service, which is a process of its own and takes its time to answer: beside builds that tell
 * nobody, and beside the same requests without a build.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { z } from "zod";
import * as sd from "../../mod.ts";
import type { Bar } from "../bar.ts";
import { perTask, time } from "../clock.ts";
import type { Access } from "../registry_service.ts";

const TASKS = 1_000;
/** Of each answer, in milliseconds. */
const LATENCY = 5;
/** As many requests as a build has under way at once. */
const CONCURRENCY = 100;

/** Not in the way of tasks that take a little, and not much more than the requests themselves. */
export const registry: Bar = {
  name: "registry",
  measures: {
    "50 ms": { run: () => served((access) => built(50, access)) },
    "50 ms, untold": { run: () => built(50, undefined) },
    "20 ms": { run: () => served((access) => built(20, access)) },
    "20 ms, untold": { run: () => built(20, undefined) },
    nothing: { run: () => served((access) => built(0, access)) },
    requests: { run: () => served(requested) },
  },
  claims: [
    {
      what: "build 1k tasks that wait for 50 ms, told to a registry; over untold",
      figure: "50 ms",
      floor: "50 ms, untold",
      unit: "us/task",
      goals: [{ kind: "ratio", value: 1.5 }],
    },
    {
      what: "... for 20 ms",
      figure: "20 ms",
      floor: "20 ms, untold",
      unit: "us/task",
    },
    {
      what: "build 1k tasks that do nothing, told to a registry; over its requests",
      figure: "nothing",
      floor: "requests",
      unit: "us/task",
      goals: [{ kind: "ratio", value: 1.3 }],
    },
  ],
};

const done = new Set<number>();

/** A task that waits, as for the answer to a query. */
@sd.register
class Waiting extends sd.BaseTask({
  name: "Waiting",
  namespace: "bench",
  params: { index: z.int(), wait: z.int() },
}) {
  override complete(): boolean {
    return done.has(this.index);
  }

  override async run(): Promise<void> {
    if (this.wait > 0) await new Promise((resolve) => setTimeout(resolve, this.wait));
    done.add(this.index);
  }
}

function tasks(wait: number): readonly Waiting[] {
  return Array.from({ length: TASKS }, (_, index) => new Waiting({ index, wait }));
}

async function built(wait: number, access: Access | undefined): Promise<number> {
  const all = tasks(wait);
  const options = access === undefined ? {} : { registry: new sd.ApiRegistry(access) };
  const spent = await time(async () => {
    const summary = await sd.build(all, options);
    if (summary.status !== "success" || summary.warnings.length > 0) throw new Error(`${summary}`);
  });
  await options.registry?.close();
  return perTask(spent, TASKS);
}

/** What such a build sends, as many at once: each task is registered, begins and is complete. */
async function requested({ url, apiKey }: Access): Promise<number> {
  const post = async (path: string, body?: unknown): Promise<string> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method: "POST",
      headers: {
        "X-API-Key": apiKey,
        ...body !== undefined && { "Content-Type": "application/json" },
      },
      ...body !== undefined && { body: JSON.stringify(body) },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot compare: ${path} was answered ${text}`);
    return text;
  };
  const all = tasks(0);
  const spent = await time(async () => {
    const build: { readonly id: string } = JSON.parse(
      await post("/builds", { root_task_ids: all.map(({ id }) => id) }),
    );
    const rest = all.values();
    const lane = async (): Promise<void> => {
      for (const task of rest) {
        await post(`/builds/${build.id}/tasks`, {
          task_id: task.id,
          task_namespace: "bench",
          task_name: "Waiting",
          task_data: task.toJSON(),
          version: task.version,
          output_uri: null,
          dependency_task_ids: [],
        });
        await post(`/builds/${build.id}/tasks/${task.id}/start`);
        await post(`/builds/${build.id}/tasks/${task.id}/complete`);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    await post(`/builds/${build.id}/complete`);
  });
  return perTask(spent, TASKS);
}

/** Measures with a service that is there for as long. */
async function served(measure: (access: Access) => Promise<number>): Promise<number> {
  const script = fromFileUrl(new URL("../registry_service.ts", import.meta.url));
  await using service = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, String(LATENCY)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const line = await firstLine(service.stdout);
  try {
    return await measure(JSON.parse(line));
  } finally {
    await service.stdin.close();
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (
    const part of stream.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })
  ) {
    text += part;
    if (text.includes("\n")) break;
  }
  return text;
}
