/**
 * What can be said about how to build, and what holds where nothing is said.
 *
 * @module
 */

import { validate } from "@std/uuid";
import type { TaskExecutor } from "../executors/executor.ts";
import { HybridConcurrentTaskExecutor } from "../executors/hybrid.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import { Registry } from "../registries/registry.ts";
import { registryProvider } from "../registries/registry_provider.ts";
import { isTask } from "../tasks/task.ts";
import type { GlobalConcurrencyLockManager } from "../registries/lock.ts";
import type { ConcurrencyLimits } from "./limits.ts";
import { type GlobalLockConfig, type LockSettings, lockSettingsOf } from "./locks.ts";
import type { OnRegistryFailure } from "./recorder.ts";
import type { Reporter } from "./reporter.ts";

/** What to do when a task fails. */
export type FailMode =
  /** Start nothing more and stop what runs. */
  | "fail_fast"
  /** Run all that does not require what failed. */
  | "continue";

/** Options of `build`. */
export interface BuildOptions {
  /** How tasks are run; by a {@linkcode HybridConcurrentTaskExecutor} of this build's own unless told. */
  readonly executor?: TaskExecutor | undefined;
  /** What to do when a task fails; `"fail_fast"` unless told. */
  readonly failMode?: FailMode | undefined;
  /** How many completeness checks may be under way at once; 50 unless told. */
  readonly maxConcurrentDiscover?: number | undefined;
  /**
   * How many tasks with a certain key may run at once, e.g. `{ "external-api": 2 }`; tasks name theirs by
   * `concurrencyKeys`. Each key that a task names must be here.
   */
  readonly concurrencyLimits?: ConcurrencyLimits | undefined;
  /** Stops the build: nothing more is started, what runs is asked to stop. `AbortSignal.timeout(ms)` is a deadline. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether Ctrl-C (SIGINT) and SIGTERM stop the build in the same way; a second one ends the process at once. Off
   * unless told: then they end the process, as they do without a build.
   */
  readonly handleSignals?: boolean | undefined;
  /**
   * How long tasks may go on after they were asked to stop, in milliseconds; 1,000 unless told. After it, the build ends
   * without them, and names them in `summary.warnings`.
   */
  readonly gracePeriod?: number | undefined;
  /** Watches the build: `consoleReporter()`, `jsonReporter()`, or your own. None unless told. */
  readonly reporter?: Reporter | readonly Reporter[] | undefined;
  /** Is told what is built; that of `registryProvider` unless told. */
  readonly registry?: Registry | undefined;
  /** What to do when the registry cannot be reached; `"warn"` unless told. */
  readonly onRegistryFailure?: OnRegistryFailure | undefined;
  /** What the build is for, for the registry. */
  readonly description?: string | undefined;
  /** Id of a build that the registry knows and that this one goes on with, in place of beginning a new one. */
  readonly resumeBuildId?: string | undefined;
  /**
   * Has only one of all builds that share its locks run a task: `new FileLockManager()`, or
   * `new RegistryGlobalConcurrencyLockManager()`. None unless told.
   */
  readonly globalLockManager?: GlobalConcurrencyLockManager | undefined;
  /** Which tasks are locked, and how long a build waits for others that have a lock. */
  readonly globalLockConfig?: GlobalLockConfig | undefined;
  /**
   * Whether what was built is noted down below the target root, in `.stardag/index`, for `explain()` and `gc()`; on unless
   * told. Nothing is noted of outputs in memory, nor where Deno may not write.
   */
  readonly outputIndex?: boolean | undefined;
}

/** All of {@linkcode BuildOptions}, to tell what is none. */
const OPTIONS = [
  "executor",
  "failMode",
  "maxConcurrentDiscover",
  "concurrencyLimits",
  "signal",
  "handleSignals",
  "gracePeriod",
  "reporter",
  "registry",
  "onRegistryFailure",
  "description",
  "resumeBuildId",
  "globalLockManager",
  "globalLockConfig",
  "outputIndex",
] as const satisfies readonly (keyof BuildOptions)[];

