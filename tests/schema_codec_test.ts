import { assert, assertEquals, assertNotStrictEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { SchemaError } from "../src/errors.ts";
import { stringifyJson } from "../src/json.ts";
import {
  classOf,
  fieldMark,
  fieldOptions,
  fieldOptionsOf,
  hasInsignificant,
  hasReferences,
  isIntegerSchema,
  type ReferenceSchema,
  referenceSchemas,
  schemaCodec,
} from "../src/schema_codec.ts";

const NONE = (): never => {
  throw new Error("there is no reference in this schema");
};

/** Canonical text and JSON text of what the schema makes of a value. */
function written(schema: z.ZodType, given: unknown): [canonical: string, json: string] {
  const codec = schemaCodec(schema);
  const typed = schema.parse(given);
  return [codec.canonical(typed), stringifyJson(codec.toJson(typed, NONE))];
}

/** What comes back from the JSON of a value. */
function again(schema: z.ZodType, given: unknown): unknown {
  const codec = schemaCodec(schema);
  const json: unknown = JSON.parse(stringifyJson(codec.toJson(schema.parse(given), NONE)));
  return schema.parse(codec.fromJson(json, NONE));
}

Deno.test("the schema says whether a number is an integer", () => {
  for (const schema of [z.int(), z.int32(), z.uint32(), z.number().int(), z.int().min(1).max(9)]) {
    assert(isIntegerSchema(schema));
    assertEquals(written(schema, 4), ["4", "4"]);
  }
  for (const schema of [z.number(), z.float32(), z.number().multipleOf(1), z.number().min(1)]) {
    assert(!isIntegerSchema(schema));
    assertEquals(written(schema, 4), ["4.0", "4"]);
  }
  assertEquals(written(z.number().nullable(), 4)[0], "4.0");
  assertEquals(written(z.number().default(4), undefined)[0], "4.0");
  assertEquals(written(z.unknown(), 4)[0], "4");
  assertEquals(written(z.record(z.string(), z.number()), { a: 4 })[0], '{"a":4.0}');
});

Deno.test("the first branch of a union that takes the value decides", () => {
  assertEquals(written(z.union([z.int(), z.number()]), 4)[0], "4");
  assertEquals(written(z.union([z.number(), z.int()]), 4)[0], "4.0");
  assertEquals(written(z.union([z.int(), z.number()]), 4.5)[0], "4.5");
  assertEquals(written(z.union([z.array(z.number()), z.number()]), [4])[0], "[4.0]");
  const kinds = z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("a"), x: z.number() }),
    z.object({ kind: z.literal("b"), x: z.int() }),
  ]);
  assertEquals(written(kinds, { kind: "a", x: 1 })[0], '{"kind":"a","x":1.0}');
  assertEquals(written(kinds, { kind: "b", x: 1 })[0], '{"kind":"b","x":1}');
  assertEquals(again(z.union([z.date(), z.int()]), new Date(5)), new Date(5));
});

Deno.test("sets are sorted: numbers by value, strings by code point, others by their text", () => {
  assertEquals(written(z.set(z.number()), new Set([10, 9, -1, 0.5]))[0], "[-1.0,0.5,9.0,10.0]");
  assertEquals(
    written(z.set(z.bigint()), new Set([10n, 9n, 2n ** 70n]))[0],
    [
      "[9,10,1180591620717411303424]",
    ][0],
  );
  const texts = new Set(["🌟", "\uff5e", "a", "B"]);
  assertEquals(written(z.set(z.string()), texts)[0], '["B","a","\\uff5e","\\ud83c\\udf1f"]');
  assertEquals(again(z.set(z.string()), texts), texts);
  const pairs = new Set([[2, "a"], [10, "a"], [1, "b"]]);
  assertEquals(
    written(z.set(z.tuple([z.int(), z.string()])), pairs)[0],
    '[[1,"b"],[10,"a"],[2,"a"]]',
  );
  const equal = new Set([{ k: 1 }, { k: 1 }, { k: 0 }]);
  assertEquals(written(z.set(z.object({ k: z.int() })), equal), [
    '[{"k":0},{"k":1}]',
    '[{"k":0},{"k":1}]',
  ]);
});

