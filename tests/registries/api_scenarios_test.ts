/**
 * The DAGs of the recording, built here: what is sent to the service is what Python stardag has sent, byte by byte where it
 * is JSON. Ids made by the service are put in place of each other, and the target root of the recording in place of the one here.
 * What differs is the order between tasks: the original waits for each answer before it goes on, which costs time. The
 * same are the order of what is sent of each task, the registration after those of the tasks required, and both ends.
 *
 * Not here: `continue`, which the original tells as completed although a task has failed; `cancel_and_exit_early`,
 * `metadata`, `locks_basic` and `locks_already_completed`, which are single calls and no builds.
 */

import { assertEquals } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { RegistryGlobalConcurrencyLockManager } from "../../src/registries/api_lock.ts";
import { ApiRegistry } from "../../src/registries/api_registry.ts";
import exchanges from "../fixtures/wire.json" with { type: "json" };
import { environment } from "./environment.ts";
import { type ReceivedRequest, RegistryService } from "../support/registry_service.ts";

const getRange = sd.task({
  name: "get_range",
  params: { limit: z.int() },
  output: z.array(z.int()),
  run: ({ limit }) => Array.from({ length: limit }, (_, i) => i),
});
const getSum = sd.task({
  name: "get_sum",
  params: { integers: sd.depends(z.array(z.int())) },
  output: z.int(),
  run: ({ integers }) => integers.reduce((a, b) => a + b, 0),
});
const dynamic = sd.task({
  name: "Dyn",
  params: { n: z.int() },
  output: z.int(),
  *run({ n }) {
    const range = getRange({ limit: n });
    yield range;
    return yield* sd.load(getSum({ integers: range }));
  },
});
const report = sd.task({
  name: "Report",
  version: "2",
  params: { name: z.string() },
  output: z.object({ acc: z.number() }),
  run: () => ({ acc: 0.5 }),
  registryAssets: (metrics) => [
    { type: "markdown", name: "report", body: "# Hi\n*x*" },
    { type: "json", name: "metrics", body: metrics },
  ],
});
const boom = sd.task({
  name: "Boom",
  params: { x: z.int() },
  output: z.array(z.int()),
  run({ x }) {
    throw new Error(`boom ${x} & more?`);
  },
});

/** A request as far as it is compared. */
interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Who has the locks in the recording. */
const OWNER_ID = "44e64467-3cd0-46fa-83f3-461bbc24773e";
const BUILD_ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** What the original has sent in a scenario. */
function recorded(scenario: string): readonly Sent[] {
  return exchanges.filter((each) => each.scenario === scenario).map(({ request }) => ({
    method: request.method,
    path: request.path.replace(BUILD_ID, "{build}"),
    headers: { ...request.headers },
    text: (request.body === null ? "" : JSON.stringify(request.body))
      .replaceAll("/data/root/", "memory://root/"),
  }));
}

/** The same of what has been sent here. */
function sent({ method, path, headers, text }: ReceivedRequest, apiKey: string): Sent {
  const told = ["x-api-key", "authorization", "content-type"].flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, value === apiKey ? "<key>" : value]];
  });
  return {
    method,
    path: path.replace(BUILD_ID, "{build}"),
    headers: Object.fromEntries(told),
    text,
  };
}

