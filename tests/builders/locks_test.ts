/**
 * Builds that share global locks: who runs a task, how others wait for it, and what comes of locks that get lost.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertObjectMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { ControlledExecutor } from "../../src/testing/mod.ts";
import { LockTable } from "../support/lock_table.ts";
import { NOTHING, type Step, type StepBehavior, Steps } from "../support/steps.ts";

const COMPLETE = { kind: "complete" } as const;
const failed = (error: unknown) => ({ kind: "failed", error }) as const;

/** Steps whose names the table of locks knows. */
class LockedSteps extends Steps {
  readonly table = new LockTable();

  override step(name: string, behavior?: StepBehavior | readonly Step[]): Step {
    const step = super.step(name, behavior);
    this.table.name(step, name);
    return step;
  }

  /** Options of a build with these locks. */
  options(registry?: sd.Registry, owner = "us"): sd.BuildOptions {
    return { globalLockManager: this.table.manager(owner, registry) };
  }
}

/** Gives out every lock, and does with it what the test says. */
class HandleManager implements sd.GlobalConcurrencyLockManager {
  readonly ownerId = "us";
  readonly registry: sd.Registry | undefined;
  readonly log: string[] = [];
  release: () => Promise<void> = () => Promise.resolve();
  complete: () => Promise<void> = () => Promise.resolve();

  constructor(registry?: sd.Registry) {
    this.registry = registry;
  }

  acquire(taskId: string): Promise<sd.LockAcquisition> {
    const release = (): Promise<void> => {
      this.log.push("release");
      return this.release();
    };
    const complete = (): Promise<void> => {
      this.log.push("complete");
      return this.complete();
    };
    const { signal } = new AbortController();
    const lock = { taskId, signal, release, complete, [Symbol.asyncDispose]: release };
    return Promise.resolve({ status: "acquired", lock });
  }
}

/** Has time pass bit by bit, so that what is due gets its turn in between. */
async function pass(time: FakeTime, duration: number): Promise<void> {
  const end = time.now + duration;
  while (time.now < end) await time.tickAsync(Math.min(50, end - time.now));
  await time.tickAsync();
}

/** Lets everything go on that waits for no timer. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** What a registry has on record of a task, in order. */
function recorded(registry: sd.InMemoryRegistry, buildId: string, { id }: Step): string[] {
  return registry.events(buildId).filter(({ taskId }) => taskId === id).map(({ type }) => type);
}

/** The kinds of events, with the names of their tasks. */
function eventsOf(): sd.Reporter & { readonly events: readonly string[] } {
  const events: string[] = [];
  return {
    events,
    onTaskEvent: (event) => void events.push(`${event.kind} ${(event.task as Step).name}`),
  };
}

Deno.test("a task runs with its lock, which is given back when it has ended", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a");
  const b = steps.step("b", [a]);
  const summary = await sd.build(b, steps.options());
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, succeeded: 2 });
  assertEquals(steps.table.log, [
    "ask for a",
    "get a",
    "release a",
    "ask for b",
    "get b",
    "release b",
  ]);
  assertEquals(steps.table.owners.size, 0);
});

Deno.test("the lock of a task that failed or was skipped is given back", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a", {
    run: () => {
      throw new Error("no");
    },
  });
  const b = steps.step("b", {
    run: () =>
      (async function* () {
        yield a;
      })(),
  });
  const summary = await sd.build(b, steps.options());
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, failed: 1, skipped: 1 });
  assertEquals(steps.table.owners.size, 0);
});

Deno.test("only those tasks are locked for which it is enabled", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a");
  const b = steps.step("b", [a]);
  const enabled = (task: sd.AnyTask) => (task as Step).name === "b";
  (await sd.build(b, { ...steps.options(), globalLockConfig: { enabled } })).throwIfFailed();
  assertEquals(steps.table.log, ["ask for b", "get b", "release b"]);

  const other = new LockedSteps();
  const options = { ...other.options(), globalLockConfig: { enabled: false } };
  (await sd.build(other.step("a"), options)).throwIfFailed();
  assertEquals(other.table.log, []);
});

Deno.test("an enabled() that throws has failed its task", async () => {
  const steps = new LockedSteps();
  const enabled = () => {
    throw new Error("who knows");
  };
  const summary = await sd.build(steps.step("a"), {
    ...steps.options(),
    globalLockConfig: { enabled },
  });
  assertStringIncludes(`${summary.error}`, "who knows");
});

