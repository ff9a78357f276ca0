import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import type { Output } from "../../src/schema.ts";
import { SchemaError, SerializationError } from "../../src/errors.ts";
import { CsvSerializer } from "../../src/serializers/csv.ts";
import { serializerContract } from "../../src/testing/serializer_contract.ts";
import { newFile } from "./new_file.ts";

const Day = z.codec(z.string(), z.date(), {
  decode: (text) => new Date(`${text}T00:00:00Z`),
  encode: (date) => date.toISOString().slice(0, 10),
});
const Row = z.object({
  name: z.string(),
  note: z.string().nullable(),
  n: z.int(),
  x: z.number().nullable(),
  ok: z.boolean(),
  when: z.date().optional(),
  big: z.bigint(),
  kind: z.enum(["a", "b"]),
  level: z.literal([1, 2]),
  day: Day,
  either: z.union([z.literal("on"), z.literal("off"), z.null()]),
});
type Row = z.output<typeof Row>;

const row: Row = {
  name: "Åsa",
  note: null,
  n: 1,
  x: 0.5,
  ok: true,
  when: new Date("2024-01-02T03:04:05.678Z"),
  big: 12345678901234567890n,
  kind: "a",
  level: 2,
  day: new Date("2024-01-02T00:00:00Z"),
  either: null,
};
const { when: _, ...withoutDate } = row;

// First: what is imported on first use is not there yet.
Deno.test({
  name: "CSV needs no permission of its own",
  permissions: "none",
  fn: async () => {
    const schema = z.object({ a: z.string() });
    assertEquals(await loaded(schema, await saved(schema, [{ a: "x" }])), [{ a: "x" }]);
  },
});

serializerContract("CsvSerializer", {
  make: () => new CsvSerializer(Row),
  values: [
    [],
    [row, { ...row, note: "", x: null, ok: false, either: "on" }, withoutDate],
    [
      { ...row, name: 'a "quoted", text\r\nof two lines', note: "\n" },
      { ...row, name: " spaces ", note: "\r" },
      { ...row, name: "", note: "null", x: -0, n: -5 },
      { ...row, name: ",", note: '"', x: 1e21 },
      { ...row, name: "#\t;'|\\", note: "\ufeff", x: 1e-7 },
    ],
  ],
  corrupt: new TextEncoder().encode("name,note\n"),
});

serializerContract("CsvSerializer of one column", {
  make: () => new CsvSerializer(z.object({ "a,b": z.string().nullable() })),
  values: [[{ "a,b": null }, { "a,b": "" }, { "a,b": null }, { "a,b": "x" }, { "a,b": null }]],
});

async function saved(schema: z.ZodObject, rows: unknown): Promise<string> {
  const target = newFile("a.csv");
  await new CsvSerializer(schema).dump(rows as never, target);
  return await target.text();
}

async function loaded<R extends z.ZodObject>(schema: R, text: string): Promise<Output<R>[]> {
  const target = newFile("a.csv");
  await target.write(text);
  return await new CsvSerializer(schema).load(target);
}

Deno.test("CSV has a header, and quotes what needs it", async () => {
  const schema = z.object({ b: z.string(), a: z.number().nullable(), c: z.date() });
  assertEquals(
    await saved(schema, [
      { a: 1, b: 'x "y"', c: new Date(0) },
      { a: null, b: "", c: new Date(1.5) },
    ]),
    'b,a,c\r\n"x ""y""",1,1970-01-01T00:00:00Z\r\n"",,1970-01-01T00:00:00.001000Z\r\n',
  );
});

Deno.test("CSV is read as others write it: any order of columns, any line end, a mark at the start", async () => {
  const schema = z.object({ n: z.number(), ok: z.boolean(), text: z.string() });
  assertEquals(
    await loaded(schema, '\ufeffok,extra,text,n\nTrue,1,"two\nlines",1e16\nfalse,,,-3.0'),
    [{ n: 1e16, ok: true, text: "two\nlines" }, { n: -3, ok: false, text: "" }],
  );
});

Deno.test("CSV may have line ends of several kinds", async () => {
  assertEquals(await loaded(z.object({ n: z.int() }), "n\r\n1\n2\r\n3\r4"), [
    { n: 1 },
    { n: 2 },
    { n: 3 },
    { n: 4 },
  ]);
});

Deno.test("CSV may lack a column that the schema can do without", async () => {
  const schema = z.object({ a: z.string(), b: z.int().optional(), c: z.int().default(7) });
  assertEquals(await loaded(schema, "a\nx\n"), [{ a: "x", c: 7 }]);
  assertEquals(await loaded(schema, "c,b,a\n,,x\n"), [{ a: "x", c: 7 }]);
});

