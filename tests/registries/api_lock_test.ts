import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { ApiRegistry } from "../../src/registries/api_registry.ts";
import {
  RegistryGlobalConcurrencyLockManager,
  type RegistryGlobalConcurrencyLockManagerOptions,
} from "../../src/registries/api_lock.ts";
import type { LockHandle } from "../../src/registries/lock.ts";
import { lockContract, type LockPlace } from "../../src/testing/lock_contract.ts";
import exchanges from "../fixtures/wire.json" with { type: "json" };
import { until } from "../support/over_http.ts";
import { RegistryService } from "../support/registry_service.ts";
import { Steps } from "../support/steps.ts";
import { WireRegistry } from "./wire.ts";

/** The locks of a service of its own. */
class ServedLocks implements LockPlace {
  readonly ttl = 60_000;
  readonly #service: RegistryService;
  readonly #registry: ApiRegistry;

  constructor(service: RegistryService) {
    this.#service = service;
    this.#registry = new ApiRegistry(service.options);
  }

  manager(): RegistryGlobalConcurrencyLockManager {
    return new RegistryGlobalConcurrencyLockManager({ registry: this.#registry });
  }

  abandon(taskId: string): Promise<void> {
    take(this.#service.wire, taskId);
    return Promise.resolve();
  }

  steal(taskId: string): Promise<void> {
    steal(this.#service.wire, taskId);
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registry.close();
    await this.#service[Symbol.asyncDispose]();
  }
}

lockContract(
  "RegistryGlobalConcurrencyLockManager",
  async () => new ServedLocks(await RegistryService.start()),
  { completes: true },
);

/** Has somebody take a free lock. */
function take(wire: WireRegistry, taskId: string): void {
  const body = { owner_id: crypto.randomUUID(), check_task_completion: false };
  assertEquals(post(wire, taskId, "acquire", body).status, 200);
}

/** Has somebody take the lock from who has it. */
function steal(wire: WireRegistry, taskId: string): void {
  const { body } = wire.answer({ method: "GET", path: `/api/v1/locks/${taskId}`, body: null });
  const { owner_id } = body as { readonly owner_id: string };
  assertEquals(post(wire, taskId, "release", { owner_id }).status, 200);
  take(wire, taskId);
}

function post(wire: WireRegistry, taskId: string, step: string, body: unknown) {
  return wire.answer({ method: "POST", path: `/api/v1/locks/${taskId}/${step}`, body });
}

/** What comes instead of an answer of the service, or later. */
type Fault = Response | Error | Promise<unknown>;

/** The service with nothing between it and its clients, so that time passes only as the test says. */
class Line {
  readonly wire = new WireRegistry();
  readonly registry: ApiRegistry;
  /** What was sent: the last part of the path and the body. */
  readonly sent: (readonly [string, unknown])[] = [];
  /** What goes wrong; nothing unless told. Carried out is only what is answered later. */
  fault: (step: string) => Fault | undefined = () => undefined;

  constructor(timeout?: number) {
    this.registry = new ApiRegistry({
      url: "http://registry.test",
      apiKey: "sk_x",
      timeout,
      fetch: (url, init) => this.#answer(url, init),
    });
  }

  manager(options: RegistryGlobalConcurrencyLockManagerOptions = {}) {
    return new RegistryGlobalConcurrencyLockManager({ registry: this.registry, ...options });
  }

  get steps(): readonly string[] {
    return this.sent.map(([step]) => step);
  }

  async #answer(url: string, { method = "", body, signal }: RequestInit): Promise<Response> {
    const step = url.split("/").at(-1)!;
    const json = body === undefined ? null : JSON.parse(String(body));
    this.sent.push([step, json]);
    const fault = this.fault(step);
    if (fault instanceof Response) return fault;
    if (fault instanceof Error) throw fault;
    if (fault !== undefined) {
      const { promise, reject } = Promise.withResolvers<never>();
      signal!.addEventListener("abort", () => reject(signal!.reason));
      await Promise.race([fault, promise]);
    }
    const answer = this.wire.answer({ method, path: new URL(url).pathname, body: json });
    return Response.json(answer.body, { status: answer.status });
  }
}

const unavailable = (): Response => new Response("Service Unavailable", { status: 503 });
const TTL = 60_000;

async function acquired(
  manager: RegistryGlobalConcurrencyLockManager,
  taskId: string,
): Promise<LockHandle> {
  const acquisition = await manager.acquire(taskId);
  assert(acquisition.status === "acquired", acquisition.status);
  return acquisition.lock;
}

/** Lets time pass in parts, so that what is asked for in each is answered in it. */
async function pass(time: FakeTime, milliseconds: number): Promise<void> {
  for (let i = 0; i < 100; i++) await time.tickAsync(milliseconds / 100);
  await time.runMicrotasks();
}

/** How it ends, while time passes. */
async function settled<T>(time: FakeTime, promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([until(time, promise)]);
  return result;
}

/** Why the lock was lost. */
function lossOf(lock: LockHandle): sd.LockLostError {
  assertInstanceOf(lock.signal.reason, sd.LockLostError);
  assertEquals(lock.signal.reason.taskId, lock.taskId);
  return lock.signal.reason;
}

const leaf = sd.task({
  namespace: "stardag.tests.api_lock",
  name: "leaf",
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => n,
});

/** A build that has begun with a task. */
async function begun(registry: ApiRegistry): Promise<{ taskId: string; buildId: string }> {
  const task = leaf({ n: 1 });
  const buildId = await registry.buildStart([task]);
  await registry.taskRegister(buildId, task);
  return { taskId: task.id, buildId };
}

// ---- what is sent, and what is answered ----

Deno.test("what is sent about a lock is what Python stardag has sent", async () => {
  const ownerId = "11111111-1111-4111-8111-111111111111";
  const recorded = exchanges.filter(({ scenario }) => scenario === "locks_basic")
    .map(({ request: { path, body } }) => [path, JSON.stringify(body)])
    .filter(([, text]) => text!.includes(ownerId));
  const [acquire = [], renew = [], , release = []] = recorded;
  const taskId = acquire[0]!.split("/")[4]!;
  await using service = await RegistryService.start();
  await using registry = new ApiRegistry(service.options);
  using time = new FakeTime();
  for (const ttl of [60_000, 30_000]) {
    const manager = new RegistryGlobalConcurrencyLockManager({ registry, ownerId, ttl });
    const lock = await acquired(manager, taskId);
    const { length } = service.requests;
    time.tick(ttl / 3);
    while (service.requests.length === length) await time.runMicrotasks();
    await lock.release();
  }
  const sent = service.requests.map(({ path, text }) => [path, text]);
  assertEquals([sent[0], sent[4], sent[2]], [acquire, renew, release]);
  for (const { headers } of service.requests) {
    assertEquals(
      [headers["x-api-key"], headers["content-type"]],
      [service.apiKey, "application/json"],
    );
  }
});

Deno.test("a time to live is told in whole seconds, not less than it is", async () => {
  const line = new Line();
  await (await acquired(line.manager({ ttl: 1500 }), crypto.randomUUID())).release();
  assertEquals((line.sent[0]![1] as { ttl_seconds: number }).ttl_seconds, 2);
});

Deno.test("a limit of the service is told with what it says", async () => {
  const line = new Line();
  line.wire.lockLimit = 1;
  const manager = line.manager();
  await using _ = await acquired(manager, crypto.randomUUID());
  const refused = await manager.acquire(crypto.randomUUID());
  const message = "Environment concurrency limit reached (1)";
  assertEquals(refused, { status: "concurrency_limit_reached", message });
  assertEquals(line.sent.length, 2);
});

Deno.test("a 429 from something before the service is asked for again", async () => {
  using time = new FakeTime();
  for (const body of ['{"detail":"Too many requests"}', '{"detail":{"status":"busy"}}', "<html>"]) {
    const line = new Line();
    line.fault = () => line.sent.length < 3 ? new Response(body, { status: 429 }) : undefined;
    const manager = line.manager();
    const result = await settled(time, manager.acquire(crypto.randomUUID()));
    assert(result.status === "fulfilled" && result.value.status === "acquired");
    assertEquals(line.sent.length, 3);
    await result.value.lock.release();
  }
});

Deno.test("an answer that got lost is asked for again, and the lock is got", async () => {
  await using service = await RegistryService.start();
  await using registry = new ApiRegistry(service.options);
  const manager = new RegistryGlobalConcurrencyLockManager({ registry });
  service.fault = ({ number }) => number === 1 ? { kind: "drop", isDone: true } : undefined;
  await (await acquired(manager, crypto.randomUUID())).release();
  assertEquals(service.requests.length, 3);
});

Deno.test("a service that cannot be reached or refuses is no answer, and leaves nothing", async () => {
  using time = new FakeTime();
  const line = new Line();
  const manager = line.manager();
  const id = crypto.randomUUID();
  const faults = [[unavailable, true], [() => new Response("{}", { status: 401 }), false], [
    () => Response.json({ status: "odd" }),
    false,
  ]] as const;
  for (const [fault, isOutage] of faults) {
    line.fault = fault;
    const result = await settled(time, manager.acquire(id));
    assert(result.status === "rejected");
    assertInstanceOf(result.reason, sd.RegistryError);
    assertEquals(result.reason.isOutage, isOutage);
    assertStringIncludes(result.reason.message, `Cannot acquire the lock of the task "${id}": `);
  }
  line.fault = () => undefined;
  await (await acquired(manager, id)).release();
});

Deno.test("a token that ends while a lock is held is replaced", async () => {
  await using service = await RegistryService.start();
  const { url, environmentId } = service;
  service.tokens.add("t1");
  await using registry = new ApiRegistry({
    url,
    environmentId,
    token(previous) {
      if (previous !== undefined) service.tokens.add("t2");
      return previous === undefined ? "t1" : "t2";
    },
  });
  const manager = new RegistryGlobalConcurrencyLockManager({ registry });
  const lock = await acquired(manager, crypto.randomUUID());
  service.expire("t1");
  await lock.release();
  assertEquals(
    service.requests.map(({ headers }) => headers.authorization),
    ["Bearer t1", "Bearer t1", "Bearer t2"],
  );
  await (await acquired(manager, lock.taskId)).release();
});

// ---- giving up ----

Deno.test("an attempt that is given up is not made again", async () => {
  using time = new FakeTime();
  const line = new Line();
  line.fault = unavailable;
  const controller = new AbortController();
  const attempt = line.manager().acquire(crypto.randomUUID(), { signal: controller.signal });
  const rejected = assertRejects(() => attempt);
  await time.runMicrotasks();
  const reason = new Error("on purpose");
  controller.abort(reason);
  assertStrictEquals(await rejected, reason);
  assertEquals(line.sent.length, 1);
  assertEquals(time.next(), false);
});

Deno.test("an attempt that succeeds after it was given up leaves no lock", async () => {
  const line = new Line();
  const answered = Promise.withResolvers<void>();
  line.fault = (step) => step === "acquire" ? answered.promise : undefined;
  const [id, controller, manager] = [crypto.randomUUID(), new AbortController(), line.manager()];
  const attempt = manager.acquire(id, { signal: controller.signal });
  controller.abort();
  answered.resolve();
  await assertRejects(() => attempt, DOMException);
  assertEquals(line.steps, ["acquire", "release"]);
  await (await acquired(line.manager(), id)).release();
  await (await acquired(manager, id)).release();
});

// ---- renewal ----

Deno.test("a lock is kept when the service is away for less than its time to live", async () => {
  using time = new FakeTime();
  const line = new Line();
  const lock = await acquired(line.manager(), crypto.randomUUID());
  line.fault = unavailable;
  await pass(time, TTL * 0.9);
  line.fault = () => undefined;
  await pass(time, TTL * 2);
  assert(!lock.signal.aborted);
  await lock.release();
  assertEquals(time.next(), false);
});

Deno.test("a lock is lost when the service is away for as long as its time to live", async () => {
  const away: readonly (readonly [() => Fault, string])[] = [
    [unavailable, 'answers 503 "Service Unavailable"'],
    [() => new TypeError("client error (Connect)"), "cannot be reached"],
    [() => new Response("{}", { status: 401 }), "answers 401"],
    [() => new Promise(() => {}), "the registry does not answer"],
  ];
  for (const [fault, why] of away) {
    using time = new FakeTime();
    const line = new Line(TTL * 2);
    const lock = await acquired(line.manager(), crypto.randomUUID());
    await pass(time, TTL * 0.4);
    assertEquals(line.steps, ["acquire", "renew"]);
    line.fault = fault;
    // A third of it was over when the lock was renewed.
    await pass(time, TTL * 0.92);
    assert(!lock.signal.aborted);
    await pass(time, TTL * 0.03);
    assertStringIncludes(lossOf(lock).message, `could not be renewed for ${TTL} ms (`);
    assertStringIncludes(lossOf(lock).message, why);
    const { length } = line.sent;
    await lock.release();
    await pass(time, TTL);
    assertEquals(line.sent.length, length);
    await line.registry.close();
    assertEquals(time.next(), false);
  }
});

/** Has the clock tell a later time than the timers know, as after a long computation. */
function late(milliseconds: number): Disposable {
  const { Date: before } = globalThis;
  globalThis.Date = new Proxy(before, {
    get: (date, key) => key === "now" ? () => date.now() + milliseconds : Reflect.get(date, key),
  });
  return { [Symbol.dispose]: () => void (globalThis.Date = before) };
}

Deno.test("a lock that could not be renewed in time is kept when nobody else has it", async () => {
  using time = new FakeTime();
  const line = new Line();
  const [kept, lost] = await Promise.all(
    [1, 2].map(() => acquired(line.manager(), crypto.randomUUID())),
  );
  {
    using _ = late(TTL * 3);
    take(line.wire, lost!.taskId);
    await pass(time, TTL * 2);
    assert(!kept!.signal.aborted);
    assertStringIncludes(lossOf(lost!).message, "has given it to somebody else");
  }
  await kept!.release();
  assertEquals(line.steps.filter((step) => step === "release").length, 1);
});

Deno.test("a lock that was lost can be asked for again", async () => {
  using time = new FakeTime();
  const line = new Line();
  const manager = line.manager();
  const lock = await acquired(manager, crypto.randomUUID());
  line.fault = unavailable;
  await pass(time, TTL * 1.1);
  lossOf(lock);
  line.fault = () => undefined;
  const again = await acquired(manager, lock.taskId);
  await lock.release();
  assertEquals(await manager.acquire(lock.taskId), {
    status: "held_by_other",
    owner: manager.ownerId,
  });
  await again.release();
});

Deno.test("a renewal that is under way when the lock is given back tells nothing", async () => {
  using time = new FakeTime();
  const line = new Line();
  const lock = await acquired(line.manager(), crypto.randomUUID());
  const answered = Promise.withResolvers<void>();
  line.fault = (step) => step === "renew" ? answered.promise : undefined;
  await time.tickAsync(TTL / 3);
  await lock.release();
  answered.resolve();
  await time.runAllAsync();
  assertEquals(line.steps, ["acquire", "renew", "release"]);
  assert(!lock.signal.aborted);
});

Deno.test("a renewal that failed when the lock is given back is not tried again", async () => {
  using time = new FakeTime();
  const line = new Line();
  const lock = await acquired(line.manager(), crypto.randomUUID());
  line.fault = (step) => step === "renew" ? unavailable() : undefined;
  await time.tickAsync(TTL / 3);
  await time.runMicrotasks();
  await lock.release();
  await time.runAllAsync();
  assertEquals(line.steps, ["acquire", "renew", "release"]);
});

Deno.test("a lock that is forgotten does not keep the process", async () => {
  await using service = await RegistryService.start();
  const script = `
    import { ApiRegistry } from "${import.meta.resolve("../../src/registries/api_registry.ts")}";
    import { RegistryGlobalConcurrencyLockManager } from "${
    import.meta.resolve("../../src/registries/api_lock.ts")
  }";
    const registry = new ApiRegistry(${JSON.stringify(service.options)});
    const manager = new RegistryGlobalConcurrencyLockManager({ registry });
    console.log((await manager.acquire("${crypto.randomUUID()}")).status);
  `;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", `--allow-net=${new URL(service.url).host}`, "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
  });
  await using child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code, stdout } = await child.output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "acquired\n"]);
});

