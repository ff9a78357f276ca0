import { assert, assertEquals, assertRejects } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { SerializationError, TargetNotFoundError } from "../../src/errors.ts";
import {
  jsonLines,
  JsonLinesSerializer,
  StreamingJsonLinesSerializer,
} from "../../src/serializers/json_lines.ts";
import { getSerializer } from "../../src/serializers/select.ts";
import { Serializable } from "../../src/serializers/serializable.ts";
import { LocalTarget } from "../../src/targets/local.ts";
import type { FileSystemTarget } from "../../src/targets/target.ts";
import { serializerContract } from "../../src/testing/serializer_contract.ts";
import { newFile } from "./new_file.ts";

const Row = z.object({ n: z.int(), text: z.string() });
type Row = z.output<typeof Row>;
const rows: Row[] = [{ n: 1, text: "a\nb" }, { n: 2, text: "å\u2028" }, { n: 3, text: "" }];
const corrupt = new TextEncoder().encode('{"n":1,"text":"a"}\n{"n":2,"te');

serializerContract("JsonLinesSerializer", {
  make: () => new JsonLinesSerializer(Row),
  values: [[], rows, [{ n: 1, text: "long ".repeat(50_000) }, ...rows]],
  corrupt,
});

serializerContract("StreamingJsonLinesSerializer", {
  make: () => new StreamingJsonLinesSerializer(Row),
  values: [streamOf([]), streamOf(rows)],
  equals: async (loaded, saved) => {
    assertEquals(await Array.fromAsync(loaded), await Array.fromAsync(saved));
    return true;
  },
});

function streamOf(all: readonly Row[]): AsyncIterable<Row> {
  return {
    async *[Symbol.asyncIterator]() {
      await Promise.resolve();
      yield* all;
    },
  };
}

/** A file of `count` rows, and where it stands. */
function storedRows(count: number): [Serializable<AsyncIterable<Row>>, LocalTarget, Disposable] {
  const folder = Deno.makeTempDirSync();
  const lines = Array.from({ length: count }, (_, n) => JSON.stringify({ n, text: "x" }));
  Deno.writeTextFileSync(`${folder}/rows.jsonl`, `${lines.join("\n")}\n`);
  const target = new LocalTarget(`${folder}/rows.jsonl`);
  return [
    new Serializable(target, getSerializer(jsonLines(Row))),
    target,
    { [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) },
  ];
}

