import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { validate } from "@std/uuid";
import { z } from "zod";
import { RegistryError } from "../../src/errors.ts";
import { InMemoryRegistry } from "../../src/registries/in_memory_registry.ts";
import { TargetFactory, targetFactoryProvider } from "../../src/targets/factory.ts";
import type { RegistryAsset } from "../../src/tasks/asset.ts";
import { task } from "../../src/tasks/define_task.ts";
import { depends } from "../../src/tasks/fields.ts";
import { taskFromJSON } from "../../src/tasks/from_json.ts";
import type { AnyTask } from "../../src/tasks/task.ts";
import { registryContract } from "../../src/testing/registry_contract.ts";
import { LOOK } from "./look.ts";

registryContract("InMemoryRegistry", () => new InMemoryRegistry(), { look: LOOK });

const namespace = "stardag.tests.in_memory_registry";
const leaf = task({
  namespace,
  name: "leaf",
  version: "2",
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => n,
});
const next = task({
  namespace,
  name: "next",
  params: { of: depends(z.int()) },
  output: z.int(),
  run: ({ of }) => of + 1,
});
const REPORT: RegistryAsset = { type: "markdown", name: "report", body: "# Hi" };

Deno.test("a build is listed with all that is known of it, the newest first", () => {
  using time = new FakeTime("2026-01-02T03:04:05Z");
  const registry = new InMemoryRegistry();
  const a = registry.buildStart([leaf({ n: 1 }), next({ of: leaf({ n: 1 }) })], {
    description: "nightly",
    commitHash: "abc1234",
  });
  time.tick(1000);
  const b = registry.buildStart([]);
  time.tick(1000);
  registry.buildFail(a, "it broke");
  assertEquals(registry.builds(), [{
    id: b,
    name: "build-2",
    status: "running",
    description: undefined,
    commitHash: undefined,
    rootTaskIds: [],
    startedAt: new Date("2026-01-02T03:04:06Z"),
    completedAt: undefined,
  }, {
    id: a,
    name: "build-1",
    status: "failed",
    description: "nightly",
    commitHash: "abc1234",
    rootTaskIds: [leaf({ n: 1 }).id, next({ of: leaf({ n: 1 }) }).id],
    startedAt: new Date("2026-01-02T03:04:05Z"),
    completedAt: new Date("2026-01-02T03:04:07Z"),
  }]);
  assertEquals(registry.build(a), registry.builds()[1]);
  time.tick(1000);
  registry.buildComplete(a);
  const { status, completedAt } = registry.build(a);
  assertEquals([status, completedAt], ["completed", new Date("2026-01-02T03:04:08Z")]);
  assert(validate(a) && validate(b) && a < b);
});

Deno.test("a task is listed with all that is known of it, in the order named by the build", () => {
  using time = new FakeTime("2026-01-02T03:04:05Z");
  using _ = targetFactoryProvider.override(
    new TargetFactory({ targetRoots: { default: "memory://root" } }),
  );
  const registry = new InMemoryRegistry();
  const [one, two] = [leaf({ n: 1 }), next({ of: leaf({ n: 1 }) })];
  const a = registry.buildStart([two]);
  for (const each of [one, two]) registry.taskRegister(a, each);
  time.tick(1000);
  registry.taskStart(a, one);
  time.tick(1000);
  registry.taskFail(a, one, "it broke");
  registry.taskUploadAssets(a, one, [REPORT]);
  const b = registry.buildStart([one]);
  for (const each of [two, one]) registry.taskRegister(b, each);
  const rows = registry.tasks(a);
  assertEquals(rows, [{
    id: one.id,
    body: { __namespace: namespace, __name: "leaf", version: "2", n: 1 },
    name: "leaf",
    namespace,
    version: "2",
    outputUri: one.output().uri,
    status: "failed",
    registeredAt: new Date("2026-01-02T03:04:05Z"),
    startedAt: new Date("2026-01-02T03:04:06Z"),
    completedAt: new Date("2026-01-02T03:04:07Z"),
    errorMessage: "it broke",
    statusBuildId: a,
    isWaitingForLock: false,
    assetCount: 1,
  }, {
    id: two.id,
    body: { __namespace: namespace, __name: "next", version: "", of: one.toJSON() },
    name: "next",
    namespace,
    version: "",
    outputUri: two.output().uri,
    status: "pending",
    registeredAt: new Date("2026-01-02T03:04:05Z"),
    startedAt: undefined,
    completedAt: undefined,
    errorMessage: undefined,
    statusBuildId: undefined,
    isWaitingForLock: false,
    assetCount: 0,
  }]);
  assertEquals(registry.tasks(b), [...rows].reverse());
  assertEquals(registry.allTasks(), [...rows].reverse());
  assertEquals(registry.taskGetMetadata(one.id), rows[0]);
  assertEquals(registry.task(one.id), rows[0]);
});