// ---- giving back ----

Deno.test("giving back rides out an outage, and tells of a refusal once", async () => {
  using time = new FakeTime();
  for (const [status, isTold] of [[503, false], [500, false], [401, true], [409, false]] as const) {
    const line = new Line();
    const manager = line.manager();
    const lock = await acquired(manager, crypto.randomUUID());
    line.fault = () => new Response("{}", { status });
    const result = await settled(time, lock.release());
    assertEquals(result.status, isTold ? "rejected" : "fulfilled");
    const { length } = line.sent;
    await lock.release();
    assertEquals(line.sent.length, length);
    line.fault = () => undefined;
    // The service takes the owner for who had it.
    await (await acquired(manager, lock.taskId)).release();
  }
});

Deno.test("giving back a second time waits for the first", async () => {
  const line = new Line();
  const lock = await acquired(line.manager(), crypto.randomUUID());
  const answered = Promise.withResolvers<void>();
  line.fault = () => answered.promise;
  const order: string[] = [];
  const both = [
    lock.release().then(() => order.push("first")),
    lock.release().then(() => order.push("second")),
  ];
  answered.resolve();
  await Promise.all(both);
  assertEquals([order, line.steps], [["first", "second"], ["acquire", "release"]]);
});

Deno.test("a lock on its way back is not given out again", async () => {
  const line = new Line();
  const manager = line.manager();
  const lock = await acquired(manager, crypto.randomUUID());
  const answered = Promise.withResolvers<void>();
  line.fault = () => answered.promise;
  const released = lock.release();
  assertEquals((await manager.acquire(lock.taskId)).status, "held_by_other");
  answered.resolve();
  await released;
  await (await acquired(manager, lock.taskId)).release();
});

