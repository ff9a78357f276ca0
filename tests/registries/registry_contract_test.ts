import { assert, assertEquals } from "@std/assert";
import { InMemoryRegistry, type RegisteredTask } from "../../src/registries/in_memory_registry.ts";
import type { RegistryAsset } from "../../src/tasks/asset.ts";
import type { AnyTask } from "../../src/tasks/task.ts";
import { registryContract } from "../../src/testing/registry_contract.ts";
import { LOOK } from "./look.ts";

/** What replaces methods of a registry, which is handed in as it was. */
type Change = (registry: InMemoryRegistry) => Partial<InMemoryRegistry>;

/** Registries that are wrong in one way, and the beginning of a fact that tells. */
const BROKEN: Readonly<Record<string, readonly [Change, fact: string]>> = {
  "gives all builds one id": [(registry) => {
    const id = registry.buildStart([]);
    return { buildStart: () => id };
  }, "gives each build an id of its own"],
  "gives builds ids that are none": [
    () => ({ buildStart: () => "build-1" }),
    "takes every call about a build that ends with buildComplete()",
  ],
  "refuses an end": [() => ({
    buildExitEarly() {
      throw new Error("no such end");
    },
  }), "takes every call about a build that ends with buildExitEarly()"],
  "takes one end for another": [
    (registry) => ({ buildFail: (buildId) => registry.buildComplete(buildId) }),
    "keeps the status of each build apart",
  ],
  "takes calls about any build": [(registry) => ({
    taskStart(buildId, task) {
      if (registry.builds().some(({ id }) => id === buildId)) registry.taskStart(buildId, task);
    },
  }), "refuses calls about a build that it did not start"],
  "registers tasks for any build": [(registry) => ({
    taskRegister(buildId, task) {
      const isKnown = registry.builds().some(({ id }) => id === buildId);
      registry.taskRegister(isKnown ? buildId : registry.buildStart([]), task);
    },
  }), "refuses calls about a build that it did not start"],
  "starts tasks that are not registered": [(registry) => ({
    taskStart(buildId, task) {
      registry.taskRegister(buildId, task as AnyTask);
      registry.taskStart(buildId, task);
    },
  }), "refuses calls about a task that no build has registered"],
  "is out of order where it should refuse": [(registry) => ({
    taskGetMetadata: (id) => rethrowing(() => registry.taskGetMetadata(id), { isOutage: true }),
  }), "refuses to tell about a task that no build has registered"],
  "does not say which task it does not know": [(registry) => ({
    taskGetMetadata: (id) => rethrowing(() => registry.taskGetMetadata(id), { message: "404" }),
  }), "refuses to tell about a task that no build has registered"],
  "does not hear what is suspended": [
    () => ({ taskSuspend() {} }),
    "tells that a task is suspended after taskRegister, taskStart, taskSuspend",
  ],
  "takes what waits for a lock for running": [
    (registry) => ({ taskWaitingForLock: (buildId, task) => registry.taskStart(buildId, task) }),
    "tells that a task is pending after taskRegister, taskWaitingForLock",
  ],
  "takes a task that is registered again for pending": [(registry) => {
    const again = new Set<string>();
    return {
      taskRegister(buildId, task) {
        if (registry.allTasks().some(({ id }) => id === task.id)) again.add(task.id);
        registry.taskRegister(buildId, task);
      },
      taskGetMetadata(id) {
        const told = registry.taskGetMetadata(id);
        return again.has(id) ? { ...told, status: "pending" } : told;
      },
    };
  }, "tells that a task is running after taskRegister, taskStart, taskRegister"],
  "keeps a task as it was registered last": [(registry) => {
    const last = new Map<string, AnyTask>();
    return {
      taskRegister(buildId, task) {
        registry.taskRegister(buildId, task);
        last.set(task.id, task);
      },
      taskGetMetadata: (id) => ({
        ...registry.taskGetMetadata(id),
        body: last.get(id)?.toJSON() ?? {},
      }),
    };
  }, "keeps a task as it was registered first"],
  "tells nested tasks by their ids": [
    telling((told) => ({ body: { ...told.body, parts: ["an id"] } })),
    "gives back the JSON of a task",
  ],
  "tells no namespace": [
    telling(() => ({ namespace: "" })),
    "tells what a task is once it is registered",
  ],
  "tells a place where there is no target": [
    telling(({ outputUri = "" }) => ({ outputUri })),
    "knows of no output where a task has no target",
  ],
  "tells where the output would be now": [(registry) => {
    const tasks = new Map<string, { output?(): { readonly uri: string } }>();
    return {
      taskRegister(buildId, task) {
        registry.taskRegister(buildId, task);
        tasks.set(task.id, task as object);
      },
      taskGetMetadata: (id) => ({
        ...registry.taskGetMetadata(id),
        outputUri: tasks.get(id)?.output?.().uri,
      }),
    };
  }, "keeps where the output was to be when the task was registered"],
  "tells when a task was started last": [(registry) => {
    let startedAt: Date | undefined;
    return {
      taskStart(buildId, task) {
        registry.taskStart(buildId, task);
        startedAt = new Date();
      },
      taskGetMetadata: (id) => ({ ...registry.taskGetMetadata(id), startedAt }),
    };
  }, "tells when a task first began and last ended"],
  "tells no end but completion": [
    telling(({ status, completedAt }) => ({
      completedAt: status === "completed" ? completedAt : undefined,
    })),
    "tells when a task first began and last ended",
  ],
  "does not say why a task failed": [
    (registry) => ({ taskFail: (buildId, task) => registry.taskFail(buildId, task) }),
    "keeps why a task failed",
  ],
  "keeps only the first failure": [(registry) => {
    let first: string | undefined;
    return {
      taskFail: (buildId, task, message) => registry.taskFail(buildId, task, first ??= message),
    };
  }, "keeps why a task failed"],
  "keeps the tasks of each build apart": [(registry) => {
    const builds = new Map<string, InMemoryRegistry>();
    return {
      buildStart(roots) {
        const own = new InMemoryRegistry();
        const id = own.buildStart(roots);
        builds.set(id, own);
        return id;
      },
      taskRegister: (buildId, task) => builds.get(buildId)?.taskRegister(buildId, task),
      taskStart: (buildId, task) => builds.get(buildId)?.taskStart(buildId, task),
      taskFail: (buildId, task) => builds.get(buildId)?.taskFail(buildId, task),
      taskComplete: (buildId, task) => builds.get(buildId)?.taskComplete(buildId, task),
      buildFail: (buildId) => builds.get(buildId)?.buildFail(buildId),
      buildComplete: (buildId) => builds.get(buildId)?.buildComplete(buildId),
      taskGetMetadata: (id) =>
        [...builds.values()].find((own) => own.allTasks().length > 0)?.taskGetMetadata(id) ??
          registry.taskGetMetadata(id),
    };
  }, "hears of one task from several builds"],
  "mixes tasks up": [(registry) => {
    let last: AnyTask | undefined;
    return {
      taskRegister: (buildId, task) => registry.taskRegister(buildId, last = task),
      taskComplete: (buildId, task) => registry.taskComplete(buildId, last ?? task),
    };
  }, "hears of many tasks at once"],
  "knows dependencies that were not registered before": [(registry) => ({
    graph(buildId) {
      const { nodes } = registry.graph(buildId);
      const target = nodes.find(({ name }) => name === "sum")?.id ?? "";
      const required = nodes.filter(({ body }) => body.n === 1 || body.n === 2);
      return { nodes, edges: required.map(({ id }) => ({ source: id, target })) };
    },
  }), "takes a task before those that it requires"],
  "keeps every asset": [(registry) => {
    let count = 0;
    const named = (asset: RegistryAsset): RegistryAsset => ({ ...asset, name: `${count++}` });
    return {
      taskUploadAssets: (buildId, task, assets) =>
        registry.taskUploadAssets(buildId, task, assets.map(named)),
    };
  }, "keeps the assets of a task, one of each type and name"],
  "keeps the very asset and not what it was": [(registry) => {
    const assets = new Map<string, RegistryAsset>();
    return {
      taskUploadAssets(_buildId, _task, uploaded) {
        for (const asset of uploaded) assets.set(asset.type + asset.name, asset);
      },
      assets: (id) =>
        registry.assets(id) &&
        [...assets.values()].map((asset) => ({ ...asset, createdAt: new Date() })),
    };
  }, "keeps the assets of a task, one of each type and name"],
};

