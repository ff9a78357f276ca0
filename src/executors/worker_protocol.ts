/**
 * What a build and its workers say to each other, be they threads or processes; types only. Unaware of how it is sent:
 * all of it is plain data that has a form in JSON.
 *
 * @module
 */

/** Where tasks are run besides this event loop. */
export type WorkerKind = "worker" | "process";

/** What a worker is told. */
export type ToWorker =
  | RunMessage
  /** The task is to stop. */
  | { readonly kind: "abort"; readonly reason: ErrorText };

/** Run a task; there is one at a time. */
export interface RunMessage {
  readonly kind: "run";
  /** The task, as `writeTasks()` writes it. */
  readonly task: string;
  /** URLs of the modules that declare its type and those of the tasks in it. */
  readonly modules: readonly string[];
  /** URL of the program, where one of the types does not say which module declares it. */
  readonly main: string | undefined;
  /** Target roots by key, as they are where the build is. */
  readonly roots: Readonly<Record<string, string>>;
  /** Whether what is written to local files is forced to the disk. */
  readonly flush: boolean;
  /** Where the build will look for the output; `undefined` when the task does not say. */
  readonly uri: string | undefined;
  /** The output and inputs of which code says in which store they are. */
  readonly givenInCode: readonly string[];
  readonly attempt: number;
  /** Ids of the tasks that it has yielded so far: all of them are complete by now. */
  readonly yielded: readonly string[];
  /** In MiB. */
  readonly memoryLimit: number | undefined;
}

/** What a worker tells. */
export type FromWorker =
  /** The modules are imported; the task is run now. */
  | { readonly kind: "running" }
  /** A line written to the console. */
  | { readonly kind: "wrote"; readonly line: string }
  /** It was told to stop, and its event loop is alive. */
  | { readonly kind: "stopping" }
  /** An error that nobody caught, of the task or of what one before it has left behind. */
  | { readonly kind: "crashed"; readonly error: ErrorText }
  /** It takes more memory than the task may have, in MiB. */
  | { readonly kind: "overfull"; readonly used: number }
  | EndedMessage;

/** The task has ended, or waits. */
export type EndedMessage =
  & {
    /** Whether the task has looked at its signal, so that it may have ended because it was told to. */
    readonly hasLooked: boolean;
  }
  & (
    | { readonly kind: "complete" }
    /** It waits for these tasks, written by `writeTasks()`, and is to be run again from its start. */
    | { readonly kind: "suspended"; readonly requires: string }
    | { readonly kind: "failed"; readonly error: ErrorText }
  );

/** An error. */
export interface ErrorText {
  /** Its class, where that is one that is known here by its name, and what it calls itself. */
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: ErrorText | undefined;
  /** Those that it is made of, if it is an `AggregateError`. */
  readonly errors: readonly ErrorText[] | undefined;
  /** Its other fields, as far as JSON can hold them. */
  readonly fields: Readonly<Record<string, unknown>>;
}
