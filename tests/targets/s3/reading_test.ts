/** Reading when the connection is lost, or what is read is replaced. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
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
    if (range !== null) return new Response(rest, { status: 206 });
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
  const fileSystem = s3At(server, { retryBudget: 2 });
  const { message } = await assertRejects(() => collect(fileSystem.readable(URI)), TargetError);
  assert(
    message.startsWith(`Cannot read "${URI}": S3 at "${server.url}" cannot be reached (`),
    message,
  );
  assertEquals(server.total, 3);
});

Deno.test("a stream that makes progress is not given up, however often the connection is lost", async () => {
  await using server = await startS3Server();
  const content = pattern(400_000);
  server.put("bucket", "file", content);
  // Each time a half of the rest comes.
  server.fault = always("GetObject", CUT);
  const fileSystem = s3At(server, { retryBudget: 1 });
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
