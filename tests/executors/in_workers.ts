/**
 * What tests of workers share: a target root on the disk, and builds whose tasks run in threads or in processes.
 */

import { assert } from "@std/assert";
import * as sd from "../../mod.ts";
import {
  HybridConcurrentTaskExecutor,
  type HybridConcurrentTaskExecutorOptions,
} from "../../src/executors/hybrid.ts";
import { WorkerError } from "../../src/executors/worker_error.ts";
import { type AttemptObserver, TaskContext } from "../../src/tasks/run_context.ts";
import { isTemporary } from "../../src/targets/temporary.ts";

export type Kind = "worker" | "process";
export const KINDS: readonly Kind[] = ["worker", "process"];

/** A root of its own in force, until it is disposed: then it is removed, and must have no temporary files in it. */
export async function temporaryRoot(
  options: Omit<sd.TargetFactoryOptions, "targetRoots"> = {},
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "stardag-workers-" });
  const targetRoots = { default: `${path}/default`, other: `${path}/other` };
  const override = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots, flush: false, ...options }),
  );
  return {
    path,
    async [Symbol.asyncDispose](): Promise<void> {
      override[Symbol.dispose]();
      const left = filesBelow(path).filter((name) =>
        isTemporary(name.slice(name.lastIndexOf("/") + 1))
      );
      await Deno.remove(path, { recursive: true });
      assert(left.length === 0, `left behind: ${left.join(", ")}`);
    },
  };
}

/** All files but the index of the outputs. */
export function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    if (entry.name === ".stardag") return [];
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? filesBelow(path) : [path];
  });
}

/** An executor that runs all tasks in workers of one kind. */
export function inWorkers(
  kind: Kind,
  options: HybridConcurrentTaskExecutorOptions = {},
): HybridConcurrentTaskExecutor {
  return new HybridConcurrentTaskExecutor({
    maxWorkers: 1,
    maxProcesses: 1,
    executionModeSelector: () => kind,
    ...options,
  });
}

/** What a task that must fail has failed with. */
export async function failureOf(
  executor: sd.TaskExecutor,
  task: sd.AnyTask,
  observer?: AttemptObserver,
): Promise<sd.TaskOutcome & { readonly kind: "failed"; readonly error: Error }> {
  const outcome = await submit(executor, task, { observer });
  assert(outcome.kind === "failed", outcome.kind);
  assert(outcome.error instanceof Error);
  return outcome as ReturnType<typeof failureOf> extends Promise<infer F> ? F : never;
}

/** The same, where it has failed with its worker. */
export async function faultOf(executor: sd.TaskExecutor, task: sd.AnyTask): Promise<WorkerError> {
  const { error } = await failureOf(executor, task);
  assert(error instanceof WorkerError, String(error));
  return error;
}

/** Submits a task as a build would. */
export async function submit(
  executor: sd.TaskExecutor,
  task: sd.AnyTask,
  { signal = new AbortController().signal, observer }: {
    readonly signal?: AbortSignal;
    readonly observer?: AttemptObserver | undefined;
  } = {},
): Promise<sd.TaskOutcome> {
  return await executor.submit(task, new TaskContext(signal, 1, observer));
}

/** Takes note of what is told. */
export class Notes implements AttemptObserver {
  readonly lines: string[] = [];
  readonly warnings: string[] = [];
  readonly begun: string[] = [];

  wrote(_task: sd.AnyTask, line: string): void {
    this.lines.push(line);
  }

  warned(message: string): void {
    this.warnings.push(message);
  }

  began(task: sd.AnyTask): void {
    this.begun.push(task.id);
  }
}