Deno.test("a task stays completed, though each build has a status of its own for it", () => {
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  const [a, b] = [registry.buildStart([one]), registry.buildStart([one])];
  registry.taskRegister(a, one);
  registry.taskRegister(b, one);
  assertEquals([registry.taskStatus(a, one.id), registry.taskStatus(b, one.id)], [
    "pending",
    "pending",
  ]);
  registry.taskComplete(a, one);
  registry.taskStart(b, one);
  registry.taskFail(b, one, "it broke");
  registry.taskWaitingForLock(b, one);
  const { status, statusBuildId, errorMessage } = registry.taskGetMetadata(one.id);
  assertEquals([status, statusBuildId, errorMessage], ["completed", a, undefined]);
  assertEquals([registry.taskStatus(a, one.id), registry.taskStatus(b, one.id)], [
    "completed",
    "failed",
  ]);
  registry.taskComplete(b, one);
  assertEquals(registry.taskGetMetadata(one.id).statusBuildId, b);
});

Deno.test("why a task failed is still known when it was completed since", () => {
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  const buildId = registry.buildStart([one]);
  registry.taskRegister(buildId, one);
  registry.taskFail(buildId, one, "it broke");
  registry.taskStart(buildId, one);
  registry.taskComplete(buildId, one);
  const { status, errorMessage } = registry.taskGetMetadata(one.id);
  assertEquals([status, errorMessage], ["completed", "it broke"]);
});

Deno.test("a task waits for its lock until something else is told of it", () => {
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  const buildId = registry.buildStart([one]);
  const isWaiting = (): boolean => registry.taskGetMetadata(one.id).isWaitingForLock;
  registry.taskRegister(buildId, one);
  registry.taskWaitingForLock(buildId, one, "another build");
  assert(isWaiting());
  registry.taskStart(buildId, one);
  assert(!isWaiting());
  registry.taskWaitingForLock(buildId, one, "another build");
  assert(!isWaiting(), "it is running");
});

Deno.test("the events of a build come oldest first, those of a task newest first", () => {
  using time = new FakeTime("2026-01-02T03:04:05Z");
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  const a = registry.buildStart([one], { description: "nightly" });
  registry.taskRegister(a, one);
  const b = registry.buildStart([one]);
  registry.taskRegister(b, one);
  registry.taskWaitingForLock(b, one, "build a");
  registry.taskStart(a, one);
  registry.taskSuspend(a, one);
  registry.taskResume(a, one);
  registry.taskFail(a, one, "it broke");
  registry.taskUploadAssets(a, one, [REPORT]);
  registry.buildFail(a, "it broke, too");
  registry.taskCancel(b, one);
  registry.buildExitEarly(b, "all elsewhere");
  registry.taskComplete(b, one);
  registry.buildCancel(b);
  time.tick(1000);
  registry.buildComplete(b);
  const ofA = registry.events(a);
  assertEquals(ofA.map(({ type, errorMessage }) => [type, errorMessage]), [
    ["build_started", undefined],
    ["task_pending", undefined],
    ["task_started", undefined],
    ["task_suspended", undefined],
    ["task_resumed", undefined],
    ["task_failed", "it broke"],
    ["build_failed", "it broke, too"],
  ]);
  const ofB = registry.events(b);
  assertEquals(ofB.map(({ type, errorMessage, lockOwner }) => [type, errorMessage, lockOwner]), [
    ["build_started", undefined, undefined],
    ["task_referenced", undefined, undefined],
    ["task_waiting_for_lock", undefined, "build a"],
    ["task_cancelled", undefined, undefined],
    ["build_exit_early", "all elsewhere", undefined],
    ["task_completed", undefined, undefined],
    ["build_cancelled", undefined, undefined],
    ["build_completed", undefined, undefined],
  ]);
  const ofOne = registry.taskEvents(one.id);
  assertEquals(ofOne[0], {
    id: ofB[5]!.id,
    type: "task_completed",
    buildId: b,
    taskId: one.id,
    createdAt: new Date("2026-01-02T03:04:05Z"),
    errorMessage: undefined,
    lockOwner: undefined,
  });
  assertEquals(ofB.at(-1)?.createdAt, new Date("2026-01-02T03:04:06Z"));
  assertEquals(
    ofOne,
    [...ofA, ...ofB].filter(({ taskId }) => taskId === one.id).sort((x, y) => y.id - x.id),
  );
});

