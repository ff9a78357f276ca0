/** Writing in parts: what is sent, and what is left when it goes wrong. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { TargetError } from "../../../src/errors.ts";
import type { WriteContent } from "../../../src/targets/target.ts";
import { assertSame, chunksOf, pattern, streamOf } from "../../../src/testing/content.ts";
import { S3_FAULTS, S3_REFUSALS, type S3Fault } from "../../support/s3_faults.ts";
import { type S3Server, startS3Server } from "../../support/s3_server.ts";
import { S3Refusal } from "../../support/s3_wire.ts";
import { always, first, s3At } from "./scene.ts";

const URI = "s3://bucket/file";
const PART = 10_000;
const CONTENT = pattern(5 * PART + 1);

const denied: S3Fault = {
  kind: "refuse",
  refusal: new S3Refusal(403, "AccessDenied", "Access Denied"),
};

/** A server that takes small parts. */
function start(): Promise<S3Server> {
  return startS3Server({ minPartSize: PART });
}

function stream(content: Uint8Array, failure?: Error): ReadableStream<Uint8Array> {
  return streamOf(chunksOf(content, 3000), failure);
}

/** That nothing can be seen, and nothing is billed. */
function assertNothing(server: S3Server): void {
  const { objects, uploads } = server.bucket("bucket");
  assertEquals([objects.size, uploads.size], [0, 0]);
}

function requestsOf(server: S3Server): Readonly<Record<string, number>> {
  return Object.fromEntries(server.requests);
}

Deno.test("content is written in one request when it fits into a part", async () => {
  await using server = await start();
  const fileSystem = s3At(server, { partSize: PART });
  const contents: readonly WriteContent[] = [
    "a".repeat(PART),
    pattern(PART),
    new Blob([pattern(PART)]),
    stream(pattern(PART)),
    stream(pattern(0)),
    "",
  ];
  for (const content of contents) await fileSystem.write(URI, content);
  assertEquals(requestsOf(server), { PutObject: contents.length });
});

Deno.test("content that does not fit into a part is written in parts, which are sent at the same time", async () => {
  await using server = await start();
  const fileSystem = s3At(server, { partSize: PART });
  const all = Promise.withResolvers<void>();
  let underWay = 0;
  server.fault = ({ operation }) => {
    if (operation !== "UploadPart") return undefined;
    if (++underWay === 3) all.resolve();
    return { kind: "wait", until: all.promise };
  };
  const text = new TextDecoder("latin1").decode(CONTENT).replace(/[^ -~]/g, "x");
  const contents: readonly WriteContent[] = [CONTENT, new Blob([CONTENT]), stream(CONTENT), text];
  for (const content of contents) {
    server.forget();
    await fileSystem.write(URI, content);
    const expected = typeof content === "string" ? new TextEncoder().encode(content) : CONTENT;
    assertSame(server.get("bucket", "file") ?? new Uint8Array(), expected);
    assertEquals(requestsOf(server), {
      CreateMultipartUpload: 1,
      UploadPart: 6,
      CompleteMultipartUpload: 1,
    });
    assertEquals(server.bucket("bucket").uploads.size, 0);
  }
});

Deno.test("no more than a few parts are read before they are sent", async () => {
  await using server = await start();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.fault = always("UploadPart", { kind: "wait", until: promise });
  let given = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      given += PART;
      if (given <= 100 * PART) controller.enqueue(new Uint8Array(PART));
      else controller.close();
    },
  }, { highWaterMark: 0 });
  const fileSystem = s3At(server, { partSize: PART });
  const writing = fileSystem.write(URI, endless);
  while ((server.requests.get("UploadPart") ?? 0) < 3) await fileSystem.exists(URI);
  for (let i = 0; i < 20; i++) await fileSystem.exists(URI);
  assert(given <= 6 * PART, `${given} bytes were read`);
  resolve();
  await writing;
});

for (const operation of ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"]) {
  Deno.test(`a write in parts asks again when ${operation} goes wrong, in whatever way`, async () => {
    await using server = await start();
    const fileSystem = s3At(server, { partSize: PART });
    for (const make of S3_FAULTS) {
      server.bucket("bucket").objects.delete("file");
      server.fault = first(operation, make());
      await fileSystem.write(URI, stream(CONTENT));
      assertSame(server.get("bucket", "file") ?? new Uint8Array(), CONTENT);
    }
  });

  Deno.test(`a write in parts leaves nothing when ${operation} is refused for good`, async () => {
    await using server = await start();
    server.fault = always(operation, denied);
    for (const content of [CONTENT, stream(CONTENT)]) {
      await assertRejects(
        () => s3At(server, { partSize: PART }).write(URI, content),
        TargetError,
        `AccessDenied "Access Denied" to ${operation}`,
      );
      assertNothing(server);
    }
  });
}