Deno.test("maps are objects, with keys that are strings or integers", () => {
  const map = new Map([[10, "a"], [9, "b"]]);
  assertEquals(written(z.map(z.int(), z.string()), map), [
    '{"10":"a","9":"b"}',
    '{"9":"b","10":"a"}',
  ]);
  assertEquals(again(z.map(z.int(), z.string()), map), map);
  assertEquals(
    again(z.map(z.bigint(), z.date()), new Map([[5n, new Date(1)]])),
    [
      new Map([[5n, new Date(1)]]),
    ][0],
  );
  assertThrows(() => schemaCodec(z.map(z.number(), z.string())), SchemaError, "as keys");
});

Deno.test("codecs are written in their encoded form, also inside others", () => {
  const day = z.codec(z.iso.date(), z.date(), {
    decode: (text) => new Date(`${text}T00:00:00Z`),
    encode: (date) => date.toISOString().slice(0, 10),
  });
  const given = { days: ["2024-02-29"], flag: "yes" };
  const schema = z.object({ days: z.array(day), flag: z.stringbool() });
  assertEquals(written(schema, given)[0], '{"days":["2024-02-29"],"flag":"true"}');
  assertEquals(again(schema, given), schema.parse(given));
  assertEquals(written(z.string().pipe(z.string().max(3)), "abc")[0], '"abc"');
});

Deno.test("what is absent is absent, null is null", () => {
  const schema = z.object({ a: z.int().optional(), b: z.int().nullable(), c: z.int().nullish() });
  assertEquals(written(schema, { b: null }), ['{"b":null}', '{"b":null}']);
  assertEquals(written(schema, { a: undefined, b: 1, c: null })[0], '{"b":1,"c":null}');
  assertThrows(() => schemaCodec(z.int().optional()).canonical(undefined), TypeError, "use null");
});

Deno.test("keys of objects are sorted in the text, and in the order of the schema in JSON", () => {
  const schema = z.object({ b: z.int(), "🌟": z.int(), "\uff5e": z.int(), a: z.int() });
  const [canonical, json] = written(schema, { a: 1, "\uff5e": 2, "🌟": 3, b: 4 });
  assertEquals(canonical, '{"a":1,"b":4,"\\uff5e":2,"\\ud83c\\udf1f":3}');
  assertEquals(Object.keys(JSON.parse(json)), ["b", "🌟", "\uff5e", "a"]);
  const open = z.looseObject({ b: z.number() });
  assertEquals(written(open, { z: 1, b: 1, a: "x" })[0], '{"a":"x","b":1.0,"z":1}');
  const caught = z.object({ b: z.int() }).catchall(z.number());
  assertEquals(written(caught, { a: 1, b: 1 })[0], '{"a":1.0,"b":1}');
});

Deno.test("field() inside objects leaves out what it says, at any depth", () => {
  const hidden = <S extends z.ZodType>(schema: S): S =>
    fieldOptions.mark(schema, { significant: false });
  const compat = fieldOptions.mark(z.array(z.number()).default([1]), { compatDefault: [1] });
  const schema = z.object({
    list: z.array(z.object({ x: hidden(z.int()), y: z.int(), later: compat })),
  });
  const given = { list: [{ x: 1, y: 2 }, { x: 3, y: 4, later: [1, 2] }] };
  assertEquals(written(schema, given), [
    '{"list":[{"y":2},{"later":[1.0,2.0],"y":4}]}',
    '{"list":[{"x":1,"y":2,"later":[1]},{"x":3,"y":4,"later":[1,2]}]}',
  ]);
  assert(hasInsignificant(schema));
  assert(!hasInsignificant(z.object({ list: z.array(z.object({ later: compat })) })));
});

Deno.test("options of field() stay with what is derived from the schema", () => {
  const options = { significant: false };
  const marked = fieldOptions.mark(z.int(), options);
  assertEquals(fieldOptionsOf(z.int()), undefined);
  for (
    const derived of [
      marked,
      marked.min(1),
      marked.describe("more"),
      marked.optional(),
      marked.nullable().default(1),
      marked.min(1).optional().describe("more"),
      marked.meta({ title: "x" }),
      marked.refine((x) => x > 0),
      marked.readonly(),
    ]
  ) {
    assertEquals(fieldOptionsOf(derived), options);
  }
  // The schema itself is not changed by marking a copy of it.
  const base = z.string();
  fieldOptions.mark(base, options);
  assertEquals(fieldOptionsOf(base), undefined);
});

