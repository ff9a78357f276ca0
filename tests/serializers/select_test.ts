import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { SchemaError } from "../../src/errors.ts";
import { fieldOptions, referenceSchemas } from "../../src/schema_codec.ts";
import { CsvSerializer } from "../../src/serializers/csv.ts";
import { GzipSerializer } from "../../src/serializers/gzip.ts";
import { jsonLines } from "../../src/serializers/json_lines.ts";
import { JsonSerializer } from "../../src/serializers/json.ts";
import { getSerializer, serializerFactoryProvider } from "../../src/serializers/select.ts";
import { serialized } from "../../src/serializers/serialized.ts";
import { StructuredCloneSerializer } from "../../src/serializers/structured_clone.ts";
import type { FileSystemTarget } from "../../src/targets/target.ts";
import { newFile } from "./new_file.ts";

class Model {
  static load(): Model {
    return new Model();
  }
  async dump(target: FileSystemTarget): Promise<void> {
    await target.write("");
  }
}
class Point {
  readonly x = 1;
}
interface List {
  readonly next: List | null;
}
const List: z.ZodType<List> = z.object({ next: z.lazy(() => List).nullable() });
function endless(): z.ZodType {
  return z.object({ children: z.lazy(() => z.array(endless())) });
}

Deno.test("a schema chooses its serializer", () => {
  for (
    const [name, schemas] of Object.entries({
      PlainTextSerializer: [
        z.string(),
        z.string().min(3).describe("text"),
        z.email(),
        z.uuid(),
        z.iso.date(),
        z.string().trim(),
        z.string().brand("Name"),
      ],
      BytesSerializer: [
        z.instanceof(Uint8Array),
        z.instanceof(Uint8Array).describe("bytes"),
        z.instanceof(Uint8Array).refine((bytes) => bytes.length > 0),
      ],
      JsonSerializer: [
        z.string().nullable(),
        z.string().optional(),
        z.enum(["a"]),
        z.literal("a"),
        z.templateLiteral(["a", z.int()]),
        z.instanceof(Uint8Array).nullable(),
        z.object({ a: z.set(z.date()) }),
        z.codec(z.string(), z.date(), {
          decode: (text) => new Date(text),
          encode: (date) => date.toISOString(),
        }),
        z.void(),
        z.any(),
        z.map(z.string(), z.int()),
        List,
        endless(),
      ],
      StructuredCloneSerializer: [
        z.map(z.date(), z.int()),
        z.object({ deep: z.array(z.map(z.object({ a: z.int() }), z.int())) }),
        z.nan(),
        z.instanceof(Float64Array),
        z.instanceof(Map),
        z.array(z.instanceof(RegExp).optional()),
        z.intersection(z.union([z.object({ a: z.int() }), z.object({ b: z.int() })]), z.object({})),
      ],
      SelfSerializer: [z.instanceof(Model), z.instanceof(Model).describe("a model")],
    })
  ) {
    for (const schema of schemas) {
      assertEquals(getSerializer<z.ZodType>(schema).constructor.name, name, schema._zod.def.type);
    }
  }
});

Deno.test("a schema that nothing can bring back as it was has no serializer", () => {
  for (
    const schema of [
      z.string().transform(Number),
      z.object({ a: z.string().transform(Number) }),
      z.preprocess(String, z.string()),
      z.map(z.date(), z.string().transform(Number)),
      z.instanceof(Point),
      z.array(z.instanceof(Point)),
      z.map(z.instanceof(Point), z.int()),
      z.array(z.instanceof(Model)),
      z.symbol(),
      z.promise(z.int()),
      z.file(),
      z.function() as unknown as z.ZodType,
    ]
  ) {
    assertThrows(() => getSerializer<z.ZodType>(schema), SchemaError, "Cannot write");
  }
});

Deno.test("a schema with field() where it would be ignored has no serializer", () => {
  const marked = fieldOptions.mark(z.int(), { significant: false });
  const schema = z.object({ deep: z.array(marked) });
  assertThrows(() => getSerializer(schema), SchemaError, "field()");
});

Deno.test("a codec of instances is JSON", async () => {
  const schema = z.array(z.codec(z.int(), z.instanceof(Point), {
    decode: () => new Point(),
    encode: (point) => point.x,
  }));
  const target = newFile("points.json");
  await getSerializer(schema).dump([new Point()], target);
  assertEquals(await target.text(), "[1]");
  assert((await getSerializer(schema).load(target))[0] instanceof Point);
});

Deno.test("an output holds no tasks", () => {
  const task = referenceSchemas.mark(z.custom<object>(), {
    canonical: () => "",
    loaded: false,
    output: undefined,
  });
  for (const schema of [task, z.array(task), z.object({ a: z.lazy(() => task) })]) {
    assertThrows(() => getSerializer<z.ZodType>(schema), SchemaError, "in an output");
  }
});

Deno.test("serialized() names the serializer, which what is derived keeps", () => {
  const Row = z.object({ n: z.int() });
  const csv = new GzipSerializer(new CsvSerializer(Row));
  const schema = serialized(z.array(Row), csv);
  assertStrictEquals(getSerializer(schema), csv);
  assertStrictEquals(getSerializer(schema.describe("rows")), csv);
  assertStrictEquals(getSerializer(schema.min(1)), csv);
  assertStrictEquals(getSerializer(schema.meta({ title: "rows" })), csv);
  const clone = new StructuredCloneSerializer<z.output<typeof Row>[]>();
  assertStrictEquals(getSerializer(serialized(schema, clone)), clone);
  assertStrictEquals(getSerializer(schema), csv);
});

Deno.test("serialized() leaves the schema as it is", () => {
  const schema = z.array(z.int());
  const clone = new StructuredCloneSerializer<number[]>();
  assertEquals(serialized(schema, clone).parse([1]), [1]);
  assert(getSerializer(schema) instanceof JsonSerializer);
});

Deno.test("serialized() and jsonLines() stand for a whole output", () => {
  const text = serialized(z.array(z.int()), new StructuredCloneSerializer());
  for (
    const schema of [
      text.optional(),
      z.array(text),
      z.object({ rows: jsonLines(z.int()) }),
      jsonLines(z.int()).nullable(),
    ]
  ) {
    assertThrows(() => getSerializer<z.ZodType>(schema), SchemaError, "inside another schema");
  }
});

Deno.test("serialized() takes only a serializer of such values", () => {
  const schema = z.array(z.object({ n: z.int() }));
  // @ts-expect-error the rows have other columns
  serialized(schema, new CsvSerializer(z.object({ m: z.int() })));
});

Deno.test("a schema gets the same serializer every time", () => {
  const schema = z.array(z.int());
  assertStrictEquals(getSerializer(schema), getSerializer(schema));
});

Deno.test("the choice can be replaced", () => {
  const clone = new StructuredCloneSerializer<never>();
  using _ = serializerFactoryProvider.override(() => clone);
  assertStrictEquals<unknown>(getSerializer(z.int()), clone);
});

Deno.test("a chosen serializer checks what the schema says", async () => {
  const target = newFile("a");
  for (
    const [schema, value] of [
      [z.email(), "x"],
      [z.instanceof(Uint8Array).refine(() => false), new Uint8Array()],
      [z.int(), 1.5],
      [z.map(z.date(), z.int()), new Map([[1, 1]])],
      [z.instanceof(Model).refine(() => false), new Model()],
    ] as const
  ) {
    await assertRejects(() => getSerializer<z.ZodType>(schema).dump(value, target));
  }
});