Deno.test("the graph of a build has the dependencies among its tasks that were registered in order", () => {
  const registry = new InMemoryRegistry();
  const [one, two] = [leaf({ n: 1 }), leaf({ n: 2 })];
  const [afterOne, afterTwo] = [next({ of: one }), next({ of: two })];
  const a = registry.buildStart([]);
  for (const each of [one, afterOne, afterTwo, two]) registry.taskRegister(a, each);
  assertEquals(registry.graph(a), {
    nodes: registry.tasks(a),
    edges: [{ source: one.id, target: afterOne.id }],
  });
  const b = registry.buildStart([]);
  for (const each of [two, afterTwo, afterOne]) registry.taskRegister(b, each);
  assertEquals(registry.graph(b), { nodes: registry.tasks(b), edges: [] });
});

Deno.test("calls are kept in order, also those that are refused; looking is none", () => {
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  const buildId = registry.buildStart([one], { description: "nightly" });
  assertThrows(() => registry.taskStart(buildId, one), RegistryError);
  registry.taskRegister(buildId, one);
  registry.taskStart(buildId, one);
  registry.taskSuspend(buildId, one);
  registry.taskResume(buildId, one);
  registry.taskWaitingForLock(buildId, one, "another build");
  registry.taskFail(buildId, one, "it broke");
  registry.taskCancel(buildId, one);
  registry.taskComplete(buildId, one);
  registry.taskUploadAssets(buildId, one, [REPORT]);
  registry.taskGetMetadata(one.id);
  registry.buildFail(buildId, "it broke");
  registry.buildCancel(buildId);
  registry.buildExitEarly(buildId, "all elsewhere");
  registry.buildComplete(buildId);
  const { calls } = registry;
  const of = { buildId, taskId: one.id };
  assertEquals(calls, [
    { method: "buildStart", buildId, text: "nightly" },
    { method: "taskStart", ...of },
    { method: "taskRegister", ...of },
    { method: "taskStart", ...of },
    { method: "taskSuspend", ...of },
    { method: "taskResume", ...of },
    { method: "taskWaitingForLock", ...of, text: "another build" },
    { method: "taskFail", ...of, text: "it broke" },
    { method: "taskCancel", ...of },
    { method: "taskComplete", ...of },
    { method: "taskUploadAssets", ...of, assets: [REPORT] },
    { method: "taskGetMetadata", taskId: one.id },
    { method: "buildFail", buildId, text: "it broke" },
    { method: "buildCancel", buildId },
    { method: "buildExitEarly", buildId, text: "all elsewhere" },
    { method: "buildComplete", buildId },
  ]);
  registry.builds();
  registry.build(buildId);
  registry.tasks(buildId);
  registry.allTasks();
  registry.task(one.id);
  registry.taskStatus(buildId, one.id);
  registry.events(buildId);
  registry.taskEvents(one.id);
  registry.graph(buildId);
  registry.assets(one.id);
  assertEquals(registry.calls, calls);
});

Deno.test("what was refused is no event", () => {
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  const buildId = registry.buildStart([one]);
  assertThrows(() => registry.taskStart(buildId, one), RegistryError);
  registry.taskRegister(buildId, one);
  assertEquals(registry.events(buildId).map(({ type }) => type), ["build_started", "task_pending"]);
  assertEquals(registry.taskStatus(buildId, one.id), "pending");
});

Deno.test("what is not known cannot be looked at, and the message says what to do", () => {
  const registry = new InMemoryRegistry();
  const buildId = registry.buildStart([]);
  const ofBuild: readonly ((id: string) => unknown)[] = [
    (id) => registry.build(id),
    (id) => registry.tasks(id),
    (id) => registry.events(id),
    (id) => registry.graph(id),
    (id) => registry.taskStatus(id, "a task"),
  ];
  for (const look of ofBuild) {
    assertThrows(
      () => look("a build"),
      RegistryError,
      `the build "a build" is not known here. Begin it with buildStart()`,
    );
  }
  const ofTask: readonly ((id: string) => unknown)[] = [
    (id) => registry.taskGetMetadata(id),
    (id) => registry.task(id),
    (id) => registry.taskStatus(buildId, id),
    (id) => registry.taskEvents(id),
    (id) => registry.assets(id),
  ];
  for (const look of ofTask) {
    assertThrows(
      () => look("a task"),
      RegistryError,
      `the task "a task" is not known here. Register it with taskRegister()`,
    );
  }
});

