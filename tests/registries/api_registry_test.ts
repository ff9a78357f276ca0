import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { NotFoundError, RegistryError } from "../../src/errors.ts";
import { ApiRegistry } from "../../src/registries/api_registry.ts";
import { registryContract, type RegistryLook } from "../../src/testing/registry_contract.ts";
import { FAULTS, type ReceivedRequest, RegistryService } from "../support/registry_service.ts";
import { advance, until } from "../support/over_http.ts";
import { type Step, Steps } from "../support/steps.ts";
import { environment } from "./environment.ts";
import { LOOK } from "./look.ts";

/** Talks to a service of its own, which ends with it. */
class ServedRegistry extends ApiRegistry {
  constructor(readonly service: RegistryService) {
    super(service.options);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.service[Symbol.asyncDispose]();
  }
}

const look: RegistryLook<ServedRegistry> = {
  buildStatus: ({ service }, buildId) => LOOK.buildStatus(service.registry, buildId),
  assets: ({ service }, taskId) => LOOK.assets(service.registry, taskId),
  dependencies: ({ service }, buildId) => LOOK.dependencies(service.registry, buildId),
};

registryContract("ApiRegistry", async () => new ServedRegistry(await RegistryService.start()), {
  look,
});

const { task } = sd.namespace("stardag.tests.api_registry", import.meta.url);
const leaf = task({
  name: "leaf",
  params: { n: z.bigint() },
  output: z.int(),
  run: () => 1,
});
const [ID, BUILD] = ["11111111-1111-4111-8111-111111111111", "the build"];

/** Answers from a list, without a service. */
class Answers {
  readonly urls: string[] = [];
  next: (url: string) => Response = () => new Response("{}");

  readonly registry = new ApiRegistry({
    url: "http://registry.test",
    apiKey: "sk_x",
    fetch: (url) => {
      this.urls.push(url);
      return Promise.resolve(this.next(url));
    },
  });
}

Deno.test("a token without an environment is refused at once", () => {
  const options = { url: "http://registry.test", token: "t" };
  assertThrows(() => new ApiRegistry(options), TypeError, "a token and no environmentId");
  assertEquals(new ApiRegistry({ ...options, environmentId: "e" }).url, "http://registry.test");
});

Deno.test("what cannot be told is said with the build, the task and what to do", async () => {
  await using registry = new ServedRegistry(await RegistryService.start());
  const buildId = await registry.buildStart([]);
  const error = await assertRejects(() => registry.taskStart(buildId, { id: ID }), NotFoundError);
  assertEquals(
    error.message,
    `Cannot record that the task "${ID}" of the build "${buildId}" has started: the registry at "${registry.url}" ` +
      'answers 404 "Task not found". Check the id, and that it is of this environment',
  );
});

Deno.test("an answer that is not understood is a refusal", async () => {
  const answers = new Answers();
  for (const body of ["{}", '"x"', "null", '{"id":1}']) {
    answers.next = () => new Response(body);
    const begun = await assertRejects(() => answers.registry.buildStart([]), RegistryError);
    const read = await assertRejects(() => answers.registry.taskGetMetadata(ID), RegistryError);
    for (const { message, isOutage } of [begun, read]) {
      assertStringIncludes(message, 'the answer of the registry at "http://registry.test" is not');
      assertEquals(isOutage, false);
    }
  }
});

Deno.test("dates are told to the millisecond, and a date that is none is not taken", async () => {
  const answers = new Answers();
  const row = {
    id: ID,
    body: {},
    name: "leaf",
    namespace: "",
    version: null,
    output_uri: null,
    status: "running",
    registered_at: "2026-11-21T17:15:24.082845Z",
    started_at: "2026-11-21T18:15:24.082845+01:00",
    completed_at: null,
    error_message: null,
  };
  answers.next = () => Response.json(row);
  assertEquals(await answers.registry.taskGetMetadata(ID), {
    id: ID,
    body: {},
    name: "leaf",
    namespace: "",
    version: "",
    outputUri: undefined,
    status: "running",
    registeredAt: new Date("2026-11-21T17:15:24.082Z"),
    startedAt: new Date("2026-11-21T17:15:24.082Z"),
    completedAt: undefined,
    errorMessage: undefined,
  });
  answers.next = () => Response.json({ ...row, started_at: "yesterday" });
  await assertRejects(() => answers.registry.taskGetMetadata(ID), RegistryError, "started_at");
  answers.next = () => Response.json({ ...row, status: "lost" });
  await assertRejects(() => answers.registry.taskGetMetadata(ID), RegistryError, "status");
});

