import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { ApiRegistry } from "../../src/registries/api_registry.ts";
import { aliasTaskFromRegistry, fromRegistry } from "../../src/registries/from_registry.ts";
import { RegistryService } from "../support/registry_service.ts";

const NAMESPACE = "stardag.tests.from_registry";
const { task, BaseTask } = sd.namespace(NAMESPACE, import.meta.url);
const source = task({
  name: "source",
  params: {
    n: z.bigint(),
    at: z.date().default(new Date(0)),
    tags: z.set(z.string()).default(new Set()),
  },
  output: z.int(),
  run: ({ n }) => Number(n % 1000n),
});
const sum = task({
  name: "sum",
  version: "3",
  params: { of: z.array(sd.depends(z.int())), note: z.string().default("") },
  output: z.int(),
  run: ({ of }) => of.reduce((a, b) => a + b, 0),
});
@sd.register
class Bare extends BaseTask({ name: "Bare", params: { of: sd.taskOf(source) } }) {
  override complete(): boolean {
    return false;
  }
  override run(): void {}
}

function inMemory(): Disposable {
  return sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: `memory://${crypto.randomUUID()}` } }),
  );
}

/** A registry, and what to dispose with it. */
type Made = readonly [sd.Registry, AsyncDisposable | undefined];

const REGISTRIES: Readonly<Record<string, () => Promise<Made>>> = {
  InMemoryRegistry: () => Promise.resolve([new sd.InMemoryRegistry(), undefined]),
  async ApiRegistry() {
    const service = await RegistryService.start();
    return [new ApiRegistry(service.options), service];
  },
};

for (const [name, make] of Object.entries(REGISTRIES)) {
  const test = (fact: string, prove: (registry: sd.Registry) => Promise<void>): void =>
    Deno.test(`${name}: ${fact}`, async () => {
      using _ = inMemory();
      const [registry, service] = await make();
      await using _service = service;
      await prove(registry);
    });

  test("a task of a former build is made again, and all in it", async (registry) => {
    const big = source({
      n: 2n ** 80n,
      at: new Date("2026-01-02T03:04:05.678Z"),
      tags: new Set("ba"),
    });
    const small = source({ n: 7n });
    const top = sum({ of: [big, small, big], note: "ä🎉\u2028" });
    await sd.build(top, { registry });
    for (const each of [top, big, small]) {
      const again = await fromRegistry(each.id, { registry });
      assertEquals([again.id, sd.stringifyTask(again)], [each.id, sd.stringifyTask(each)]);
      assertEquals(await (again as typeof top).load(), await each.load());
    }
    assertEquals((await fromRegistry(top.id.toUpperCase(), { registry })).id, top.id);
  });

  test("a task whose code has another version now is made as it was", async (registry) => {
    const old = sd.taskFromJSON({ ...sum({ of: [] }).toJSON(), version: "2" });
    await registry.taskRegister(await registry.buildStart([old]), old);
    const again = await fromRegistry(old.id, { registry });
    assertEquals([again.id, again.version], [old.id, "2"]);
  });

  test("a task that depends on an alias is made again, and so is the alias", async (registry) => {
    const made = source({ n: 41n });
    await sd.build(made);
    const { uri } = made.output();
    const alias = sd.aliasTask({ id: made.id, uri, output: z.int(), body: made.toJSON() });
    const top = sum({ of: [alias] });
    await sd.build(top, { registry });
    const again = await fromRegistry(top.id, { registry }) as typeof top;
    assertEquals([again.id, sd.stringifyTask(again)], [top.id, sd.stringifyTask(top)]);
    assertEquals(await again.load(), 41);
    const root = await fromRegistry(alias.id, { registry }) as typeof alias;
    assertEquals([root.id, await root.load()], [made.id, 41]);
  });

  test("an alias stands for the output of a former task", async (registry) => {
    const made = source({ n: 2n ** 80n });
    await sd.build(made, { registry });
    const alias = await aliasTaskFromRegistry({ id: made.id, output: z.int(), registry });
    assertEquals([alias.id, await alias.load()], [made.id, 176]);
    assertEquals(sum({ of: [alias] }).id, sum({ of: [made] }).id);
    const { __aliased, ...body } = alias.toJSON();
    assertEquals([__aliased, body], [{ id: made.id, uri: made.output().uri }, made.toJSON()]);
    // What depends on it can be registered, with all that is known of it.
    const top = sum({ of: [alias] });
    await sd.build(top, { registry });
    const again = await fromRegistry(top.id, { registry });
    assertEquals([again.id, JSON.stringify(again)], [top.id, sd.stringifyTask(top)]);
  });

  test("an alias of an alias stands for the same output", async (registry) => {
    const made = source({ n: 5n });
    await sd.build(made);
    const { uri } = made.output();
    const first = sd.aliasTask({ id: made.id, uri, output: z.int(), body: made.toJSON() });
    await sd.build(sum({ of: [first] }), { registry });
    const second = await aliasTaskFromRegistry({ id: first.id, output: z.int(), registry });
    assertEquals(sd.stringifyTask(second), sd.stringifyTask(first));
    assertEquals(await second.load(), 5);
  });

  test("a task without a place has no alias", async (registry) => {
    const bare = new Bare({ of: source({ n: 1n }) });
    await registry.taskRegister(await registry.buildStart([bare]), bare);
    const error = await assertRejects(
      () => aliasTaskFromRegistry({ id: bare.id, output: z.int(), registry }),
      sd.StardagError,
    );
    assertEquals(
      error.message,
      `Cannot make an alias of the task "${bare.id}" of the registry: it knows of no place of the output. ` +
        "Say where it is with aliasTask({ id, uri, output })",
    );
  });

  test("a task that is not known is an error of the registry", async (registry) => {
    const id = crypto.randomUUID();
    for (
      const ask of [
        () => fromRegistry(id, { registry }),
        () => aliasTaskFromRegistry({ id, output: z.int(), registry }),
      ]
    ) {
      assertStringIncludes((await assertRejects(ask, sd.RegistryError)).message, id);
    }
  });
}