Deno.test("a task that fails before it begins does not keep others from being run", async () => {
  const steps = new LockedSteps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  const enabled = (task: sd.AnyTask) => {
    if ((task as Step).name === "a") throw new Error("who knows");
    return true;
  };
  const summary = await sd.build([a, b], {
    ...steps.options(),
    failMode: "continue",
    globalLockConfig: { enabled },
  });
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, failed: 1, succeeded: 1 });
});

Deno.test("a task that fails before it begins is registered first", async () => {
  const steps = new LockedSteps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  steps.table.owners.set(b.id, "them");
  const registry = new sd.InMemoryRegistry();
  const events: unknown[] = [];
  const enabled = (task: sd.AnyTask) => {
    if ((task as Step).name === "a") throw new Error("who knows");
    return true;
  };
  const { buildId } = await sd.build([a, b], {
    ...steps.options(),
    registry,
    reporter: { onTaskEvent: ({ task: _, ...event }) => void events.push(event) },
    failMode: "continue",
    globalLockConfig: { enabled, lockWaitTimeout: null },
  });
  assertObjectMatch({ events }, {
    events: [{ kind: "failed", attempt: 0 }, { kind: "failed", attempt: 0 }],
  });
  for (const task of [a, b]) {
    assertEquals(recorded(registry, buildId, task), ["task_pending", "task_failed"]);
  }
});

Deno.test("a task is not run that others have completed while its lock was asked for", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a");
  steps.table.answer = () => {
    steps.finish(a);
    return undefined;
  };
  const reporter = eventsOf();
  const summary = await sd.build(a, { ...steps.options(), reporter });
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, previouslyCompleted: 1 });
  assertEquals([steps.ran, reporter.events], [[], ["previously_completed a"]]);
  assertEquals(steps.table.log, ["ask for a", "get a", "release a"]);
});

Deno.test("a build waits for a lock that somebody else has, longer each time", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = steps.step("a");
  const b = steps.step("b", [a]);
  steps.table.owners.set(a.id, "them");
  const reporter = eventsOf();
  let progress: sd.BuildProgress | undefined;
  const watching = { onBuildStart: (it: sd.BuildProgress) => void (progress = it) };
  const building = sd.build(b, { ...steps.options(), reporter: [reporter, watching] });
  await time.tickAsync(0);
  const asked = (): number => steps.table.log.filter((each) => each === "ask for a").length;
  for (const [n, interval] of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].entries()) {
    assertEquals([asked(), progress?.waitingForLock, progress?.running], [n + 1, 1, 0]);
    const before = time.now;
    await time.nextAsync();
    await time.tickAsync();
    const waited = time.now - before;
    assert(waited >= 0.75 * interval && waited <= interval, `${waited} for ${interval}`);
  }
  steps.finish(a);
  await pass(time, 30_000);
  const summary = await building;
  assertEquals(summary.taskCount, {
    ...NOTHING,
    discovered: 2,
    previouslyCompleted: 1,
    succeeded: 1,
  });
  assertEquals([steps.ran, progress?.waitingForLock], [["b"], 0]);
  // The output is looked at first.
  assertEquals(asked(), 8);
  assertEquals(reporter.events, [
    "waiting_for_lock a",
    "previously_completed a",
    "started b",
    "completed b",
  ]);
});

Deno.test("those who wait do not ask all at once, nor less often than they are told", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = steps.step("a");
  steps.table.owners.set(a.id, "them");
  const { random } = Math;
  Math.random = () => 0.8;
  try {
    const building = sd.build(a, {
      ...steps.options(),
      globalLockConfig: { lockWaitInitialInterval: 5000, lockWaitMaxInterval: 1000 },
    });
    await time.tickAsync(799);
    assertEquals(steps.table.log, ["ask for a"]);
    await time.tickAsync(1);
    await time.tickAsync();
    assertEquals(steps.table.log, ["ask for a", "ask for a"]);
    steps.finish(a);
    await pass(time, 800);
    (await building).throwIfFailed();
  } finally {
    Math.random = random;
  }
});

Deno.test("a task runs after all when those who had its lock give it back", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = steps.step("a");
  steps.table.owners.set(a.id, "them");
  const building = sd.build(a, steps.options());
  await pass(time, 500);
  steps.table.owners.delete(a.id);
  await pass(time, 1000);
  assertEquals((await building).taskCount, { ...NOTHING, discovered: 1, succeeded: 1 });
});

