import { assert, assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";

const { task } = sd.namespace("stardag.tests.fields", import.meta.url);

const num = task({ name: "num", params: { n: z.int() }, output: z.int(), run: ({ n }) => n });

/** One place for a task in a parameter: a schema made of the inner one, a value, and the value as `run` sees it. */
interface Place {
  readonly schema: (inner: z.ZodType) => z.ZodType;
  readonly value: (...inner: unknown[]) => unknown;
}

const places: Readonly<Record<string, Place>> = {
  itself: { schema: (s) => s, value: (a) => a },
  optional: { schema: (s) => s.optional(), value: (a) => a },
  nullable: { schema: (s) => s.nullable(), value: (a) => a },
  default: { schema: (s) => z.array(s).default([]), value: (a) => [a] },
  array: { schema: (s) => z.array(s), value: (a, b) => [a, b, a] },
  tuple: { schema: (s) => z.tuple([z.string(), s], s), value: (a, b) => ["x", a, b] },
  object: { schema: (s) => z.object({ k: s, o: s.optional() }), value: (a) => ({ k: a }) },
  record: { schema: (s) => z.record(z.string(), s), value: (a, b) => ({ x: a, y: b }) },
  map: { schema: (s) => z.map(z.string(), s), value: (a) => new Map([["x", a]]) },
  set: { schema: (s) => z.set(s), value: (a, b) => new Set([a, b]) },
  union: { schema: (s) => z.union([z.string(), z.array(s)]), value: (a) => [a] },
  lazy: { schema: (s) => z.lazy(() => z.array(s)), value: (a) => [a] },
  readonly: { schema: (s) => z.array(s).readonly(), value: (a) => [a] },
  deep: {
    schema: (s) =>
      z.object({ list: z.array(z.object({ by: z.record(z.string(), z.tuple([s])) })) }),
    value: (a, b) => ({ list: [{ by: { x: [a] } }, { by: { y: [b] } }] }),
  },
};

function inMemory(): Disposable {
  return sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: `memory://${crypto.randomUUID()}` } }),
  );
}

for (const [name, place] of Object.entries(places)) {
  Deno.test(`tasks are found, loaded and brought back from JSON in: ${name}`, async () => {
    using _ = inMemory();
    let seen: unknown;
    let later: unknown;
    const make = task({
      name: `in_${name}`,
      params: {
        now: place.schema(sd.depends(z.int())),
        later: place.schema(sd.taskLoads(z.int())),
      },
      output: z.int(),
      run: (args) => {
        seen = args.now;
        later = args.later;
        return 1;
      },
    });
    const [a, b] = [num({ n: 1 }), num({ n: 2 })];
    const made = make({ now: place.value(a, b), later: place.value(a, b) } as never);
    const found = sd.flattenTaskStruct(made.requires());
    const once = sd.flattenTaskStruct(
      place.value(a, b) instanceof Map || place.value(a, b) instanceof Set
        ? [...(place.value(a, b) as Map<string, sd.BaseTask>).values()]
        : tasksIn(place.value(a, b)),
    );
    assertEquals(found, [...once, ...once]);
    const again = sd.taskFromJSON(sd.stringifyTask(made));
    assertEquals(again.id, made.id);
    assertEquals(sd.flattenTaskStruct(again.requires()).map(String), found.map(String));
    (await sd.build(again)).throwIfFailed();
    assertEquals(seen, place.value(1, 2));
    assertEquals(JSON.stringify(later), JSON.stringify(place.value(a, b)));
  });
}

function tasksIn(value: unknown): sd.TaskStruct {
  if (sd.isTask(value)) return value;
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).map(tasksIn);
}

Deno.test("an optional task may be absent, and null where that is allowed", () => {
  const make = task({
    name: "absent",
    params: { a: sd.depends(z.int()).optional(), b: sd.depends(z.int()).nullable() },
    output: z.int(),
    run: ({ a, b }) => a ?? b ?? 0,
  });
  assertEquals(make({ b: null }).requires(), undefined);
  assert(!("a" in make({ b: null }).toJSON()));
  assertEquals(make({ b: null }).toJSON().b, null);
});