Deno.test("integers of any size come back as they were", async () => {
  await using registry = new ServedRegistry(await RegistryService.start());
  const big = leaf({ n: 2n ** 70n });
  await registry.taskRegister(await registry.buildStart([big]), big);
  assertEquals(sd.taskFromJSON((await registry.taskGetMetadata(big.id)).body).id, big.id);
});

Deno.test("a task whose requires() throws is registered, so that its failure can be told", async () => {
  await using registry = new ServedRegistry(await RegistryService.start());
  const steps = new Steps();
  const odd = steps.step("odd", {
    requires() {
      throw new Error("no idea");
    },
  });
  const root = steps.step("root", {
    *run() {
      yield odd;
    },
  });
  const summary = await sd.build(root, { registry });
  assertEquals([summary.status, summary.warnings], ["failure", []]);
  assertEquals((await registry.taskGetMetadata(odd.id)).status, "failed");
});

Deno.test("a chain of any length is registered", async () => {
  const chain = task({
    name: "chain",
    params: { of: sd.depends(z.int()).nullable() },
    output: z.int(),
    run: () => 1,
  });
  let last = chain({ of: null });
  for (let i = 0; i < 20_000; i++) last = chain({ of: last });
  const answers = new Answers();
  await answers.registry.taskRegister(BUILD, last);
  assertEquals(answers.urls.length, 1);
});

Deno.test("a build is begun once at most, a task registered again when two collide", async () => {
  using time = new FakeTime();
  for (const [status, sent] of [[503, 1], [500, 1], [429, 4]] as const) {
    const answers = new Answers();
    answers.next = () => new Response("", { status });
    const begun = assertRejects(() => answers.registry.buildStart([]), RegistryError);
    await until(time, begun);
    assertEquals(answers.urls.length, sent);
  }
  const answers = new Answers();
  answers.next = () => new Response("", { status: answers.urls.length === 1 ? 500 : 201 });
  await until(time, answers.registry.taskRegister(BUILD, leaf({ n: 1n })));
  assertEquals(answers.urls.length, 2);
});

Deno.test("no assets are no request", async () => {
  const answers = new Answers();
  await answers.registry.taskUploadAssets(BUILD, { id: ID }, []);
  assertEquals(answers.urls, []);
});

// ---- the commit ----

/** The commit that a build is begun with. */
async function commitOf(): Promise<unknown> {
  let sent: unknown;
  const registry = new ApiRegistry({
    url: "http://registry.test",
    fetch(_, { body }) {
      sent = JSON.parse(String(body)).commit_hash;
      return Promise.resolve(Response.json({ id: BUILD }));
    },
  });
  assertEquals(await registry.buildStart([]), BUILD);
  return sent;
}

const UNSET = { SHORT_SHA: undefined, COMMIT_HASH: undefined };

Deno.test("the commit is SHORT_SHA, else COMMIT_HASH", async () => {
  {
    using _ = environment({ SHORT_SHA: "abc1234", COMMIT_HASH: "def5678" });
    assertEquals(await commitOf(), "abc1234");
  }
  using _ = environment({ SHORT_SHA: "", COMMIT_HASH: "def5678" });
  assertEquals(await commitOf(), "def5678");
});

