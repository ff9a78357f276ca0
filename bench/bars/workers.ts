/**
 * Tasks in threads and in processes: what two of them gain, and what each task costs there.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import * as sd from "../../mod.ts";
import { HybridConcurrentTaskExecutor } from "../../src/executors/hybrid.ts";
import type { ExecutionMode } from "../../src/tasks/run_policy.ts";
import type { Bar, Claim } from "../bar.ts";
import { perTask, short, time } from "../clock.ts";
import { computes, tiny } from "./worker_tasks.ts";

const TINY = 10_000;
const COMPUTING = 40;
/** The fastest is taken, for two at once are disturbed more easily than one. */
const TURNS = 5;
const ECHOES = 10_000;

/** Two on two processors are nearly twice as fast; what does nothing costs little. */
export const workers: Bar = {
  name: "workers",
  rounds: 3,
  measures: {
    "one worker": { run: (scratch) => computed(scratch, "worker", 1) },
    "two workers": { run: (scratch) => computed(scratch, "worker", 2) },
    "one process": { run: (scratch) => computed(scratch, "process", 1) },
    "two processes": { run: (scratch) => computed(scratch, "process", 2) },
    here: { run: (scratch) => tinyOnes(scratch, "blocking") },
    "in a worker": { run: (scratch) => tinyOnes(scratch, "worker") },
    "in a process": { run: (scratch) => tinyOnes(scratch, "process") },
    "thread echo": { run: threadEcho },
    "process echo": { run: processEcho },
  },
  claims: [
    speedUp("worker", "workers"),
    speedUp("process", "processes"),
    overhead("worker", 300),
    overhead("process", 1_000),
    { what: "one echo of a thread", figure: "thread echo", unit: "us/task" },
    { what: "one echo of a process", figure: "process echo", unit: "us/task" },
  ],
};

function speedUp(one: string, several: string): Claim {
  return {
    what: `${COMPUTING} computing tasks in two ${several}, over one (1.8 x as fast)`,
    figure: `two ${several}`,
    floor: `one ${one}`,
    unit: "ms",
    goals: [{ kind: "ratio", value: 0.555 }],
  };
}

function overhead(kind: string, value: number): Claim {
  return {
    what: `${short(TINY)} tiny tasks in one ${kind}, over running them here one by one`,
    figure: `in a ${kind}`,
    floor: "here",
    unit: "us/task",
    goals: [{ kind: "above floor", value }],
  };
}

async function computed(
  scratch: string,
  mode: ExecutionMode,
  size: number,
): Promise<number> {
  let fastest = Infinity;
  await using executor = await warm(scratch, mode, size);
  for (let turn = 0; turn < TURNS; turn++) {
    const from = turn * COMPUTING;
    const tasks = Array.from({ length: COMPUTING }, (_, n) => computes({ index: from + n }));
    fastest = Math.min(fastest, await built(executor, tasks));
  }
  return fastest;
}

async function tinyOnes(scratch: string, mode: ExecutionMode): Promise<number> {
  const tasks = Array.from({ length: TINY }, (_, index) => tiny({ index }));
  await using executor = await warm(scratch, mode, 1);
  return perTask(await built(executor, tasks), TINY);
}

/** Workers that have been started and have run some tasks, and a target root of its own. */
async function warm(
  scratch: string,
  mode: ExecutionMode,
  size: number,
): Promise<HybridConcurrentTaskExecutor> {
  const root = `${scratch}/${crypto.randomUUID()}`;
  sd.targetFactoryProvider.set(
    new sd.TargetFactory({ targetRoots: { default: root }, flush: false }),
  );
  const executor = new HybridConcurrentTaskExecutor({
    maxWorkers: size,
    maxProcesses: size,
    executionModeSelector: () => mode,
  });
  await built(executor, Array.from({ length: 100 * size }, (_, n) => tiny({ index: -1 - n })));
  return executor;
}

async function built(executor: sd.TaskExecutor, tasks: readonly sd.AnyTask[]): Promise<number> {
  return await time(async () => (await sd.build(tasks, { executor })).throwIfFailed());
}

async function threadEcho(): Promise<number> {
  const code = 'import { parentPort } from "node:worker_threads"; ' +
    'parentPort.on("message", (message) => parentPort.postMessage(message));';
  const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const echo = (): Promise<void> =>
    new Promise((resolve) => {
      thread.once("message", () => resolve());
      thread.postMessage("echo");
    });
  await echo();
  const spent = await time(async () => {
    for (let i = 0; i < ECHOES; i++) await echo();
  });
  await thread.terminate();
  return perTask(spent, ECHOES);
}

async function processEcho(): Promise<number> {
  const code = "for await (const chunk of Deno.stdin.readable) Deno.stdout.writeSync(chunk);";
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", `data:text/javascript,${encodeURIComponent(code)}`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const [input, output] = [child.stdin.getWriter(), child.stdout.getReader()];
  const message = new TextEncoder().encode("echo\n");
  const echo = async (): Promise<void> => {
    await input.write(message);
    await output.read();
  };
  await echo();
  const spent = await time(async () => {
    for (let i = 0; i < ECHOES; i++) await echo();
  });
  await input.close();
  await output.cancel();
  await child.status;
  return perTask(spent, ECHOES);
}