/** The options with nothing left out. */
export interface BuildSettings extends Omit<BuildOptions, "reporter" | "globalLockConfig"> {
  readonly executor: TaskExecutor;
  readonly failMode: FailMode;
  readonly maxConcurrentDiscover: number;
  readonly concurrencyLimits: ConcurrencyLimits;
  readonly gracePeriod: number;
  /** Told of the build, in this order. */
  readonly reporters: readonly Reporter[];
  readonly registry: Registry;
  readonly onRegistryFailure: OnRegistryFailure;
  readonly globalLockConfig: LockSettings;
  readonly outputIndex: boolean;
}

/** All methods of {@linkcode Reporter}, to tell what is none: it would never be called. */
const REPORTER_METHODS = [
  "onBuildStart",
  "onDiscoveryEnd",
  "onTaskEvent",
  "onTaskOutput",
  "onWarning",
  "onBuildEnd",
  "onBuildError",
] as const satisfies readonly (keyof Reporter)[];

/** Checks the options. Throws `TypeError` and `RangeError`. */
export function settingsOf(options: BuildOptions): BuildSettings {
  checkAreOptions(options);
  checkOptions(options, OPTIONS, "build");
  const {
    executor = new HybridConcurrentTaskExecutor(),
    failMode = "fail_fast",
    maxConcurrentDiscover = 50,
    concurrencyLimits = {},
    signal,
    handleSignals,
    gracePeriod = 1000,
    reporter = [],
    registry = registryProvider.get(),
    onRegistryFailure = "warn",
    description,
    resumeBuildId,
    globalLockManager,
    globalLockConfig = {},
    outputIndex = true,
  } = options;
  const reporters: readonly Reporter[] = Array.isArray(reporter) ? reporter : [reporter];
  checkExecutor(executor);
  if (failMode !== "fail_fast" && failMode !== "continue") {
    throw new RangeError(wrong("failMode", failMode, 'give "fail_fast" or "continue"'));
  }
  if (!(Number.isInteger(maxConcurrentDiscover) && maxConcurrentDiscover >= 1)) {
    throw new RangeError(
      wrong("maxConcurrentDiscover", maxConcurrentDiscover, "give an integer from 1"),
    );
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    const given: unknown = signal;
    const advice = given instanceof AbortController
      ? "give its .signal"
      : "give an AbortSignal, e.g. AbortSignal.timeout(60_000)";
    throw new TypeError(wrong("signal", given, advice));
  }
  if (handleSignals !== undefined && typeof handleSignals !== "boolean") {
    throw new TypeError(wrong("handleSignals", handleSignals, "give true or false"));
  }
  if (typeof gracePeriod !== "number" || !(gracePeriod >= 0 && gracePeriod < 2 ** 31)) {
    throw new RangeError(
      wrong("gracePeriod", gracePeriod, "give milliseconds from 0, less than 2 ** 31"),
    );
  }
  for (const each of reporters) checkReporter(each);
  if (!isRegistry(registry)) {
    const wanted = "an instance of a class that extends Registry, e.g. new InMemoryRegistry()";
    throw new TypeError(wrong("registry", registry, instead(registry, wanted)));
  }
  if (onRegistryFailure !== "warn" && onRegistryFailure !== "raise") {
    throw new RangeError(wrong("onRegistryFailure", onRegistryFailure, 'give "warn" or "raise"'));
  }
  if (description !== undefined && typeof description !== "string") {
    throw new TypeError(wrong("description", description, "give a text"));
  }
  if (
    resumeBuildId !== undefined && !(typeof resumeBuildId === "string" && validate(resumeBuildId))
  ) {
    throw new TypeError(
      wrong("resumeBuildId", resumeBuildId, "give the buildId of a former summary, a UUID"),
    );
  }
  checkLockManager(globalLockManager, globalLockConfig);
  if (typeof outputIndex !== "boolean") {
    throw new TypeError(wrong("outputIndex", outputIndex, "give true or false"));
  }
  return {
    ...options,
    globalLockConfig: lockSettingsOf(globalLockConfig, globalLockManager),
    executor,
    failMode,
    maxConcurrentDiscover,
    concurrencyLimits,
    gracePeriod,
    reporters,
    registry,
    onRegistryFailure,
    outputIndex,
  };
}