/** A registry that knows one task. */
function knowing(
  body: sd.TaskBody,
  outputUri?: string,
): Pick<sd.Registry, "taskGetMetadata"> {
  return {
    taskGetMetadata: (id) => ({
      id,
      body,
      name: "source",
      namespace: NAMESPACE,
      version: "",
      outputUri,
      status: "completed",
      registeredAt: undefined,
      startedAt: undefined,
      completedAt: undefined,
      errorMessage: undefined,
    }),
  };
}

Deno.test("a task whose code has changed is refused, with what can be done", async () => {
  const [before, after] = [source({ n: 1n }), source({ n: 2n })];
  const registry = knowing(after.toJSON());
  const error = await assertRejects(() => fromRegistry(before.id, { registry }), sd.TaskTypeError);
  assertEquals(error.typeId, `${NAMESPACE}.source`);
  assertEquals(
    error.message,
    `Cannot make the task "${before.id}" of the registry again: the type "${NAMESPACE}.source" has changed, and what ` +
      `it makes of the same parameters has the id "${after.id}". Change it back, or stand for its output with ` +
      "aliasTaskFromRegistry()",
  );
});

Deno.test("a type that is not declared, or takes other parameters, is refused with what can be done", async () => {
  const gone = { __namespace: NAMESPACE, __name: "gone", version: "" };
  const { id } = source({ n: 1n });
  for (const body of [gone, { ...sum({ of: [] }).toJSON(), of: [gone] }]) {
    const error = await assertRejects(
      () => fromRegistry(id, { registry: knowing(body) }),
      sd.TaskTypeError,
    );
    assertEquals(error.typeId, `${NAMESPACE}.gone`);
    assertInstanceOf(error.cause, sd.TaskTypeError);
    assertStringIncludes(error.message, "no such type is registered. Import the module");
    assertStringIncludes(
      error.message,
      ". Or stand for its output with aliasTaskFromRegistry()",
    );
  }
  const registry = knowing({ ...source({ n: 1n }).toJSON(), n: "many" });
  const error = await assertRejects(() => fromRegistry(id, { registry }), sd.TaskParameterError);
  assertEquals([error.typeId, error.path, error.value], [`${NAMESPACE}.source`, ["n"], "many"]);
  assertStringIncludes(error.message, ". Or stand for its output with aliasTaskFromRegistry()");
});

Deno.test("an alias of an alias is of Python's what is of use here", async () => {
  const { id } = source({ n: 1n });
  const __aliased = { id, uri: "memory://x", loads_type: "gASVFQ==" };
  const registry = knowing({ __aliased, ...source({ n: 1n }).toJSON() }, "memory://x");
  const alias = await aliasTaskFromRegistry({ id, output: z.int(), registry });
  assertEquals(alias.toJSON().__aliased, { id, uri: "memory://x" });
});

Deno.test("the registry in force is asked, and without one the message says what to do", async () => {
  const one = source({ n: 1n });
  const registry = new sd.InMemoryRegistry();
  registry.taskRegister(registry.buildStart([one]), one);
  {
    using _ = sd.registryProvider.override(registry);
    assertEquals((await fromRegistry(one.id)).id, one.id);
  }
  using _ = sd.registryProvider.override(new sd.NoOpRegistry());
  for (
    const ask of [
      () => fromRegistry(one.id),
      () => aliasTaskFromRegistry({ id: one.id, output: z.int() }),
    ]
  ) {
    await assertRejects(
      ask,
      sd.RegistryError,
      "there is no registry. Set STARDAG_REGISTRY_URL and STARDAG_API_KEY, or set one with",
    );
  }
});

Deno.test("what is no id of a task is refused without asking", async () => {
  const registry = new sd.InMemoryRegistry();
  const { id } = source({ n: 1n });
  for (const odd of ["", "x", "..", 7 as unknown as string]) {
    await assertRejects(() => fromRegistry(odd, { registry }), TypeError, "give the id of a task");
    const options = { id: odd, output: z.int(), registry };
    await assertRejects(() => aliasTaskFromRegistry(options), TypeError, "give the id of a task");
  }
  const task = source({ n: 1n }) as never;
  await assertRejects(() => fromRegistry(task, { registry }), TypeError, "give its .id");
  const aliased = { id: task, output: z.int(), registry };
  await assertRejects(() => aliasTaskFromRegistry(aliased), TypeError, "give its .id");
  for (const output of [undefined, "int", z]) {
    const options = { id, output: output as never, registry };
    await assertRejects(() => aliasTaskFromRegistry(options), TypeError, "Give a Zod schema");
  }
  const misspelt = { registrie: registry } as object;
  await assertRejects(() => fromRegistry(id, misspelt), TypeError, 'no option "registrie"');
  assertEquals(registry.calls, []);
});
