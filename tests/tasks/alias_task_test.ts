import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";

const { task } = sd.namespace("stardag.tests.alias", import.meta.url);
const original = task({
  name: "original",
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => n,
});
const next = task({
  name: "next",
  params: {
    of: sd.depends(z.int()),
    list: z.array(sd.depends(z.int())).default([]),
    plain: z.int().default(1),
  },
  output: z.int(),
  run: ({ of }) => of + 1,
});

function inMemory(): Disposable {
  return sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: `memory://${crypto.randomUUID()}` } }),
  );
}

Deno.test("what depends on an alias has the id of what depends on the task itself", () => {
  using _ = inMemory();
  const made = original({ n: 1 });
  const alias = sd.aliasTask({ id: made.id, uri: made.output().uri, output: z.int() });
  assertEquals(alias.id, made.id);
  assertEquals(next({ of: alias }).id, next({ of: made }).id);
  assertEquals(
    next({ of: alias, list: [alias], plain: alias }).id,
    next({ of: made, list: [made], plain: made }).id,
  );
  assertEquals(
    sd.aliasTask({ id: made.id.toUpperCase(), uri: "memory://x", output: z.int() }).id,
    made.id,
  );
});

Deno.test("an alias loads what is at its place, and what depends on it is built", async () => {
  using _ = inMemory();
  const made = original({ n: 41 });
  await sd.build(made);
  const alias = sd.aliasTask({ id: made.id, uri: made.output().uri, output: z.int() });
  assertEquals([await alias.complete(), await alias.load()], [true, 41]);
  assertEquals(alias.requires(), undefined);
  const top = next({ of: alias });
  const summary = await sd.build(top);
  assertEquals([summary.taskCount.previouslyCompleted, summary.taskCount.succeeded], [1, 1]);
  assertEquals(await top.load(), 42);
});

Deno.test("an alias of nothing fails the build with its place, and never runs", async () => {
  using _ = inMemory();
  const alias = sd.aliasTask({ id: crypto.randomUUID(), uri: "memory://gone", output: z.int() });
  assertEquals(await alias.complete(), false);
  await assertRejects(() => alias.load(), sd.TargetNotFoundError);
  const summary = await sd.build(next({ of: alias }));
  assertEquals([summary.taskCount.failed, summary.taskCount.skipped], [1, 1]);
  assertStringIncludes(summary.error?.message ?? "", `there is none at "memory://gone"`);
});

Deno.test("an alias keeps what is known of its task, in JSON too", async () => {
  using _ = inMemory();
  const made = original({ n: 7 });
  await sd.build(made);
  const uri = made.output().uri;
  const alias = sd.aliasTask({ id: made.id, uri, output: z.int(), body: made.toJSON() });
  assertEquals(alias.toJSON(), { __aliased: { id: made.id, uri }, ...made.toJSON() });
  assertStringIncludes(String(alias), `stardag.tests.alias.original(alias of ${uri})`);
  const top = next({ of: alias, list: [alias], plain: alias });
  for (const json of [sd.stringifyTask(top), top.toJSON()]) {
    const again = sd.taskFromJSON(json) as ReturnType<typeof next>;
    assertEquals(again.id, top.id);
    assertEquals(sd.stringifyTask(again), sd.stringifyTask(top));
    assertEquals(await again.of.load(), 7);
  }
  const root = sd.taskFromJSON(JSON.stringify(alias)) as sd.AutoTask<unknown>;
  assertEquals([root.id, await root.load()], [alias.id, 7]);
  assert(Object.isFrozen(root));
  assertEquals(sd.checkSerializationStability(top), []);
});

Deno.test("an alias is checked against its output schema when it is loaded", async () => {
  using _ = inMemory();
  const made = original({ n: 7 });
  await sd.build(made);
  const alias = sd.aliasTask({ id: made.id, uri: made.output().uri, output: z.array(z.int()) });
  await assertRejects(() => alias.load(), sd.SerializationError);
});
