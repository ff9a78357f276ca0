/**
 * What callers get who give something wrong: which error, and what it says. All of it as JavaScript callers see it,
 * without the compiler.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";

const NAMESPACE = "stardag.tests.bad_input";
const { task, AutoTask, BaseTask } = sd.namespace(NAMESPACE, import.meta.url);

/** A task function of one parameter `x`, for callers without types. */
function ofX(name: string, x: unknown): (params?: unknown) => sd.AutoTask<unknown> {
  return task({
    name,
    params: { x } as never,
    output: z.unknown(),
    run: () => 1,
  }) as never;
}

const nested = ofX(
  "nested",
  z.object({ deep: z.array(z.object({ k: z.int() })), name: z.string().optional() }),
);

// ---- parameters ----

Deno.test("a missing parameter is named with the task type", () => {
  for (const make of [() => nested(), () => nested({}), () => nested({ x: undefined })]) {
    const error = assertThrows(make, sd.TaskParameterError);
    assertStringIncludes(error.message, `Cannot make a task "${NAMESPACE}.nested": "x" is missing`);
    assertEquals([error.typeId, error.path], [`${NAMESPACE}.nested`, ["x"]]);
  }
});

Deno.test("an unknown parameter is named with those that there are", () => {
  const error = assertThrows(() => nested({ x: { deep: [] }, y: 7 }), sd.TaskParameterError);
  assertStringIncludes(error.message, `there is no parameter "y". It takes "x"`);
  assertEquals([error.path, error.value], [["y"], 7]);
  assertThrows(() => nested({ x: { deep: [] }, y: undefined }), sd.TaskParameterError, `"y"`);
  const none = task({ name: "none", output: z.int(), run: () => 1 }) as (x: unknown) => unknown;
  assertThrows(() => none({ z: 1 }), sd.TaskParameterError, `no parameter "z". It takes none`);
});

Deno.test("a parameter of the wrong type is named with its path and value", () => {
  const error = assertThrows(
    () => nested({ x: { deep: [{ k: 1 }, { k: "two" }] } }),
    sd.TaskParameterError,
    `"x.deep.1.k" is "two"`,
  );
  assertEquals(error.path, ["x", "deep", 1, "k"]);
  assertEquals(error.value, "two");
  assertInstanceOf(error.cause, z.ZodError);
});

Deno.test("parameters that are no object are refused", () => {
  for (const given of [null, 1, "x", [], new Map(), () => 1, new Date(0)]) {
    assertThrows(() => nested(given), sd.TaskParameterError, "Give one object with all of them");
  }
});

Deno.test("a task of the wrong kind is shown with what it loads", () => {
  const text = task({ name: "text", output: z.string(), run: () => "x" });
  const wants = ofX("wants", sd.depends(z.array(z.int())));
  assertThrows(
    () => wants({ x: text() }),
    sd.TaskParameterError,
    `"x" is the task ${text()}: expected a task that loads array of integer, received ${text()}, which loads string`,
  );
  assertThrows(
    () => wants({ x: [1] }),
    sd.TaskParameterError,
    `"x" is [1]: expected a task that loads array of integer, received [1], which is no task`,
  );
  const plain = ofX("plain", z.int());
  assertThrows(
    () => plain({ x: text() }),
    sd.TaskParameterError,
    `"x" is the task ${text()}, which loads string. Give integer, or a task that loads integer`,
  );
  const exact = ofX("exact", sd.taskOf(text));
  assertThrows(
    () => exact({ x: wants }),
    sd.TaskParameterError,
    `expected a task of type "${NAMESPACE}.text", received the function "wants", which is no task`,
  );
});

Deno.test("numbers that are none are refused, with or without a schema that says number", () => {
  for (const [i, schema] of [z.number(), z.unknown(), z.any(), z.json()].entries()) {
    const make = ofX(`no_number_${i}`, schema);
    for (const x of [NaN, Infinity, -Infinity]) {
      const error = assertThrows(() => make({ x }), sd.TaskParameterError, `${x}`);
      assertEquals(error.path[0], "x");
      assertThrows(() => make({ x: { y: [x] } }), sd.TaskParameterError);
    }
  }
});