Deno.test("a task must load what fits: the structure is compared where it says something", () => {
  const of = (output: z.ZodType): sd.AutoTask<unknown> =>
    task({ name: `of_${counter++}`, output, run: () => 1 as never })();
  const wants = (schema: z.ZodType): (x: unknown) => unknown => {
    const make = task({
      name: `wants_${counter++}`,
      params: { x: sd.depends(schema) },
      output: z.int(),
      run: () => 1,
    });
    return (x) => make({ x: x as never });
  };
  const Row = z.object({ x: z.number(), y: z.string().optional() });
  const fitting: readonly (readonly [z.ZodType, z.ZodType])[] = [
    [z.number(), z.int()],
    [z.int(), z.number()],
    [z.array(z.number()), z.array(z.int())],
    [z.array(z.int()), z.tuple([z.int(), z.int()])],
    [Row, z.object({ x: z.number(), more: z.boolean() })],
    [z.record(z.string(), z.int()), z.object({ a: z.int() })],
    [z.string(), z.enum(["a", "b"])],
    [z.enum(["a", "b"]), z.literal("a")],
    [z.union([z.string(), z.int()]), z.int()],
    [z.unknown(), z.string()],
    [z.string(), z.any()],
    [z.string().nullable(), z.string()],
    [z.date(), z.date().min(new Date(0))],
    [z.int().nullable(), z.null()],
    [z.int().optional(), z.undefined()],
    [z.void(), z.undefined()],
    [z.tuple([z.int()], z.int()), z.tuple([z.int(), z.int()])],
    [z.tuple([z.int(), z.int().optional()]), z.tuple([z.int()])],
    [Row, z.looseObject({ y: z.string() })],
  ];
  for (const [wanted, actual] of fitting) wants(wanted)(of(actual));
  const unfit: readonly (readonly [z.ZodType, z.ZodType])[] = [
    [z.number(), z.string()],
    [z.array(z.number()), z.number()],
    [z.array(z.number()), z.array(z.string())],
    [z.tuple([z.int()]), z.tuple([z.int(), z.int()])],
    [z.tuple([z.int(), z.int()]), z.tuple([z.int()])],
    [z.int().optional(), z.null()],
    [Row, z.object({ y: z.string() })],
    [Row, z.object({ x: z.string() })],
    [z.record(z.string(), z.int()), z.object({ a: z.string() })],
    [z.enum(["a", "b"]), z.literal("c")],
    [z.union([z.string(), z.int()]), z.boolean()],
    [z.date(), z.string()],
    [z.set(z.int()), z.array(z.int())],
    [z.map(z.string(), z.int()), z.map(z.string(), z.string())],
  ];
  for (const [wanted, actual] of unfit) {
    assertThrows(() => wants(wanted)(of(actual)), sd.TaskParameterError, "which loads");
  }
});
let counter = 0;

Deno.test("taskOf() takes a type that is registered later, and again after it was replaced", () => {
  class Late extends sd.BaseTask({ name: "Late", namespace: "stardag.tests.fields" }) {
    override complete(): boolean {
      return true;
    }
    override run(): void {}
  }
  const make = task({
    name: "of_late",
    params: { late: sd.taskOf(Late) },
    output: z.int(),
    run: () => 1,
  });
  sd.register(Late);
  assertEquals(
    sd.taskFromJSON(make({ late: new Late() }).toJSON()).id,
    make({ late: new Late() }).id,
  );
});

Deno.test("a plain value behind z.lazy() takes a task in its place, as the compiler says", () => {
  const make = task({
    name: "lazily",
    params: { x: z.lazy(() => z.int()) },
    output: z.int(),
    run: ({ x }) => x,
  });
  assertEquals(make({ x: num({ n: 1 }) }).x, num({ n: 1 }));
});