Deno.test("the commit is what git says of the current folder, and whether that is all", async () => {
  using _ = environment(UNSET);
  const before = Deno.cwd();
  const folder = await Deno.makeTempDir();
  const git = async (...args: readonly string[]): Promise<string> => {
    const names = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    const { success, stdout } = await new Deno.Command("git", { args: [...names, ...args] })
      .output();
    assert(success);
    return new TextDecoder().decode(stdout).trim();
  };
  try {
    Deno.chdir(folder);
    assertEquals(await commitOf(), null);
    await git("init");
    assertEquals(await commitOf(), null);
    await git("commit", "--allow-empty", "--message=one");
    const head = await git("rev-parse", "--short", "HEAD");
    assertEquals(await commitOf(), head);
    await Deno.writeTextFile("new.txt", "new");
    assertEquals(await commitOf(), `${head}-dirty`);
  } finally {
    Deno.chdir(before);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "without permission there is no commit, and nobody is asked",
  permissions: "none",
  async fn() {
    const { Command } = Deno;
    let asked = 0;
    // It would ask for the permission, where there is somebody to ask.
    Reflect.set(Deno, "Command", function () {
      asked++;
    });
    try {
      assertEquals([await commitOf(), asked], [null, 0]);
    } finally {
      Reflect.set(Deno, "Command", Command);
    }
  },
});

Deno.test({
  name: "one of the two variables is enough",
  permissions: { env: ["COMMIT_HASH"] },
  async fn() {
    using _ = environment({ COMMIT_HASH: "def5678" });
    assertEquals(await commitOf(), "def5678");
  },
});

Deno.test("the commit is looked for once", async () => {
  const sent: unknown[] = [];
  const registry = new ApiRegistry({
    url: "http://registry.test",
    fetch(_, { body }) {
      sent.push(JSON.parse(String(body)).commit_hash);
      return Promise.resolve(Response.json({ id: BUILD }));
    },
  });
  for (const SHORT_SHA of ["first", "second"]) {
    using _ = environment({ SHORT_SHA });
    await registry.buildStart([]);
  }
  assertEquals(sent, ["first", "first"]);
});

// ---- a service that is out of order ----

Deno.test("a service that is out of order is left alone, but for one call at a time", async () => {
  using time = new FakeTime();
  const answers = new Answers();
  const { registry, urls } = answers;
  const tell = async (): Promise<string> => {
    const told = registry.taskStart(BUILD, { id: ID }).then(() => "told", () => "failed");
    await time.runAllAsync();
    return await told;
  };
  answers.next = () => new Response("", { status: 503 });
  assertEquals([await tell(), urls.length], ["failed", 4]);
  assertEquals([await tell(), urls.length], ["failed", 4]);
  time.tick(4999);
  assertEquals([await tell(), urls.length], ["failed", 4]);
  time.tick(1);
  const both = [tell(), tell()];
  assertEquals([...await Promise.all(both), urls.length], ["failed", "failed", 8]);
  // The ends of a build are worth a try at any time.
  answers.next = () => new Response("{}");
  await registry.buildComplete(BUILD);
  assertEquals([await tell(), urls.length], ["failed", 9]);
  time.tick(5000);
  assertEquals([await tell(), await tell(), urls.length], ["told", "told", 11]);
});

Deno.test("a clock that is set back does not have the service left alone for long", async () => {
  const answers = new Answers();
  const { registry, urls } = answers;
  answers.next = () => new Response("", { status: 503 });
  {
    using time = new FakeTime("2026-01-02T03:04:05Z");
    await until(time, assertRejects(() => registry.taskStart(BUILD, { id: ID }), RegistryError));
  }
  using _ = new FakeTime("2026-01-01T03:04:05Z");
  answers.next = () => new Response("{}");
  await registry.taskStart(BUILD, { id: ID });
  assertEquals(urls.length, 5);
});

Deno.test("an error of the service with one call does not keep the others", async () => {
  const answers = new Answers();
  const { registry, urls } = answers;
  for (const status of [500, 404, 422]) {
    answers.next = () => new Response("", { status });
    for (let i = 0; i < 2; i++) {
      await assertRejects(() => registry.taskStart(BUILD, { id: ID }), RegistryError);
    }
  }
  assertEquals(urls.length, 6);
});

Deno.test("a build goes on while the service is down, and is told as ended when it is up", async () => {
  await using registry = new ServedRegistry(await RegistryService.start());
  const { service } = registry;
  const steps = new Steps();
  const last = Promise.withResolvers<void>();
  const many = Array.from({ length: 300 }, (_, i) => steps.step(`${i}`));
  const root = steps.step("root", { requires: () => many, run: () => last.promise });
  service.fault = ({ path }) => path.includes("/tasks") ? FAULTS.drop : undefined;
  using time = new FakeTime();
  const building = sd.build(root, { registry });
  while (steps.ran.length < 300) await advance(time);
  // All of it has failed by now, most of it without being sent.
  for (let i = 0; i < 500; i++) await advance(time);
  assert(service.requests.length < 600, `${service.requests.length} requests`);
  service.fault = () => undefined;
  last.resolve();
  const summary = await until(time, building);
  assertEquals([summary.status, summary.warnings.length], ["success", 1]);
  assertStringIncludes(summary.warnings[0]!, "cannot be reached");
  assertEquals(service.registry.build(summary.buildId).status, "completed");
});

// ---- builds ----

Deno.test("a build under latency has many requests under way, and those of a task in order", async () => {
  await using registry = new ServedRegistry(await RegistryService.start());
  const { service } = registry;
  const steps = new Steps();
  const layers: Step[][] = [];
  for (let layer = 0; layer < 4; layer++) {
    const before = layers.at(-1) ?? [];
    layers.push(Array.from({ length: 30 }, (_, i) => steps.step(`${layer}-${i}`, before)));
  }
  // Each request takes another number of turns, so that many overtake others.
  let seed = 1;
  const answered: ReceivedRequest[] = [];
  service.fault = (request) => {
    seed = (seed * 16807) % 2147483647;
    const turns = seed % 7;
    const until = (async () => {
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve));
      answered.push(request);
    })();
    return { kind: "wait", until };
  };
  const { status, warnings, buildId } = await sd.build(layers.at(-1)!, { registry });
  assertEquals([status, warnings], ["success", []]);
  assertEquals(service.requests.length, 2 + 120 * 3);
  assert(service.mostUnderWay > 8 && service.mostUnderWay <= 100, `${service.mostUnderWay}`);
  assert(service.connections <= 120, `${service.connections} connections`);
  assert(answered.some(({ number }, i) => number < (answered[i - 1]?.number ?? 0)));
  const of = (id: string): readonly string[] =>
    service.requests.filter(({ path }) => path.includes(`/tasks/${id}/`))
      .map(({ path }) => path.split("/").at(-1)!);
  for (const { id } of layers.flat()) assertEquals(of(id), ["start", "complete"]);
  const { nodes, edges } = service.registry.graph(buildId);
  assertEquals([nodes.length, edges.length], [120, 30 * 30 * 3]);
  assert(nodes.every((node) => node.status === "completed"));
});

