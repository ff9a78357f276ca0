/**
 * What runs in a worker, be it a thread or a process: imports the module that declares a task, makes the task again, runs
 * it, tells how it ended. The entry of both kinds, and a file that nothing else of the package imports.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { ConfigError, messageOf, PermissionError, TaskTypeError } from "../errors.ts";
import { TargetFactory, targetFactoryProvider } from "../targets/factory.ts";
import { TaskContext } from "../tasks/run_context.ts";
import type { AnyTask } from "../tasks/task.ts";
import { refuseBuildsWhile } from "./build_guard.ts";
import { errorFromText, errorToText } from "./error_text.ts";
import type { TaskOutcome } from "./executor.ts";
import { leadStdout } from "./led_stdout.ts";
import { isGivenInCode } from "./stores.ts";
import { outputUriOf } from "../tasks/output_uri.ts";
import { TaskRunner } from "./task_runner.ts";
import { readTasks, writeTasks } from "./task_text.ts";
import { WorkerError } from "./worker_error.ts";
import { type Port, processPort, threadPort } from "./worker_port.ts";
import type { EndedMessage, RunMessage, ToWorker, WorkerKind } from "./worker_protocol.ts";

/** How often it is looked how much memory a task takes that has a limit, in milliseconds. */
const MEMORY_INTERVAL = 100;

/** Imports modules by url, also where the process itself may not read them. */
export type Imports = Readonly<Record<string, () => Promise<unknown>>>;

/** Runs a thread. */
export async function serveThread(): Promise<void> {
  new Server("worker", await threadPort(), {}).start();
}

/** Runs a process; see {@linkcode processPort}. */
export function serveProcess(mark: string, imports: Imports): void {
  new Server("process", processPort(mark), imports).start();
}

/** A worker at work, on one task at a time. */
class Server {
  readonly #kind: WorkerKind;
  readonly #port: Port;
  readonly #imports: Imports;
  readonly #runner = new TaskRunner();
  readonly #imported = new Set<string>();
  /** What is awaited in here belongs to a task. */
  readonly #inTask = new AsyncLocalStorage<true>();
  /** The factory in force before anything was imported: one that is there in its place was set by a module. */
  readonly #defaultFactory = targetFactoryProvider.get();
  #factory: { readonly from: string; readonly factory: TargetFactory } | undefined;
  #controller = new AbortController();

  constructor(kind: WorkerKind, port: Port, imports: Imports) {
    this.#kind = kind;
    this.#port = port;
    this.#imports = imports;
  }

  start(): void {
    this.#captureConsole();
    this.#catchErrors();
    refuseBuildsWhile(() => this.#inTask.getStore() !== true);
    this.#port.listen((message) => this.#take(message));
  }

  #take(message: ToWorker): void {
    switch (message.kind) {
      case "run":
        this.#controller = new AbortController();
        this.#run(message).then((ended) => this.#port.post(ended));
        return;
      case "abort":
        this.#port.post({ kind: "stopping" });
        this.#controller.abort(errorFromText(message.reason));
        return;
      default:
        throw new Error(`BUG: a worker was told ${JSON.stringify(message satisfies never)}`);
    }
  }