// ---- completion ----

Deno.test("a completion is recorded by giving the lock back", async () => {
  const line = new Line();
  const { taskId, buildId } = await begun(line.registry);
  const manager = line.manager();
  const lock = await acquired(manager, taskId);
  await lock.complete!(buildId);
  const body = { owner_id: manager.ownerId, task_completed: true, build_id: buildId };
  assertEquals(line.sent.at(-1), ["release", body]);
  const [event] = line.wire.registry.taskEvents(taskId);
  assertEquals([event?.type, event?.buildId], ["task_completed", buildId]);
  const { length } = line.sent;
  await lock.release();
  assertEquals(line.sent.length, length);
});

Deno.test("a completion is recorded without the lock when that is not held any more", async () => {
  using time = new FakeTime();
  const stolen = new Line();
  const away = new Line();
  for (const line of [stolen, away]) {
    const { taskId, buildId } = await begun(line.registry);
    const lock = await acquired(line.manager(), taskId);
    if (line === stolen) steal(line.wire, taskId);
    else {
      line.fault = unavailable;
      await pass(time, TTL * 1.1);
      lossOf(lock);
      line.fault = () => undefined;
    }
    const { length } = line.sent;
    await lock.complete!(buildId);
    assertEquals(
      line.steps.slice(length),
      line === stolen ? ["release", "complete"] : ["complete"],
    );
    assertEquals(line.wire.registry.task(taskId).status, "completed");
  }
});

