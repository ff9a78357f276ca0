/**
 * What goes wrong with a worker, and not in the task that it runs.
 *
 * @module
 */

import { StardagError } from "../errors.ts";
import type { WorkerKind } from "./worker_protocol.ts";

/** What a worker came to. */
export type WorkerFault =
  /** It ended, or was killed. */
  | "ended"
  /** An error in it was caught by nobody. */
  | "uncaught"
  /** It took too much memory. */
  | "memory"
  /** It did not start. */
  | "start"
  /** A module could not be imported there, or did not declare the task. */
  | "import"
  /** The executor was closed meanwhile. */
  | "closed";

/** A task failed with the worker that ran it: the thread or the process has ended, or cannot run it. */
export class WorkerError extends StardagError {
  /** Where the task was run. */
  readonly executionMode: WorkerKind;
  /** What happened. */
  readonly fault: WorkerFault;

  /** Made by the package. */
  constructor(
    message: string,
    details: { executionMode: WorkerKind; fault: WorkerFault; cause?: unknown },
  ) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.executionMode = details.executionMode;
    this.fault = details.fault;
  }
}
