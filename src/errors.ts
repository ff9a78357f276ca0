/**
 * What a caller may catch: every error of this package is a `StardagError` with its data as fields.
 * Wrong use of the API in code throws `TypeError` or `RangeError` instead.
 *
 * @module
 */

import { z } from "zod";
import { describe } from "./json.ts";
import { locationIn } from "./stack.ts";

/** The base of every error a caller may want to catch. `cause` holds what it came from. */
export class StardagError extends Error {
  /** Name of the class. */
  override readonly name: string = this.constructor.name;
}

/** Parameters do not fit a task type: missing, unknown, or of the wrong type. */
export class TaskParameterError extends StardagError {
  /** Type id of the task, e.g. `my_pipeline.get_sum`. */
  readonly typeId: string;
  /** Where in the parameters, e.g. `["config", "depth"]`. */
  readonly path: readonly PropertyKey[];
  /** The value found there. */
  readonly value: unknown;

  /** Made by the package; `details` is the data of the fields. */
  constructor(
    message: string,
    details: { typeId: string; path: readonly PropertyKey[]; value: unknown; cause?: unknown },
  ) {
    super(message, { cause: details.cause });
    this.typeId = details.typeId;
    this.path = details.path;
    this.value = details.value;
  }
}

/** A task type is unknown, registered twice by different code, or not registered at all. */
export class TaskTypeError extends StardagError {
  /** Type id of the task, e.g. `my_pipeline.get_sum`. */
  readonly typeId: string;

  /** Made by the package. */
  constructor(message: string, details: { typeId: string; cause?: unknown }) {
    super(message, { cause: details.cause });
    this.typeId = details.typeId;
  }
}

/** A schema cannot be written back to JSON, so that values of it have no id and cannot be stored as JSON. */
export class SchemaError extends StardagError {}

/** A task made by another version of its code was asked to run: its output can be loaded, but not made anew. */
export class TaskVersionError extends StardagError {}

/** A file cannot be read or written: what, where and why is in the message, the system's error in `cause`. */
export class TargetError extends StardagError {
  /** The target concerned. */
  readonly uri: string;

  /** Made by targets, also by those of others. */
  constructor(message: string, details: { uri: string; cause?: unknown }) {
    super(message, { cause: details.cause });
    this.uri = details.uri;
  }
}

/** An output that was to be read is not there. */
export class TargetNotFoundError extends TargetError {}

/** A permission of Deno is missing; the message names the flag that grants it. */
export class PermissionError extends StardagError {
  /** The flag that grants it, e.g. `--allow-read=/data`. */
  readonly flag: string;

  /** Made by the package. */
  constructor(message: string, details: { flag: string; cause?: unknown }) {
    super(message, { cause: details.cause });
    this.flag = details.flag;
  }
}

/** No usable configuration: a root that is not set, a variable that cannot be parsed. */
export class ConfigError extends StardagError {}

/** A stored output does not fit what is to be loaded from it, or a value does not fit what is to be stored. */
export class SerializationError extends StardagError {
  /** The target concerned. */
  readonly uri: string;
  /** Where inside the value, e.g. `[3, "mean"]`; empty when it is the whole. */
  readonly path: readonly PropertyKey[];

  /** Made by serializers, also by those of others. */
  constructor(
    message: string,
    details: { uri: string; path?: readonly PropertyKey[]; cause?: unknown },
  ) {
    super(message, { cause: details.cause });
    this.uri = details.uri;
    this.path = details.path ?? [];
  }
}

/** Tasks depend on each other in a circle. */
export class DependencyCycleError extends StardagError {
  /** The circle: each task depends on the next, and the last is the first again. */
  readonly cycle: readonly string[];

  /** Made by the package. */
  constructor(message: string, details: { cycle: readonly string[] }) {
    super(message);
    this.cycle = details.cycle;
  }
}

/** Two tasks of one id differ in parameters that are not part of the id. */
export class InstanceConflictError extends StardagError {
  /** The id both have. */
  readonly taskId: string;
  /** The parameters in which they differ. */
  readonly fields: readonly string[];

  /** Made by the package. */
  constructor(message: string, details: { taskId: string; fields: readonly string[] }) {
    super(message);
    this.taskId = details.taskId;
    this.fields = details.fields;
  }
}

/** `requires()`, `output()` or `complete()` of a task threw, or gave something that is none. */
export class DiscoveryError extends StardagError {}

/** A task ran to its end, but its output is not there. */
export class MissingOutputError extends StardagError {}

/** A registry could not be told or asked something. */
export class RegistryError extends StardagError {
  /** Whether it could not be reached or is out of order, so that another try may do; else it has refused. */
  readonly isOutage: boolean;

  /** Made by registries, also by those of others. */
  constructor(message: string, details: { isOutage: boolean; cause?: unknown }) {
    super(message, { cause: details.cause });
    this.isOutage = details.isOutage;
  }
}

/** The registry service has answered that it did not do what it was asked to. */
export class ApiError extends RegistryError {
  /** Status of the answer, e.g. 422. */
  readonly status: number;
  /** What the service said about it; `undefined` when it said nothing. */
  readonly detail: string | undefined;