Deno.test("what JSON has no form for is refused where the schema says nothing", () => {
  const make = ofX("unknown", z.unknown());
  for (const x of [new Date(0), new Map(), new Set(), () => 1, Symbol("s"), new (class K {})()]) {
    const error = assertThrows(() => make({ x }), sd.TaskParameterError);
    assertStringIncludes(error.message, `Cannot make a task "${NAMESPACE}.unknown": "x`);
    assertThrows(() => make({ x: { y: [x] } }), sd.TaskParameterError);
  }
  const circle: unknown[] = [];
  circle.push(circle);
  assertThrows(() => make({ x: circle }));
});

Deno.test("dates that no date can be written for are refused", () => {
  const make = ofX("dated", z.date());
  for (const x of [new Date(NaN), "2024-01-01", new Date("+012345-01-01T00:00:00Z")]) {
    const error = assertThrows(() => make({ x }), sd.TaskParameterError);
    assertEquals(error.path, ["x"]);
  }
});

Deno.test("dates in JSON that a Date cannot hold exactly are refused, not rounded", () => {
  const make = ofX("instant", z.date());
  const body = make({ x: new Date(0) }).toJSON();
  for (
    const x of [
      "2024-01-02T03:04:05.123456Z",
      "2024-01-02T03:04:05",
      "2024-01-02",
      "2024-13-02T03:04:05Z",
      0,
    ]
  ) {
    assertThrows(() => sd.taskFromJSON({ ...body, x }), sd.TaskParameterError);
  }
  const exact = make({ x: new Date("2024-01-02T03:04:05.123Z") });
  for (
    const x of [
      "2024-01-02T03:04:05.123Z",
      "2024-01-02T03:04:05.123000Z",
      "2024-01-02T05:04:05.123000+02:00",
    ]
  ) {
    assertEquals(sd.taskFromJSON({ ...body, x }).id, exact.id);
  }
});

Deno.test("integers beyond what a number holds exactly are refused where they would change", () => {
  const int = ofX("int", z.int());
  const big = ofX("big", z.bigint());
  assertThrows(() => int({ x: 2 ** 53 }), sd.TaskParameterError);
  assertThrows(() => int({ x: 1n }), sd.TaskParameterError);
  assertThrows(() => big({ x: 1 }), sd.TaskParameterError);
  const body = big({ x: 1n }).toJSON();
  // A JSON.parse of others has rounded it already.
  assertThrows(() => sd.taskFromJSON({ ...body, x: 2 ** 60 }), sd.TaskParameterError);
  const huge = big({ x: 2n ** 60n + 1n });
  const text = sd.stringifyTask(huge);
  assertStringIncludes(text, "1152921504606846977");
  assertEquals(sd.taskFromJSON(text).id, huge.id);
});

Deno.test("zero and minus zero are two floats and one integer", () => {
  const float = ofX("float", z.number());
  const int = ofX("integer", z.int());
  const any = ofX("anything", z.unknown());
  assertNotEquals(float({ x: -0 }).id, float({ x: 0 }).id);
  assertStringIncludes(sd.canonicalTask(float({ x: -0 })), `"x":-0.0`);
  assertEquals(int({ x: -0 }).id, int({ x: 0 }).id);
  assertEquals(any({ x: -0 }).id, any({ x: 0 }).id);
  for (const made of [float({ x: -0 }), int({ x: -0 }), any({ x: -0 })]) {
    assertEquals(sd.taskFromJSON(sd.stringifyTask(made)).id, made.id);
    assertEquals(sd.taskFromJSON(JSON.stringify(made)).id, made.id);
  }
});

// ---- tasks cannot be changed ----