Deno.test("a completion whose answer got lost is recorded all the same", async () => {
  await using service = await RegistryService.start();
  await using registry = new ApiRegistry(service.options);
  const { taskId, buildId } = await begun(registry);
  const lock = await acquired(new RegistryGlobalConcurrencyLockManager({ registry }), taskId);
  let drops = 1;
  service.fault = ({ path }) =>
    path.endsWith("/release") && drops-- > 0 ? { kind: "drop", isDone: true } : undefined;
  await lock.complete!(buildId);
  assertEquals(service.registry.task(taskId).status, "completed");
});

Deno.test("an answer that is not the service's records no completion, which is an error", async () => {
  const line = new Line();
  const { taskId, buildId } = await begun(line.registry);
  const lock = await acquired(line.manager(), taskId);
  line.fault = () => new Response("<html>", { status: 200 });
  await assertRejects(() => lock.complete!(buildId), sd.RegistryError, "no address of a registry");
});

Deno.test("a completion that is not recorded is an error, and the lock is over", async () => {
  using time = new FakeTime();
  const line = new Line();
  const { taskId, buildId } = await begun(line.registry);
  const lock = await acquired(line.manager(), taskId);
  line.fault = unavailable;
  const result = await settled(time, lock.complete!(buildId));
  assert(result.status === "rejected" && result.reason instanceof sd.RegistryError);
  assert(result.reason.isOutage);
  const { length } = line.sent;
  await lock.release();
  await pass(time, TTL * 2);
  assertEquals([line.sent.length, lock.signal.aborted], [length, false]);
});

