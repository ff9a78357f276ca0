/** Reading when the connection is lost, or what is read is replaced. */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { TargetError, TargetNotFoundError } from "../../../src/errors.ts";
import { S3FileSystem } from "../../../src/targets/s3/file_system.ts";
import { assertSame, collect, pattern } from "../../../src/testing/content.ts";
import type { S3Fault } from "../../support/s3_faults.ts";
import { startS3Server } from "../../support/s3_server.ts";
import { always, first, s3At } from "./scene.ts";

const URI = "s3://bucket/file";
const SIZE = 2_000_000;
const CONTENT = pattern(SIZE);

const CUT: S3Fault = { kind: "truncate" };

/** A store that sends half of the file to who asks first, and then nothing; and the rest to who asks next. */
class StallingStore implements AsyncDisposable {
  readonly ranges: (string | null)[] = [];
  readonly #server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    ({ headers }) => this.#answer(headers.get("range")),
  );

  fileSystem(timeout: number): S3FileSystem {
    const endpoint = `http://127.0.0.1:${this.#server.addr.port}`;
    return new S3FileSystem({ endpoint, timeout, credentials: "anonymous" });
  }

  #answer(range: string | null): Response {
    this.ranges.push(range);
    const [half, rest] = [CONTENT.slice(0, SIZE / 2), CONTENT.slice(SIZE / 2)];
    if (range !== null) {
      const headers = { "content-range": `bytes ${SIZE / 2}-${SIZE - 1}/${SIZE}`, etag: `"e"` };
      return new Response(rest, { status: 206, headers });
    }
    const stream = new ReadableStream({ start: (controller) => controller.enqueue(half) });
    return new Response(stream, { headers: { "content-length": `${SIZE}`, etag: `"e"` } });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

Deno.test("a stream goes on where it was when the connection is lost, with the file it began with", async () => {
  await using server = await startS3Server();
  server.put("bucket", "file", CONTENT);
  server.fault = first("GetObject", CUT, { kind: "reset", during: "body" }, CUT);
  assertSame(await collect(s3At(server).readable(URI)), CONTENT);
  const [begin, ...others] = server.log.map(({ headers }) => headers);
  assertEquals(begin?.range, undefined);
  assertEquals(begin?.["if-match"], undefined);
  assertEquals(others.length, 3);
  const positions = others.map(({ range }) =>
    Number(/^bytes=(\d+)-1999999$/.exec(range ?? "")?.[1])
  );
  assertEquals(positions, positions.toSorted((a, b) => a - b));
  assert(positions.every((position) => position >= 0 && position < SIZE), positions.join());
  const etag = server.bucket("bucket").objects.get("file")?.etag;
  assert(others.every((headers) => headers["if-match"] === etag));
});

Deno.test("a part of a file goes on where it was when the connection is lost", async () => {
  await using server = await startS3Server();
  server.put("bucket", "file", CONTENT);
  server.fault = first("GetObject", CUT, CUT);
  const [start, end] = [1000, 1_900_000];
  const part = await collect(s3At(server).readable(URI, { start, end }));
  assertSame(part, CONTENT.subarray(start, end));
  assertEquals(server.total, 3);
});

Deno.test("a stream fails when the file was replaced or removed while the connection was lost", async () => {
  await using server = await startS3Server();
  const fileSystem = s3At(server);
  const changes = [
    () => server.put("bucket", "file", "short"),
    () => server.put("bucket", "file", new Uint8Array(SIZE)),
    () => server.bucket("bucket").objects.delete("file"),
  ];
  for (const change of changes) {
    server.put("bucket", "file", CONTENT);
    let gets = 0;
    server.fault = () => {
      if (gets++ === 1) change();
      return gets === 1 ? CUT : undefined;
    };
    const { message } = await assertRejects(() => collect(fileSystem.readable(URI)), TargetError);
    assertEquals(
      message,
      `Cannot read "${URI}": it was replaced or removed while it was read. Read it again`,
    );
  }
});

Deno.test("a stream asks again when nothing comes any more, where it was", async () => {
  await using store = new StallingStore();
  assertSame(await collect(store.fileSystem(100).readable(URI)), CONTENT);
  assertEquals(store.ranges, [null, `bytes=${SIZE / 2}-${SIZE - 1}`]);
});

