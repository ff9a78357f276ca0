import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { z } from "zod";
import type { Output } from "../../src/schema.ts";
import { SchemaError, SerializationError } from "../../src/errors.ts";
import { JsonSerializer } from "../../src/serializers/json.ts";
import { serializerContract } from "../../src/testing/serializer_contract.ts";
import { newFile } from "./new_file.ts";

const Row = z.object({ i: z.int(), s: z.string(), x: z.number().nullable() });
const truncated = new TextEncoder().encode('[{"i":0,"s":"","x":nu');

serializerContract("JsonSerializer of rows", {
  make: () => new JsonSerializer(z.array(Row)),
  values: [[], [{ i: 1, s: 'å\u2028\ud83d\ude00"\\', x: 1e-7 }, { i: -2, s: "", x: null }]],
  corrupt: truncated,
});

serializerContract("JsonSerializer of what JSON has no form for", {
  make: () =>
    new JsonSerializer(z.object({
      set: z.set(z.string()),
      date: z.date(),
      big: z.bigint(),
      map: z.map(z.int(), z.date()),
      bytes: z.instanceof(Uint8Array),
      url: z.instanceof(URL),
      optional: z.date().optional(),
      any: z.any(),
    })),
  values: [{
    set: new Set(["b", "a"]),
    date: new Date("2024-01-02T03:04:05.678Z"),
    big: 12345678901234567890n,
    map: new Map([[2, new Date(0)], [1, new Date(1)]]),
    bytes: new TextEncoder().encode("å"),
    url: new URL("https://example.org/a?b"),
    any: { deep: [1, null, "x", 10n ** 20n] },
  }],
  corrupt: new TextEncoder().encode("{}"),
});

interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}
const Tree: z.ZodType<Tree> = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree);
  },
});

serializerContract("JsonSerializer of a recursive schema", {
  make: () => new JsonSerializer(Tree),
  values: [{ name: "a", children: [{ name: "b", children: [] }, { name: "c", children: [] }] }],
  corrupt: new TextEncoder().encode('{"name":"a","children":[{"name":"b"}]}'),
});

serializerContract("JsonSerializer of any JSON", {
  make: () => new JsonSerializer(z.json()),
  values: [null, 1, "x", [1, [{ a: null }]], { a: { b: [true] } }],
});

serializerContract("JsonSerializer of nothing", {
  make: () => new JsonSerializer<z.ZodType<unknown>>(z.void()),
  values: [undefined],
  corrupt: new TextEncoder().encode("1"),
});

async function saved(schema: z.ZodType, value: unknown): Promise<string> {
  const target = newFile("out.json");
  await new JsonSerializer(schema).dump(value, target);
  return await target.text();
}

async function loaded<S extends z.ZodType>(schema: S, text: string): Promise<Output<S>> {
  const target = newFile("out.json");
  await target.write(text);
  return await new JsonSerializer(schema).load(target);
}

const refused = (schema: z.ZodType, value: unknown): Promise<SerializationError> =>
  assertRejects(() => saved(schema, value), SerializationError);

Deno.test("JSON is written compact, with keys in the order of the schema and without unknown ones", async () => {
  assertEquals(
    await saved(z.array(Row), [{ x: 0.5, extra: 1, s: "å", i: 1 }]),
    '[{"i":1,"s":"å","x":0.5}]',
  );
});

Deno.test("JSON is written as Python reads it: sorted sets, dates in UTC, all digits, -0.0", async () => {
  const schema = z.object({
    set: z.set(z.int()),
    date: z.date(),
    big: z.bigint(),
    zero: z.number(),
    whole: z.int(),
  });
  const value = {
    set: new Set([3, 1, 2]),
    date: new Date("2024-01-02T03:04:05Z"),
    big: -(10n ** 30n),
    zero: -0,
    whole: -0,
  };
  assertEquals(
    await saved(schema, value),
    '{"set":[1,2,3],"date":"2024-01-02T03:04:05Z","big":-1000000000000000000000000000000,"zero":-0.0,"whole":0}',
  );
});

Deno.test("JSON keeps -0 of a number, and not of an integer", async () => {
  const schema = z.object({ a: z.array(z.number()), n: z.int() });
  assertEquals(await saved(schema, { a: [1, -0], n: -0 }), '{"a":[1,-0.0],"n":0}');
  assert(Object.is(await loaded(z.number(), "-0.0"), -0));
});

Deno.test("JSON brings every number back, however it is written", async () => {
  for (const number of [1e16, 3e-7, 1e20, 1e21, 2 ** 53, 0.1 + 0.2, Number.MAX_VALUE, 5e-324]) {
    assertEquals(await loaded(z.number(), await saved(z.number(), number)), number);
    const mixed = z.object({ x: z.number(), big: z.bigint() });
    assertEquals(await loaded(mixed, await saved(mixed, { x: number, big: 1n })), {
      x: number,
      big: 1n,
    });
  }
});