// ---- builds ----

Deno.test("of builds at once, by one manager or several, one runs each task", async () => {
  await using service = await RegistryService.start();
  await using registry = new ApiRegistry(service.options);
  const [a, b] = [1, 2].map(() => new RegistryGlobalConcurrencyLockManager({ registry }));
  const steps = new Steps();
  const underWay = Promise.withResolvers<void>();
  const leaves = ["a", "b", "c"].map((name) => steps.step(name, { run: () => underWay.promise }));
  const root = steps.step("root", leaves);
  const builds = [a, a, b].map((globalLockManager) =>
    sd.build(root, {
      registry,
      globalLockManager,
      globalLockConfig: { lockWaitInitialInterval: 1, lockWaitMaxInterval: 1 },
    })
  );
  // All have asked for all locks, and three have got one.
  while (service.requests.filter(({ path }) => path.includes("/waiting-for-lock")).length < 6) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  underWay.resolve();
  const summaries = await Promise.all(builds);
  assertEquals(summaries.map(({ status, warnings }) => [status, warnings]), [
    ["success", []],
    ["success", []],
    ["success", []],
  ]);
  assertEquals(steps.ran.toSorted(), ["a", "b", "c", "root"]);
  const succeeded = summaries.reduce((sum, { taskCount }) => sum + taskCount.succeeded, 0);
  assertEquals(succeeded, 4);
  for (const { id } of [...leaves, root]) {
    const told = service.registry.taskEvents(id).filter(({ type }) => type === "task_completed");
    assertEquals(told.length, 1);
  }
});