Deno.test("tasks that wait for locks take no place and no slot", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const locked = steps.step("locked");
  const free = steps.step("free");
  steps.table.owners.set(locked.id, "them");
  const executor = new sd.InProcessTaskExecutor({ maxConcurrent: 1 });
  const building = sd.build([locked, free], { ...steps.options(), executor });
  await time.tickAsync(0);
  assertEquals(steps.ran, ["free"]);
  steps.finish(locked);
  await pass(time, 1000);
  (await building).throwIfFailed();
});

Deno.test("a task whose lock is not to be had in time has failed", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = steps.step("a");
  steps.table.owners.set(a.id, "them");
  const globalLockConfig = { lockWaitTimeout: 5000 };
  const building = sd.build(a, { ...steps.options(), globalLockConfig });
  let hasEnded = false;
  building.then(() => hasEnded = true);
  await pass(time, 4900);
  assert(!hasEnded);
  await pass(time, 400);
  const { error } = await building;
  assertInstanceOf(error?.cause, sd.LockUnavailableError);
  assertEquals([error.cause.taskId, error.cause.owner], [a.id, "them"]);
  assertStringIncludes(error.message, 'within 5000 ms, for somebody else has its lock, "them"');
});

Deno.test("with lockWaitTimeout Infinity a lock is waited for as long as it takes", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = steps.step("a");
  steps.table.owners.set(a.id, "them");
  const globalLockManager = { ...steps.options().globalLockManager!, askAgainWithin: 200_000 };
  const globalLockConfig = { lockWaitTimeout: Infinity, lockWaitInitialInterval: 1_000_000 };
  const building = sd.build(a, { globalLockManager, globalLockConfig });
  for (let n = 0; n < 20; n++) {
    await time.tickAsync(200_000);
    await time.tickAsync();
  }
  // As often as its manager says.
  assertEquals(steps.table.log.length, 21);
  steps.table.owners.delete(a.id);
  await time.tickAsync(200_000);
  (await building).throwIfFailed();
});

Deno.test("an enabled() that gives no answer fails its task", async () => {
  const steps = new LockedSteps();
  const enabled = (() => Promise.resolve(false)) as unknown as () => boolean;
  const { error } = await sd.build(steps.step("a"), {
    ...steps.options(),
    globalLockConfig: { enabled },
  });
  assertStringIncludes(`${error}`, "globalLockConfig.enabled gave Promise for it");
});

Deno.test("with lockWaitTimeout null nothing is waited for", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a");
  steps.table.answer = () => ({ status: "concurrency_limit_reached", message: "2 of 2" });
  const globalLockConfig = { lockWaitTimeout: null };
  const { error } = await sd.build(a, { ...steps.options(), globalLockConfig });
  assertStringIncludes(`${error}`, "as many locks are held as there may be (2 of 2)");
});

Deno.test("the output of a task that is said to be complete is waited for", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = steps.step("a");
  steps.table.answer = () => ({ status: "already_completed" });
  const building = sd.build(a, steps.options());
  await pass(time, 2500);
  steps.finish(a);
  await pass(time, 1000);
  assertEquals((await building).taskCount.previouslyCompleted, 1);
  assertEquals([steps.ran, steps.table.log.length], [[], 3]);
});

Deno.test("a task that is said to be complete, and whose output does not come, is run", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = steps.step("a");
  steps.table.answer = (_, { checkTaskCompletion = true }) =>
    checkTaskCompletion ? { status: "already_completed" } : undefined;
  const building = sd.build(a, steps.options());
  await pass(time, 29_900);
  assertEquals(steps.ran, []);
  await pass(time, 2000);
  assertEquals((await building).taskCount.succeeded, 1);
  assertEquals(steps.ran, ["a"]);
});

Deno.test("a manager that calls a task complete whatever it is asked is not asked for ever", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  steps.table.answer = () => ({ status: "already_completed" });
  const building = sd.build(steps.step("a"), {
    ...steps.options(),
    globalLockConfig: { completionRetryTimeout: 2000 },
  });
  await pass(time, 2100);
  assertEquals(steps.table.log.length, 3);
  assertStringIncludes(`${(await building).error}`, "the lock manager gives no lock for it");
});

