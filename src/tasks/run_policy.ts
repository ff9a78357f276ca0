/**
 * How a task wants to be run: tried again when it fails, stopped when it takes too long, before or besides which others,
 * where, and held to what. Unaware of who heeds it.
 *
 * @module
 */

import { describe, isPlainObject } from "../json.ts";
import { checkOptions } from "../options.ts";
import { isTask } from "./task.ts";

/** How often and when a task is tried again after an attempt has failed. */
export interface RetryOptions {
  /** How many attempts there are in all; 5 unless told. */
  readonly maxAttempts?: number | undefined;
  /** The wait after the first attempt, in milliseconds; 1,000 unless told. */
  readonly minTimeout?: number | undefined;
  /** The longest wait, in milliseconds; 60,000 unless told. */
  readonly maxTimeout?: number | undefined;
  /** How many times as long each wait is as the one before; 2 unless told. */
  readonly multiplier?: number | undefined;
  /**
   * Which part of the wait is left to chance, from 0 to 1, so that tasks that failed together do not come back together;
   * 1 unless told: anything between no wait and the whole.
   */
  readonly jitter?: number | undefined;
  /**
   * Whether another attempt may help; always unless told. Not asked about a denied permission, a missing configuration
   * and a task of another version: these are never tried again.
   */
  readonly isRetriable?: ((error: unknown) => boolean) | undefined;
}

/** Where a task is run. */
export type ExecutionMode =
  /** In this event loop; what tasks wait for overlaps. */
  | "async"
  /** In a thread of its own: uses another core, costs little. */
  | "worker"
  /** In another process: uses another core, and can be stopped and contained whatever it does. */
  | "process"
  /** In this event loop, one such task after the other: for debugging. */
  | "blocking";

/**
 * What a task may do, by kind of permission: all (`true`), only what is listed, or nothing (`false`, and what is left
 * out). A kind takes what its flag takes, e.g. `read: ["/data"]`, `net: ["example.com:443"]`, `sys: ["hostname"]`.
 */
export interface TaskPermissions {
  /** Files and folders that may be read. */
  readonly read?: boolean | readonly string[] | undefined;
  /** Files and folders that may be written. */
  readonly write?: boolean | readonly string[] | undefined;
  /** Hosts that may be connected to, with or without a port. */
  readonly net?: boolean | readonly string[] | undefined;
  /** Variables of the environment. */
  readonly env?: boolean | readonly string[] | undefined;
  /** Programs that may be started; what they do is not limited. */
  readonly run?: boolean | readonly string[] | undefined;
  /** What may be known of the system, e.g. `hostname`. */
  readonly sys?: boolean | readonly string[] | undefined;
  /** Dynamic libraries that may be loaded; what they do is not limited. */
  readonly ffi?: boolean | readonly string[] | undefined;
  /**
   * Hosts from which code may be imported, besides those of the modules that declare the task. To name any lets packages
   * be fetched from npm and jsr.io, too; without, there are those that the program has fetched. Where the program has a
   * lock file, all of it must be in there.
   */
  readonly import?: boolean | readonly string[] | undefined;
}

/** What a declaration of tasks says of how they are run; `Params` are their parameters. */
export interface RunOptions<in Params> {
  /** Tries the task again when it fails; it has one attempt unless told. */
  readonly retries?: RetryOptions | undefined;
  /**
   * How long an attempt may take, in milliseconds, not counting the time in which the task waits for what it yielded. An
   * attempt that takes longer has failed; its `signal` is aborted. No limit unless told.
   */
  readonly timeout?: number | undefined;
  /**
   * Of the tasks that can run, the one with the highest priority is started first; 0 unless told. A function is given the
   * parameters; a task that stands for a plain value has none yet, so that to read it there is an error.
   */
  readonly priority?: number | ((params: Params) => number) | undefined;
  /**
   * The named limits that count the task while it runs: `concurrencyLimits` of the build says how many may run at once.
   * A function is given the parameters, as with `priority`.
   */
  readonly concurrencyKeys?:
    | readonly string[]
    | ((params: Params) => readonly string[])
    | undefined;
  /** Where the task is run; as the executor chooses unless told: in this event loop, or in a process where it must be. */
  readonly executionMode?: ExecutionMode | undefined;
  /**
   * How much memory its JavaScript may take, in MiB: values, and buffers as far as the task gives its event loop a turn.
   * A task that takes more has failed. It runs in a process, and nowhere else. Meant for mistakes: what wants to can take
   * more in buffers, which only the system can limit.
   */
  readonly memoryLimit?: number | undefined;
  /**
   * What `run` may do: just this, and what it takes to load its inputs and to save its output where these are local
   * files. It runs in a process that it has for itself, and nowhere else. It cannot yield.
   */
  readonly permissions?: TaskPermissions | undefined;
}

