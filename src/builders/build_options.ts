/**
 * What can be said about how to build, and what holds where nothing is said.
 *
 * @module
 */

import type { TaskExecutor } from "../executors/executor.ts";
import { InProcessTaskExecutor } from "../executors/in_process.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import type { Registry } from "../registries/registry.ts";
import { registryProvider } from "../registries/registry_provider.ts";
import type { ConcurrencyLimits } from "./limits.ts";
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
  /** How tasks are run; in this process, up to 50 at once, unless told. */
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
] as const satisfies readonly (keyof BuildOptions)[];

/** The options with nothing left out. */
export interface BuildSettings extends Omit<BuildOptions, "reporter"> {
  readonly executor: TaskExecutor;
  readonly failMode: FailMode;
  readonly maxConcurrentDiscover: number;
  readonly concurrencyLimits: ConcurrencyLimits;
  readonly gracePeriod: number;
  /** Told of the build, in this order. */
  readonly reporters: readonly Reporter[];
  readonly registry: Registry;
  readonly onRegistryFailure: OnRegistryFailure;
}

/** Checks the options. Throws `TypeError` and `RangeError`. */
export function settingsOf(options: BuildOptions): BuildSettings {
  checkOptions(options, OPTIONS, "build");
  const {
    executor = new InProcessTaskExecutor(),
    failMode = "fail_fast",
    maxConcurrentDiscover = 50,
    concurrencyLimits = {},
    gracePeriod = 1000,
    reporter = [],
    registry = registryProvider.get(),
    onRegistryFailure = "warn",
  } = options;
  const refuse = (option: keyof BuildOptions, value: unknown, wanted: string): never => {
    throw new RangeError(`Cannot build with ${option} ${describe(value)}: give ${wanted}`);
  };
  if (failMode !== "fail_fast" && failMode !== "continue") {
    refuse("failMode", failMode, '"fail_fast" or "continue"');
  }
  if (!(Number.isInteger(maxConcurrentDiscover) && maxConcurrentDiscover >= 1)) {
    refuse("maxConcurrentDiscover", maxConcurrentDiscover, "an integer from 1");
  }
  if (typeof gracePeriod !== "number" || !(gracePeriod >= 0 && gracePeriod < 2 ** 31)) {
    refuse("gracePeriod", gracePeriod, "milliseconds from 0");
  }
  if (onRegistryFailure !== "warn" && onRegistryFailure !== "raise") {
    refuse("onRegistryFailure", onRegistryFailure, '"warn" or "raise"');
  }
  if (!(executor.maxConcurrent >= 1)) {
    throw new RangeError(
      `Cannot build with an executor that takes ${
        describe(executor.maxConcurrent)
      } tasks at once: maxConcurrent is at least 1`,
    );
  }
  return {
    ...options,
    executor,
    failMode,
    maxConcurrentDiscover,
    concurrencyLimits,
    gracePeriod,
    reporters: Array.isArray(reporter) ? reporter : [reporter],
    registry,
    onRegistryFailure,
  };
}