// ---- options ----

Deno.test("each manager is an owner of its own, of the registry in force unless one is handed in", () => {
  const line = new Line();
  using _ = sd.registryProvider.override(line.registry);
  const [a, b] = [1, 2].map(() => new RegistryGlobalConcurrencyLockManager());
  assertStrictEquals(a!.registry, line.registry);
  assertNotEquals(a!.ownerId, b!.ownerId);
  const ownerId = crypto.randomUUID();
  assertEquals(line.manager({ ownerId }).ownerId, ownerId);
});

Deno.test("without a service there are no locks, and the message says what to do", () => {
  using _ = sd.registryProvider.override(new sd.NoOpRegistry());
  const error = assertThrows(() => new RegistryGlobalConcurrencyLockManager(), sd.ConfigError);
  assertStringIncludes(error.message, "Cannot lock tasks by the registry: ");
  assertStringIncludes(error.message, "NoOpRegistry");
  assertStringIncludes(error.message, "STARDAG_REGISTRY_URL");
});

Deno.test("options that cannot work are refused", () => {
  const { registry } = new Line();
  const refusals: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ ownerId: "me" }, `ownerId is "me"`],
    [{ ownerId: 7 }, "ownerId is 7"],
    [{ ttl: 999 }, "ttl is 999"],
    [{ ttl: Infinity }, "ttl is Infinity"],
    [{ ttl: NaN }, "ttl is NaN"],
    [{ owner: "me" }, `there is no option "owner"`],
  ];
  for (const [options, says] of refusals) {
    const error = assertThrows(
      () => new RegistryGlobalConcurrencyLockManager({ registry, ...options }),
      Error,
      says,
    );
    assert(error instanceof TypeError || error instanceof RangeError);
  }
});