Deno.test("tasks wait while locks cannot be asked for, and fail when they are refused", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = steps.step("a");
  let isOutage = true;
  steps.table.answer = () => {
    throw new sd.RegistryError("The service is gone", { isOutage });
  };
  const building = sd.build(a, steps.options());
  await pass(time, 3000);
  steps.table.answer = () => undefined;
  await pass(time, 4000);
  const summary = await building;
  assertEquals(summary.taskCount.succeeded, 1);
  assertEquals(summary.warnings, [
    "Tasks wait, for locks cannot be asked for: The service is gone",
  ]);

  isOutage = false;
  steps.done.clear();
  steps.table.answer = () => {
    throw new sd.RegistryError("You may not", { isOutage });
  };
  const { error } = await sd.build(a, steps.options());
  assertStringIncludes(`${error}`, "You may not");
});

Deno.test("a lost lock stops its task, which waits for it again; that is no failure", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = steps.step("a");
  const executor = new ControlledExecutor();
  const reporter = eventsOf();
  const registry = new sd.InMemoryRegistry();
  const building = sd.build(a, { ...steps.options(), executor, reporter, registry });
  await executor.submitted(a);
  const { signal } = executor.context(a);
  steps.table.lose(a);
  steps.table.owners.set(a.id, "them");
  assertInstanceOf(signal.reason, sd.LockLostError);
  executor.end(a, failed(signal.reason));
  await time.tickAsync(0);
  assertEquals(reporter.events, ["started a", "waiting_for_lock a"]);
  steps.finish(a);
  await pass(time, 1000);
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 1, previouslyCompleted: 1 });
  assertEquals([summary.retried, summary.warnings], [0, []]);
  assert(registry.calls.every(({ method }) => method !== "taskFail" && method !== "taskCancel"));
});

Deno.test("a task whose lock got lost unnoticed, and that has ended well, is complete", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a");
  const executor = new ControlledExecutor();
  const building = sd.build(a, { ...steps.options(), executor });
  await executor.submitted(a);
  steps.table.lose(a);
  executor.end(a, COMPLETE);
  assertEquals((await building).taskCount.succeeded, 1);
});

Deno.test("what fails by itself when its lock is lost has failed, and is tried again with a lock", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const { Retried } = types;
  const a = new Retried({ world: steps.world });
  steps.table.name(a, "a");
  const executor = new ControlledExecutor();
  const building = sd.build(a, { ...steps.options(), executor });
  await executor.submitted(a);
  steps.table.lose(a);
  executor.end(a, failed(new Error("by itself")));
  await pass(time, 100);
  await executor.submitted(a);
  assertEquals(executor.context(a).attempt, 2);
  assert(!executor.context(a).signal.aborted);
  executor.end(a, COMPLETE);
  assertEquals((await building).retried, 1);
  assertEquals(steps.table.log, ["ask for a", "get a", "ask for a", "get a", "release a"]);
});

Deno.test("a lock is kept from one attempt to the next, and while its task is suspended", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = new types.Retried({ world: steps.world });
  const b = steps.step("b");
  steps.table.name(a, "a");
  const executor = new ControlledExecutor();
  const building = sd.build(a, { ...steps.options(), executor });
  await executor.submitted(a);
  executor.end(a, failed(new Error("once")));
  await pass(time, 100);
  await executor.submitted(a);
  executor.end(a, { kind: "suspended", requires: [b] });
  await executor.submitted(b);
  executor.end(b, COMPLETE);
  await executor.submitted(a);
  executor.end(a, COMPLETE);
  (await building).throwIfFailed();
  assertEquals(steps.table.log, [
    "ask for a",
    "get a",
    "ask for b",
    "get b",
    "release b",
    "release a",
  ]);
});

Deno.test("what the last attempt threw is told of a task that is cancelled with its lock", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = new types.Retried({ world: steps.world });
  const executor = new ControlledExecutor();
  const controller = new AbortController();
  const building = sd.build(a, { ...steps.options(), executor, signal: controller.signal });
  await executor.submitted(a);
  const error = new Error("once");
  executor.end(a, failed(error));
  await pass(time, 100);
  await executor.submitted(a);
  controller.abort();
  executor.end(a, failed(executor.context(a).signal.reason));
  assertEquals([...(await building).tasks()], [{ task: a, state: "cancelled", error }]);
});

Deno.test("a suspended task whose lock got lost begins anew, with a lock", async () => {
  const steps = new LockedSteps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  const executor = new ControlledExecutor();
  const building = sd.build(a, { ...steps.options(), executor });
  await executor.submitted(a);
  const before = executor.context(a);
  executor.end(a, { kind: "suspended", requires: [b] });
  await executor.submitted(b);
  steps.table.lose(a);
  executor.end(b, COMPLETE);
  await executor.submitted(a);
  assert(executor.context(a) !== before);
  assertEquals(executor.discarded, [a]);
  executor.end(a, COMPLETE);
  assertEquals((await building).taskCount.succeeded, 2);
  assertEquals(steps.table.owners.size, 0);
});

