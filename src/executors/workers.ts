/**
 * The threads and processes of one executor, and what is to be known of the tasks that they suspended. Unaware of the DAG.
 *
 * @module
 */

import { ConfigError, PermissionError } from "../errors.ts";
import type { TaskContext } from "../tasks/run_context.ts";
import type { AnyTask, RunContext } from "../tasks/task.ts";
import { policyOf } from "../tasks/type_registry.ts";
import {
  type Crossing,
  crossing,
  mainModule,
  makeFolderOf,
  removeLeftovers,
  seenFromHere,
} from "./crossing.ts";
import type { TaskOutcome } from "./executor.ts";
import { apartFlags, configFlags, inheritedFlags, sandboxFlags } from "./process_flags.ts";
import { type Place, WorkerPool } from "./worker_pool.ts";
import type { WorkerKind } from "./worker_protocol.ts";

/** Options of {@linkcode Workers}. */
export interface WorkersOptions {
  readonly maxWorkers: number;
  readonly maxProcesses: number;
  /** In milliseconds. */
  readonly startTimeout: number;
  /** Further flags of `deno run`. */
  readonly processFlags: readonly string[];
  /** How often one attempt at a task may be run from its start; 10,000 unless told. */
  readonly mostRuns?: number | undefined;
}

/** How long a task may go on after it was told to stop, in milliseconds: less than builds wait for it. */
const STOP_TIMEOUT = 250;

const MOST_RUNS = 10_000;

/** A task that waits for what it has yielded. */
interface Suspended {
  /** All that it has yielded so far. */
  readonly yielded: readonly AnyTask[];
  readonly runs: number;
}

/** Threads and processes, each of them with one task at a time. */
export class Workers implements AsyncDisposable {
  readonly #options: WorkersOptions;
  readonly #pools = new Map<WorkerKind, WorkerPool>();
  /** By build, which is told by its context, and by task. */
  readonly #suspended = new WeakMap<RunContext, Map<string, Suspended>>();
  #configFlags: readonly string[] | undefined;
  #isClosed = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  /** Runs a task in a thread or a process; `given` is the context by which its build is told. Never rejects. */
  async run(
    kind: WorkerKind,
    task: AnyTask,
    { given, context }: { readonly given: RunContext; readonly context: TaskContext },
  ): Promise<TaskOutcome> {
    try {
      const kept = this.#take(task, given) ?? { yielded: [], runs: 0 };
      const crossed = crossing(task, context, kept.yielded);
      const place = await this.#placeOf(kind, task, crossed);
      const outcome = await this.#pool(kind).run({
        task,
        context,
        message: crossed.message,
        place,
      });
      switch (outcome.kind) {
        case "complete":
          return await seenFromHere(task);
        case "suspended":
          this.#keep(task, given, kept, outcome.requires);
          return outcome;
        case "failed":
          return kind === "process" ? { ...outcome, error: denied(outcome.error, task) } : outcome;
      }
    } catch (error) {
      return { kind: "failed", error };
    }
  }

  /** Forgets a suspended task. */
  discard(task: AnyTask, context: RunContext): void {
    this.#take(task, context);
  }

  /** Ends all threads and processes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#pools.values().map((pool) => pool[Symbol.asyncDispose]()));
  }

  #pool(kind: WorkerKind): WorkerPool {
    let pool = this.#pools.get(kind);
    if (pool === undefined) {
      const { maxWorkers, maxProcesses, startTimeout } = this.#options;
      const size = kind === "worker" ? maxWorkers : maxProcesses;
      const stopTimeout = STOP_TIMEOUT;
      pool = new WorkerPool({ kind, size, startTimeout, stopTimeout, cleanUp: removeLeftovers });
      this.#pools.set(kind, pool);
      if (this.#isClosed) void pool[Symbol.asyncDispose](); // so that it tells why it runs nothing
    }
    return pool;
  }

  async #placeOf(kind: WorkerKind, task: AnyTask, crossed: Crossing): Promise<Place> {
    if (kind === "worker") return (await import("./worker_thread.ts")).THREAD;
    const { permissions, memoryLimit } = policyOf(task) ?? {};
    if (permissions !== undefined) await makeFolderOf(crossed.output);
    const { processPlace } = await import("./worker_process.ts");
    const ownFlags = [
      ...this.#options.processFlags,
      ...(this.#configFlags ??= this.#findConfig()),
    ];
    const flags = [
      ...(permissions === undefined ? ownFlags : apartFlags(ownFlags)),
      ...(memoryLimit === undefined ? [] : [`--v8-flags=--max-old-space-size=${memoryLimit}`]),
      ...(permissions === undefined
        ? inheritedFlags(Object.values(crossed.message.roots), crossed.modules)
        : sandboxFlags(permissions, crossed)),
    ];
    const { modules } = crossed;
    return processPlace({ flags, modules, isSandbox: permissions !== undefined });
  }

  #findConfig(): readonly string[] {
    const isGiven = this.#options.processFlags.some((flag) => /^--(no-)?config\b/.test(flag));
    return isGiven ? [] : configFlags(mainModule());
  }

  #keep(
    task: AnyTask,
    context: RunContext,
    { yielded, runs }: Suspended,
    requires: readonly AnyTask[],
  ): void {
    const { mostRuns = MOST_RUNS } = this.#options;
    if (runs + 1 >= mostRuns) {
      throw new ConfigError(
        `It was run from its start ${mostRuns} times and has yielded something new each time. Have it yield the same ` +
          `tasks each time it is run, and fewer at a time`,
      );
    }
    const ids = new Set(yielded.map(({ id }) => id));
    const fresh = requires.filter(({ id }) => !ids.has(id));
    const kept = this.#suspended.get(context) ?? new Map<string, Suspended>();
    kept.set(task.id, { yielded: [...yielded, ...fresh], runs: runs + 1 });
    this.#suspended.set(context, kept);
  }

  #take(task: AnyTask, context: RunContext): Suspended | undefined {
    const kept = this.#suspended.get(context);
    const taken = kept?.get(task.id);
    kept?.delete(task.id);
    return taken;
  }
}

/** What a process did not allow is told with what would allow it. */
function denied(error: unknown, task: AnyTask): unknown {
  if (!(error instanceof Error)) return error;
  // import() throws a `TypeError`.
  const isDenied = error instanceof Deno.errors.NotCapable || error instanceof PermissionError ||
    (error instanceof TypeError && error.message.startsWith("Requires "));
  if (!isDenied) return error;
  const [, kind, quoted, flagged] = DENIED.exec(error.message) ?? [];
  if (kind === undefined) return error;
  const what = quoted ?? flagged;
  const flag = `--allow-${kind}${what === undefined ? "" : `=${what}`}`;
  const state = error.message.replace(/[,.] run (?:again )?with the? .*/is, "");
  const remedy = policyOf(task)?.permissions === undefined
    ? "A process has what the program has as a whole; what is granted in part, a task asks for itself"
    : "A task has only the permissions that it asks for";
  const example = what === undefined ? "true" : `[${JSON.stringify(what)}]`;
  return new PermissionError(
    `${state}. ${remedy}: permissions: { ${kind}: ${example} }`,
    { flag, cause: error },
  );
}

/** What Deno says, or an error of this package: the kind, and what access was wanted to. */
const DENIED = /(?:Requires |--allow-)(\w+)(?: access to "([^"]*)"|=(\S+?),?(?:\s|$))?/;