Deno.test("a recursive schema is written, read and frozen", () => {
  const byGetter = z.object({
    value: z.number(),
    get children() {
      return z.array(byGetter);
    },
  });
  interface Tree {
    readonly value: number;
    readonly children: readonly Tree[];
  }
  const byLazy: z.ZodType<Tree> = z.lazy(() =>
    z.object({ value: z.number(), children: z.array(byLazy) })
  );
  const tree = { value: 1, children: [{ value: 2, children: [] }] };
  for (const schema of [byGetter, byLazy]) {
    assertEquals(
      written(schema, tree)[0],
      [
        '{"children":[{"children":[],"value":2.0}],"value":1.0}',
      ][0],
    );
    assertEquals(again(schema, tree), tree);
    const frozen = schemaCodec(schema).freeze(schema.parse(tree)) as Tree;
    assert(Object.isFrozen(frozen.children[0]?.children));
  }
});

Deno.test("references are found and replaced at any depth, and nowhere else", () => {
  const reference: ReferenceSchema = { canonical: () => '"R"', loaded: true, output: undefined };
  const ref = (): z.ZodType => referenceSchemas.mark(z.custom<string>(() => true), reference);
  const schema = z.object({
    one: ref(),
    many: z.array(ref().optional()),
    pair: z.tuple([z.string(), ref()], ref()),
    byName: z.record(z.string(), ref()),
    map: z.map(z.string(), ref()),
    set: z.set(ref()),
    either: z.union([z.object({ r: ref() }), z.int()]),
    lazy: z.lazy(() => z.array(ref())),
    open: z.object({}).catchall(ref()),
    plain: z.array(z.string()),
  });
  const value = {
    one: "r1",
    many: ["r2", undefined],
    pair: ["p", "r3", "r4"],
    byName: { k: "r5" },
    map: new Map([["k", "r6"]]),
    set: new Set(["r7"]),
    either: { r: "r8" },
    lazy: ["r9"],
    open: { k: "r10" },
    plain: ["no"],
  };
  const codec = schemaCodec(schema);
  const found: unknown[] = [];
  const mapped = codec.mapReferences(value, (each) => {
    found.push(each);
    return `${each}!`;
  });
  assertEquals(found, Array.from({ length: 10 }, (_, i) => `r${i + 1}`));
  assertEquals(mapped, {
    one: "r1!",
    many: ["r2!", undefined],
    pair: ["p", "r3!", "r4!"],
    byName: { k: "r5!" },
    map: new Map([["k", "r6!"]]),
    set: new Set(["r7!"]),
    either: { r: "r8!" },
    lazy: ["r9!"],
    open: { k: "r10!" },
    plain: ["no"],
  });
  assertEquals(value.one, "r1");
  assert(hasReferences(schema));
  assert(!hasReferences(z.object({ plain: z.array(z.string()) })));
  const json = codec.toJson({ ...value, many: ["r2"] }, (each) => ({ ref: each }));
  const back = codec.fromJson(json, (each) => (each as { readonly ref: string }).ref);
  assertEquals(back, { ...value, many: ["r2"] });
});

Deno.test("what is frozen is a copy where the given one could still be changed", () => {
  const any = { deep: [{ k: 1 }] };
  const frozen = schemaCodec(z.unknown()).freeze(any) as typeof any;
  assertNotStrictEquals(frozen, any);
  assert(
    Object.isFrozen(frozen) && Object.isFrozen(frozen.deep) && Object.isFrozen(frozen.deep[0]),
  );
  assert(!Object.isFrozen(any));
  const date = new Date(0);
  assertNotStrictEquals(schemaCodec(z.date()).freeze(date), date);
});