Deno.test("JSON encodes codecs, and decodes them", async () => {
  const Day = z.codec(z.string(), z.date(), {
    decode: (text) => new Date(`${text}T00:00:00Z`),
    encode: (date) => date.toISOString().slice(0, 10),
  });
  const schema = z.object({ day: Day, names: z.set(z.string()) });
  const value = { day: new Date("2024-01-02T00:00:00Z"), names: new Set(["a"]) };
  assertEquals(await saved(schema, value), '{"day":"2024-01-02","names":["a"]}');
  assertEquals(await loaded(schema, await saved(schema, value)), value);
  assertEquals(await loaded(Day, await saved(Day, value.day)), value.day);
});

Deno.test("JSON takes a value also as the schema takes it, and stores what the schema makes of it", async () => {
  const schema = z.object({ a: z.int().default(7), b: z.coerce.number() });
  assertEquals(await saved(schema, { b: "2" }), '{"a":7,"b":2}');
  assertEquals(await saved(schema, { a: 1, b: 2 }), '{"a":1,"b":2}');
});

Deno.test("JSON holds nothing at all as null", async () => {
  assertEquals(await saved(z.void(), undefined), "null");
  assertEquals(await loaded(z.void(), "null"), undefined);
  assertEquals(await saved(z.int().optional(), undefined), "null");
  assertEquals(await loaded(z.int().optional(), "null"), undefined);
  assertEquals(await loaded(z.int().nullable(), await saved(z.int().nullable(), null)), null);
  assertEquals(await saved(z.object({ a: z.int().optional() }), { a: undefined }), "{}");
  // A default is for what run() gives, not for a damaged file.
  await assertRejects(() => loaded(z.int().default(5), "null"), SerializationError);
});

Deno.test("JSON refuses a value that does not fit, and says where", async () => {
  const error = await refused(z.object({ rows: z.array(Row) }), {
    rows: [{ i: 0, s: "", x: null }, { i: 1, s: 2, x: null }],
  });
  assertEquals(error.uri, "out.json");
  assertEquals(error.path, ["rows", 1, "s"]);
  assertEquals(
    error.message,
    'Cannot save "out.json": Invalid input: expected string, received number (2), at rows[1].s. ' +
      "Save what fits the schema of the output",
  );
});

Deno.test("JSON says of a value what is wrong, not what a default makes up for", async () => {
  const error = await refused(z.object({ a: z.int().default(1), b: z.int() }), { b: "x" });
  assertEquals(error.path, ["b"]);
  const date = z.codec(z.string(), z.date(), {
    decode: (text) => new Date(text),
    encode: (date) => date.toISOString(),
  });
  assertEquals((await refused(z.object({ date, b: z.int() }), { date: new Date(0) })).path, ["b"]);
});

Deno.test("JSON refuses what would be lost without a word", async () => {
  for (
    const [value, path] of [
      [{ a: [1, NaN] }, ["a", 1]],
      [{ a: [undefined] }, ["a", 0]],
      [{ a: { b: new Map() } }, ["a", "b"]],
      [{ a: { b: new Date() } }, ["a", "b"]],
      [{ a: () => 1 }, ["a"]],
      [Symbol("s"), []],
    ] as const
  ) {
    assertEquals((await refused(z.any(), value)).path, path);
  }
  assertEquals((await refused(z.array(z.int().optional()), [1, undefined])).path, [1]);
  assertEquals((await refused(z.tuple([z.literal(undefined)]), [undefined])).path, [0]);
  await refused(z.number(), Infinity);
  const cycle: unknown[] = [];
  cycle.push(cycle);
  await refused(z.any(), cycle);
});

Deno.test("JSON refuses a file that no longer fits, and says where and what to do", async () => {
  const error = await assertRejects(
    () => loaded(z.array(Row), '[{"i":0,"s":"","x":null},{"i":"1","s":"","x":true}]'),
    SerializationError,
  );
  assertEquals(error.path, [1, "i"]);
  assertEquals(
    error.message,
    'Cannot load "out.json": Invalid input: expected number, received string ("1"), at [1].i, and 1 more. ' +
      "Delete it to have it built again",
  );
  assert(error.cause instanceof z.core.$ZodError);
});

Deno.test("JSON refuses a file that is cut short, empty or not UTF-8", async () => {
  for (const content of ['{"a":', "", "\xff"]) {
    const target = newFile("out.json");
    await target.write(Uint8Array.from(content, (char) => char.charCodeAt(0)));
    const error = await assertRejects(
      () => new JsonSerializer(z.any()).load(target),
      SerializationError,
    );
    assert(error.message.startsWith('Cannot load "out.json": it is not '), error.message);
    assert(error.message.endsWith(". Delete it to have it built again"), error.message);
  }
});

Deno.test("JSON tells an asynchronous schema from a value that does not fit", async () => {
  const schema = z.string().refine(() => Promise.resolve(true));
  const error = await refused(schema, "x");
  assert(error.cause instanceof z.core.$ZodAsyncError);
});

Deno.test("a schema whose values JSON cannot hold has no JsonSerializer", () => {
  assertThrows(() => new JsonSerializer(z.map(z.date(), z.int())), SchemaError);
  assertThrows(
    () => new JsonSerializer(z.object({ deep: z.object({ m: z.map(z.date(), z.int()) }) })),
    SchemaError,
  );
  assertThrows(() => new JsonSerializer(z.string().transform(Number)), SchemaError);
});