Deno.test("a write in parts is complete when that was said by an answer that was lost, and only then", async () => {
  await using server = await start();
  const refusal = S3_REFUSALS.internalError();
  for (const isDone of [true, false]) {
    server.bucket("bucket").objects.delete("file");
    server.fault = always("CompleteMultipartUpload", { kind: "refuse", refusal, isDone });
    const writing = s3At(server, { partSize: PART, outageTimeout: 1 }).write(URI, stream(CONTENT));
    if (isDone) await writing;
    else await assertRejects(() => writing, TargetError, "InternalError");
    assertEquals(server.get("bucket", "file") !== undefined, isDone);
    assertEquals(server.bucket("bucket").uploads.size, 0);
  }
  // What somebody else has written there is none of ours.
  server.fault = always("CompleteMultipartUpload", { kind: "refuse", refusal });
  server.put("bucket", "file", CONTENT);
  await assertRejects(() =>
    s3At(server, { partSize: PART, outageTimeout: 1 }).write(URI, stream(CONTENT))
  );
});

Deno.test("a write in parts heeds an error that comes after the answer has begun", async () => {
  await using server = await start();
  const late = (refusal: S3Refusal): S3Fault => ({ kind: "refuse late", refusal });
  server.fault = first("CompleteMultipartUpload", late(S3_REFUSALS.internalError()));
  const fileSystem = s3At(server, { partSize: PART });
  await fileSystem.write(URI, stream(CONTENT));
  assertEquals(server.requests.get("CompleteMultipartUpload"), 2);
  server.bucket("bucket").objects.delete("file");
  const refusal = new S3Refusal(400, "InvalidPart", "One is missing");
  server.fault = first("CompleteMultipartUpload", late(refusal));
  await assertRejects(() => fileSystem.write(URI, stream(CONTENT)), TargetError, "InvalidPart");
  assertNothing(server);
});

Deno.test("a stream that fails after some parts leaves nothing, and its error is thrown", async () => {
  await using server = await start();
  const failure = new Error("on purpose");
  const error = await assertRejects(() =>
    s3At(server, { partSize: PART }).write(URI, stream(CONTENT, failure))
  );
  assertStrictEquals(error, failure);
  assert((server.requests.get("UploadPart") ?? 0) > 0);
  assertNothing(server);
});

Deno.test("a stream whose parts are refused is cancelled, though it would never end", async () => {
  await using server = await start();
  server.fault = always("UploadPart", denied);
  const cancelled = Promise.withResolvers<unknown>();
  let given = 0;
  const stalled = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (given++ === 2) await new Promise(() => {});
      controller.enqueue(new Uint8Array(PART));
    },
    cancel: (reason) => cancelled.resolve(reason),
  }, { highWaterMark: 0 });
  const error = await assertRejects(() => s3At(server, { partSize: PART }).write(URI, stalled));
  assertStrictEquals(await cancelled.promise, error);
  assertNothing(server);
});

Deno.test("a write in parts that is given up leaves nothing, and its source is told", async () => {
  await using server = await start();
  const controller = new AbortController();
  const reason = new Error("on purpose");
  const cancelled = Promise.withResolvers<unknown>();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.fault = ({ operation }) => {
    if (operation !== "UploadPart") return undefined;
    controller.abort(reason);
    return { kind: "wait", until: promise };
  };
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(PART)),
    cancel: (reason) => cancelled.resolve(reason),
  });
  const { signal } = controller;
  const error = await assertRejects(() =>
    s3At(server, { partSize: PART }).write(URI, endless, { signal })
  );
  assertStrictEquals(error, reason);
  assertStrictEquals(await cancelled.promise, reason);
  resolve();
  assertNothing(server);
});

Deno.test("a write whose upload is discarded by others says so", async () => {
  await using server = await start();
  server.fault = ({ operation, query }) => {
    if (query.get("partNumber") === "3") server.bucket("bucket").uploads.clear();
    assert(operation !== "PutObject");
    return undefined;
  };
  await assertRejects(
    () => s3At(server, { partSize: PART }).write(URI, stream(CONTENT)),
    TargetError,
    "The upload was discarded while it was under way",
  );
  assertNothing(server);
});

Deno.test("more than fits into 10,000 parts is refused", async () => {
  await using server = await startS3Server({ minPartSize: 1 });
  const fileSystem = s3At(server, { partSize: 1 });
  const { message } = await assertRejects(
    () => fileSystem.write(URI, pattern(10_001)),
    TargetError,
  );
  assertEquals(
    message,
    `Cannot write "${URI}": it has more than 0.00000931 GiB, which is all that fits into 10000 parts. ` +
      `Set the option partSize to more, of which a few are kept in memory, or split it`,
  );
  assertEquals(server.total, 0);
});

Deno.test("a write in parts waits for its completion as long as the store says that it is at it", async () => {
  await using server = await start();
  server.fault = first("CompleteMultipartUpload", { kind: "slow", pieces: 10, pause: 40 });
  await s3At(server, { partSize: PART, timeout: 200 }).write(URI, stream(CONTENT));
  assertEquals(server.requests.get("CompleteMultipartUpload"), 1);
});

Deno.test("a write in parts is not given up while the store may be completing it", async () => {
  await using server = await start();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.fault = always("CompleteMultipartUpload", { kind: "wait", until: promise });
  const fileSystem = s3At(server, { partSize: PART, timeout: 30 });
  await assertRejects(() => fileSystem.write(URI, CONTENT), TargetError, "has not answered");
  assertEquals(server.requests.get("AbortMultipartUpload"), undefined);
  assertEquals(server.bucket("bucket").uploads.size, 1);
  resolve();
});