Deno.test("a stream fails when the connection is lost each time, and says so", async () => {
  await using server = await startS3Server();
  server.put("bucket", "file", "short");
  server.fault = always("GetObject", { kind: "reset", during: "answer" });
  const fileSystem = s3At(server, { outageTimeout: 1 });
  const { message } = await assertRejects(() => collect(fileSystem.readable(URI)), TargetError);
  assert(
    message.startsWith(`Cannot read "${URI}": S3 at "${server.url}" cannot be reached (`),
    message,
  );
  assertEquals(server.total, 4);
});

Deno.test("a stream that makes progress is not given up, however often the connection is lost", async () => {
  await using server = await startS3Server();
  const content = pattern(400_000);
  server.put("bucket", "file", content);
  // Each time a half of the rest comes.
  server.fault = always("GetObject", CUT);
  const fileSystem = s3At(server, { outageTimeout: 1 });
  const reader = fileSystem.readable(URI).getReader();
  let length = 0;
  while (length < content.length - 2) {
    const { value } = await reader.read();
    assertSame(value ?? new Uint8Array(), content.slice(length, length + (value?.length ?? 0)));
    length += value?.length ?? 0;
  }
  assert(server.total > 8);
  await reader.cancel();
});

Deno.test("a stream that is cancelled ends its connection, before anything has come as well", async () => {
  await using server = await startS3Server();
  server.put("bucket", "file", CONTENT);
  const asked = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.fault = first("GetObject", { kind: "wait", until: promise });
  const fault = server.fault;
  server.fault = (request) => {
    asked.resolve();
    return fault(request);
  };
  const fileSystem = s3At(server);
  const waiting = fileSystem.readable(URI).getReader();
  const read = waiting.read();
  await asked.promise;
  await waiting.cancel();
  assertEquals((await read).done, true);
  resolve();
  const begun = fileSystem.readable(URI).getReader();
  assertEquals((await begun.read()).done, false);
  await begun.cancel();
});

Deno.test("a stream whose signal is aborted ends its connection, whether somebody reads or not", async () => {
  const reason = new Error("on purpose");
  for (const isRead of [true, false]) {
    await using store = new StallingStore();
    const controller = new AbortController();
    const { signal } = controller;
    const reader = store.fileSystem(60_000).readable(URI, { signal }).getReader();
    for (let length = 0; length < SIZE / 2;) length += (await reader.read()).value!.length;
    const rejected = isRead ? assertRejects(() => reader.read()) : undefined;
    controller.abort(reason);
    // It ends when it has no connections any more.
    await store[Symbol.asyncDispose]();
    assertStrictEquals(await (rejected ?? assertRejects(() => reader.read())), reason);
  }
});

Deno.test("a stream holds no place among the requests while nobody reads on", async () => {
  await using server = await startS3Server();
  server.put("bucket", "file", CONTENT);
  const fileSystem = s3At(server, { maxConcurrent: 2 });
  const readers = Array.from({ length: 5 }, () => fileSystem.readable(URI).getReader());
  for (const reader of readers) assertEquals((await reader.read()).done, false);
  assertEquals(await fileSystem.exists(URI), true);
  for (const reader of readers) await reader.cancel();
});

Deno.test("a stream gives what is stored, also when that is compressed", async () => {
  await using server = await startS3Server();
  const stream = new Blob(["some text"]).stream().pipeThrough(new CompressionStream("gzip"));
  const compressed = await collect(stream);
  server.put("bucket", "file", compressed);
  const object = server.bucket("bucket").objects.get("file");
  assert(object !== undefined);
  const headers = { ...object.headers, "content-encoding": "gzip" };
  server.bucket("bucket").objects.set("file", { ...object, headers });
  assertSame(await collect(s3At(server).readable(URI)), compressed);
});

Deno.test("a stream says that its bucket is not there, which is more than that the file is missing", async () => {
  await using server = await startS3Server();
  const missing = await assertRejects(() => collect(s3At(server).readable(URI)), TargetError);
  assert(missing instanceof TargetNotFoundError);
  const fileSystem = s3At(server);
  const error = await assertRejects(
    () => collect(fileSystem.readable("s3://nowhere/x")),
    TargetError,
  );
  assert(!(error instanceof TargetNotFoundError));
  assert(error.message.includes(`There is no bucket "nowhere" there`), error.message);
});

const HALF = SIZE / 2;