  /** Made by the package. What lies with the service, or passes, is an outage: 429, and all from 500. */
  constructor(message: string, details: { status: number; detail: string | undefined }) {
    super(message, { isOutage: details.status === 429 || details.status >= 500 });
    this.status = details.status;
    this.detail = details.detail;
  }
}

/** The registry service was asked without an API key and without a token. */
export class NotAuthenticatedError extends ApiError {}

/** The registry service does not know the API key. */
export class InvalidApiKeyError extends ApiError {}

/** The registry service cannot use the token. */
export class InvalidTokenError extends ApiError {}

/** The token for the registry service was good once. */
export class TokenExpiredError extends ApiError {}

/** Who asks the registry service is known to it, but may not do this. */
export class AuthorizationError extends ApiError {}

/** Who asks the registry service may not do so in this environment. */
export class EnvironmentAccessError extends AuthorizationError {}

/** The registry service does not know the build, the task, or whatever it was asked about. */
export class NotFoundError extends ApiError {}

/** An attempt at a task took longer than its `timeout`. */
export class TaskTimeoutError extends StardagError {
  /** The time it had, in milliseconds. */
  readonly timeout: number;

  /** Made by the package. */
  constructor(message: string, details: { timeout: number }) {
    super(message);
    this.timeout = details.timeout;
  }
}

/** The lock of a task was lost while the task was running: somebody else may run it. */
export class LockLostError extends StardagError {
  /** Id of the task. */
  readonly taskId: string;

  /** Made by lock managers, also by those of others. */
  constructor(message: string, details: { taskId: string; cause?: unknown }) {
    super(message, { cause: details.cause });
    this.taskId = details.taskId;
  }
}

/** The lock of a task was not to be had in the time that there was. */
export class LockUnavailableError extends StardagError {
  /** Id of the task. */
  readonly taskId: string;
  /** Who has it, where that is known. */
  readonly owner: string | undefined;

  /** Made by the package. */
  constructor(message: string, details: { taskId: string; owner?: string | undefined }) {
    super(message);
    this.taskId = details.taskId;
    this.owner = details.owner;
  }
}

/** A build was stopped by a signal of the system, such as Ctrl-C. */
export class InterruptedError extends StardagError {
  /** The signal, e.g. `SIGINT`. */
  readonly signal: Deno.Signal;

  /** Made by the package. */
  constructor(message: string, details: { signal: Deno.Signal }) {
    super(message);
    this.signal = details.signal;
  }
}

/** What `BuildSummary.error` is and `throwIfFailed()` throws: a failure, with its task. */
export class TaskFailedError extends StardagError {
  /** Id of the task that failed. */
  readonly taskId: string;
  /** The last lines that it wrote to the console, if it ran in a worker. */
  readonly lastLines: readonly string[];
  readonly #path: () => readonly string[];

  /** Made by the package; `cause` is the error thrown by the task. `path` is only asked for when somebody wants it. */
  constructor(
    message: string,
    details: {
      taskId: string;
      path: () => readonly string[];
      cause: unknown;
      lastLines?: readonly string[] | undefined;
    },
  ) {
    const { taskId, cause, lastLines = [] } = details;
    super(
      lastLines.length === 0
        ? message
        : `${message}. It wrote last: ${
          lastLines.slice(-3).map((line) => JSON.stringify(line)).join(", ")
        }`,
      { cause },
    );
    this.taskId = taskId;
    this.lastLines = lastLines;
    this.#path = details.path;
  }

  /** Its place: the tasks from a root down to it, as text. */
  get path(): readonly string[] {
    return this.#path();
  }

  /**
   * Where in your code it was thrown, e.g. `file:///pipeline.ts:12:5`, as far as the stack tells; not for errors of this
   * package, which say themselves what to do.
   */
  get location(): string | undefined {
    const { cause } = this;
    if (!(cause instanceof Error) || cause instanceof StardagError) return undefined;
    const location = locationIn(`${cause.stack}`);
    return location && `${location.url}:${location.position}`;
  }
}

/**
 * The message of whatever was thrown, for use inside another message: one line, also of Zod's lists of issues, with what
 * caused it where the message does not say so.
 */
export function messageOf(error: unknown): string {
  try {
    return withCause(error, 0);
  } catch {
    return "an error that cannot be shown";
  }
}

/** How far an error is followed to its causes. */
const MOST_CAUSES = 5;

function withCause(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return typeof error === "string" ? error : describe(error);
  const own = error instanceof z.core.$ZodError
    ? error.issues.map(issueText).join("; ")
    : `${error.message || error.name}`;
  const causes = error instanceof AggregateError ? error.errors.slice(0, 3) : [];
  if (error.cause !== undefined) causes.push(error.cause);
  if (depth === MOST_CAUSES || error instanceof StardagError) return own;
  const texts = causes.map((cause) => withCause(cause, depth + 1)).filter((text) =>
    text !== "" && (own === error.name || !own.includes(text))
  );
  return texts.length === 0 ? own : `${own} (${texts.join("; ")})`;
}

function issueText({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`;
}
