/**
 * Random schemas with random values: the canonical text is what the rules say, and JSON brings the same task back.
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { z } from "zod";
import * as sd from "../../mod.ts";
import {
  canonicalFloat,
  canonicalJson,
  canonicalString,
  compareCodePoints,
} from "../../src/json.ts";

/** A value as it is given, and its canonical text. */
interface Given {
  readonly value: unknown;
  readonly text: string;
}

/** A schema, and the values that it takes. */
interface Kind {
  readonly name: string;
  readonly schema: z.ZodType;
  readonly given: fc.Arbitrary<Given>;
}

const key = fc.string({ unit: "grapheme", maxLength: 5 }).filter((each) => each !== "__proto__");

/** Kinds without parts. */
const leaves: readonly Kind[] = [
  kind("int", z.int(), fc.maxSafeInteger(), (x) => `${BigInt(x)}`),
  kind(
    "number",
    z.number(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    (x) => canonicalFloat(x),
  ),
  kind(
    "large number",
    z.number(),
    fc.double({ min: 1e15, max: 1e25, noNaN: true }),
    (x) => canonicalFloat(x),
  ),
  kind("whole number", z.number(), fc.maxSafeInteger(), (x) => canonicalFloat(x)),
  kind("bigint", z.bigint(), fc.bigInt(), String),
  kind("string", z.string(), fc.string({ unit: "binary", maxLength: 8 }), canonicalString),
  kind("email", z.string().max(5).describe("short"), fc.string({ maxLength: 5 }), canonicalString),
  kind("boolean", z.boolean(), fc.boolean(), String),
  kind("null", z.null(), fc.constant(null), () => "null"),
  kind(
    "literal",
    z.literal(["a", 1, true, null]),
    fc.constantFrom("a", 1, true, null),
    JSON.stringify,
  ),
  kind("enum", z.enum(["x", "y"]), fc.constantFrom("x", "y"), canonicalString),
  kind(
    "date",
    z.date(),
    fc.date({
      min: new Date("0001-01-01"),
      max: new Date("9999-12-31T23:59:59.999Z"),
      noInvalidDate: true,
    }),
    (x) => `"${x.toISOString().replace(/\.000Z$/, "Z").replace(/(\.\d+)Z$/, "$1000Z")}"`,
  ),
  kind(
    "bytes",
    z.instanceof(Uint8Array),
    fc.string({ unit: "grapheme", maxLength: 5 }).map((each) => new TextEncoder().encode(each)),
    (x) => canonicalString(new TextDecoder("utf-8", { ignoreBOM: true }).decode(x)),
  ),
  kind(
    "url",
    z.instanceof(URL),
    fc.webUrl().map((each) => new URL(each)),
    (x) => canonicalString(x.href),
  ),
  kind(
    "codec",
    z.codec(z.string(), z.int(), { decode: Number, encode: String }),
    fc.integer(),
    (x) => `"${x}"`,
    String,
  ),
  kind(
    "unknown",
    z.unknown(),
    fc.jsonValue({ maxDepth: 3, noUnicodeString: false }),
    canonicalJson,
  ),
];

function kind<T>(
  name: string,
  schema: z.ZodType,
  values: fc.Arbitrary<T>,
  text: (typed: T) => string,
  encode: (typed: T) => unknown = (typed) => typed,
): Kind {
  return {
    name,
    schema,
    given: values.map((value) => ({ value: encode(value), text: text(value) })),
  };
}

/** A task that stands in the place of a number or of a list of numbers, by its own id. */
const source = sd.task({
  name: "round_trip_source",
  params: { n: z.int() },
  output: z.number(),
  run: ({ n }) => n,
});
const task: Kind = {
  name: "task",
  schema: sd.depends(z.number()),
  given: fc.integer({ min: 0, max: 9 }).map((n) => {
    const made = source({ n });
    return { value: made, text: `{"id":"${made.id}"}` };
  }),
};

const members = (name: string, inner: Kind): fc.Arbitrary<Kind> =>
  fc.constantFrom<Kind>(
    {
      name: `array of ${name}`,
      schema: z.array(inner.schema),
      given: fc.array(inner.given, { maxLength: 3 }).map(arrayOf),
    },
    {
      name: `nullable ${name}`,
      schema: inner.schema.nullable(),
      given: fc.oneof(inner.given, fc.constant({ value: null, text: "null" })),
    },
    // Zod freezes what is read only, which bytes cannot be.
    { ...inner, schema: name.includes("bytes") ? inner.schema : inner.schema.readonly() },
    { name: `lazy ${name}`, schema: z.lazy(() => inner.schema), given: inner.given },
    {
      name: `record of ${name}`,
      schema: z.record(z.string(), inner.schema),
      given: fc.uniqueArray(fc.tuple(key, inner.given), {
        maxLength: 3,
        selector: ([each]) => each,
      })
        .map(recordOf),
    },
    {
      name: `map of ${name}`,
      schema: z.map(z.string(), inner.schema),
      given: fc.uniqueArray(fc.tuple(key, inner.given), {
        maxLength: 3,
        selector: ([each]) => each,
      })
        .map((entries) => ({
          value: new Map(entries.map(([each, { value }]) => [each, value])),
          text: recordOf(entries).text,
        })),
    },
  );

function arrayOf(parts: readonly Given[]): Given {
  return {
    value: parts.map(({ value }) => value),
    text: `[${parts.map(({ text }) => text).join(",")}]`,
  };
}

function recordOf(entries: readonly (readonly [string, Given])[]): Given {
  return {
    value: Object.fromEntries(entries.map(([each, { value }]) => [each, value])),
    text: textOf(entries.map(([each, { text }]) => [each, text])),
  };
}

function textOf(entries: readonly (readonly [string, string])[]): string {
  const sorted = entries.toSorted(([a], [b]) => compareCodePoints(a, b));
  return `{${sorted.map(([each, text]) => `${canonicalString(each)}:${text}`).join(",")}}`;
}

/** How a property of an object stands in the text: always, when it is not its default, or never. */
const HOW = ["plain", "optional", "default", "insignificant", "compat"] as const;

const objectOf = (kinds: readonly (readonly [string, Kind, (typeof HOW)[number]])[]): Kind => {
  const shape: Record<string, z.ZodType> = {};
  const parts: fc.Arbitrary<readonly [string, unknown, string | undefined]>[] = [];
  for (const [name, { schema, given }, how] of kinds) {
    switch (how) {
      case "plain":
        shape[name] = schema;
        parts.push(given.map(({ value, text }) => [name, value, text]));
        break;
      case "optional":
        shape[name] = schema.optional();
        parts.push(
          fc.option(given).map((each) =>
            each === null ? [name, undefined, undefined] : [name, each.value, each.text]
          ),
        );
        break;
      case "default":
        shape[name] = z.string().default("filled in");
        parts.push(fc.constantFrom([name, undefined, '"filled in"'], [name, "given", '"given"']));
        break;
      case "insignificant":
        shape[name] = sd.field(schema, { significant: false });
        parts.push(given.map(({ value }) => [name, value, undefined]));
        break;
      case "compat":
        shape[name] = sd.field(z.array(z.int()).default([7]), { compatDefault: [7] });
        parts.push(
          fc.constantFrom([name, undefined, undefined], [name, [7], undefined], [name, [], "[]"]),
        );
        break;
    }
  }
  return {
    name: `object of ${kinds.map(([each, { name }, how]) => `${how} ${each}: ${name}`).join(", ")}`,
    schema: z.object(shape),
    given: fc.tuple(...parts).map((given) => ({
      value: Object.fromEntries(
        given.filter(([, value]) => value !== undefined).map(([name, value]) => [name, value]),
      ),
      text: textOf(given.flatMap(([name, , text]) => text === undefined ? [] : [[name, text]])),
    })),
  };
};

const propertyName = key.filter((each) =>
  !["", "toString", "valueOf", "constructor"].includes(each)
);

const anyKind: fc.Arbitrary<Kind> = fc.letrec<{ kind: Kind }>((tie) => ({
  kind: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: fc.constantFrom(...leaves) },
    { weight: 1, arbitrary: fc.constant(task) },
    { weight: 3, arbitrary: tie("kind").chain((inner) => members(inner.name, inner)) },
    {
      weight: 2,
      arbitrary: fc.array(tie("kind"), { minLength: 1, maxLength: 3 }).map((kinds): Kind => ({
        name: `tuple of ${kinds.map(({ name }) => name).join(", ")}`,
        schema: z.tuple(kinds.map(({ schema }) => schema) as [z.ZodType]),
        given: fc.tuple(...kinds.map(({ given }) => given)).map(arrayOf),
      })),
    },
    {
      weight: 3,
      arbitrary: fc.uniqueArray(
        fc.tuple(propertyName, tie("kind"), fc.constantFrom(...HOW)),
        { maxLength: 4, selector: ([name]) => name },
      ).map(objectOf),
    },
    {
      weight: 1,
      arbitrary: fc.constant<Kind>({
        name: "union",
        schema: z.union([z.int(), z.number(), z.string(), z.array(z.number()), z.null()]),
        given: fc.oneof(
          fc.integer().map((value) => ({ value, text: `${value === 0 ? 0 : value}` })),
          fc.double({ noInteger: true, noNaN: true, noDefaultInfinity: true })
            .map((value) => ({ value, text: canonicalFloat(value) })),
          fc.string().map((value) => ({ value, text: canonicalString(value) })),
          fc.array(fc.integer()).map((value) => ({
            value,
            text: `[${value.map(canonicalFloat).join(",")}]`,
          })),
          fc.constant({ value: null, text: "null" }),
        ),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Kind>(
        {
          name: "set of strings",
          schema: z.set(z.string()),
          given: fc.uniqueArray(key).map((all) => ({
            value: new Set(all),
            text: `[${all.toSorted(compareCodePoints).map(canonicalString).join(",")}]`,
          })),
        },
        {
          name: "set of integers",
          schema: z.set(z.int()),
          given: fc.uniqueArray(fc.integer().map((each) => each + 0)).map((all) => ({
            value: new Set(all),
            text: `[${all.toSorted((a, b) => a - b).join(",")}]`,
          })),
        },
      ),
    },
  ),
})).kind;

/** One parameter of a random kind, with two values for it. */
interface Parameter {
  readonly schema: z.ZodType;
  readonly a: Given;
  readonly b: Given;
}

const parameter: fc.Arbitrary<Parameter> = anyKind.chain(({ name, schema, given }) =>
  fc.tuple(given, given).map(([a, b]) => ({
    schema,
    a,
    b,
    // What a failure shows: a schema itself is too much to read.
    [fc.toStringMethod]: () => `${name}: ${a.text} and ${b.text}`,
  }))
);

function declare(schema: z.ZodType): (params: unknown) => sd.AutoTask<unknown> {
  return sd.task({
    name: "round_trip",
    namespace: "stardag.tests",
    params: { x: schema } as never,
    output: z.unknown(),
    run: () => 1,
  }) as never;
}

Deno.test("the canonical text of a task is what the rules say", () => {
  fc.assert(
    fc.property(parameter, ({ schema, a: { value, text } }) => {
      const canonical = sd.canonicalTask(declare(schema)({ x: value }));
      assertEquals(
        canonical,
        `{"__name":"round_trip","__namespace":"stardag.tests","version":"","x":${text}}`,
      );
    }),
    { numRuns: 1500 },
  );
});

Deno.test("a task comes back from its JSON with the same id, and gives the same JSON", () => {
  fc.assert(
    fc.property(parameter, ({ schema, a: { value } }) => {
      const made = declare(schema)({ x: value });
      const text = sd.stringifyTask(made);
      for (const again of [sd.taskFromJSON(text), sd.taskFromJSON(made.toJSON())]) {
        assertEquals(again.id, made.id);
        assertEquals(sd.stringifyTask(again), text);
        assertEquals(sd.canonicalTask(again), sd.canonicalTask(made));
        assert(Object.isFrozen(again));
      }
      assertEquals(JSON.stringify(made), text);
      assertEquals(sd.checkSerializationStability(made), []);
    }),
    { numRuns: 1500 },
  );
});

Deno.test("two tasks have one id just when they have one canonical text", () => {
  fc.assert(
    fc.property(parameter, ({ schema, a, b }) => {
      const make = declare(schema);
      const [x, y] = [make({ x: a.value }), make({ x: b.value })];
      if (a.text === b.text) assertEquals(x.id, y.id);
      else assertNotEquals(x.id, y.id);
      assertEquals(make({ x: a.value }).id, x.id);
    }),
    { numRuns: 500 },
  );
});