for (const [what, [change, fact]] of Object.entries(BROKEN)) {
  Deno.test(`registryContract() catches a registry that ${what}`, async () => {
    const failed = await failuresOf(() => changed(new InMemoryRegistry(), change));
    assert(failed.some((name) => name.startsWith(fact)), `it fails: ${failed.join("; ")}`);
  });
}

Deno.test("registryContract() passes a registry that answers later", async () => {
  assertEquals(await failuresOf(() => Promise.resolve(answeringLater(new InMemoryRegistry()))), []);
});

Deno.test("registryContract() disposes each registry, also after a test that fails", async () => {
  let [made, open] = [0, 0];
  const failed = await failuresOf(() => {
    made++;
    open++;
    const registry = changed(new InMemoryRegistry(), () => ({ buildStart: () => "no id" }));
    return Object.assign(registry, {
      async [Symbol.asyncDispose](): Promise<void> {
        await Promise.resolve();
        open--;
      },
    });
  });
  assert(failed.length > 0 && made > failed.length);
  assertEquals(open, 0);
});

/** The facts that do not hold for the registry. */
async function failuresOf(
  make: () => InMemoryRegistry | Promise<InMemoryRegistry>,
): Promise<readonly string[]> {
  const facts: { readonly name: string; readonly prove: () => Promise<void> }[] = [];
  const { test } = Deno;
  const collect = (name: string, prove: () => Promise<void>): void => {
    facts.push({ name: name.replace("R ", ""), prove });
  };
  Object.assign(Deno, { test: collect });
  try {
    registryContract("R", make, { look: LOOK });
  } finally {
    Object.assign(Deno, { test });
  }
  const failed: string[] = [];
  for (const { name, prove } of facts) await prove().catch(() => failed.push(name));
  return failed;
}

/** The registry with some of its methods replaced. */
function changed(registry: InMemoryRegistry, change: Change): InMemoryRegistry {
  const changes = change(registry);
  return new Proxy(registry, {
    get(target, key) {
      const value: unknown = Reflect.get(Object.hasOwn(changes, key) ? changes : target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The registry with promises in place of what it is told and tells. */
function answeringLater(registry: InMemoryRegistry): InMemoryRegistry {
  return new Proxy(registry, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      if (!/^(build|task)[A-Z]/.test(String(key))) return value.bind(target);
      return async (...args: readonly unknown[]): Promise<unknown> => {
        await Promise.resolve();
        return value.apply(target, args);
      };
    },
  });
}

/** Tells something else than what is known. */
function telling(change: (told: RegisteredTask) => Partial<RegisteredTask>): Change {
  return (registry) => ({
    taskGetMetadata(id) {
      const told = registry.taskGetMetadata(id);
      return { ...told, ...change(told) };
    },
  });
}

/** Throws what is thrown with some of it changed. */
function rethrowing<T>(call: () => T, change: object): T {
  try {
    return call();
  } catch (error) {
    throw Object.assign(error as Error, change);
  }
}