Deno.test("what is given can be changed afterwards without changing the task", () => {
  const given = {
    list: [1, 2],
    object: { k: { deep: [1] } },
    any: { k: [{ deep: 1 }] },
    record: { a: [1] },
    set: new Set(["a"]),
    map: new Map([["a", 1]]),
    date: new Date(0),
    bytes: new TextEncoder().encode("abc"),
    url: new URL("https://example.org/a"),
  };
  const make = task({
    name: "changed",
    params: {
      list: z.array(z.int()),
      object: z.object({ k: z.object({ deep: z.array(z.int()) }) }),
      any: z.unknown(),
      record: z.record(z.string(), z.array(z.int())),
      set: z.set(z.string()),
      map: z.map(z.string(), z.int()),
      date: z.date(),
      bytes: z.instanceof(Uint8Array),
      url: z.instanceof(URL),
    },
    output: z.int(),
    run: () => 1,
  });
  const made = make(given);
  const before = sd.stringifyTask(made);
  given.list.push(3);
  given.object.k.deep.push(2);
  given.any.k.push({ deep: 2 });
  given.any.k[0]!.deep = 5;
  given.record.a.push(2);
  given.set.add("b");
  given.map.set("b", 2);
  given.date.setTime(1000);
  given.bytes[0] = 0x7a;
  given.url.pathname = "/b";
  const changed = Object.keys(given).filter((key) =>
    JSON.stringify(JSON.parse(sd.stringifyTask(made))[key]) !==
      JSON.stringify(JSON.parse(before)[key])
  );
  assertEquals(changed, []);
});

Deno.test("a task and what is in it are frozen", () => {
  const make = ofX("frozen", z.object({ list: z.array(z.object({ k: z.int() })), any: z.any() }));
  const made = make({ x: { list: [{ k: 1 }], any: { deep: [{ k: 1 }] } } }) as unknown as {
    id: string;
    x: { list: { k: number }[]; any: { deep: { k: number }[] } };
    more?: number;
  };
  const changes: readonly (() => unknown)[] = [
    () => made.id = "other",
    () => made.more = 1,
    () => made.x = { list: [], any: { deep: [] } },
    () => made.x.list = [],
    () => made.x.list.push({ k: 2 }),
    () => made.x.list[0]!.k = 2,
    () => made.x.any.deep.push({ k: 2 }),
    () => made.x.any.deep[0]!.k = 2,
    () => delete (made as { x?: unknown }).x,
    () => Object.setPrototypeOf(made, {}),
  ];
  for (const change of changes) assertThrows(change, TypeError);
  const body = nested({ x: { deep: [] } }).toJSON() as Record<string, unknown>;
  assertThrows(() => body.x = 1, TypeError);
  assert(Object.isFrozen(new (registeredClass("FrozenInstance"))({})));
  assert(
    Object.isFrozen(
      sd.aliasTask({ id: crypto.randomUUID(), uri: "memory://a", output: z.int() }),
    ),
  );
});

// ---- declarations ----

Deno.test("a schema that cannot be written back is refused when the type is declared", () => {
  const oneWay = z.string().transform((text) => text.length);
  const wheres: Readonly<Record<string, z.ZodType>> = {
    plain: oneWay,
    array: z.array(oneWay),
    object: z.object({ y: z.object({ z: oneWay }) }),
    catchall: z.object({}).catchall(oneWay),
    record: z.record(z.string(), oneWay),
    tuple: z.tuple([z.string(), oneWay]),
    rest: z.tuple([z.string()], oneWay),
    union: z.union([z.int(), oneWay]),
    optional: oneWay.optional(),
    nullable: z.array(oneWay.nullable()),
    byDefault: oneWay.default(1),
    set: z.set(oneWay),
    map: z.map(z.string(), oneWay),
    preprocess: z.preprocess((x) => x, z.string()),
    lazy: z.lazy(() => oneWay),
    deepLazy: z.array(z.lazy(() => z.object({ y: oneWay }))),
    recursive: z.object({
      get child(): z.ZodType {
        return z.array(oneWay);
      },
    }),
  };
  for (const [where, schema] of Object.entries(wheres)) {
    const error = assertThrows(() => ofX(`one_way_${where}`, schema), sd.SchemaError, "transform");
    assertStringIncludes(error.message, `"${NAMESPACE}.one_way_${where}": parameter "x"`, where);
    assertStringIncludes(error.message, "z.codec", where);
  }
});