Deno.test("the build waits for all clean-ups of a task that has begun anew", async () => {
  const steps = new LockedSteps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  const cleanUps: (() => void)[] = [];
  const executor = new class extends ControlledExecutor {
    override discard(task: sd.AnyTask): Promise<void> {
      super.discard(task);
      return new Promise((resolve) => cleanUps.push(resolve));
    }
  }();
  const building = sd.build(a, { ...steps.options(), executor, failMode: "continue" });
  let hasEnded = false;
  building.then(() => hasEnded = true);
  await executor.submitted(a);
  executor.end(a, { kind: "suspended", requires: [b] });
  await executor.submitted(b);
  steps.table.lose(a);
  executor.end(b, COMPLETE);
  await executor.submitted(a);
  const c = steps.step("c");
  executor.end(a, { kind: "suspended", requires: [c] });
  await executor.submitted(c);
  executor.end(c, failed(new Error("c")));
  await settled();
  assertEquals(cleanUps.length, 2);
  cleanUps[1]!();
  await settled();
  assert(!hasEnded);
  cleanUps[0]!();
  assertEquals((await building).warnings, []);
});

Deno.test("a task that has lost its lock when the build is stopped is cancelled", async () => {
  const steps = new LockedSteps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  const executor = new ControlledExecutor();
  const registry = new sd.InMemoryRegistry();
  const building = sd.build([a, b], { ...steps.options(), executor, registry });
  await executor.submitted(a);
  await executor.submitted(b);
  const { signal } = executor.context(b);
  steps.table.lose(b);
  executor.end(a, failed(new Error("a")));
  executor.end(b, failed(signal.reason));
  const { buildId, taskCount } = await building;
  assertEquals(taskCount, { ...NOTHING, discovered: 2, failed: 1, cancelled: 1 });
  assertEquals(registry.taskStatus(buildId, b.id), "cancelled");
});

Deno.test("a task that loses its lock again and again has failed", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a");
  const executor = new ControlledExecutor();
  const building = sd.build(a, { ...steps.options(), executor });
  for (let n = 0; n < 4; n++) {
    await executor.submitted(a);
    const { signal } = executor.context(a);
    steps.table.lose(a);
    executor.end(a, failed(signal.reason));
  }
  assertInstanceOf((await building).error?.cause, sd.LockLostError);
  assertEquals(executor.log.length, 4);
});

Deno.test("with exitEarlyWhenAllLocked a build ends when others have all that it could go on with", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const [a, c] = [steps.step("a"), steps.step("c")];
  const b = steps.step("b", [a]);
  steps.table.owners.set(a.id, "them");
  const executor = new ControlledExecutor();
  const registry = new sd.InMemoryRegistry();
  const options = {
    ...steps.options(),
    executor,
    registry,
    globalLockConfig: { exitEarlyWhenAllLocked: true },
  };
  const building = sd.build([b, c], options);
  await executor.submitted(c);
  await pass(time, 10_000);
  executor.end(c, COMPLETE);
  const summary = await building;
  assertEquals([summary.status, summary.exitCode], ["exit_early", 0]);
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 3, succeeded: 1, pending: 2 });
  summary.throwIfFailed();
  assertStringIncludes(`${summary}`, "Build exited early");
  assertEquals(registry.build(summary.buildId).status, "exit_early");
  assertEquals(
    registry.events(summary.buildId).at(-1)?.errorMessage,
    "All remaining tasks are locked by other builds",
  );
  assertEquals(registry.taskStatus(summary.buildId, a.id), "pending");
});

Deno.test("no build exits early because nobody can say who has a lock, or an output is to come", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  steps.table.answer = (taskId) => {
    if (taskId === a.id) return { status: "already_completed" };
    throw new sd.RegistryError("The service is gone", { isOutage: true });
  };
  for (const step of [a, b]) {
    const building = sd.build(step, {
      ...steps.options(),
      globalLockConfig: { exitEarlyWhenAllLocked: true },
    });
    await pass(time, 100);
    steps.finish(step);
    await pass(time, 1000);
    assertEquals((await building).status, "success");
  }
});