/** Answers the first request with so much of the file that it is cut off, and others as told. */
async function readFrom(
  first: () => Response,
  next: (range: string | null) => Response,
): Promise<Uint8Array> {
  let isFirst = true;
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    ({ headers }) => {
      const answer = isFirst ? first() : next(headers.get("range"));
      isFirst = false;
      return answer;
    },
  );
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  const fileSystem = new S3FileSystem({ endpoint, timeout: 200, credentials: "anonymous" });
  return await collect(fileSystem.readable(URI));
}

/** Half of the file, and then nothing. */
function stalling(headers: Readonly<Record<string, string>>): Response {
  const stream = new ReadableStream({
    start: (control) => control.enqueue(CONTENT.slice(0, HALF)),
  });
  return new Response(stream, { headers });
}

function part(etag: string, from: number, total = SIZE): Response {
  const headers = { etag, "content-range": `bytes ${from}-${total - 1}/${total}` };
  return new Response(CONTENT.slice(from, total), { status: 206, headers });
}

Deno.test("a stream goes on with nothing but the rest of the same file", async () => {
  const length = { "content-length": `${SIZE}` };
  const whole = { ...length, etag: `"e"` };
  assertSame(await readFrom(() => stalling(whole), () => part(`"e"`, HALF)), CONTENT);
  const replaced = "it was replaced or removed while it was read";
  const other = "gives another part of the file than it was asked for";
  const wrong: readonly (readonly [Record<string, string>, () => Response, string])[] = [
    [whole, () => part(`"other"`, HALF), replaced],
    [whole, () => part(`"e"`, HALF, SIZE - 1), replaced],
    [whole, () => part(`"e"`, HALF + 1), other],
    [whole, () => new Response(CONTENT.slice(HALF), { status: 206 }), other],
    [whole, () => new Response(null, { status: 416 }), replaced],
    [whole, () => new Response(CONTENT, { headers: whole }), "gives no part of a file"],
    [length, () => part(`"e"`, HALF), "has not answered within 200 ms"],
  ];
  for (const [headers, next, message] of wrong) {
    await assertRejects(() => readFrom(() => stalling(headers), next), TargetError, message);
  }
});

Deno.test("a stream takes no part of a file for all of it", async () => {
  const message = "gives another part of the file than it was asked for";
  const never = (): Response => new Response(null, { status: 500 });
  await assertRejects(() => readFrom(() => part(`"e"`, 0), never), TargetError, message);
});

/** A server that says just that, and closes the connection. */
async function readRaw(answer: string): Promise<Uint8Array> {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const serve = async (): Promise<void> => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(10_000));
      await connection.write(new TextEncoder().encode(answer));
      connection.close();
    }
  };
  void serve().catch(() => {});
  const endpoint = `http://127.0.0.1:${listener.addr.port}`;
  const fileSystem = new S3FileSystem({ endpoint, credentials: "anonymous" });
  return await collect(fileSystem.readable(URI));
}

Deno.test("a stream does not believe that a file is whole when only the connection says so", async () => {
  const answer = 'HTTP/1.1 200 OK\r\netag: "e"\r\nconnection: close\r\n\r\nhalf of it';
  await assertRejects(() => readRaw(answer), TargetError, "does not say how long the file is");
});

Deno.test("a stream whose connections bring hardly anything is given up", async () => {
  let connections = 0;
  await using trickling = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    ({ headers }) => {
      connections++;
      const from = Number(/bytes=(\d+)-/.exec(headers.get("range") ?? "")?.[1] ?? 0);
      const answered = {
        etag: `"e"`,
        "content-length": `${SIZE - from}`,
        ...from > 0 && { "content-range": `bytes ${from}-${SIZE - 1}/${SIZE}` },
      };
      const stream = new ReadableStream({
        start: (control) => control.enqueue(CONTENT.slice(from, from + 1)),
      });
      return new Response(stream, { status: from > 0 ? 206 : 200, headers: answered });
    },
  );
  const endpoint = `http://127.0.0.1:${trickling.addr.port}`;
  const fileSystem = new S3FileSystem({ endpoint, timeout: 20, credentials: "anonymous" });
  await assertRejects(() => collect(fileSystem.readable(URI)), TargetError, "within 20 ms");
  assert(connections < 10, `there were ${connections} connections`);
});

Deno.test("a stream begins and ends at whole numbers from 0 on", () => {
  const fileSystem = new S3FileSystem();
  for (const value of [-1, 1.5, NaN, Infinity]) {
    assertThrows(() => fileSystem.readable(URI, { start: value }), RangeError, "start is");
    assertThrows(() => fileSystem.readable(URI, { end: value }), RangeError, "end is");
  }
});