Deno.test("CSV tells the empty string from no value", async () => {
  const schema = z.object({ a: z.string().nullable(), b: z.string().optional(), c: z.string() });
  assertEquals(await loaded(schema, 'a,b,c\n,,\n"","",""\n'), [
    { a: null, c: "" },
    { a: "", b: "", c: "" },
  ]);
});

Deno.test("CSV that does not fit is refused with line and column", async () => {
  const schema = z.object({ a: z.string(), n: z.int() });
  for (
    const [text, path, message] of [
      [
        'a,n\n"1\n2",3\nx,y\n',
        [1, "n"],
        'line 4: Invalid input: expected number, received string ("y"), at n',
      ],
      [
        "a,n\nx,1.5\n",
        [0, "n"],
        "line 2: Invalid input: expected int, received number (1.5), at n",
      ],
      ["a,n\nx,\n", [0, "n"], "line 2: Invalid input: expected number, received undefined"],
      ["a,n\nx,0x10\n", [0, "n"], "line 2: Invalid input: expected number"],
      ["a,n\nx,1\nx\n", [], "line 3: Invalid Record Length"],
      ['a,n\nx,1\n"x,1\n', [], "line 3: Quote Not Closed"],
      ["a,m\nx,1\n", ["n"], 'line 1: no column is called "n"'],
      ["a,n,a\nx,1,y\n", [], 'line 1: two columns are called "a"'],
      ["", [], "it has no header line"],
    ] as const
  ) {
    const error = await assertRejects(() => loaded(schema, text), SerializationError);
    assert(error.message.startsWith(`Cannot load "a.csv": ${message}`), error.message);
    assertEquals(error.path, path);
    assertEquals(error.uri, "a.csv");
  }
});

Deno.test("CSV refuses unknown columns where the schema does", async () => {
  const schema = z.strictObject({ a: z.string() });
  await assertRejects(
    () => loaded(schema, "a,b\nx,y\n"),
    SerializationError,
    'Unrecognized key: "b"',
  );
});

Deno.test("CSV refuses a row that does not fit, and says which", async () => {
  const schema = z.object({ n: z.int() });
  const error = await assertRejects(
    () => saved(schema, [{ n: 1 }, { n: "2" }]),
    SerializationError,
  );
  assertEquals(error.path, [1, "n"]);
  await assertRejects(() => saved(schema, { n: 1 }), SerializationError, "expected array");
});

Deno.test("CSV refuses what a cell cannot hold", async () => {
  for (
    const [schema, value] of [
      [z.string(), "\ud83d"],
      [z.date(), new Date(8e15)],
      [z.instanceof(Uint8Array), new Uint8Array([0xff])],
    ] as const
  ) {
    const error = await assertRejects(
      () => saved(z.object({ a: schema as z.ZodType }), [{ a: value }]),
      SerializationError,
      'Cannot save "a.csv": [0]: ',
    );
    assertEquals(error.path, [0, "a"]);
  }
});

Deno.test("CSV takes a row also as the schema takes it", async () => {
  assertEquals(await saved(z.object({ n: z.int().default(3) }), [{}]), "n\r\n3\r\n");
});

Deno.test("a schema that cells cannot hold has no CsvSerializer", () => {
  for (
    const schema of [
      z.object({ a: z.array(z.int()) }),
      z.object({ a: z.any() }),
      z.object({ a: z.union([z.string(), z.number()]) }),
      z.object({ a: z.null() }),
      z.object({ a: z.string().transform(Number) }),
      z.object({}),
      z.looseObject({ a: z.string() }),
    ]
  ) {
    assertThrows(() => new CsvSerializer(schema), SchemaError);
  }
});

Deno.test("csv() is the output schema of rows in a CSV file", async () => {
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://csv" } }),
  );
  const row = z.object({ name: z.string(), score: z.number().nullable() });
  const scores = sd.task({
    name: "csv_scores",
    output: sd.csv(row),
    run: () => [{ name: "Ada", score: 0.5 }, { name: "Bob", score: null }],
  });
  const best = sd.task({
    name: "csv_best",
    params: { scores: sd.depends(z.array(row)) },
    output: z.string(),
    run: ({ scores }) => scores[0]!.name,
  });
  const root = best({ scores: scores() });
  (await sd.build(root)).throwIfFailed();
  assertEquals(await root.load(), "Ada");
  assertEquals(await scores().output().text(), "name,score\r\nAda,0.5\r\nBob,\r\n");
});