Deno.test("no build exits early while it only waits for its registry", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const locked = steps.step("locked");
  steps.table.owners.set(locked.id, "them");
  const free = Array.from({ length: 1000 }, (_, n) => steps.step(`free ${n}`));
  const answered = Promise.withResolvers<void>();
  const registry = new class extends sd.InMemoryRegistry {
    override async taskRegister(buildId: string, task: sd.AnyTask): Promise<void> {
      await answered.promise;
      super.taskRegister(buildId, task);
    }
  }();
  const building = sd.build([locked, ...free], {
    ...steps.options(),
    registry,
    globalLockConfig: { exitEarlyWhenAllLocked: true },
  });
  await pass(time, 100);
  assert(steps.ran.length < free.length);
  answered.resolve();
  await pass(time, 100);
  const { status, taskCount } = await building;
  assertEquals([status, taskCount.succeeded], ["exit_early", free.length]);
});

Deno.test("a suspended task that waits for what others have locked is given up by an early exit", async () => {
  const steps = new LockedSteps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  steps.table.owners.set(b.id, "them");
  const executor = new ControlledExecutor();
  const building = sd.build(a, {
    ...steps.options(),
    executor,
    globalLockConfig: { exitEarlyWhenAllLocked: true },
  });
  await executor.submitted(a);
  executor.end(a, { kind: "suspended", requires: [b] });
  const summary = await building;
  assertEquals(summary.status, "exit_early");
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 2, cancelled: 1, pending: 1 });
  assertEquals([...steps.table.owners.values()], ["them"]);
  assertEquals(executor.discarded, [a]);
});

Deno.test("a build that fails is no early exit", async () => {
  const steps = new LockedSteps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  steps.table.owners.set(a.id, "them");
  const executor = new ControlledExecutor();
  const building = sd.build([a, b], {
    ...steps.options(),
    executor,
    failMode: "continue",
    globalLockConfig: { exitEarlyWhenAllLocked: true },
  });
  await executor.submitted(b);
  executor.end(b, failed(new Error("b")));
  assertEquals((await building).status, "failure");
});

Deno.test("a build that is stopped waits for no lock, and gives back all it has", async () => {
  const steps = new LockedSteps();
  const [a, b, c] = [steps.step("a"), steps.step("b"), steps.step("c")];
  steps.table.owners.set(a.id, "them");
  const never = Promise.withResolvers<void>();
  const controller = new AbortController();
  const executor = new ControlledExecutor();
  const table = steps.options().globalLockManager!;
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const globalLockManager: sd.GlobalConcurrencyLockManager = {
    ownerId: "us",
    async acquire(taskId, options) {
      if (taskId !== c.id) return await table.acquire(taskId, options);
      asked.resolve();
      await never.promise;
      const { signal } = new AbortController();
      const release = () => Promise.resolve(released.resolve());
      return {
        status: "acquired",
        lock: { taskId, signal, release, [Symbol.asyncDispose]: release },
      };
    },
  };
  const { signal } = controller;
  const building = sd.build([a, b, c], { executor, signal, globalLockManager, gracePeriod: 0 });
  await executor.submitted(b);
  await asked.promise;
  controller.abort();
  executor.end(b, failed(executor.context(b).signal.reason));
  const summary = await building;
  assertEquals(summary.taskCount, { ...NOTHING, discovered: 3, cancelled: 1, pending: 2 });
  assertEquals([...steps.table.owners], [[a.id, "them"]]);
  // What comes of it afterwards is given back, too.
  never.resolve();
  await released.promise;
});

Deno.test("nothing is waited for when it is told after the end that others have the lock", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const answer = Promise.withResolvers<sd.LockAcquisition>();
  const asked = Promise.withResolvers<void>();
  const controller = new AbortController();
  const globalLockManager: sd.GlobalConcurrencyLockManager = {
    ownerId: "us",
    acquire: () => {
      asked.resolve();
      return answer.promise;
    },
  };
  const { signal } = controller;
  let progress: sd.BuildProgress | undefined;
  const building = sd.build(steps.step("a"), {
    globalLockManager,
    signal,
    reporter: { onBuildStart: (it) => void (progress = it) },
  });
  await asked.promise;
  controller.abort();
  await pass(time, 1000);
  await building;
  answer.resolve({ status: "held_by_other" });
  await time.tickAsync(0);
  assertEquals([time.next(), progress?.waitingForLock], [false, 0]);
});

