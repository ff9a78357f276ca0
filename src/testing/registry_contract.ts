/**
 * What every registry must do, as tests. Unaware of which registry it is, and of how it is reached.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { validate } from "@std/uuid";
import { z } from "zod";
import { RegistryError } from "../errors.ts";
import {
  NIL_BUILD_ID,
  type Recorded,
  type Registry,
  type RegistryBuildStatus,
  type RegistryTaskStatus,
} from "../registries/registry.ts";
import { TargetFactory, targetFactoryProvider } from "../targets/factory.ts";
import type { RegistryAsset } from "../tasks/asset.ts";
import { BaseTask, register } from "../tasks/base_task.ts";
import { task } from "../tasks/define_task.ts";
import { depends, field } from "../tasks/fields.ts";
import { taskFromJSON } from "../tasks/from_json.ts";
import type { AnyTask } from "../tasks/task.ts";

/** Options of {@linkcode registryContract}. */
export interface RegistryContractOptions<R extends Registry> {
  /** Whether it keeps what it is told; it does unless told. One that does not has only to take every call. */
  readonly keeps?: boolean | undefined;
  /** To see what a registry itself does not tell; without it, that is not tested. */
  readonly look?: RegistryLook<R> | undefined;
}

/** Looks at what a registry keeps. */
export interface RegistryLook<R extends Registry> {
  /** The status of a build. */
  buildStatus(registry: R, buildId: string): RegistryBuildStatus | Promise<RegistryBuildStatus>;
  /** The assets of a task, in the order in which they were first uploaded. */
  assets(
    registry: R,
    taskId: string,
  ): readonly RegistryAsset[] | Promise<readonly RegistryAsset[]>;
  /** For each task of a build its id, and the ids of those that it requires. */
  dependencies(
    registry: R,
    buildId: string,
  ):
    | Readonly<Record<string, readonly string[]>>
    | Promise<
      Readonly<Record<string, readonly string[]>>
    >;
}

const namespace = "stardag.testing.registry_contract";
/** Keeps the tasks of one test apart from those of others, where the registry is not empty at the beginning. */
const world = z.string();
const part = task({
  namespace,
  name: "part",
  version: "3",
  params: {
    world,
    n: z.int().default(0),
    text: z.string().default(""),
    note: field(z.string().default(""), { significant: false }),
  },
  output: z.int(),
  run: ({ n }) => n,
});
const sum = task({
  namespace,
  name: "sum",
  params: { world, parts: z.array(depends(z.int())) },
  output: z.int(),
  run: ({ parts }) => parts.reduce((a, b) => a + b, 0),
});
/** Has no target. */
class Bare extends BaseTask({ namespace, name: "Bare", params: { world } }) {
  override complete(): boolean {
    return false;
  }
  override run(): void {}
}
register(Bare);

/** What is told of a task, in order, after it was registered; and the status that it has then. */
const STORIES: readonly (readonly [steps: readonly TaskStep[], RegistryTaskStatus])[] = [
  [[], "pending"],
  [["taskRegister"], "pending"],
  [["taskStart"], "running"],
  [["taskStart", "taskRegister"], "running"],
  [["taskStart", "taskComplete"], "completed"],
  [["taskStart", "taskComplete", "taskRegister"], "completed"],
  [["taskComplete"], "completed"],
  [["taskStart", "taskFail"], "failed"],
  [["taskStart", "taskFail", "taskStart"], "running"],
  [["taskStart", "taskStart", "taskComplete"], "completed"],
  [["taskStart", "taskFail", "taskStart", "taskComplete"], "completed"],
  [["taskStart", "taskSuspend"], "suspended"],
  [["taskStart", "taskSuspend", "taskResume"], "running"],
  [["taskStart", "taskSuspend", "taskResume", "taskSuspend"], "suspended"],
  [["taskStart", "taskSuspend", "taskResume", "taskComplete"], "completed"],
  [["taskStart", "taskSuspend", "taskCancel"], "cancelled"],
  [["taskStart", "taskCancel"], "cancelled"],
  [["taskWaitingForLock"], "pending"],
  [["taskWaitingForLock", "taskStart"], "running"],
  [["taskStart", "taskComplete", "taskWaitingForLock"], "completed"],
];

/** What can be told of a task without more words. */
type TaskStep =
  | "taskRegister"
  | "taskStart"
  | "taskComplete"
  | "taskFail"
  | "taskSuspend"
  | "taskResume"
  | "taskCancel"
  | "taskWaitingForLock";

const TASK_STEPS: readonly TaskStep[] = [
  "taskRegister",
  "taskStart",
  "taskSuspend",
  "taskResume",
  "taskFail",
  "taskComplete",
  "taskCancel",
  "taskWaitingForLock",
];

