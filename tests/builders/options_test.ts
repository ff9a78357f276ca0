import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { ControlledExecutor } from "../../src/testing/mod.ts";

/** Builds nothing with what TypeScript would not let through. */
function buildWith(options: unknown): Promise<sd.BuildSummary> {
  return sd.build([], options as sd.BuildOptions);
}

const METHODS =
  "onBuildStart, onDiscoveryEnd, onTaskEvent, onTaskOutput, onWarning, onBuildEnd and onBuildError";
const A_REPORTER = `an object with some of the methods ${METHODS}, or consoleReporter()`;
const AN_EXECUTOR = "something with submit() and maxConcurrent, e.g. new InProcessTaskExecutor()";
const A_REGISTRY = "an instance of a class that extends Registry, e.g. new InMemoryRegistry()";
const A_SIGNAL = "an AbortSignal, e.g. AbortSignal.timeout(60_000)";

class WithTypo implements sd.Reporter {
  onBuildEnd(): void {}
  onBuildFinish(): void {}
}

/** What is refused, and what is said; of the wrong kind unless told. */
const REFUSED: readonly (readonly [
  name: string,
  options: Readonly<Record<string, unknown>>,
  said: string,
  type?: typeof RangeError,
])[] = [
  ["no signal", { signal: null }, `signal null: give ${A_SIGNAL}`],
  [
    "an AbortController for its signal",
    { signal: new AbortController() },
    "signal AbortController: give its .signal",
  ],
  ["a time for a signal", { signal: 5000 }, `signal 5000: give ${A_SIGNAL}`],
  ["no registry", { registry: null }, `registry null: give ${A_REGISTRY}`],
  [
    "a class of registries",
    { registry: sd.InMemoryRegistry },
    'registry the function "InMemoryRegistry": give new InMemoryRegistry()',
  ],
  [
    "the address of a registry",
    { registry: "https://registry.example" },
    `registry "https://registry.example": give ${A_REGISTRY}`,
  ],
  [
    "a registry with too few methods",
    { registry: { taskRegister() {}, taskGetMetadata() {} } },
    `registry {}: give ${A_REGISTRY}`,
  ],
  ["no executor", { executor: null }, `executor null: give ${AN_EXECUTOR}`],
  [
    "a class of executors",
    { executor: sd.InProcessTaskExecutor },
    'executor the function "InProcessTaskExecutor": give new InProcessTaskExecutor()',
  ],
  [
    "an executor without submit()",
    { executor: { maxConcurrent: 3 } },
    `executor {"maxConcurrent":3}: give ${AN_EXECUTOR}`,
  ],
  [
    "an executor without maxConcurrent",
    { executor: { submit() {} } },
    "an executor that takes undefined tasks at once: maxConcurrent is at least 1",
    RangeError,
  ],
  [
    "an executor that takes nothing",
    { executor: { submit() {}, maxConcurrent: 0 } },
    "an executor that takes 0 tasks at once: maxConcurrent is at least 1",
    RangeError,
  ],
  ["no reporter", { reporter: null }, `reporter null: give ${A_REPORTER}`],
  [
    "consoleReporter without parentheses",
    { reporter: sd.consoleReporter },
    `reporter the function "consoleReporter": call it, consoleReporter(), or give ${A_REPORTER}`,
  ],
  [
    "an arrow function for a reporter",
    { reporter: [() => {}] },
    `reporter a function: call it, or give ${A_REPORTER}`,
  ],
  [
    "a class of reporters",
    { reporter: WithTypo },
    'reporter the function "WithTypo": give new WithTypo()',
  ],
  ["a text for a reporter", { reporter: "console" }, `reporter "console": give ${A_REPORTER}`],
  [
    "a reporter without methods",
    { reporter: { verbose: true } },
    `reporter {"verbose":true}: give ${A_REPORTER}`,
  ],
  [
    "a reporter yet to come",
    { reporter: Promise.resolve({}) },
    `reporter Promise: give ${A_REPORTER}`,
  ],
  [
    "a reporter with a method that is never called",
    { reporter: [sd.jsonReporter(), new WithTypo()] },
    `a reporter that has onBuildFinish: there is no such method. The methods are ${METHODS}`,
  ],
  [
    "a reporter with something else in place of a method",
    { reporter: { onBuildEnd: "log" } },
    `a reporter whose onBuildEnd is "log": give a method`,
  ],
  ["a text for handleSignals", { handleSignals: "yes" }, 'handleSignals "yes": give true or false'],
  ["nothing for handleSignals", { handleSignals: null }, "handleSignals null: give true or false"],
  ["a description that is no text", { description: 7 }, "description 7: give a text"],
  ["no description", { description: null }, "description null: give a text"],
  ["no failMode", { failMode: null }, 'failMode null: give "fail_fast" or "continue"', RangeError],
  [
    "a failMode that does not exist",
    { failMode: "stop" },
    'failMode "stop": give "fail_fast" or "continue"',
    RangeError,
  ],
  [
    "a text for maxConcurrentDiscover",
    { maxConcurrentDiscover: "5" },
    'maxConcurrentDiscover "5": give an integer from 1',
    RangeError,
  ],
  [
    "no discovery at all",
    { maxConcurrentDiscover: 0 },
    "maxConcurrentDiscover 0: give an integer from 1",
    RangeError,
  ],
  [
    "no gracePeriod",
    { gracePeriod: null },
    "gracePeriod null: give milliseconds from 0, less than 2 ** 31",
    RangeError,
  ],
  [
    "a gracePeriod without end",
    { gracePeriod: Infinity },
    "gracePeriod Infinity: give milliseconds from 0, less than 2 ** 31",
    RangeError,
  ],
  [
    "no onRegistryFailure",
    { onRegistryFailure: null },
    'onRegistryFailure null: give "warn" or "raise"',
    RangeError,
  ],
  [
    "an onRegistryFailure that does not exist",
    { onRegistryFailure: "ignore" },
    'onRegistryFailure "ignore": give "warn" or "raise"',
    RangeError,
  ],
  [
    "a resumeBuildId that is no UUID",
    { resumeBuildId: "last" },
    'resumeBuildId "last": give the buildId of a former summary, a UUID',
  ],
  [
    "a class in place of a lock manager",
    { globalLockManager: class Locks {} },
    'globalLockManager the function "Locks": give new Locks()',
  ],
  [
    "what is no lock manager",
    { globalLockManager: {} },
    "globalLockManager {}: give something with acquire(), e.g. new FileLockManager()",
  ],
  [
    "locks without a lock manager",
    { globalLockConfig: { enabled: true } },
    "globalLockConfig.enabled and no globalLockManager: give one, e.g. new FileLockManager()",
  ],
  [
    "an option of locks that does not exist",
    { globalLockConfig: { lockWaitTimeoutSeconds: 3 } },
    'globalLockConfig: there is no option "lockWaitTimeoutSeconds"',
  ],
  [
    "no time to wait for locks",
    { globalLockConfig: { lockWaitTimeout: "5 s" } },
    'globalLockConfig.lockWaitTimeout "5 s": give milliseconds from 0 to 2147483647',
    RangeError,
  ],
  [
    "no options of locks",
    { globalLockConfig: null },
    "globalLockConfig: the options are null. Give an object with some of enabled",
  ],
  [
    "a factor that makes waits shorter",
    { globalLockConfig: { lockWaitBackoffFactor: 0.5 } },
    "globalLockConfig.lockWaitBackoffFactor 0.5: give a factor from 1 to 2147483647",
    RangeError,
  ],
  [
    "locks that are enabled by what is no answer",
    { globalLockConfig: { enabled: "yes" } },
    'globalLockConfig.enabled "yes": give true, false, or a function from task to these',
  ],
  [
    "an early exit that is neither on nor off",
    { globalLockConfig: { exitEarlyWhenAllLocked: 1 } },
    "globalLockConfig.exitEarlyWhenAllLocked 1: give true or false",
  ],
  [
    "no concurrencyLimits",
    { concurrencyLimits: null },
    "concurrencyLimits null: give a number for each name",
  ],
];