function scenario(
  name: string,
  {
    root,
    status = "success",
    prepare = () => {},
    recordedRoot = root.id,
    description,
    isResumed = false,
    hasLocks = false,
    told = (requests) => requests,
  }: {
    readonly root: sd.AnyTask;
    readonly status?: sd.BuildStatus;
    /** What is there before the build. */
    readonly prepare?: () => void | Promise<unknown>;
    readonly recordedRoot?: string;
    readonly description?: string;
    /** It was begun by a call of its own. */
    readonly isResumed?: boolean;
    readonly hasLocks?: boolean;
    /** What is sent here in place of what was sent there. */
    readonly told?: (requests: readonly Sent[]) => readonly Sent[];
  },
): void {
  const how = isResumed ? ", begun before" : "";
  Deno.test(`a build sends what Python stardag has sent: ${name}${how}`, async () => {
    using _ = sd.targetFactoryProvider.override(
      new sd.TargetFactory({ targetRoots: { default: "memory://root" } }),
    );
    using __ = sd.inMemoryFileSystemProvider.override(new sd.InMemoryFileSystem());
    using ___ = environment({ SHORT_SHA: undefined, COMMIT_HASH: "abc1234" });
    await prepare();
    await using service = await RegistryService.start();
    await using registry = new ApiRegistry(service.options);
    const locks = hasLocks
      ? new RegistryGlobalConcurrencyLockManager({ registry, ownerId: OWNER_ID })
      : undefined;
    const begun = isResumed ? await registry.buildStart([root], { description }) : undefined;
    const summary = await sd.build(root, {
      registry,
      ...begun === undefined ? { description } : { resumeBuildId: begun },
      globalLockManager: locks,
    });
    assertEquals([summary.status, summary.warnings], [status, []]);
    if (begun !== undefined) assertEquals(summary.buildId, begun);
    const ours = service.requests.map((request) => sent(request, service.apiKey));
    const theirs = told(recorded(name)).map((each) => ({
      ...each,
      text: each.text.replaceAll(recordedRoot, root.id).replaceAll("{build}", summary.buildId),
    }));
    assertEquals([ours[0], ours.at(-1)], [theirs[0], theirs.at(-1)]);
    assertEquals(byTask(ours), byTask(theirs));
    assertEquals(registeredTooEarly(ours), []);
  });
}

/** What is sent of each task, and of the build under `""`. */
function byTask(requests: readonly Sent[]): Readonly<Record<string, readonly Sent[]>> {
  const groups: Record<string, Sent[]> = {};
  for (const request of requests) (groups[taskIdOf(request)] ??= []).push(request);
  return groups;
}

function taskIdOf({ path, text }: Sent): string {
  if (path.endsWith("/tasks")) return JSON.parse(text).task_id;
  return /\/(?:tasks|locks)\/([^/]+)/.exec(path)?.[1] ?? "";
}

/** Those registered before a task that they require and that is registered, too. */
function registeredTooEarly(requests: readonly Sent[]): readonly string[] {
  const registrations = requests.filter(({ path }) => path.endsWith("/tasks"));
  const ids = registrations.map(taskIdOf);
  return registrations.filter(({ text }, at) =>
    JSON.parse(text).dependency_task_ids.some((id: string) => ids.indexOf(id) > at)
  ).map(taskIdOf);
}

const range = getRange({ limit: 4 });
const sum = getSum({ integers: range });

scenario("two_tasks", { root: sum });
scenario("all_complete_again", { root: sum, prepare: () => sd.build(sum) });
scenario("partly_complete", { root: sum, prepare: () => sd.build(range) });
scenario("dynamic", { root: dynamic({ n: 7 }) });
scenario("assets", { root: report({ name: "r" }) });
scenario("fail_fast", {
  root: getSum({ integers: boom({ x: 1 }) }),
  status: "failure",
  // A task of a type of which only the id is known: it is never registered.
  recordedRoot: "7f400caf-ffaf-5cdf-ab66-15800772b220",
});
// The original has begun this build by a call of its own, and then resumed it. To build it at once sends the same.
for (const isResumed of [false, true]) {
  scenario("resume", { root: getRange({ limit: 11 }), description: "d", isResumed });
}
// The original has never told the build with the lock, and so had to tell the completion again.
scenario("with_locks", {
  root: getSum({ integers: getRange({ limit: 5 }) }),
  hasLocks: true,
  told: (requests) =>
    requests.filter(({ path }) => !/\/tasks\/.*\/complete$/.test(path)).map((each) => ({
      ...each,
      text: each.text.replace(
        '"task_completed":true}',
        '"task_completed":true,"build_id":"{build}"}',
      ),
    })),
});