  /** Never rejects. */
  async #run(message: RunMessage): Promise<EndedMessage> {
    const context = new TaskContext(this.#controller.signal, message.attempt);
    using _ = this.#watchMemory(message.memoryLimit);
    try {
      const task = await this.#made(message);
      const factory = this.#factoryFor(message);
      this.#checkStores(message.givenInCode, factory);
      using _ = targetFactoryProvider.override(factory);
      this.#checkUri(task, message.uri);
      this.#port.post({ kind: "running" });
      const outcome = await this.#inTask.run(
        true,
        () => this.#outcome(task, context, new Set(message.yielded)),
      );
      const { hasLooked } = context;
      switch (outcome.kind) {
        case "complete":
          return { kind: "complete", hasLooked };
        case "suspended":
          return { kind: "suspended", requires: writeTasks(outcome.requires).text, hasLooked };
        case "failed":
          return { kind: "failed", error: errorToText(outcome.error), hasLooked };
      }
    } catch (error) {
      return { kind: "failed", error: errorToText(error), hasLooked: context.hasLooked };
    }
  }

  /** Runs the task up to where it yields what is not complete. There it is left: it is run from its start again. */
  async #outcome(
    task: AnyTask,
    context: TaskContext,
    yielded: ReadonlySet<string>,
  ): Promise<TaskOutcome> {
    for (;;) {
      const outcome = await this.#runner.submit(task, context);
      if (outcome.kind !== "suspended") return outcome;
      if (context.reason !== undefined || !await areComplete(outcome.requires, yielded)) {
        await this.#runner.discard(task, context);
        return outcome;
      }
    }
  }

  /** The task, made by the code that declares it. */
  async #made({ task, modules, main }: RunMessage): Promise<AnyTask> {
    for (const url of modules) await this.#import(url);
    try {
      return readTasks(task)[0]!;
    } catch (error) {
      if (!(error instanceof TaskTypeError)) throw error;
      if (main === undefined || this.#imported.has(main)) throw this.#undeclared(error, modules);
      await this.#import(main);
    }
    try {
      return readTasks(task)[0]!;
    } catch (error) {
      if (!(error instanceof TaskTypeError)) throw error;
      throw this.#undeclared(error, [...modules, main]);
    }
  }

  async #import(url: string): Promise<void> {
    if (this.#imported.has(url)) return;
    try {
      await (this.#imports[url]?.() ?? import(url));
    } catch (cause) {
      const denied = /Requires (read|import) access to "([^"]+)"/.exec(messageOf(cause));
      if (denied !== null) {
        const flag = `--allow-${denied[1]}=${denied[2]}`;
        throw new PermissionError(
          `Cannot import its module "${url}" in ${
            A[this.#kind]
          }: Deno may not. Run with ${flag}, from which the code ` +
            `of tasks is imported; a folder above it will do as well`,
          { flag, cause },
        );
      }
      throw new WorkerError(
        `Its module "${url}" cannot be imported in ${A[this.#kind]}: ${messageOf(cause)}`,
        { executionMode: this.#kind, fault: "import", cause },
      );
    }
    this.#imported.add(url);
  }

  #undeclared(cause: TaskTypeError, modules: readonly string[]): WorkerError {
    const imported = modules.map((url) => `"${url}"`).join(" and ");
    return new WorkerError(
      `The task type "${cause.typeId}" is not declared in ${
        A[this.#kind]
      } that has imported ${imported}. Declare it ` +
        `at the top level of a module, not inside a function or behind import.meta.main, and bind it to that module: ` +
        `sd.namespace("...", import.meta.url)`,
      { executionMode: this.#kind, fault: "import", cause },
    );
  }

  /** That of the module, if it has set one; else one with the roots of the build. */
  #factoryFor({ roots, flush }: RunMessage): TargetFactory {
    const current = targetFactoryProvider.get();
    if (current !== this.#defaultFactory) return current;
    const from = JSON.stringify({ roots, flush });
    if (this.#factory?.from !== from) {
      this.#factory = { from, factory: new BuildFactory(roots, flush) };
    }
    return this.#factory.factory;
  }

  /** With what is configured here in place of what the program has, outputs would go to another store. */
  #checkStores(givenInCode: readonly string[], factory: TargetFactory): void {
    const other = givenInCode.find((uri) => !isGivenInCode(uri, factory));
    if (other === undefined) return;
    const place = A[this.#kind];
    throw new ConfigError(
      `Where "${other}" is, its output or an input, is told by code that was not run in ${place}. Set the target factory, or ` +
        `its file systems, in the module that declares the task, or have it run here: executionMode "async"`,
    );
  }

  /** An output that is stored elsewhere would never be found. */
  #checkUri(task: AnyTask, uri: string | undefined): void {
    const own = outputUriOf(task);
    if (own === uri) return;
    throw new ConfigError(
      `Its output is "${own}" in ${
        A[this.#kind]
      }, and "${uri}" for the build. What it depends on must be the same in ` +
        `both: set a target factory or a serializer factory in the module that declares the task`,
    );
  }

  #watchMemory(limit: number | undefined): Disposable {
    if (limit === undefined) return { [Symbol.dispose]() {} };
    const timer = setInterval(() => {
      const { heapUsed, external } = Deno.memoryUsage();
      const used = Math.round((heapUsed + external) / 2 ** 20);
      if (used > limit) this.#port.post({ kind: "overfull", used });
    }, MEMORY_INTERVAL);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  #captureConsole(): void {
    const stream = (): Writable => {
      let rest = "";
      return new Writable({
        decodeStrings: false,
        write: (chunk, _encoding, done): void => {
          const lines = `${rest}${chunk}`.split("\n");
          rest = lines.pop()!;
          for (const line of lines) this.#port.post({ kind: "wrote", line });
          done();
        },
      });
    };
    const stdout = stream();
    globalThis.console = new Console({ stdout, stderr: stream() }) as typeof console;
    // That of a process is read as lines anyway. A thread has that of the program, which may be for a result alone.
    if (this.#kind === "process") return;
    const decoder = new TextDecoder();
    leadStdout((bytes) => {
      stdout.write(decoder.decode(bytes, { stream: true }));
      return bytes.length;
    });
  }

  #catchErrors(): void {
    const crashed = (event: Event, error: unknown): void => {
      event.preventDefault(); // else the system writes it to the console, and a process ends
      this.#port.post({ kind: "crashed", error: errorToText(error) });
    };
    addEventListener("error", (event) => crashed(event, event.error));
    addEventListener("unhandledrejection", (event) => crashed(event, event.reason));
  }
}

/** Has the target roots of the build, as far as they were sent; others are as they are configured. */
class BuildFactory extends TargetFactory {
  readonly #roots: Readonly<Record<string, string>>;

  constructor(roots: Readonly<Record<string, string>>, flush: boolean) {
    super({ flush });
    this.#roots = roots;
  }

  override getTargetRoot(key: string = "default"): string {
    return Object.hasOwn(this.#roots, key) ? this.#roots[key]! : super.getTargetRoot(key);
  }
}

/** In messages. */
const A: Readonly<Record<WorkerKind, string>> = { worker: "a worker", process: "a process" };

/** Whether the tasks are complete; one that may not be looked at counts as not, and the build will tell. */
async function areComplete(
  tasks: readonly AnyTask[],
  known: ReadonlySet<string>,
): Promise<boolean> {
  for (const task of tasks) {
    if (known.has(task.id)) continue;
    try {
      if (!await task.complete()) return false;
    } catch {
      return false;
    }
  }
  return true;
}