Deno.test("a schema of what JSON has no form for is refused when the type is declared", () => {
  class Point {}
  const cases: readonly (readonly [unknown, string])[] = [
    [z.symbol(), "z.symbol()"],
    [z.function(), "z.function()"],
    [z.promise(z.string()), "z.promise()"],
    [z.instanceof(Point), `"Point"`],
    [z.array(z.instanceof(Point)), `"Point"`],
    [z.map(z.object({ k: z.int() }), z.int()), "z.map()"],
    [z.intersection(z.string(), z.literal("a")), "z.intersection()"],
    [5, "5 is no Zod schema"],
    [undefined, "undefined is no Zod schema"],
    [String, "is no Zod schema"],
    [{ type: "string" }, "is no Zod schema"],
  ];
  for (const [schema, what] of cases) {
    const error = assertThrows(() => ofX("formless", schema), sd.SchemaError, what);
    assertStringIncludes(error.message, `parameter "x"`);
  }
});

Deno.test("field() is refused where it would do nothing", () => {
  assertThrows(() => sd.field(z.int(), {}), TypeError, "it would change nothing");
  assertThrows(() => sd.field(z.int(), { significant: true }), TypeError);
  const hidden = sd.field(z.int(), { significant: false });
  const places = [
    z.array(hidden),
    z.tuple([hidden]),
    z.record(z.string(), hidden),
    z.set(hidden),
    z.map(z.string(), hidden),
    z.union([hidden, z.string()]),
    z.object({ list: z.array(hidden.optional()) }),
  ];
  for (const schema of places) {
    assertThrows(() => ofX("hidden", schema), sd.SchemaError, "Cannot use field() here");
  }
});

Deno.test("depends(), taskLoads() and taskOf() are refused inside a codec", () => {
  const number = task({ name: "number", output: z.number(), run: () => 1 });
  for (const inner of [sd.depends(z.number()), sd.taskLoads(z.number()), sd.taskOf(number)]) {
    const codec = z.codec(z.array(inner as z.ZodType<unknown, unknown>), z.unknown(), {
      decode: (x) => x,
      encode: (x) => x as unknown[],
    });
    assertThrows(() => ofX("in_codec", codec), sd.SchemaError, "depends()");
  }
});

Deno.test("a reserved name is refused for a parameter", () => {
  const names = [
    ..."id version complete requires run output load save registryAssets toJSON toString".split(
      " ",
    ),
    ..."valueOf hasOwnProperty constructor then __name __namespace __proto_ __aliased".split(" "),
  ];
  for (const name of names) {
    const params = { [name]: z.int() } as never;
    const declare: readonly (() => unknown)[] = [
      () => task({ name: "reserved", params, output: z.int(), run: () => 1 }),
      () => AutoTask({ name: "reserved", params, output: z.int() }),
      () => BaseTask({ name: "reserved", params }),
    ];
    for (const each of declare) {
      assertThrows(each, sd.SchemaError, `parameter "${name}": the name is reserved`);
    }
  }
});

Deno.test("an option that does not exist is refused, with those that do", () => {
  const spec = { name: "options", output: z.int(), run: () => 1, timout: 3 };
  const error = assertThrows(() => task(spec as never), TypeError, `no option "timout"`);
  assertStringIncludes(error.message, "relpath");
});

Deno.test("names, namespaces and versions that cannot be part of a path are refused", () => {
  const declare = (spec: Record<string, unknown>): void => {
    sd.task({ name: "named", output: z.int(), run: () => 1, ...spec } as never);
  };
  for (const name of ["", "a.b", "a/b", "a\\b", "a b", "a\n", ".", "..", "a:b", "a\0", 1, null]) {
    assertThrows(() => declare({ name }), TypeError, "Cannot declare a task type with the name");
  }
  assertThrows(() => declare({ name: undefined }), TypeError, "with the name undefined");
  for (const namespace of ["a..b", ".a", "a.", "a/b", " ", "..", 1]) {
    assertThrows(() => declare({ namespace }), TypeError, "in the namespace");
  }
  for (const version of ["1/2", "1 2", "\\", 1, null]) {
    assertThrows(() => declare({ version }), TypeError, "with the version");
  }
});