Deno.test("an asset that the service would not take is refused, and those beside it are not kept", () => {
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  const buildId = registry.buildStart([one]);
  registry.taskRegister(buildId, one);
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const refused: readonly (readonly [unknown, string])[] = [
    [{ type: "json", name: "x", body: "text" }, `its body is "text". Give a plain object`],
    [{ type: "json", name: "x", body: [1] }, "its body is [1]. Give a plain object"],
    [{ type: "json", name: "x", body: null }, "its body is null. Give a plain object"],
    [{ type: "json", name: "x", body: new Map() }, "Give a plain object"],
    [{ type: "json", name: "x", body: circular }, "its body cannot be written as JSON"],
    [{ type: "json", name: "x", body: { n: 1n } }, "its body cannot be written as JSON"],
    [{ type: "markdown", name: "x", body: {} }, "its body is {}. Give a text"],
    [{ type: "html", name: "x", body: {} }, `its type is "html". Give "markdown"`],
  ];
  for (const [asset, why] of refused) {
    const error = assertThrows(
      () => registry.taskUploadAssets(buildId, one, [REPORT, asset as RegistryAsset]),
      RegistryError,
      why,
    );
    assert(!error.isOutage && error.message.includes(`the asset "x" of the task "${one.id}"`));
  }
  assertEquals(registry.assets(one.id), []);
  assertEquals(registry.taskGetMetadata(one.id).assetCount, 0);
});

Deno.test("assets are the task's, and do not make it one of the build that uploads them", () => {
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  const [a, b] = [registry.buildStart([one]), registry.buildStart([])];
  registry.taskRegister(a, one);
  registry.taskUploadAssets(b, one, [REPORT]);
  assertEquals(registry.assets(one.id).map(({ name }) => name), ["report"]);
  assertEquals(registry.tasks(b), []);
});

Deno.test("an asset keeps the time of its first upload", () => {
  using time = new FakeTime("2026-01-02T03:04:05Z");
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  const buildId = registry.buildStart([one]);
  registry.taskRegister(buildId, one);
  registry.taskUploadAssets(buildId, one, [REPORT]);
  time.tick(1000);
  const metrics: RegistryAsset = { type: "json", name: "report", body: { at: new Date() } };
  registry.taskUploadAssets(buildId, one, [metrics, { ...REPORT, body: "# Bye" }]);
  assertEquals(registry.assets(one.id), [
    {
      type: "markdown",
      name: "report",
      body: "# Bye",
      createdAt: new Date("2026-01-02T03:04:05Z"),
    },
    {
      type: "json",
      name: "report",
      body: { at: "2026-01-02T03:04:06.000Z" },
      createdAt: new Date("2026-01-02T03:04:06Z"),
    },
  ]);
});

Deno.test("nothing is asked of a task when it is told of: that is put off until somebody looks", () => {
  const asked: string[] = [];
  const watched = new Proxy(leaf({ n: 1 }), {
    get(target, key) {
      if (key !== "id") asked.push(String(key));
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as AnyTask;
  const registry = new InMemoryRegistry();
  const buildId = registry.buildStart([watched]);
  registry.taskRegister(buildId, watched);
  registry.taskStart(buildId, watched);
  registry.taskComplete(buildId, watched);
  registry.buildComplete(buildId);
  assertEquals(registry.calls.length, 5);
  assertEquals(asked, []);
  const [row] = registry.tasks(buildId);
  assert(!asked.includes("toJSON") && !asked.includes("output"));
  assertEquals(row?.body, leaf({ n: 1 }).toJSON());
  assert(asked.includes("toJSON"));
});

Deno.test("where an output was to be is asked with the target factory of the registration", () => {
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  const factoryOf = (root: string): TargetFactory =>
    new TargetFactory({ targetRoots: { default: root } });
  const buildId = registry.buildStart([one]);
  let expected: string;
  {
    using _ = targetFactoryProvider.override(factoryOf("memory://then"));
    registry.taskRegister(buildId, one);
    expected = one.output().uri;
  }
  using _ = targetFactoryProvider.override(factoryOf("memory://now"));
  assertEquals(registry.tasks(buildId)[0]?.outputUri, expected);
  assertNotEquals(one.output().uri, expected, "the factory in force is in force again");
});

Deno.test("a task whose output() throws has no known place, and is kept nevertheless", () => {
  using _ = targetFactoryProvider.override(new TargetFactory({ targetRoots: {} }));
  const registry = new InMemoryRegistry();
  const one = leaf({ n: 1 });
  registry.taskRegister(registry.buildStart([one]), one);
  assertEquals(registry.taskGetMetadata(one.id).outputUri, undefined);
});

Deno.test("a chain of ten thousand tasks is kept, and any of them made again", () => {
  const registry = new InMemoryRegistry();
  let last: AnyTask & ReturnType<typeof leaf> = leaf({ n: 0 });
  const buildId = registry.buildStart([]);
  for (let i = 1; i < 10_000; i++) {
    registry.taskRegister(buildId, last);
    registry.taskComplete(buildId, last);
    last = next({ of: last }) as never;
  }
  registry.taskRegister(buildId, last);
  const { nodes, edges } = registry.graph(buildId);
  assertEquals([nodes.length, edges.length], [10_000, 9_999]);
  assertEquals(taskFromJSON(registry.taskGetMetadata(last.id).body).id, last.id);
});