function checkAreOptions(options: unknown): void {
  // A second task would do nothing where it has no parameters.
  if (Array.isArray(options) || isTask(options)) {
    throw new TypeError(wrong("options", options, "give several tasks as one list, build([a, b])"));
  }
  if (typeof options !== "object" || options === null) {
    throw new TypeError(wrong("options", options, 'give an object, e.g. { failMode: "continue" }'));
  }
}

function checkExecutor(executor: TaskExecutor | null): void {
  if (typeof executor?.submit !== "function") {
    const wanted = "something with submit() and maxConcurrent, e.g. new InProcessTaskExecutor()";
    throw new TypeError(wrong("executor", executor, instead(executor, wanted)));
  }
  const { maxConcurrent }: { readonly maxConcurrent: unknown } = executor;
  if (!(typeof maxConcurrent === "number" && maxConcurrent >= 1)) {
    throw new RangeError(
      `Cannot build with an executor that takes ${
        describe(maxConcurrent)
      } tasks at once: maxConcurrent is at least 1`,
    );
  }
}

function checkLockManager(manager: unknown, config: GlobalLockConfig): void {
  if (manager === undefined) {
    if (typeof config?.enabled !== "function" && config?.enabled !== true) return;
    throw new TypeError(
      "Cannot build with globalLockConfig.enabled and no globalLockManager: give one, e.g. new FileLockManager()",
    );
  }
  if (typeof (manager as GlobalConcurrencyLockManager | null)?.acquire === "function") return;
  const wanted = "something with acquire(), e.g. new FileLockManager()";
  throw new TypeError(wrong("globalLockManager", manager, instead(manager, wanted)));
}

function checkReporter(reporter: unknown): void {
  const known: readonly string[] = REPORTER_METHODS;
  const methods = `${known.slice(0, -1).join(", ")} and ${known.at(-1)}`;
  const given = typeof reporter === "object" && reporter !== null ? callbacksOf(reporter) : [];
  if (given.length === 0) {
    const wanted = `an object with some of the methods ${methods}, or consoleReporter()`;
    throw new TypeError(wrong("reporter", reporter, instead(reporter, wanted)));
  }
  for (const name of given) {
    if (!known.includes(name)) {
      throw new TypeError(
        `Cannot build with a reporter that has ${name}: there is no such method. The methods are ${methods}`,
      );
    }
    const value: unknown = Reflect.get(reporter as object, name);
    if (value === undefined || typeof value === "function") continue;
    throw new TypeError(
      `Cannot build with a reporter whose ${name} is ${describe(value)}: give a method`,
    );
  }
}

/** The members that are called like those of reporters, its own and inherited. */
function callbacksOf(reporter: object): readonly string[] {
  const names = new Set<string>();
  for (let each = reporter; each !== null; each = Object.getPrototypeOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) {
      if (/^on[A-Z]/.test(name)) names.add(name);
    }
  }
  return [...names];
}

/** Whether it has all methods of a registry; it may come from another copy of this package. */
function isRegistry(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const methods = [
    "taskRegister",
    "taskGetMetadata",
    ...Object.getOwnPropertyNames(Registry.prototype),
  ];
  return methods.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}

/** What to do about something else in place of an object: a class may have been given, or what makes one. */
function instead(value: unknown, wanted: string): string {
  if (typeof value !== "function") return `give ${wanted}`;
  const { name } = value;
  if (String(value).startsWith("class")) return `give new ${name || "it"}()`;
  return `call it, ${name === "" ? "" : `${name}(), `}or give ${wanted}`;
}

/** What is said of a value that is not the wanted one. */
function wrong(option: keyof BuildOptions | "options", value: unknown, advice: string): string {
  return `Cannot build with ${option} ${describe(value)}: ${advice}`;
}