Deno.test("what is no declaration at all is refused in words of this package", () => {
  const declare = (spec: unknown): unknown => sd.task(spec as never);
  const whole = { name: "whole", output: z.int(), run: () => 1 };
  for (
    const spec of [
      { ...whole, run: 5 },
      { ...whole, run: undefined },
      { ...whole, output: 5 },
      { ...whole, output: undefined },
      { ...whole, output: {} },
      { ...whole, params: { x: 5 } },
    ]
  ) {
    const error = assertThrows(() => declare(spec)) as Error;
    assertStringIncludes(error.message, `Cannot declare the task type "whole"`);
  }
});

// ---- types ----

/** A class, registered, that does nothing. */
function registeredClass(name: string): new (params: unknown) => sd.BaseTask {
  class Nothing extends BaseTask({ name }) {
    override complete(): boolean {
      return true;
    }
    override run(): void {}
  }
  sd.register(Nothing);
  return Nothing as never;
}

Deno.test("a class that is not registered makes no tasks", () => {
  class Forgotten extends BaseTask({ name: "Forgotten" }) {
    override complete(): boolean {
      return true;
    }
    override run(): void {}
  }
  const error = assertThrows(() => new Forgotten(), sd.TaskTypeError, "is not registered");
  assertStringIncludes(error.message, "@register");
  assertEquals(error.typeId, `${NAMESPACE}.Forgotten`);
  sd.register(Forgotten);
  assertEquals(new Forgotten().id.length, 36);
  // A subclass would have the id of its base, though it does something else.
  class Derived extends Forgotten {}
  assertThrows(() => new Derived(), sd.TaskTypeError, "Derived");
});

Deno.test("register() takes classes of tasks only", () => {
  for (const given of [class {}, 5, () => 1, nested]) {
    assertThrows(() => sd.register(given as never), TypeError, "Cannot register");
  }
  class Shadows extends BaseTask({ name: "Shadows", params: { size: z.int() } }) {
    override complete(): boolean {
      return true;
    }
    override run(): void {}
    override get size(): number {
      return 1;
    }
  }
  assertThrows(() => sd.register(Shadows), TypeError, `"size"`);
});

Deno.test("one type id by different code is refused, with both places", () => {
  task({ name: "twice", output: z.int(), run: () => 1 });
  const error = assertThrows(
    () => task({ name: "twice", output: z.int(), run: () => 2 }),
    sd.TaskTypeError,
    `"${NAMESPACE}.twice"`,
  );
  assertEquals(error.typeId, `${NAMESPACE}.twice`);
  const places = error.message.match(/file:\S+bad_input_test\.ts:\d+:\d+/g) ?? [];
  assertEquals(new Set(places).size, 2);
});