Deno.test("that a task is complete is recorded with the release of its lock", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a");
  const registry = new sd.InMemoryRegistry();
  const summary = await sd.build(a, { ...steps.options(registry), registry });
  assertEquals(steps.table.log, ["ask for a", "get a", "complete a"]);
  assertEquals(registry.calls.map(({ method }) => method), [
    "buildStart",
    "taskRegister",
    "taskStart",
    "taskComplete",
    "buildComplete",
  ]);
  assertEquals(registry.taskStatus(summary.buildId, a.id), "completed");
});

Deno.test("the lock of a task whose completion cannot be recorded is given back", async () => {
  const steps = new LockedSteps();
  const registry = new sd.InMemoryRegistry();
  for (const isOutage of [false, true]) {
    const manager = new HandleManager(registry);
    manager.complete = () =>
      Promise.reject(new sd.RegistryError("The service is gone", { isOutage }));
    const a = steps.step(`outage: ${isOutage}`);
    const building = sd.build(a, { globalLockManager: manager, registry });
    if (isOutage) assertStringIncludes((await building).warnings[0]!, "The service is gone");
    else await assertRejects(() => building, sd.RegistryError, "The service is gone");
    assertEquals(manager.log, ["complete", "release"]);
  }
});

Deno.test("a build ends when its locks are given back, each once", async () => {
  const steps = new LockedSteps();
  const registry = new sd.InMemoryRegistry();
  const manager = new HandleManager(registry);
  (await sd.build(steps.step("a"), { globalLockManager: manager, registry })).throwIfFailed();
  assertEquals(manager.log, ["complete"]);

  const given = Promise.withResolvers<void>();
  manager.release = () => given.promise;
  let hasEnded = false;
  const building = sd.build(steps.step("b"), { globalLockManager: manager });
  building.then(() => hasEnded = true);
  await settled();
  assertEquals([manager.log, hasEnded], [["complete", "release"], false]);
  given.resolve();
  (await building).throwIfFailed();
});

Deno.test("a build that is stopped does not wait for ever for its locks to be given back", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const a = steps.step("a");
  const globalLockManager = new HandleManager();
  globalLockManager.release = () => new Promise(() => {});
  const executor = new ControlledExecutor();
  const controller = new AbortController();
  const { signal } = controller;
  const building = sd.build(a, { executor, signal, globalLockManager, gracePeriod: 1000 });
  await executor.submitted(a);
  controller.abort();
  executor.end(a, failed(executor.context(a).signal.reason));
  await pass(time, 1000);
  assertEquals((await building).taskCount.cancelled, 1);
  assertEquals(globalLockManager.log, ["release"]);
});

Deno.test("where the registry was not to be reached when the build began, locks are given back all the same", async () => {
  const steps = new LockedSteps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  const registry = new class extends sd.InMemoryRegistry {
    override buildStart(): string {
      throw new sd.RegistryError("The service is gone", { isOutage: true });
    }
  }();
  const executor = new ControlledExecutor();
  const building = sd.build([a, b], { ...steps.options(registry), registry, executor });
  await executor.submitted(a);
  await executor.submitted(b);
  executor.end(a, COMPLETE);
  await settled();
  assertEquals([...steps.table.owners.keys()], [b.id]);
  executor.end(b, COMPLETE);
  assertEquals((await building).status, "success");
});

Deno.test("a build that is stopped while a lock is asked for gives it back before it ends", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a");
  const answer = Promise.withResolvers<void>();
  const { globalLockManager: manager } = steps.options();
  const asked = Promise.withResolvers<void>();
  const globalLockManager: sd.GlobalConcurrencyLockManager = {
    ownerId: "us",
    async acquire(taskId) {
      asked.resolve();
      await answer.promise;
      return await manager!.acquire(taskId);
    },
  };
  const controller = new AbortController();
  const building = sd.build(a, { globalLockManager, signal: controller.signal });
  let hasEnded = false;
  building.then(() => hasEnded = true);
  await asked.promise;
  controller.abort();
  await settled();
  assert(!hasEnded);
  answer.resolve();
  assertEquals((await building).taskCount.pending, 1);
  assertEquals(steps.table.log, ["ask for a", "get a", "release a"]);
});

Deno.test("with the locks of another registry a task is told to be complete as ever", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a");
  const registry = new sd.InMemoryRegistry();
  await sd.build(a, { ...steps.options(new sd.InMemoryRegistry()), registry });
  assertEquals(steps.table.log, ["ask for a", "get a", "release a"]);
  assertEquals(registry.calls.map(({ method }) => method).at(-2), "taskComplete");
});