/** The same with nothing left out, as kept with a task type. */
export interface RunPolicy {
  readonly retries:
    | Required<{ [K in keyof RetryOptions]: NonNullable<RetryOptions[K]> }>
    | undefined;
  readonly timeout: number | undefined;
  priority(task: object): number;
  concurrencyKeys(task: object): readonly string[];
  readonly executionMode: ExecutionMode | undefined;
  readonly memoryLimit: number | undefined;
  readonly permissions: TaskPermissions | undefined;
}

/** What is to be known of a parameter. */
interface PolicyParameter {
  readonly key: string;
  /** Whether a task may stand for its value. */
  readonly orTask: boolean;
}

/** The longest time a timer can wait, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** A process cannot even start with less, in MiB. */
const LEAST_MEMORY = 16;

/** The options of a declaration that this file is about. */
export const RUN_OPTIONS = [
  "retries",
  "timeout",
  "priority",
  "concurrencyKeys",
  "executionMode",
  "memoryLimit",
  "permissions",
] as const satisfies readonly (keyof RunOptions<never>)[];

/** The ways to run a task. */
export const EXECUTION_MODES: readonly ExecutionMode[] = ["async", "worker", "process", "blocking"];

/** The kinds of permissions. */
export const PERMISSION_KINDS = [
  "read",
  "write",
  "net",
  "env",
  "run",
  "sys",
  "ffi",
  "import",
] as const satisfies readonly (keyof TaskPermissions)[];

/** The policy of a declaration; `undefined` when it says nothing, which is quickest. Throws `RangeError`, `TypeError`. */
export function runPolicy(
  options: RunOptions<never>,
  type: string,
  parameters: readonly PolicyParameter[],
): RunPolicy | undefined {
  if (RUN_OPTIONS.every((option) => options[option] === undefined)) return undefined;
  const refuse = (text: string): string => `Cannot declare the task type "${type}": ${text}`;
  const { retries, timeout, priority = 0, concurrencyKeys = [] } = options;
  if (timeout !== undefined && !isTime(timeout, 1)) {
    throw new RangeError(
      refuse(`timeout is ${describe(timeout)}. Give milliseconds from 1 to ${LONGEST}`),
    );
  }
  const checkPriority = (value: unknown, of: string): number => {
    if (typeof value === "number" && !Number.isNaN(value)) return value;
    throw new TypeError(`${of} priority ${describe(value)}: give a number`);
  };
  const checkKeys = (value: unknown, of: string): readonly string[] => {
    if (Array.isArray(value) && value.every((key) => typeof key === "string" && key !== "")) {
      return [...new Set(value)];
    }
    throw new TypeError(
      `${of} concurrencyKeys ${describe(value)}: give an array of names, none of them empty`,
    );
  };
  const declared = refuse("it has the");
  const fixedPriority = typeof priority === "function" ? 0 : checkPriority(priority, declared);
  const fixedKeys = typeof concurrencyKeys === "function"
    ? []
    : checkKeys(concurrencyKeys, declared);
  return {
    retries: retries === undefined ? undefined : retryPolicy(retries, refuse),
    timeout,
    priority: typeof priority === "function"
      ? (task) => checkPriority(priority(valuesOf(task, parameters) as never), "it has the")
      : () => fixedPriority,
    concurrencyKeys: typeof concurrencyKeys === "function"
      ? (task) => checkKeys(concurrencyKeys(valuesOf(task, parameters) as never), "it has the")
      : () => fixedKeys,
    ...placePolicy(options, refuse),
  };
}

/** Where the task is run, and what it may do there. */
function placePolicy(
  { executionMode, memoryLimit, permissions }: RunOptions<never>,
  refuse: (text: string) => string,
): Pick<RunPolicy, "executionMode" | "memoryLimit" | "permissions"> {
  if (executionMode !== undefined && !EXECUTION_MODES.includes(executionMode)) {
    throw new RangeError(
      refuse(
        `executionMode is ${describe(executionMode)}. Give one of ${
          EXECUTION_MODES.map((mode) => `"${mode}"`).join(", ")
        }`,
      ),
    );
  }
  if (
    memoryLimit !== undefined && !(Number.isInteger(memoryLimit) && memoryLimit >= LEAST_MEMORY)
  ) {
    throw new RangeError(
      refuse(`memoryLimit is ${describe(memoryLimit)}. Give MiB, an integer from ${LEAST_MEMORY}`),
    );
  }
  const limited = memoryLimit !== undefined ? "memoryLimit" : "permissions";
  if (
    (memoryLimit !== undefined || permissions !== undefined) &&
    executionMode !== undefined && executionMode !== "process"
  ) {
    throw new RangeError(
      refuse(
        `it has ${limited}, to which only a process can be held, and the executionMode "${executionMode}". Leave executionMode out`,
      ),
    );
  }
  return {
    executionMode,
    memoryLimit,
    permissions: permissions === undefined ? undefined : checkPermissions(permissions, refuse),
  };
}

