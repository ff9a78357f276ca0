import { assert, assertEquals, assertRejects } from "@std/assert";
import { z } from "zod";
import { SerializationError } from "../../src/errors.ts";
import { BytesSerializer } from "../../src/serializers/bytes.ts";
import { CsvSerializer } from "../../src/serializers/csv.ts";
import { GzipSerializer } from "../../src/serializers/gzip.ts";
import { JsonSerializer } from "../../src/serializers/json.ts";
import { jsonLines, StreamingJsonLinesSerializer } from "../../src/serializers/json_lines.ts";
import { getSerializer } from "../../src/serializers/select.ts";
import { serialized } from "../../src/serializers/serialized.ts";
import type { Serializer } from "../../src/serializers/serializer.ts";
import { PlainTextSerializer } from "../../src/serializers/text.ts";
import { LocalTarget } from "../../src/targets/local.ts";
import type { FileSystemTarget } from "../../src/targets/target.ts";
import { serializerContract } from "../../src/testing/serializer_contract.ts";
import { newFile } from "./new_file.ts";

const Row = z.object({ n: z.int() });

serializerContract("GzipSerializer of JSON", {
  make: () => new GzipSerializer(new JsonSerializer(z.array(Row))),
  values: [[], Array.from({ length: 10_000 }, (_, n) => ({ n }))],
  corrupt: new TextEncoder().encode('[{"n":1}]'),
});

serializerContract("GzipSerializer of bytes", {
  make: () => new GzipSerializer(new BytesSerializer()),
  values: [new Uint8Array(), crypto.getRandomValues(new Uint8Array(50_000))],
  corrupt: new Uint8Array(),
});

serializerContract("GzipSerializer of a stream", {
  make: () => new GzipSerializer(new JsonLinesOfArray()),
  values: [[], Array.from({ length: 10_000 }, (_, n) => ({ n }))],
});

/** Streams, and yet can be compared. */
class JsonLinesOfArray implements Serializer<{ n: number }[]> {
  readonly extension = "jsonl";
  readonly #stream = new StreamingJsonLinesSerializer(Row);

  async dump(value: { n: number }[], target: FileSystemTarget): Promise<void> {
    await this.#stream.dump(ReadableStream.from(value), target);
  }

  async load(target: FileSystemTarget): Promise<{ n: number }[]> {
    return await Array.fromAsync(await this.#stream.load(target));
  }
}

/** Uses a path, as a tool would. */
class PathSerializer implements Serializer<string> {
  readonly extension = "csv";
  readonly paths: string[] = [];

  async dump(value: string, target: FileSystemTarget): Promise<void> {
    await target.proxyPath("w", async (path) => {
      this.paths.push(path);
      await Deno.writeTextFile(path, value);
    });
  }

  async load(target: FileSystemTarget): Promise<string> {
    return await target.proxyPath("r", async (path) => {
      this.paths.push(path);
      return await Deno.readTextFile(path);
    });
  }
}

serializerContract("GzipSerializer of what uses a path", {
  make: () => new GzipSerializer(new PathSerializer()),
  values: ["", "a,b\n1,2\n"],
  corrupt: new TextEncoder().encode("a,b\n"),
});

Deno.test("gzip hands out a path with the extension of what is in it, and removes it", async () => {
  const inner = new PathSerializer();
  const target = newFile("a.csv.gz");
  await new GzipSerializer(inner).dump("a,b\n", target);
  assertEquals(await new GzipSerializer(inner).load(target), "a,b\n");
  assertEquals(inner.paths.length, 2);
  for (const path of inner.paths) {
    assert(path.endsWith(".csv"), path);
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  }
});

Deno.test("gzip adds its extension", () => {
  assertEquals(new GzipSerializer(new CsvSerializer(Row)).extension, "csv.gz");
  assertEquals(
    new GzipSerializer({ ...new JsonLinesOfArray(), extension: "" } as never).extension,
    "gz",
  );
});

Deno.test("gzip writes what other tools read, and the same bytes every time", async () => {
  const serializer = new GzipSerializer(new PlainTextSerializer());
  const [a, b] = [newFile("a"), newFile("b")];
  await serializer.dump("hej å", a);
  await serializer.dump("hej å", b);
  assertEquals(await a.bytes(), await b.bytes());
  const { gunzipSync, gzipSync } = await import("node:zlib");
  assertEquals(gunzipSync(await a.bytes()).toString(), "hej å");
  await b.write(new Uint8Array(gzipSync("skrivet av någon annan")));
  assertEquals(await serializer.load(b), "skrivet av någon annan");
});

Deno.test("gzip refuses a file that is cut short anywhere", async () => {
  const target = newFile("a.gz");
  const serializer = new GzipSerializer(new PlainTextSerializer());
  await serializer.dump("some text that is not very long", target);
  const whole = await target.bytes();
  for (let size = 0; size < whole.length; size++) {
    await target.write(whole.slice(0, size));
    const error = await assertRejects(
      () => serializer.load(target),
      SerializationError,
      'Cannot load "a.gz": it is no whole gzip file',
    );
    assertEquals(error.uri, "a.gz");
  }
});

Deno.test("gzip keeps a stream a stream: what throws leaves nothing, break closes the file", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const target = new LocalTarget(`${folder}/rows.jsonl.gz`);
    const schema = serialized(
      jsonLines(Row),
      new GzipSerializer(new StreamingJsonLinesSerializer(Row)),
    );
    const serializer = getSerializer(schema);
    const boom = new Error("boom");
    let pulled = 0;
    const generate = async function* (end: number): AsyncGenerator<{ n: number }> {
      await Promise.resolve();
      for (; pulled < end; pulled++) yield { n: pulled };
      if (end === 20_000) throw boom;
    };
    assertEquals(await assertRejects(() => serializer.dump(generate(20_000), target)), boom);
    assertEquals([...Deno.readDirSync(folder)], []);
    await serializer.dump(generate(300_000), target);
    let count = 0;
    for await (const { n } of await serializer.load(target)) {
      assertEquals(n, 20_000 + count);
      if (++count === 10) break; // the test would be told of a file left open
    }
    assertEquals(count, 10);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("gzip tells an error of reading from a damaged file", async () => {
  const broken = new TypeError("connection reset");
  const target: FileSystemTarget = {
    uri: "remote",
    exists: () => Promise.resolve(true),
    text: () => Promise.reject(broken),
    bytes: () => Promise.reject(broken),
    readable: () =>
      new ReadableStream({
        pull: () => {
          throw broken;
        },
      }),
    write: () => Promise.reject(broken),
    proxyPath: () => Promise.reject(broken),
  };
  const serializer = new GzipSerializer(new PlainTextSerializer());
  assertEquals(await assertRejects(() => serializer.load(target)), broken);
});
