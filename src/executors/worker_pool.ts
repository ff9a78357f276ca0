/**
 * Has tasks run by workers, each of them one task at a time: starts workers when they are needed, keeps them for the next
 * task, replaces those that fail. Unaware of what a worker is, a thread or a process, and of the DAG.
 *
 * @module
 */

import { ConfigError, messageOf } from "../errors.ts";
import type { TaskContext } from "../tasks/run_context.ts";
import type { AnyTask } from "../tasks/task.ts";
import { errorFromText, errorToText } from "./error_text.ts";
import { COMPLETE, type TaskOutcome } from "./executor.ts";
import { readTasks } from "./task_text.ts";
import { WorkerError } from "./worker_error.ts";
import type { FromWorker, RunMessage, ToWorker, WorkerKind } from "./worker_protocol.ts";

/** A worker, seen from outside. */
export interface Worker {
  /** Tells it something; does nothing once it has ended. */
  send(message: ToWorker): void;
  /** Whether this program goes on for as long as the worker does; it does at first. */
  keepAlive(isOn: boolean): void;
  /** Ends it at once. Resolves when it has ended; never rejects. */
  kill(): Promise<void>;
}

/** Is told what a worker does. */
export interface WorkerListener {
  told(message: FromWorker): void;
  /** It has written a line somewhere else than to its console. */
  wrote(line: string): void;
  /** It has ended, by itself or because it was killed; the last that is heard of it. */
  ended(end: WorkerEnd): void;
}

/** How a worker ended. */
export interface WorkerEnd {
  /** Its exit code, where there is one. */
  readonly code: number | undefined;
  /** The signal that killed it, if it is a process and one did. */
  readonly signal: string | undefined;
  /** Why it could not go on, where that is known. */
  readonly error: string | undefined;
}

/** Which worker can run a task. */
export interface Place {
  /** Workers are started alike for tasks with the same key. */
  readonly key: string;
  /**
   * Whether the worker holds its task to permissions. It runs no other, before or after; and as the task can speak in its
   * place, it cannot have others run by what it tells.
   */
  readonly isSandbox: boolean;
  /** Starts one. Throws when that is not allowed. */
  start(listener: WorkerListener): Worker;
}

/** A task to be run by a worker. */
export interface Job {
  readonly task: AnyTask;
  readonly context: TaskContext;
  readonly message: RunMessage;
  readonly place: Place;
}

/** Options of {@linkcode WorkerPool}. */
export interface WorkerPoolOptions {
  /** What its workers are. */
  readonly kind: WorkerKind;
  /** How many there may be at once. */
  readonly size: number;
  /** How long a worker may take until it runs a task that it was given, in milliseconds. */
  readonly startTimeout: number;
  /** How long a task may go on after it was told to stop, in milliseconds. */
  readonly stopTimeout: number;
  /** Called when a worker was killed that ran the task. */
  cleanUp(task: AnyTask): Promise<void>;
}

/** How many of the last lines that a task wrote are kept, and how long they may be. */
const MOST_LINES = 20;
const LONGEST_LINE = 500;

/**
 * A terminal sends its signals to processes of this program, too. So long it may take until this program has heard one,
 * too, and has had its builds stop, in milliseconds.
 */
const SIGNAL_DELAY = 200;

