/** Conditional writes whose answers are lost, and stores that take no heed of conditions. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { TargetError } from "../../../src/errors.ts";
import { utf8 } from "../../../src/testing/content.ts";
import { S3_REFUSALS, type S3Fault } from "../../support/s3_faults.ts";
import { type S3Server, startS3Server } from "../../support/s3_server.ts";
import { S3Refusal } from "../../support/s3_wire.ts";
import { s3At } from "./scene.ts";

const URI = "s3://bucket/locks/lock";
const KEY = "locks/lock";

/** Ways to lose the answer to a write that was made. */
const LOST: readonly S3Fault[] = [
  { kind: "reset", during: "answer", isDone: true },
  { kind: "refuse", refusal: S3_REFUSALS.internalError(), isDone: true },
];

/** Lets the first writes of the lock itself go wrong. */
function faultOfLock(server: S3Server, ...faults: readonly S3Fault[]): void {
  const rest = [...faults];
  server.fault = ({ operation, key }) =>
    operation === "PutObject" && key === KEY ? rest.shift() : undefined;
}

Deno.test("a conditional write whose answer is lost is known to be made", async () => {
  for (const fault of LOST) {
    await using server = await startS3Server();
    const { conditional } = s3At(server);
    faultOfLock(server, fault);
    const version = await conditional.write(URI, utf8("mine"), undefined);
    assertEquals((await conditional.read(URI))?.version, version);
    faultOfLock(server, fault);
    const next = await conditional.write(URI, utf8("mine again"), version);
    assert(next !== undefined && next !== version);
    assertEquals((await conditional.read(URI))?.version, next);
  }
});

Deno.test("a conditional write whose request is lost is known not to be made, when another has the same content", async () => {
  await using server = await startS3Server();
  const { conditional } = s3At(server);
  let hasOther = false;
  server.fault = ({ operation, key }) => {
    if (operation !== "PutObject" || key !== KEY || hasOther) return undefined;
    hasOther = true;
    server.put("bucket", KEY, "same");
    return { kind: "reset", during: "answer" };
  };
  assertEquals(await conditional.write(URI, utf8("same"), undefined), undefined);
  assert(hasOther);
});

Deno.test("a conditional write that is never answered is found out about", async () => {
  await using server = await startS3Server();
  const { conditional } = s3At(server, { outageTimeout: 1 });
  await conditional.write("s3://bucket/locks/another", utf8("x"), undefined);
  const [lost] = LOST;
  const reset: S3Fault = { kind: "reset", during: "answer" };
  faultOfLock(server, lost!, ...Array<S3Fault>(9).fill(reset));
  const version = await conditional.write(URI, utf8("mine"), undefined);
  assertEquals((await conditional.read(URI))?.version, version);
  const failing = s3At(server, { outageTimeout: 1 }).conditional;
  faultOfLock(server, ...Array<S3Fault>(9).fill(reset));
  await assertRejects(
    () => failing.write(URI, utf8("next"), version),
    TargetError,
    "cannot be reached",
  );
});

Deno.test("a conditional write is made again when the store was busy with another one", async () => {
  await using server = await startS3Server();
  const { conditional } = s3At(server);
  faultOfLock(server, { kind: "refuse", refusal: S3_REFUSALS.conflict() });
  assert(await conditional.write(URI, utf8("mine"), undefined) !== undefined);
});

Deno.test("a conditional write of what was removed is not made", async () => {
  await using server = await startS3Server();
  const { conditional } = s3At(server);
  const version = await conditional.write(URI, utf8("mine"), undefined);
  await s3At(server).remove(URI);
  assertEquals(await conditional.write(URI, utf8("mine again"), version), undefined);
});

Deno.test("a conditional write sends versions without quotes, as some stores want them", async () => {
  await using server = await startS3Server();
  const { conditional } = s3At(server);
  const version = await conditional.write(URI, utf8("mine"), undefined);
  server.forget();
  await conditional.write(URI, utf8("mine again"), version);
  assertEquals(server.log.map(({ headers }) => headers["if-match"]), [version]);
  assert(/^[0-9a-f]{32}$/.test(version ?? ""));
});

