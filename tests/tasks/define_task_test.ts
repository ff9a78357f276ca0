import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";

const { task } = sd.namespace("stardag.tests.define", import.meta.url);

function inMemory(): Disposable {
  return sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: `memory://${crypto.randomUUID()}` } }),
  );
}

const num = task({ name: "num", params: { n: z.int() }, output: z.int(), run: ({ n }) => n });

Deno.test("call() is the plain function, and hands on what it throws", async () => {
  const half = task({
    name: "half",
    params: { of: sd.depends(z.number()) },
    output: z.number(),
    run({ of }, { signal }) {
      assertEquals(signal.aborted, false);
      if (of < 0) throw new RangeError("negative");
      return of / 2;
    },
  });
  assertEquals(await half.call({ of: 3 }), 1.5);
  await assertRejects(() => half.call({ of: -1 }), RangeError, "negative");
  assertEquals(half.name, "half");
});

Deno.test("call() runs a generator to its end when what it yields is complete, and says so if not", async () => {
  using _ = inMemory();
  const steps = task({
    name: "steps",
    params: { n: z.int() },
    output: z.int(),
    async *run({ n }) {
      yield [num({ n }), { more: num({ n: n + 1 }) }];
      return n + (yield* sd.load(num({ n })));
    },
  });
  await assertRejects(() => steps.call({ n: 2 }), TypeError, `it waits for ${num({ n: 2 })}`);
  await sd.build([num({ n: 2 }), num({ n: 3 })]);
  assertEquals(await steps.call({ n: 2 }), 4);
});

Deno.test("requires adds to what is found in the parameters", async () => {
  using _ = inMemory();
  const seen: boolean[] = [];
  const both = task({
    name: "both",
    params: { a: sd.depends(z.int()), n: z.int() },
    output: z.int(),
    requires: ({ a, n }) => {
      assert(sd.isTask(a));
      return typeof n === "number" ? { extra: [num({ n })] } : undefined;
    },
    run: async ({ n }) => {
      seen.push(await num({ n }).complete());
      return n;
    },
  });
  const made = both({ a: num({ n: 1 }), n: 2 });
  assertEquals(
    sd.flattenTaskStruct(made.requires()).map(String),
    [num({ n: 1 }), num({ n: 2 })].map(String),
  );
  (await sd.build(made)).throwIfFailed();
  assertEquals(seen, [true]);
  const byTask = both({ a: num({ n: 1 }), n: num({ n: 5 }) });
  assertEquals(sd.flattenTaskStruct(byTask.requires()).length, 2);
});

Deno.test("the version is part of the id and of the path", () => {
  using _ = inMemory();
  const make = (version: string): sd.BaseTask & { output(): sd.Target } =>
    sd.task({
      name: `versioned_${version}`,
      namespace: "stardag.tests.define",
      version,
      output: z.int(),
      run: () => 1,
    })();
  assertEquals([make("").version, make("2").version], ["", "2"]);
  assert(make("2").output().uri.includes("/versioned_2/v2/"));
  assert(sd.canonicalTask(make("2")).endsWith(`"version":"2"}`));
  const old = sd.taskFromJSON({ ...make("2").toJSON(), version: "1" });
  assertEquals(old.version, "1");
  assertNotEquals(old.id, make("2").id);
});

Deno.test("a task of another version of the code is loaded, but not run", async () => {
  using _ = inMemory();
  const now = task({ name: "aged", version: "2", output: z.int(), run: () => 2 });
  const old = sd.taskFromJSON({ ...now().toJSON(), version: "1" }) as sd.AutoTask<number>;
  const summary = await sd.build(old);
  assert(summary.error?.cause instanceof sd.TaskVersionError);
  await old.output().save(1);
  assertEquals(await old.load(), 1);
  assertEquals((await sd.build(old)).taskCount.previouslyCompleted, 1);
});

Deno.test("a plain function may return the generator of its steps", async () => {
  using _ = inMemory();
  const plain = task({
    name: "returns_steps",
    output: z.int(),
    run: () => {
      return (function* () {
        yield num({ n: 4 });
        return 4;
      })();
    },
  })();
  (await sd.build(plain)).throwIfFailed();
  assertEquals(await plain.load(), 4);
});

Deno.test("a type is known by its function, and its tasks by the type", () => {
  assertEquals(sd.taskFromJSON(num({ n: 1 }).toJSON()).id, num({ n: 1 }).id);
  assert(sd.isTask(num({ n: 1 })));
  assert(!sd.isTask(num) && !sd.isTask({}) && !sd.isTask(null));
});