/** A target that reports what is written to it, and where each piece of it is read from. */
function observed(
  target: FileSystemTarget,
  onChunk: (size: number) => void,
): FileSystemTarget {
  const tap = (stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> =>
    ReadableStream.from((async function* () {
      for await (const chunk of stream) {
        onChunk(chunk.length);
        yield chunk as Uint8Array<ArrayBuffer>;
      }
    })());
  return {
    uri: target.uri,
    exists: () => target.exists(),
    text: () => target.text(),
    bytes: () => target.bytes(),
    readable: () => tap(target.readable()),
    write: (content) => target.write(content instanceof ReadableStream ? tap(content) : content),
    proxyPath: (mode, use) => target.proxyPath(mode, use),
  };
}

Deno.test("JSON Lines have one row on each line", async () => {
  const target = newFile("rows.jsonl");
  await new JsonLinesSerializer(Row).dump(rows, target);
  assertEquals(
    await target.text(),
    '{"n":1,"text":"a\\nb"}\n{"n":2,"text":"å\u2028"}\n{"n":3,"text":""}\n',
  );
});

Deno.test("JSON Lines are read without a last line end, and with those of Windows", async () => {
  const target = newFile("rows.jsonl");
  await target.write('{"n":1,"text":"a"}\r\n{"n":2,"text":"b"}');
  assertEquals(await new JsonLinesSerializer(Row).load(target), [
    { n: 1, text: "a" },
    { n: 2, text: "b" },
  ]);
});

Deno.test("JSON Lines are read alike however the file is cut into pieces", async () => {
  const target = newFile("rows.jsonl");
  const serializer = new JsonLinesSerializer(Row);
  await serializer.dump(rows, target);
  const bytes = await target.bytes();
  for (const size of [1, 2, 3, 7, 1000]) {
    const inPieces: FileSystemTarget = {
      ...observed(target, () => {}),
      readable: () =>
        ReadableStream.from((function* () {
          for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
        })()),
    };
    assertEquals(await serializer.load(inPieces), rows);
  }
});

Deno.test("JSON Lines refuse a file that does not fit, and name the line", async () => {
  const target = newFile("rows.jsonl");
  for (
    const [content, path, message] of [
      ['{"n":1,"text":""}\n{"n":"x","text":""}\n', [1, "n"], "line 2: Invalid input"],
      ['{"n":1,"text":""}\n\n{"n":2,"text":""}\n', [1], "line 2: it is not JSON"],
      ['{"n":1,"text":""}\n{"n":2,"te', [1], "line 2: it is not JSON"],
    ] as const
  ) {
    await target.write(content);
    const stream = new StreamingJsonLinesSerializer(Row);
    for (
      const load of [
        () => new JsonLinesSerializer(Row).load(target),
        async () => await Array.fromAsync(await stream.load(target)),
      ]
    ) {
      const error = await assertRejects(load, SerializationError);
      assertEquals(error.path, path);
      assert(error.message.startsWith(`Cannot load "rows.jsonl": ${message}`), error.message);
    }
  }
});

Deno.test("JSON Lines refuse a row that does not fit, and nothing is stored", async () => {
  const target = newFile("rows.jsonl");
  const value = [{ n: 1, text: "" }, { n: 2.5, text: "" }];
  for (const serializer of [new JsonLinesSerializer(Row), getSerializer(jsonLines(Row))]) {
    const error = await assertRejects(
      () => serializer.dump(value as never, target),
      SerializationError,
    );
    assertEquals(error.path, [1, "n"]);
  }
  assert(!await target.exists());
});

Deno.test("JSON Lines refuse what is no rows", async () => {
  const target = newFile("rows.jsonl");
  const dump = (value: unknown): Promise<void> =>
    getSerializer(jsonLines(Row)).dump(value as never, target);
  for (const value of ["text", 1, null, { n: 1, text: "" }]) {
    await assertRejects(() => dump(value), SerializationError, "Expected rows");
  }
  const array = new JsonLinesSerializer(Row);
  await assertRejects(() => array.dump(rows.values() as never, target), SerializationError);
});

Deno.test("jsonLines() stores what any iterable gives", async () => {
  const target = newFile("rows.jsonl");
  const serializer = new StreamingJsonLinesSerializer(Row);
  for (
    const value of [rows, rows.values(), new Set(rows), streamOf(rows), ReadableStream.from(rows)]
  ) {
    await serializer.dump(value as AsyncIterable<Row>, target);
    assertEquals(await Array.fromAsync(await serializer.load(target)), rows);
  }
});

Deno.test("jsonLines() gives rows that can be gone through again, also at the same time", async () => {
  const [file, , folder] = storedRows(5);
  using _ = folder;
  const loaded = await file.load();
  const [a, b] = [loaded[Symbol.asyncIterator](), loaded[Symbol.asyncIterator]()];
  const first = await Promise.all([a.next(), b.next(), a.next()]);
  assertEquals(first.map(({ value }) => value.n), [0, 0, 1]);
  await a.return?.();
  await b.return?.();
  assertEquals((await Array.fromAsync(loaded, ({ n }) => n)).join(), "0,1,2,3,4");
  assertEquals((await Array.fromAsync(loaded, ({ n }) => n)).join(), "0,1,2,3,4");
});

Deno.test("jsonLines() reads a file of 100,000 rows a piece at a time, and closes it on break", async () => {
  const [, target, folder] = storedRows(100_000);
  using _ = folder;
  const { size } = await Deno.stat(target.uri);
  let read = 0;
  const loaded = await getSerializer(jsonLines(Row)).load(observed(target, (n) => read += n));
  let count = 0;
  let ahead = 0;
  for await (const row of loaded) {
    assertEquals(row.n, count++);
    ahead = Math.max(ahead, read - (count * size) / 100_000);
    if (count === 50_000) break; // the test would be told of a file left open
  }
  assert(ahead < size / 10, `${ahead} of ${size} bytes were read ahead`);
  assert(read < size * 0.6, `${read} of ${size} bytes were read for half of the rows`);
});

Deno.test("jsonLines() asks for 100,000 rows as they are written", async () => {
  const target = newFile("rows.jsonl");
  const ROW_SIZE = JSON.stringify({ n: 100_000, text: "x" }).length + 1;
  let [pulled, written, ahead] = [0, 0, 0];
  function* generate(): Generator<Row> {
    for (let n = 100_000; n < 200_000; n++) {
      ahead = Math.max(ahead, ++pulled - written / ROW_SIZE);
      yield { n, text: "x" };
    }
  }
  await getSerializer(jsonLines(Row)).dump(
    generate() as unknown as AsyncIterable<Row>,
    observed(target, (size) => written += size),
  );
  assertEquals(pulled, 100_000);
  assertEquals(written, 100_000 * ROW_SIZE);
  assert(ahead < 5_000, `${ahead} rows were pulled ahead`);
});

Deno.test("jsonLines() stores nothing when the rows throw, and tells their error", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const boom = new Error("boom");
    let closed = false;
    const generate = async function* (): AsyncGenerator<Row> {
      await Promise.resolve();
      try {
        for (let n = 0;; n++) {
          if (n === 20_000) throw boom;
          yield { n, text: "some text" };
        }
      } finally {
        closed = true;
      }
    };
    for (
      const target of [
        newFile("rows.jsonl"),
        new LocalTarget(`${folder}/rows.jsonl`),
      ]
    ) {
      closed = false;
      const error = await assertRejects(() =>
        getSerializer(jsonLines(Row)).dump(generate(), target)
      );
      assertEquals(error, boom);
      assert(closed);
      assert(!await target.exists());
    }
    assertEquals([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("jsonLines() ends the rows when one does not fit", async () => {
  let closed = false;
  function* generate(): Generator<unknown> {
    try {
      yield { n: 1, text: "" };
      yield { n: "2", text: "" };
    } finally {
      closed = true;
    }
  }
  const target = newFile("rows.jsonl");
  await assertRejects(
    () => getSerializer(jsonLines(Row)).dump(generate() as never, target),
    SerializationError,
  );
  assert(closed);
});

Deno.test("jsonLines() says that there is no file when it is loaded, not when it is read", async () => {
  const target = newFile("rows.jsonl");
  const error = await assertRejects(
    () => getSerializer(jsonLines(Row)).load(target),
    TargetNotFoundError,
  );
  assertEquals(error.uri, "rows.jsonl");
});

Deno.test("jsonLines() keeps its serializer when it is described", () => {
  const schema = jsonLines(Row).describe("many rows");
  assert(getSerializer(schema) instanceof StreamingJsonLinesSerializer);
});

Deno.test("jsonLines() is typed: any iterable in, an async iterable out", () => {
  const schema = jsonLines(Row);
  const input: z.input<typeof schema> = [{ n: 1, text: "" }];
  // @ts-expect-error a row lacks a property
  const wrong: z.input<typeof schema> = [{ n: 1 }];
  const output: z.output<typeof schema> = streamOf([]);
  assertEquals([schema.safeParse(input).success, schema.safeParse(output).success], [true, true]);
  assert(wrong);
});

Deno.test("run may return a generator of rows, which is stored and not taken for steps", async () => {
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://lines" } }),
  );
  function* rows(): Generator<number> {
    yield 1;
    yield 2;
  }
  const task = sd.task({ name: "lines", output: sd.jsonLines(z.int()), run: () => rows() });
  (await sd.build(task())).throwIfFailed();
  assertEquals(await Array.fromAsync(await task().load()), [1, 2]);
});