Deno.test("a conditional write is refused where the store takes no heed of conditions", async () => {
  await using server = await startS3Server();
  server.ignoresConditions = true;
  const { conditional } = s3At(server);
  for (let i = 0; i < 2; i++) {
    const { message } = await assertRejects(
      () => conditional.write(URI, utf8("mine"), undefined),
      TargetError,
    );
    assert(message.includes("takes no heed of If-None-Match and If-Match"), message);
  }
  assertEquals(server.bucket("bucket").objects.size, 0);
  server.ignoresConditions = false;
  assert(await conditional.write(URI, utf8("mine"), undefined) !== undefined);
});

Deno.test("a conditional write tries out each bucket once, and leaves nothing there", async () => {
  await using server = await startS3Server();
  const { conditional } = s3At(server);
  await Promise.all(
    Array.from({ length: 5 }, (_, i) => conditional.write(`${URI}${i}`, utf8("mine"), undefined)),
  );
  assertEquals([...server.requests], [["PutObject", 3 + 5], ["DeleteObject", 1]]);
  assertEquals(server.bucket("bucket").objects.size, 5);
  const probes = server.log.filter(({ operation }) => operation === "DeleteObject");
  assertEquals(probes[0]?.key, "locks/.stardag-probe");
});

Deno.test("a conditional write says so when the store cannot do it", async () => {
  await using server = await startS3Server();
  const refusal = new S3Refusal(501, "NotImplemented", "A header is not implemented");
  server.fault = () => ({ kind: "refuse", refusal });
  await assertRejects(
    () => s3At(server).conditional.write(URI, utf8("mine"), undefined),
    TargetError,
    "cannot do this",
  );
});

Deno.test("a conditional write is made where nothing may be removed, and leaves one file for all tries", async () => {
  await using server = await startS3Server();
  const refusal = new S3Refusal(403, "AccessDenied", "Access Denied");
  server.fault = ({ operation }) =>
    operation === "DeleteObject" ? { kind: "refuse", refusal } : undefined;
  for (let i = 0; i < 3; i++) {
    const { conditional } = s3At(server);
    assert(await conditional.write(`${URI}${i}`, utf8("mine"), undefined) !== undefined);
  }
  assertEquals([...server.bucket("bucket").objects.keys].sort(), [
    "locks/.stardag-probe",
    "locks/lock0",
    "locks/lock1",
    "locks/lock2",
  ]);
});

Deno.test("conditional writes that try out a store at the same time do not mislead each other", async () => {
  await using server = await startS3Server();
  server.latency = () => Math.random() * 3;
  const versions = await Promise.all(
    Array.from(
      { length: 20 },
      (_, i) => s3At(server).conditional.write(`${URI}${i}`, utf8("mine"), undefined),
    ),
  );
  assert(versions.every((version) => version !== undefined));
});

Deno.test("a conditional read or write ends when it is given up, though nothing is ever answered", async () => {
  await using server = await startS3Server();
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const isTriedOut of [false, true]) {
    const { conditional } = s3At(server, { timeout: 600_000 });
    if (isTriedOut) await conditional.write(`${URI}-before`, utf8("x"), undefined);
    server.fault = () => ({ kind: "wait", until: promise });
    const reason = new Error("on purpose");
    for (
      const call of [
        (signal: AbortSignal) => conditional.read(URI, { signal }),
        (signal: AbortSignal) => conditional.write(URI, utf8("mine"), undefined, { signal }),
      ]
    ) {
      const asked = server.total;
      const controller = new AbortController();
      const rejected = assertRejects(() => call(controller.signal));
      while (server.total === asked) await new Promise((resolve) => setTimeout(resolve, 1));
      controller.abort(reason);
      assertStrictEquals(await rejected, reason);
    }
    server.fault = () => undefined;
  }
  resolve();
});