const BUILD_ENDS = [
  ["buildComplete", "completed"],
  ["buildFail", "failed"],
  ["buildCancel", "cancelled"],
  ["buildExitEarly", "exit_early"],
] as const;

const REPORT: RegistryAsset = { type: "markdown", name: "report", body: "# Hi\n*x* 🎉" };

/**
 * Registers the tests that any registry must pass. `make` makes one for each test; it need not be empty. One that can
 * be disposed is, when the test has ended.
 *
 * @example
 * ```ts ignore
 * import { NoOpRegistry } from "@stardag/core";
 * import { registryContract } from "@stardag/core/testing";
 *
 * registryContract("NoOpRegistry", () => new NoOpRegistry(), { keeps: false });
 * ```
 */
export function registryContract<R extends Registry>(
  name: string,
  make: () => R | Promise<R>,
  { keeps = true, look }: RegistryContractOptions<R> = {},
): void {
  const test = (fact: string, prove: (registry: R, world: string) => Promise<void>): void => {
    Deno.test(`${name} ${fact}`, async () => {
      const world = crypto.randomUUID();
      using _ = targetFactoryProvider.override(factoryOf(world));
      const registry: R & Partial<Disposable & AsyncDisposable> = await make();
      try {
        await prove(registry, world);
      } finally {
        await (registry[Symbol.asyncDispose] ?? registry[Symbol.dispose])?.call(registry);
      }
    });
  };

  for (const [end] of BUILD_ENDS) {
    test(`takes every call about a build that ends with ${end}()`, async (registry, world) => {
      const one = part({ world });
      const buildId = await registry.buildStart([one], { description: "a build" });
      assert(validate(buildId), `"${buildId}" is no UUID`);
      for (const step of TASK_STEPS) await registry[step](buildId, one);
      await registry.taskFail(buildId, one, "it broke");
      await registry.taskWaitingForLock(buildId, one, "another build");
      await registry.taskUploadAssets(buildId, one, [REPORT]);
      await registry.taskUploadAssets(buildId, one, []);
      await registry[end](buildId);
    });
  }

  test("refuses to tell about a task that no build has registered", async (registry, world) => {
    await assertRefused(() => registry.taskGetMetadata(part({ world }).id), part({ world }).id);
  });

  if (!keeps) return;

  test("gives each build an id of its own", async (registry) => {
    const ids = await Promise.all([1, 2, 3].map(() => registry.buildStart([])));
    assertEquals(new Set(ids).size, 3);
    assert(!ids.includes(NIL_BUILD_ID));
  });

  test("tells what a task is once it is registered", async (registry, world) => {
    const buildId = await registry.buildStart([]);
    for (const each of [part({ world, n: 7 }), sum({ world, parts: [] })]) {
      await registry.taskRegister(buildId, each);
      const told = await registry.taskGetMetadata(each.id);
      assertEquals(
        [told.id, told.namespace, told.name, told.version],
        [each.id, namespace, each.toJSON().__name, each.version],
      );
      assertEquals([told.outputUri, told.status], [each.output().uri, "pending"]);
      assert(told.registeredAt instanceof Date);
      assertEquals([told.startedAt, told.completedAt, told.errorMessage], Array(3).fill(undefined));
    }
  });

  test("gives back the JSON of a task, of which it can be made again", async (registry, world) => {
    const buildId = await registry.buildStart([]);
    const text = 'ä 日本 🎉 "\\\n%2F</script>';
    const root = sum({ world, parts: [part({ world, text }), sum({ world, parts: [] })] });
    await registry.taskRegister(buildId, root);
    const { body } = await registry.taskGetMetadata(root.id);
    assertEquals(JSON.parse(JSON.stringify(body)), JSON.parse(JSON.stringify(root)));
    assertEquals(taskFromJSON(body).id, root.id);
  });

  test("knows of no output where a task has no target", async (registry, world) => {
    const bare = new Bare({ world });
    await registry.taskRegister(await registry.buildStart([bare]), bare);
    assertEquals((await registry.taskGetMetadata(bare.id)).outputUri, undefined);
  });

  test("keeps where the output was to be when the task was registered", async (registry, world) => {
    const one = part({ world });
    const { uri } = one.output();
    await registry.taskRegister(await registry.buildStart([one]), one);
    using _ = targetFactoryProvider.override(factoryOf("elsewhere"));
    assertNotEquals(one.output().uri, uri);
    assertEquals((await registry.taskGetMetadata(one.id)).outputUri, uri);
  });

  test("keeps a task as it was registered first", async (registry, world) => {
    const [first, second] = ["first", "second"].map((note) => part({ world, note }));
    assert(first !== undefined && second !== undefined);
    await registry.taskRegister(await registry.buildStart([first]), first);
    const before = await registry.taskGetMetadata(first.id);
    await nextMillisecond();
    await registry.taskRegister(await registry.buildStart([second]), second);
    const after = await registry.taskGetMetadata(second.id);
    assertEquals([before.body.note, after.body.note], ["first", "first"]);
    assertEquals(after.registeredAt, before.registeredAt);
  });

  for (const [steps, status] of STORIES) {
    const told = ["taskRegister", ...steps].join(", ");
    test(`tells that a task is ${status} after ${told}`, async (registry, world) => {
      const one = part({ world });
      const buildId = await registry.buildStart([one]);
      await registry.taskRegister(buildId, one);
      for (const step of steps) await registry[step](buildId, one);
      assertEquals((await registry.taskGetMetadata(one.id)).status, status);
    });
  }

  test("tells when a task first began and last ended", async (registry, world) => {
    const one = part({ world });
    const buildId = await registry.buildStart([one]);
    const times = async (): Promise<readonly (Date | undefined)[]> => {
      await nextMillisecond();
      const { registeredAt, startedAt, completedAt } = await registry.taskGetMetadata(one.id);
      return [registeredAt, startedAt, completedAt];
    };
    await registry.taskRegister(buildId, one);
    const [registered] = await times();
    await registry.taskStart(buildId, one);
    await registry.taskSuspend(buildId, one);
    await registry.taskResume(buildId, one);
    const [, started, notEnded] = await times();
    assert(registered !== undefined && started !== undefined && registered < started);
    assertEquals(notEnded, undefined);
    let last = started;
    for (const end of ["taskFail", "taskCancel", "taskComplete"] as const) {
      await registry[end](buildId, one);
      const [first, begun, ended] = await times();
      assertEquals([first, begun], [registered, started]);
      assert(ended !== undefined && last < ended);
      last = ended;
      if (end !== "taskComplete") await registry.taskStart(buildId, one);
    }
  });

  test("keeps why a task failed, at least the beginning of it", async (registry, world) => {
    const one = part({ world });
    const buildId = await registry.buildStart([one]);
    await registry.taskRegister(buildId, one);
    for (const message of ["boom 1 & more?", '"ä"\n日本 🎉 100%/#+', "long 🎉\n".repeat(10_000)]) {
      await registry.taskStart(buildId, one);
      await registry.taskFail(buildId, one, message);
      const { errorMessage } = await registry.taskGetMetadata(one.id);
      assertEquals(errorMessage?.slice(0, 500), message.slice(0, 500));
    }
  });

  test("hears of one task from several builds", async (registry, world) => {
    const one = part({ world });
    const status = async (): Promise<RegistryTaskStatus> =>
      (await registry.taskGetMetadata(one.id)).status;
    const [a, b] = [await registry.buildStart([one]), await registry.buildStart([one])];
    await registry.taskRegister(a, one);
    await registry.taskStart(a, one);
    await registry.taskRegister(b, one);
    assertEquals(await status(), "running");
    await registry.taskFail(a, one, "it broke");
    await registry.buildFail(a, "it broke");
    assertEquals(await status(), "failed");
    await registry.taskStart(b, one);
    await registry.taskComplete(b, one);
    await registry.buildComplete(b);
    assertEquals(await status(), "completed");
    const c = await registry.buildStart([one]);
    await registry.taskRegister(c, one);
    assertEquals(await status(), "completed");
  });

  test("hears of many tasks at once", async (registry, world) => {
    const tasks = Array.from({ length: 50 }, (_, n) => part({ world, n }));
    const buildId = await registry.buildStart(tasks);
    await Promise.all(tasks.map(async (each, n) => {
      await registry.taskRegister(buildId, each);
      await registry.taskStart(buildId, each);
      if (n % 3 === 0) await registry.taskFail(buildId, each, `${n}`);
      if (n % 3 === 1) await registry.taskComplete(buildId, each);
    }));
    const told = await Promise.all(tasks.map(({ id }) => registry.taskGetMetadata(id)));
    assertEquals(
      told.map(({ body, status, errorMessage }) => [body.n, status, errorMessage]),
      tasks.map((_, n) => [
        n,
        n % 3 === 0 ? "failed" : n % 3 === 1 ? "completed" : "running",
        n % 3 === 0 ? `${n}` : undefined,
      ]),
    );
  });

  test("takes a task before those that it requires", async (registry, world) => {
    const [early, late, other] = [1, 2, 3].map((n) => part({ world, n }));
    assert(early !== undefined && late !== undefined && other !== undefined);
    const root = sum({ world, parts: [early, late, early] });
    const buildId = await registry.buildStart([root]);
    for (const each of [early, root, late, other, root]) {
      await registry.taskRegister(buildId, each);
    }
    assertEquals((await registry.taskGetMetadata(root.id)).status, "pending");
    if (look === undefined) return;
    assertEquals(
      sorted(await look.dependencies(registry, buildId)),
      [
        ...[early, late, other].map(({ id }): [string, readonly string[]] => [id, []]),
        [root.id, [early.id]] as [string, readonly string[]],
      ].sort(),
    );
  });

  test(
    "refuses calls about a build that it did not start, and keeps nothing",
    async (registry, world) => {
      const [known, unknown] = [part({ world, n: 1 }), part({ world, n: 2 })];
      await registry.taskRegister(await registry.buildStart([known]), known);
      const before = { ...await registry.taskGetMetadata(known.id) };
      const buildId = crypto.randomUUID();
      for (const step of TASK_STEPS) {
        await assertRefused(
          () => registry[step](buildId, known),
          buildId,
        );
      }
      await assertRefused(() => registry.taskUploadAssets(buildId, known, [REPORT]), buildId);
      for (const [end] of BUILD_ENDS) await assertRefused(() => registry[end](buildId), buildId);
      assertEquals({ ...await registry.taskGetMetadata(known.id) }, before);
      await assertRefused(() => registry.taskRegister(buildId, unknown), buildId);
      await assertRefused(() => registry.taskGetMetadata(unknown.id), unknown.id);
      if (look !== undefined) assertEquals(await look.assets(registry, known.id), []);
    },
  );

  test(
    "refuses calls about a task that no build has registered, and keeps nothing",
    async (registry, world) => {
      const one = part({ world });
      const buildId = await registry.buildStart([one]);
      for (const step of TASK_STEPS) {
        if (step === "taskRegister") continue;
        await assertRefused(() => registry[step](buildId, one), one.id);
      }
      await assertRefused(() => registry.taskUploadAssets(buildId, one, [REPORT]), one.id);
      await assertRefused(() => registry.taskGetMetadata(one.id), one.id);
      await registry.taskRegister(buildId, one);
      assertEquals((await registry.taskGetMetadata(one.id)).status, "pending");
      if (look !== undefined) assertEquals(await look.assets(registry, one.id), []);
    },
  );

  if (look === undefined) return;

  test("keeps the status of each build apart, as it was told last", async (registry) => {
    const builds: { readonly buildId: string; readonly status: RegistryBuildStatus }[] = [];
    for (const [end, status] of BUILD_ENDS) {
      const buildId = await registry.buildStart([]);
      assertEquals(await look.buildStatus(registry, buildId), "running");
      await registry[end](buildId);
      builds.push({ buildId, status });
    }
    for (const { buildId, status } of builds) {
      assertEquals(await look.buildStatus(registry, buildId), status);
    }
    for (const { buildId } of builds) {
      await registry.buildFail(buildId, "it broke");
      await registry.buildComplete(buildId);
      assertEquals(await look.buildStatus(registry, buildId), "completed");
    }
  });

  test("keeps the assets of a task, one of each type and name", async (registry, world) => {
    const [one, other] = [part({ world, n: 1 }), part({ world, n: 2 })];
    const [a, b] = [await registry.buildStart([one]), await registry.buildStart([one])];
    for (const each of [one, other]) await registry.taskRegister(a, each);
    const kept = async (each: AnyTask): Promise<readonly RegistryAsset[]> =>
      (await look.assets(registry, each.id)).map(({ type, name, body }) =>
        ({ type, name, body }) as RegistryAsset
      );
    const scores = { accuracy: 0.5, nested: { list: [1, null, "ä"] } };
    const metrics: RegistryAsset = { type: "json", name: "metrics", body: scores };
    await registry.taskUploadAssets(a, one, [REPORT, metrics]);
    await registry.taskUploadAssets(a, one, []);
    const scoresThen = structuredClone(scores);
    scores.nested.list.push(2);
    assertEquals(await kept(one), [REPORT, { ...metrics, body: scoresThen }]);
    assertEquals(await kept(other), []);
    const renewed: RegistryAsset = { type: "markdown", name: "report", body: "# Bye" };
    const sameName: RegistryAsset = { type: "json", name: "report", body: {} };
    await registry.taskUploadAssets(b, one, [sameName, renewed]);
    assertEquals(await kept(one), [renewed, { ...metrics, body: scoresThen }, sameName]);
  });
}

function factoryOf(folder: string): TargetFactory {
  return new TargetFactory({ targetRoots: { default: `memory://registry-contract/${folder}` } });
}

/** Whether the call is refused, at once or later, with a message that names what is not known. */
async function assertRefused(call: () => Recorded | unknown, named: string): Promise<void> {
  const error = await assertRejects(async () => await call(), RegistryError);
  assert(!error.isOutage, "it is out of order, and does not refuse");
  assert(error.message.includes(named), error.message);
}

/** Waits until the clock shows another time. */
async function nextMillisecond(): Promise<void> {
  const now = Date.now();
  while (Date.now() === now) await Promise.resolve();
}

function sorted<T>(record: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(record).sort();
}