Deno.test("a build whose service refuses the key does not begin", async () => {
  await using service = await RegistryService.start();
  const registry = new ApiRegistry({ url: service.url, apiKey: "sk_other" });
  const steps = new Steps();
  const error = await assertRejects(
    () => sd.build(steps.step("a"), { registry }),
    RegistryError,
    'answers 401 "Invalid API key". Check the key, e.g. in STARDAG_API_KEY',
  );
  assert(error.message.startsWith("Cannot begin a build: "));
  assertEquals(steps.ran, []);
});

Deno.test({
  name:
    "a build whose service may not be connected to does not begin, and says which flag is needed",
  permissions: "none",
  async fn() {
    const registry = new ApiRegistry({ url: "http://127.0.0.1:8000", apiKey: "sk_x" });
    const steps = new Steps();
    await assertRejects(
      () => sd.build(steps.step("a"), { registry }),
      sd.StardagError,
      "Cannot begin a build: Deno may not connect to the registry at " +
        '"http://127.0.0.1:8000". Run with --allow-net=127.0.0.1:8000',
    );
    assertEquals(steps.ran, []);
  },
});

Deno.test("a build goes on with another token when the first one ends on its way", async () => {
  await using service = await RegistryService.start();
  const { url, environmentId } = service;
  const registry = new ApiRegistry({
    url,
    environmentId,
    token(previous) {
      if (previous !== undefined) service.tokens.add("t2");
      else service.tokens.add("t1");
      return previous === undefined ? "t1" : "t2";
    },
  });
  const steps = new Steps();
  const first = steps.step("first", { run: () => service.expire("t1") });
  const root = steps.step("root", [first]);
  const { status, warnings, buildId } = await sd.build(root, { registry });
  assertEquals([status, warnings], ["success", []]);
  assertEquals(service.registry.build(buildId).status, "completed");
  assert(service.requests.some(({ headers }) => headers.authorization === "Bearer t2"));
  assertEquals(service.registry.graph(buildId).edges.length, 1);
});