Deno.test("a registry is told once that a task waits for its lock, after it was registered", async () => {
  using time = new FakeTime();
  const steps = new LockedSteps();
  const [a, b] = [steps.step("a"), steps.step("b")];
  steps.table.owners.set(a.id, "them").set(b.id, "them");
  const registry = new sd.InMemoryRegistry();
  const building = sd.build([a, b], { ...steps.options(), registry });
  await pass(time, 1500);
  steps.finish(a);
  steps.table.owners.clear();
  await pass(time, 4000);
  const { buildId } = await building;
  assertEquals(recorded(registry, buildId, a), ["task_pending", "task_waiting_for_lock"]);
  assertEquals(recorded(registry, buildId, b), [
    "task_pending",
    "task_waiting_for_lock",
    "task_started",
    "task_completed",
  ]);
  assertEquals(registry.taskEvents(a.id).at(0)?.lockOwner, "them");
});

Deno.test("locks that cannot be given back are told of, and do not touch the build", async () => {
  const a = new LockedSteps().step("a");
  const globalLockManager = new HandleManager();
  globalLockManager.release = () => Promise.reject(new Error("gone"));
  const summary = await sd.build(a, { globalLockManager });
  assertEquals([summary.status, summary.warnings], [
    "success",
    [`Cannot give back the lock of the task "${a.id}": gone`],
  ]);
});

Deno.test("a lock manager that breaks its contract fails its task", async () => {
  const steps = new LockedSteps();
  const a = steps.step("a");
  for (const answer of [undefined, { status: "perhaps" }]) {
    const globalLockManager = {
      ownerId: "us",
      acquire: () => Promise.resolve(answer),
    } as unknown as sd.GlobalConcurrencyLockManager;
    assertEquals((await sd.build(a, { globalLockManager })).taskCount.failed, 1);
  }
});

Deno.test("of many builds at once each task is run by one", async () => {
  const steps = new LockedSteps();
  const leaves = Array.from({ length: 19 }, (_, n) => steps.step(`leaf ${n}`));
  const middle = Array.from(
    { length: 10 },
    (_, n) => steps.step(`middle ${n}`, leaves.slice(n, n + 10)),
  );
  const root = steps.step("root", middle);
  const globalLockConfig = { lockWaitInitialInterval: 1, lockWaitMaxInterval: 4 };
  const builds = Array.from(
    { length: 8 },
    (_, n) => sd.build(root, { ...steps.options(undefined, `build ${n}`), globalLockConfig }),
  );
  for (const summary of await Promise.all(builds)) assertEquals(summary.status, "success");
  assertEquals([steps.ran.length, new Set(steps.ran).size], [30, 30]);
  assertEquals(steps.table.owners.size, 0);
});

Deno.test("a build goes on with a former one", async () => {
  const steps = new LockedSteps();
  const registry = new sd.InMemoryRegistry();
  const a = steps.step("a");
  const { buildId } = await sd.build(a, { registry });
  const b = steps.step("b", [a]);
  const summary = await sd.build(b, { registry, resumeBuildId: buildId });
  assertEquals(summary.buildId, buildId);
  assertEquals(registry.builds().length, 1);
  assertEquals(registry.tasks(buildId).map(({ id }) => id), [a.id, b.id]);
  const untold = await sd.build(b, { registry: new sd.NoOpRegistry(), resumeBuildId: buildId });
  assertEquals(untold.buildId, buildId);
});

Deno.test("a registry that does not know the build that is to go on has refused", async () => {
  const steps = new LockedSteps();
  const registry = new sd.InMemoryRegistry();
  const resumeBuildId = "01a1ff1b-54c4-7e00-b41b-ee210b6bc7d2";
  let error: unknown;
  try {
    await sd.build(steps.step("a"), { registry, resumeBuildId });
  } catch (thrown) {
    error = thrown;
  }
  assertInstanceOf(error, sd.RegistryError);
  assertStringIncludes(error.message, resumeBuildId);
});

const types = declareTypes();

function declareTypes() {
  @sd.register
  class Retried extends sd.BaseTask({
    name: "Retried",
    namespace: "stardag.tests.locks",
    params: { world: z.string() },
    retries: { maxAttempts: 2, minTimeout: 100, jitter: 0 },
  }) {
    override complete(): boolean {
      return false;
    }
    override run(): void {}
  }
  return { Retried };
}