Deno.test("the same module loaded again replaces its types, other modules may not", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const module = (answer: number): string =>
      `import * as sd from ${JSON.stringify(import.meta.resolve("../../mod.ts"))};
       import { z } from ${JSON.stringify(import.meta.resolve("zod"))};
       export const reloaded = sd.task({
         name: "reloaded", namespace: "${NAMESPACE}", output: z.int(), run: () => ${answer},
       });\n`;
    const url = (name: string): string => new URL(name, `file://${folder}/`).href;
    await Deno.writeTextFile(`${folder}/a.ts`, module(1));
    const first = await import(`${url("a.ts")}?1`);
    await Deno.writeTextFile(`${folder}/a.ts`, `// edited\n${module(2)}`);
    const second = await import(`${url("a.ts")}?2`);
    assertEquals(first.reloaded().id, second.reloaded().id);
    using _ = sd.targetFactoryProvider.override(
      new sd.TargetFactory({ targetRoots: { default: "memory://reloaded" } }),
    );
    const task = sd.taskFromJSON({ __name: "reloaded", __namespace: NAMESPACE }) as sd.AutoTask<
      number
    >;
    (await sd.build(task)).throwIfFailed();
    assertEquals(await task.load(), 2);

    await Deno.writeTextFile(`${folder}/b.ts`, module(3));
    const error = await assertRejects(() => import(url("b.ts")), sd.TaskTypeError);
    assertStringIncludes(error.message, url("a.ts?2"));
    assertStringIncludes(error.message, url("b.ts"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

// ---- JSON ----

Deno.test("what is no task in JSON is refused", () => {
  for (
    const body of [
      null,
      undefined,
      1,
      true,
      [],
      {},
      { __name: "x" },
      { __namespace: "" },
      { __name: 1, __namespace: "" },
      { __name: "x", __namespace: null },
      "null",
      '"x"',
      "[1]",
    ]
  ) {
    assertThrows(() => sd.taskFromJSON(body), TypeError, "Cannot make a task from");
  }
  for (const text of ["", "{", "nope", "{'a':1}"]) {
    assertThrows(() => sd.taskFromJSON(text), SyntaxError);
  }
});

Deno.test("a type that is not registered is named, with those that are", () => {
  const wraps = ofX("wraps", sd.depends(z.int()));
  const unknown = { __name: "gone", __namespace: "some.where", version: "" };
  for (const body of [unknown, { __name: "wraps", __namespace: NAMESPACE, x: unknown }]) {
    const error = assertThrows(() => sd.taskFromJSON(body), sd.TaskTypeError, `"some.where.gone"`);
    assertEquals(error.typeId, "some.where.gone");
    assertStringIncludes(error.message, "Import the module");
  }
  assertEquals(typeof wraps, "function");
});

Deno.test("parameters in JSON are checked like any others", () => {
  const body = nested({ x: { deep: [] } }).toJSON();
  assertThrows(() => sd.taskFromJSON({ ...body, y: 1 }), sd.TaskParameterError, `"y"`);
  assertThrows(() => sd.taskFromJSON({ ...body, x: {} }), sd.TaskParameterError, `"x.deep"`);
  assertThrows(() => sd.taskFromJSON({ ...body, version: 1 }), sd.TaskParameterError, "version");
  const wraps = ofX("wraps_int", sd.depends(z.int()));
  const { __name, __namespace } = wraps({
    x: task({ name: "int_source", output: z.int(), run: () => 1 })(),
  }).toJSON();
  assertThrows(
    () => sd.taskFromJSON({ __name, __namespace, x: 5 }),
    sd.TaskParameterError,
    "which is no task",
  );
  const bad = { ...body, x: { deep: 1 } };
  assertThrows(
    () => sd.taskFromJSON({ __name, __namespace, x: bad }),
    sd.TaskParameterError,
    `"${NAMESPACE}.nested": "x.deep" is 1`,
  );
});

Deno.test("an alias needs the id and the place of an output", () => {
  const output = z.int();
  const alias = (options: unknown): unknown => sd.aliasTask(options as never);
  const id = "f23b1722-2909-5fb7-89bf-dcdd0b37e930";
  for (const bad of ["", "nope", 1, undefined, `${id}0`, id.slice(1)]) {
    assertThrows(() => alias({ id: bad, uri: "memory://x", output }), TypeError, "a UUID");
  }
  for (const uri of [undefined, "", 5]) {
    assertThrows(() => alias({ id, uri, output }), TypeError, "Cannot make an alias");
  }
  for (const aliased of [1, null, {}, { id }, { uri: "memory://x" }, { id: 1, uri: 2 }]) {
    assertThrows(() => sd.taskFromJSON({ __aliased: aliased }), TypeError, "__aliased");
  }
});

Deno.test("an option that does not exist is refused wherever types are declared", () => {
  const output = z.int();
  const bad = (make: () => unknown, option: string): void => {
    assertThrows(make, TypeError, `there is no option "${option}"`);
  };
  bad(() => sd.AutoTask({ name: "a", output, retires: 3 } as never), "retires");
  bad(() => sd.Task({ name: "a", relpath: "x" } as never), "relpath");
  bad(() => sd.BaseTask({ name: "a", output } as never), "output");
  bad(() => sd.AutoTask({ name: "a", output, relpath: { ext: "md" } } as never), "ext");
  bad(() => sd.field(output, { significance: false } as never), "significance");
});

Deno.test("a class that is declared like another is refused, by a decorator too", () => {
  @sd.register
  class One
    extends sd.AutoTask({ name: "twice_decorated", namespace: NAMESPACE, output: z.int() }) {
    override run(): void {}
  }
  assertThrows(
    () => {
      @sd.register
      class Two
        extends sd.AutoTask({ name: "twice_decorated", namespace: NAMESPACE, output: z.int() }) {
        override run(): void {}
      }
      return Two;
    },
    sd.TaskTypeError,
    "and again at",
  );
  assertThrows(() => sd.register(class Sub extends One {}), sd.TaskTypeError, "a type of its own");
  const Base = sd.AutoTask({ name: "twice_extended", namespace: NAMESPACE, output: z.int() });
  sd.register(
    class First extends Base {
      override run(): void {}
    },
  );
  assertThrows(
    () =>
      sd.register(
        class Second extends Base {
          override run(): void {}
        },
      ),
    sd.TaskTypeError,
    "First is registered",
  );
});

Deno.test("what looks like the JSON of a task is refused where a task could stand", () => {
  const make = ofX("looks_like_a_task", z.unknown());
  for (const x of [make({ x: 1 }).toJSON(), { __aliased: 1 }]) {
    assertThrows(() => make({ x }), sd.TaskParameterError, "taken for a task");
  }
  const wrapped = make({ x: { inside: make({ x: 1 }).toJSON() } });
  assertEquals(sd.taskFromJSON(JSON.stringify(wrapped)).id, wrapped.id);
});

Deno.test("a schema with an asynchronous check is refused by name", () => {
  const make = ofX("asynchronous", z.int().refine((x) => Promise.resolve(x > 0)));
  assertThrows(() => make({ x: 1 }), sd.TaskParameterError, "must be synchronous");
});

Deno.test("what is no schema is refused where one is wanted", () => {
  const output = z.int();
  const run = (): number => 1;
  assertThrows(
    () => sd.task({ name: "p", params: z.object({}) as never, output, run }),
    TypeError,
    "itself a schema",
  );
  assertThrows(
    () => sd.task({ name: "p", params: { n: null } as never, output, run }),
    sd.SchemaError,
    "null is no Zod schema",
  );
  assertThrows(
    () => sd.task({ name: "p", output: null as never, run: run as never }),
    TypeError,
    "its output is null",
  );
  assertThrows(() => sd.depends(Number as never), TypeError, "give a Zod schema");
  assertThrows(() => sd.field(output, undefined as never), TypeError, "undefined");
  assertThrows(() => sd.load(undefined as never).next(), TypeError, "Cannot load undefined");
});

Deno.test("paths that would be one for several tasks, or none, are refused", async () => {
  const output = z.int();
  const run = (): number => 1;
  const params = { n: z.int() };
  assertThrows(
    () =>
      sd.task({ name: "one_path", namespace: NAMESPACE, params, output, run, relpath: "x.json" }),
    TypeError,
    "would have the one output",
  );
  const none = sd.task({
    name: "no_path",
    namespace: NAMESPACE,
    output,
    run,
    relpath: (() => undefined) as never,
  });
  assertThrows(() => none().output(), TypeError, "relpath gave undefined");
  await assertRejects(() => sd.build(none()), sd.DiscoveryError, "relpath gave undefined");
  assertThrows(() => sd.autoNamespace(import.meta.url, undefined as never), TypeError, "root");
  assertThrows(() => sd.serialized(output, {} as never), TypeError, "dump() and load()");
  assertThrows(
    () => sd.task({ name: "field_output", output: sd.field(output, { significant: false }), run }),
    TypeError,
    "marked with field()",
  );
});

Deno.test("a parameter that is missing under a misspelt name is named as misspelt", () => {
  const make = ofX("misspelt", z.int());
  assertThrows(
    () => make({ xx: 1 }),
    sd.TaskParameterError,
    'there is no parameter "xx". It takes "x"',
  );
});