for (const [name, options, said, type = TypeError] of REFUSED) {
  Deno.test(`build() refuses ${name}`, async () => {
    const { message } = await assertRejects(() => buildWith(options), type);
    assertStringIncludes(message, `Cannot build with ${said}`);
  });
}

Deno.test("build() refuses options that are none, and says how to give several tasks", async () => {
  const task = sd.task({ name: "options", output: z.int(), run: () => 1 })();
  for (const options of [null, "fast", () => {}, [], task, [task]]) {
    const { message } = await assertRejects(() => buildWith(options), TypeError);
    assertStringIncludes(message, "Cannot build with options ");
    assertStringIncludes(
      message,
      options === task || Array.isArray(options)
        ? ": give several tasks as one list, build([a, b])"
        : ': give an object, e.g. { failMode: "continue" }',
    );
  }
});

Deno.test("an option that is undefined is not given", async () => {
  const names = Object.keys(
    {
      executor: 0,
      failMode: 0,
      maxConcurrentDiscover: 0,
      concurrencyLimits: 0,
      signal: 0,
      handleSignals: 0,
      gracePeriod: 0,
      reporter: 0,
      registry: 0,
      onRegistryFailure: 0,
      description: 0,
      resumeBuildId: 0,
      globalLockManager: 0,
      globalLockConfig: 0,
      outputIndex: 0,
    } satisfies Record<keyof sd.BuildOptions, 0>,
  );
  const summary = await buildWith(Object.fromEntries(names.map((name) => [name, undefined])));
  assertEquals([summary.status, summary.warnings], ["success", []]);
});

Deno.test("methods may be inherited, and be there without being of use", async () => {
  class Base {
    readonly onTaskEvent: undefined;
    readonly told: string[] = [];
    onBuildStart(): void {
      this.told.push("start");
    }
  }
  class Derived extends Base {
    only = 1;
    look(): void {}
  }
  class OwnRegistry extends sd.InMemoryRegistry {}
  const reporter = new Derived();
  const summary = await buildWith({
    reporter: [reporter],
    registry: new OwnRegistry(),
    executor: new ControlledExecutor(),
    signal: AbortSignal.any([]),
    handleSignals: false,
    description: "",
  });
  assertEquals([summary.status, reporter.told], ["success", ["start"]]);
});