/** Workers of one kind. */
export class WorkerPool implements AsyncDisposable {
  readonly #options: WorkerPoolOptions;
  readonly #stations = new Set<Station>();
  readonly #queue = new Set<Ticket>();
  /** Workers that are to end. */
  readonly #ending = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Runs a task, whose context waits until then; never rejects. What is to stop is stopped by the context's signal. */
  run(job: Job): Promise<TaskOutcome> {
    const { context } = job;
    const signal = context.runnerSignal;
    return new Promise((resolve) => {
      const ticket: Ticket = {
        ...job,
        lines: [],
        station: undefined,
        isSecondTry: false,
        settle: (outcome): void => {
          signal.removeEventListener("abort", stop);
          resolve(outcome.kind === "failed" ? withLines(outcome, ticket.lines) : outcome);
        },
      };
      const stop = (): void => {
        if (this.#queue.delete(ticket)) ticket.settle({ kind: "failed", error: signal.reason });
        else ticket.station?.stop(signal.reason);
      };
      if (this.#isClosed) return ticket.settle({ kind: "failed", error: this.#closedError() });
      if (signal.aborted) return ticket.settle({ kind: "failed", error: signal.reason });
      signal.addEventListener("abort", stop);
      this.#queue.add(ticket);
      this.#dispatch();
    });
  }

  /** Ends all workers; tasks that they run, or were to run, fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const waiting = [...this.#queue];
    this.#queue.clear();
    for (const { settle } of waiting) settle({ kind: "failed", error: this.#closedError() });
    for (const station of [...this.#stations]) station.fail(this.#closedError());
    await Promise.all(this.#ending);
  }

  /** Gives the first tasks that wait to workers, as far as there are any. */
  #dispatch(): void {
    for (const ticket of this.#queue) {
      const { place } = ticket;
      const idle = [...this.#stations].filter((station) => station.isIdle);
      const fitting = idle.find(({ key }) => !place.isSandbox && key === place.key);
      if (fitting === undefined && this.#stations.size >= this.#options.size) {
        return idle[0]?.retire(); // which dispatches again
      }
      this.#queue.delete(ticket);
      try {
        (fitting ?? this.#start(place)).run(ticket);
      } catch (error) {
        ticket.settle({ kind: "failed", error });
      }
    }
  }

  #start(place: Place): Station {
    const station = new Station(place, this.#options, {
      onIdle: () => this.#dispatch(),
      onGone: (gone) => {
        this.#stations.delete(station);
        const ended = gone.finally(() => this.#ending.delete(ended));
        this.#ending.add(ended);
        this.#dispatch();
      },
      onNotTaken: (ticket) => {
        const rest = [...this.#queue];
        this.#queue.clear();
        for (const each of [ticket, ...rest]) this.#queue.add(each);
      },
    });
    this.#stations.add(station);
    return station;
  }

  #closedError(): WorkerError {
    const { kind } = this.#options;
    return new WorkerError(
      "Its executor was closed before it ended. Close it after the builds that use it",
      { executionMode: kind, fault: "closed" },
    );
  }
}

/** A task under way in a pool. */
interface Ticket extends Job {
  /** The last that it wrote. */
  readonly lines: string[];
  /** Where it is run. */
  station: Station | undefined;
  /** Whether a worker that had run others before has not taken it up. */
  isSecondTry: boolean;
  settle(outcome: TaskOutcome): void;
}

/** What a station tells its pool. */
interface StationEvents {
  /** It can take a task. */
  onIdle(): void;
  /** It takes no more tasks; `gone` resolves when nothing of it is left. */
  onGone(gone: Promise<void>): void;
  /** It does not run a task that it was given, and did not begin to. */
  onNotTaken(ticket: Ticket): void;
}

/** One worker, and the task that it runs. */
class Station implements WorkerListener {
  readonly key: string;
  readonly #isSandbox: boolean;
  readonly #options: WorkerPoolOptions;
  readonly #events: StationEvents;
  readonly #worker: Worker;
  /** What it wrote before it had a task. */
  readonly #ownLines: string[] = [];
  #ticket: Ticket | undefined;
  #hasRun = false;
  #isGone = false;
  /** Until the task runs; and once it is to stop, until it has to have. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the worker has answered that its task is to stop. */
  #isStopping = false;
  /** Whether it was heard of at all. */
  #hasTold = false;

  constructor(place: Place, options: WorkerPoolOptions, events: StationEvents) {
    this.key = place.key;
    this.#isSandbox = place.isSandbox;
    this.#options = options;
    this.#events = events;
    this.#worker = place.start(this);
  }

  get isIdle(): boolean {
    return this.#ticket === undefined && !this.#isGone;
  }

  run(ticket: Ticket): void {
    this.#ticket = ticket;
    ticket.station = this;
    ticket.lines.push(...this.#ownLines.splice(0));
    this.#worker.keepAlive(true);
    this.#worker.send(ticket.message);
    this.#timer = setTimeout(() => this.#startTooLong(), this.#options.startTimeout);
  }

  /** Has the task stop, by itself for a while, and then at once. */
  stop(reason: unknown): void {
    if (this.#ticket === undefined) return;
    clearTimeout(this.#timer);
    this.#worker.send({ kind: "abort", reason: errorToText(reason) });
    this.#timer = setTimeout(() => this.#stopTooLong(reason), this.#options.stopTimeout);
  }

  /** The task fails, and the worker is not used any more. */
  fail(error: unknown): void {
    this.#leave({ kind: "failed", error });
  }

  /** Ends the worker, which has no task. */
  retire(): void {
    this.#leave(undefined);
  }

  told(message: FromWorker): void {
    this.#hasTold = true;
    switch (message.kind) {
      case "running":
        if (!this.#isTold) clearTimeout(this.#timer);
        this.#ticket?.context.begin(this.#ticket.task);
        return;
      case "wrote":
        return this.wrote(message.line);
      case "stopping":
        // That of a task before may come late.
        if (this.#isTold) this.#isStopping = true;
        return;
      case "crashed":
        return this.#crashed(errorFromText(message.error));
      case "overfull":
        return this.#overfull(`with ${message.used} MiB`);
      case "complete":
      case "suspended":
      case "failed":
        return this.#taskEnded(message);
      default:
        throw new Error(`BUG: a worker told ${JSON.stringify(message satisfies never)}`);
    }
  }

  wrote(line: string): void {
    const lines = this.#ticket?.lines ?? this.#ownLines;
    lines.push(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}...` : line);
    if (lines.length > MOST_LINES) lines.shift();
    if (this.#ticket !== undefined) {
      this.#ticket.context.observer?.wrote(this.#ticket.task, line);
    }
  }

  async ended(end: WorkerEnd): Promise<void> {
    const ticket = this.#ticket;
    if (ticket === undefined) return this.#isGone ? undefined : this.retire();
    const signal = ticket.context.runnerSignal;
    if (end.signal === "SIGINT" || end.signal === "SIGTERM") {
      await abortedWithin(signal, SIGNAL_DELAY);
      if (this.#ticket !== ticket) return;
    }
    if (signal.aborted) return this.fail(signal.reason);
    if (isOutOfMemory(end, ticket.lines)) return this.#overfull("");
    this.fail(this.#hasTold ? this.#endedError(end) : this.#startError(end, ticket.lines));
  }

  /** Whether the task was told to stop. */
  get #isTold(): boolean {
    return this.#ticket?.context.runnerSignal.aborted === true;
  }

  #taskEnded(message: FromWorker & { readonly kind: "complete" | "suspended" | "failed" }): void {
    const ticket = this.#ticket;
    if (ticket === undefined) return;
    const outcome = this.#isSandbox && message.kind === "suspended"
      ? { kind: "failed" as const, error: yieldError() }
      : outcomeOf(message);
    if (message.hasLooked) void ticket.context.signal; // its look counts here
    if (this.#isSandbox) return this.#leave(outcome);
    this.#release();
    this.#worker.keepAlive(false);
    ticket.settle(outcome);
    this.#events.onIdle();
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#ticket = undefined;
    this.#hasRun = true;
    this.#isStopping = false;
  }

  /** Ends the worker, and then the task with the outcome. */
  #leave(outcome: TaskOutcome | undefined): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const ticket = this.#ticket;
    this.#release();
    const gone = async (): Promise<void> => {
      await this.#worker.kill();
      if (ticket === undefined || outcome === undefined) return;
      if (outcome.kind === "failed") await this.#options.cleanUp(ticket.task);
      ticket.settle(outcome);
    };
    this.#events.onGone(gone());
  }

  #startTooLong(): void {
    const ticket = this.#ticket!;
    if (this.#hasRun && !ticket.isSecondTry) {
      // What a task before it has left behind keeps the worker busy: this one is not to blame.
      ticket.isSecondTry = true;
      this.#release();
      this.#events.onNotTaken(ticket);
      return this.retire();
    }
    const { kind, startTimeout } = this.#options;
    this.fail(
      new WorkerError(
        `Its ${
          NOUN[kind]
        } did not begin to run it in ${startTimeout} ms: a module does not end to load there. Have ` +
          `its top level do nothing but declare, or give the executor a longer startTimeout`,
        { executionMode: kind, fault: "start" },
      ),
    );
  }

  #stopTooLong(reason: unknown): void {
    const { kind, stopTimeout } = this.#options;
    const { task, context } = this.#ticket!;
    if (kind === "worker" && !this.#isStopping) {
      context.observer?.warned(
        `The worker of ${task} was abandoned: told to stop, it went on for more than ${stopTimeout} ms. It may take up a ` +
          `processor until the program ends. A task with executionMode "process" can be stopped whatever it does`,
      );
    }
    this.fail(reason);
  }

  #crashed(cause: Error): void {
    if (this.#ticket === undefined) return this.retire();
    const doubt = this.#hasRun ? ", here or in a task that its worker has run before" : "";
    this.fail(
      new WorkerError(
        `An error in it was not caught: ${
          messageOf(cause)
        }. Await, or catch, all that run() starts${doubt}`,
        { executionMode: this.#options.kind, fault: "uncaught", cause },
      ),
    );
  }

  #overfull(amount: string): void {
    const { kind } = this.#options;
    const limit = this.#ticket?.message.memoryLimit;
    const over = limit === undefined
      ? "all that there was"
      : `more than its memoryLimit of ${limit} MiB`;
    this.fail(
      new WorkerError(
        `It took ${over}${
          amount === "" ? "" : `, ${amount}`
        }. Have it need less memory at a time, or give it more`,
        { executionMode: kind, fault: "memory" },
      ),
    );
  }

  #startError({ code, signal, error }: WorkerEnd, lines: readonly string[]): WorkerError {
    const { kind } = this.#options;
    const said = lines.find((line) => /^error\b/i.test(line))?.replace(/^error: */i, "");
    const why = error ?? said ?? `it ended with ${signal ?? `exit code ${code}`}`;
    const remedy = kind === "process"
      ? ". If it does not find what it imports, the deno.json of the program could not be found or read: give the " +
        'executor its path, processFlags: ["--config=..."]'
      : "";
    return new WorkerError(`Its ${NOUN[kind]} could not start: ${why}${remedy}`, {
      executionMode: kind,
      fault: "start",
    });
  }

  #endedError({ code, signal, error }: WorkerEnd): WorkerError {
    const { kind } = this.#options;
    const noun = NOUN[kind];
    const message = error !== undefined
      ? `Its ${noun} ended before it did: ${error}`
      : signal === undefined
      ? `Its ${noun} ended before it did${
        code === undefined ? "" : `, with exit code ${code}`
      }: something there has ` +
        `called Deno.exit() or close(). Have run() return or throw in place of that`
      : `Its ${noun} was killed by ${signal}: by somebody, or by a system that was out of memory. Build again, or have ` +
        `it need less memory`;
    return new WorkerError(message, { executionMode: kind, fault: "ended" });
  }
}

/** In messages. */
const NOUN: Readonly<Record<WorkerKind, string>> = { worker: "worker", process: "process" };

function outcomeOf(
  message: FromWorker & { readonly kind: "complete" | "suspended" | "failed" },
): TaskOutcome {
  switch (message.kind) {
    case "complete":
      return COMPLETE;
    case "suspended":
      try {
        return { kind: "suspended", requires: readTasks(message.requires) };
      } catch (error) {
        return { kind: "failed", error };
      }
    case "failed":
      return { kind: "failed", error: errorFromText(message.error) };
  }
}

function yieldError(): ConfigError {
  return new ConfigError(
    "It has permissions and has yielded, by which it could have any task run, held to nothing. Have it depend on what it " +
      "needs by its parameters or requires()",
  );
}

function withLines(
  outcome: TaskOutcome & { readonly kind: "failed" },
  lastLines: readonly string[],
): TaskOutcome {
  return lastLines.length === 0 ? outcome : { ...outcome, lastLines };
}

/** Whether V8 has said so before it ended. */
function isOutOfMemory({ code }: WorkerEnd, lines: readonly string[]): boolean {
  return code !== 0 && lines.some((line) => /JavaScript (?:heap )?out of memory/.test(line));
}

/** Waits for the signal to be aborted, no longer than so many milliseconds. */
function abortedWithin(signal: AbortSignal, time: number): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, time);
    signal.addEventListener("abort", end);
  });
}