Deno.test("classes are found behind what is derived from them", () => {
  assertEquals(classOf(z.instanceof(Date)), Date);
  assertEquals(classOf(z.instanceof(Date).refine(() => true).describe("x")), Date);
  assertEquals(classOf(z.custom(() => true)), undefined);
  assertEquals(written(z.instanceof(Date), new Date(0))[0], '"1970-01-01T00:00:00Z"');
  assertEquals(
    written(z.instanceof(URL), new URL("https://example.org/é"))[0],
    [
      '"https://example.org/%C3%A9"',
    ][0],
  );
  assertThrows(
    () => written(z.instanceof(Uint8Array), new Uint8Array([255])),
    TypeError,
    "not UTF-8",
  );
});

Deno.test("references and fields are found in schemas that name each other", () => {
  const reference: ReferenceSchema = { canonical: () => '"R"', loaded: true, output: undefined };
  const ref = referenceSchemas.mark(z.custom<string>(() => true), reference);
  const A = z.object({
    get b() {
      return z.array(B);
    },
  });
  const B: z.ZodType = z.object({
    d: ref,
    hidden: fieldOptions.mark(z.int(), { significant: false }),
    get a() {
      return z.array(A).optional();
    },
  });
  for (const schema of [A, B]) assert(hasReferences(schema) && hasInsignificant(schema));
  const found: unknown[] = [];
  const value = { b: [{ d: "r1", hidden: 1, a: [{ b: [{ d: "r2", hidden: 2 }] }] }] };
  schemaCodec(A).mapReferences(value, (each) => (found.push(each), each));
  assertEquals(found, ["r1", "r2"]);
});

Deno.test("an intersection that would lose keys is refused", () => {
  const a = z.object({ a: z.int() });
  for (const loose of [z.looseObject({ b: z.int() }), z.object({ b: z.int() }).catchall(z.int())]) {
    assertThrows(() => schemaCodec(a.and(loose)), SchemaError, "z.intersection()");
  }
  assertThrows(() => schemaCodec(a.and(z.object({ a: z.number() }))), SchemaError, 'both have "a"');
  assertEquals(written(a.and(z.object({ b: z.int() })), { a: 1, b: 2 })[0], '{"a":1,"b":2}');
});

Deno.test("keys and literals that JSON writes as text or number come back as what they were", () => {
  const cases: readonly (readonly [z.ZodType, unknown])[] = [
    [z.map(z.literal([1, 2]), z.date()), new Map([[1, new Date(0)]])],
    [z.map(z.enum({ one: 1, two: 2 }), z.int()), new Map([[2, 1]])],
    [z.map(z.bigint(), z.int()), new Map([[5n, 1]])],
    [z.object({ a: z.literal(5n) }), { a: 5n }],
    [z.literal([5n, 5]), 5],
  ];
  for (const [schema, value] of cases) assertEquals(again(schema, value), value);
  assertThrows(() => schemaCodec(z.map(z.literal([1, "1"]), z.int())), SchemaError);
  const codecKey = z.codec(z.string(), z.string(), { decode: (x) => `${x}!`, encode: (x) => x });
  assertThrows(() => schemaCodec(z.record(codecKey, z.int())), SchemaError, "keys");
});

Deno.test("a compat default is told by content, and filled in where it is missing, inside objects too", () => {
  const url = fieldOptions.mark(z.instanceof(URL), {
    compatDefault: new URL("https://a.example/"),
  });
  const nested = fieldOptions.mark(z.object({ a: z.int().optional() }), { compatDefault: {} });
  const schema = z.object({ n: z.int(), url, nested });
  const value = { n: 1, url: new URL("https://a.example/"), nested: { a: undefined } };
  assertEquals(written(schema, value)[0], '{"n":1}');
  assertEquals(schema.parse(schemaCodec(schema).fromJson({ n: 1 }, (x) => x)), {
    n: 1,
    url: value.url,
    nested: {},
  });
  const wrong = fieldOptions.mark(z.int(), { compatDefault: "x" });
  assertThrows(() => fieldMark(wrong), SchemaError, '"x"');
});

Deno.test("members of a set that are equal in content count once", () => {
  const schema = z.set(z.object({ a: z.int() }));
  const frozen = schemaCodec(schema).freeze(schema.parse(new Set([{ a: 1 }, { a: 1 }])));
  assertEquals(frozen, new Set([{ a: 1 }]));
});