function checkPermissions(
  permissions: TaskPermissions,
  refuse: (text: string) => string,
): TaskPermissions {
  if (!isPlainObject(permissions as unknown)) {
    throw new TypeError(
      refuse(
        `permissions is ${describe(permissions)}. Give an object, e.g. { read: ["/data"] }`,
      ),
    );
  }
  checkOptions(permissions, PERMISSION_KINDS, refuse("").replace(/^Cannot (.*): $/, "$1"));
  for (const kind of PERMISSION_KINDS) {
    const given: unknown = permissions[kind];
    if (given === undefined || typeof given === "boolean") continue;
    const isList = Array.isArray(given) &&
      given.every((each) => typeof each === "string" && each !== "" && !each.includes(","));
    if (isList) continue;
    throw new TypeError(
      refuse(
        `permissions.${kind} is ${
          describe(given)
        }. Give true, false or an array of texts, none of them empty or with a comma`,
      ),
    );
  }
  return { ...permissions };
}

/** The task, with an error for each parameter that is a task in place of a value. */
function valuesOf(
  task: object,
  parameters: readonly PolicyParameter[],
): object {
  const taken = parameters.filter(({ key, orTask }) =>
    orTask && isTask((task as Readonly<Record<string, unknown>>)[key])
  );
  if (taken.length === 0) return task;
  return Object.create(
    task,
    Object.fromEntries(taken.map(({ key }) => [key, {
      get(): never {
        throw new TypeError(
          `its parameter "${key}" is a task, whose value is not known before it has run`,
        );
      },
    }])),
  );
}

function retryPolicy(
  retries: RetryOptions,
  refuse: (text: string) => string,
): NonNullable<RunPolicy["retries"]> {
  if (!isPlainObject(retries as unknown)) {
    throw new TypeError(
      refuse(`retries is ${describe(retries)}. Give an object, e.g. { maxAttempts: 3 }`),
    );
  }
  checkOptions(
    retries,
    ["maxAttempts", "minTimeout", "maxTimeout", "multiplier", "jitter", "isRetriable"],
    refuse("").replace(/^Cannot (.*): $/, "$1"),
  );
  const {
    maxAttempts = 5,
    minTimeout = 1000,
    maxTimeout = Math.max(60_000, Number(minTimeout) || 0),
    multiplier = 2,
    jitter = 1,
    isRetriable = () => true,
  } = retries;
  const check = (isGood: boolean, name: keyof RetryOptions, wanted: string): void => {
    if (!isGood) {
      throw new RangeError(refuse(`retries.${name} is ${describe(retries[name])}. Give ${wanted}`));
    }
  };
  check(Number.isInteger(maxAttempts) && maxAttempts >= 1, "maxAttempts", "an integer from 1");
  check(isTime(minTimeout, 0), "minTimeout", `milliseconds from 0 to ${LONGEST}`);
  check(
    isTime(maxTimeout, 0) && maxTimeout >= minTimeout,
    "maxTimeout",
    `milliseconds from minTimeout to ${LONGEST}`,
  );
  check(Number.isFinite(multiplier) && multiplier >= 1, "multiplier", "a number from 1");
  check(typeof jitter === "number" && jitter >= 0 && jitter <= 1, "jitter", "a number from 0 to 1");
  check(typeof isRetriable === "function", "isRetriable", "a function of the error");
  return { maxAttempts, minTimeout, maxTimeout, multiplier, jitter, isRetriable };
}

/** How long to wait after the given attempt, the first of which is 1, in milliseconds. */
export function backOff(
  { minTimeout, maxTimeout, multiplier, jitter }: NonNullable<RunPolicy["retries"]>,
  attempt: number,
): number {
  // Nothing times infinity is no number.
  const longest = minTimeout === 0
    ? 0
    : Math.min(maxTimeout, minTimeout * multiplier ** (attempt - 1));
  return Math.round(longest * (1 - jitter * Math.random()));
}

function isTime(value: unknown, least: number): boolean {
  return typeof value === "number" && value >= least && value <= LONGEST;
}
