import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError, TargetError } from "../../../src/errors.ts";
import { S3FileSystem, type S3FileSystemOptions } from "../../../src/targets/s3/file_system.ts";
import { startS3Server } from "../../support/s3_server.ts";
import { S3Refusal } from "../../support/s3_wire.ts";
import { always, s3At, textOf } from "./scene.ts";

const URI = "s3://bucket/file.txt";

Deno.test("S3FileSystem refuses options that are none, or cannot be", () => {
  const misspelt = { regoin: "eu-north-1" } as S3FileSystemOptions;
  assertThrows(() => new S3FileSystem(misspelt), TypeError, `there is no option "regoin"`);
  for (const option of ["timeout", "maxConcurrent", "outageTimeout", "partSize"]) {
    for (const value of [0, -1, 1.5, NaN, Infinity]) {
      assertThrows(() => new S3FileSystem({ [option]: value }), RangeError, `${option} is`);
    }
    new S3FileSystem({ [option]: 1 });
  }
});

Deno.test("S3FileSystem reads no setting before it is used, and again when one was wrong", async () => {
  await using server = await startS3Server();
  const name = "AWS_ENDPOINT_URL_S3";
  const before = Deno.env.get(name);
  try {
    Deno.env.set(name, "no url");
    const { region, credentials } = server;
    const fileSystem = new S3FileSystem({ region, credentials });
    await assertRejects(() => fileSystem.exists(URI), ConfigError, name);
    Deno.env.set(name, server.url);
    assertEquals(await fileSystem.exists(URI), false);
  } finally {
    if (before === undefined) Deno.env.delete(name);
    else Deno.env.set(name, before);
  }
});

Deno.test("S3FileSystem lists more uploads than come at a time, of odd names as well", async () => {
  await using server = await startS3Server();
  const { uploads } = server.bucket("bucket");
  const ids = Array.from({ length: 1203 }, (_, i) => `id${String(i).padStart(4, "0")}`);
  const keyOf = (i: number): string => `a b+%/${Math.floor(i / 600)}`;
  for (const [i, id] of ids.entries()) {
    uploads.set(id, { id, key: keyOf(i), begun: 0, headers: {}, parts: new Map() });
  }
  const found = await Array.fromAsync(s3At(server).listUnfinished("s3://bucket/a b+"));
  assertEquals(found.map(({ uri }) => uri), ids.map((_, i) => `s3://bucket/${keyOf(i)}`));
  await found[700]?.discard();
  assertEquals(uploads.has("id0700"), false);
  assertEquals(uploads.size, 1202);
});

Deno.test("S3FileSystem reads a bucket whose keys start with a slash, or have two", async () => {
  await using server = await startS3Server();
  const fileSystem = s3At(server);
  for (const key of ["/a", "b//c", "d/"]) {
    await fileSystem.write(`s3://bucket/${key}`, key);
    assertEquals(await textOf(fileSystem, `s3://bucket/${key}`), key);
  }
  assertEquals([...server.bucket("bucket").objects.keys], ["/a", "b//c", "d/"]);
});

for (
  const [status, code] of [
    [403, "Forbidden"],
    [403, "AllAccessDisabled"],
    [405, "MethodNotAllowed"],
    [501, "NotImplemented"],
    [400, "InvalidArgument"],
  ] as const
) {
  Deno.test(`S3FileSystem asks one by one where listing is answered ${status} ${code}`, async () => {
    await using server = await startS3Server();
    server.load("bucket", ["a/0", "a/7"]);
    const refusal = new S3Refusal(status, code, "No");
    server.fault = always("ListObjectsV2", { kind: "refuse", refusal });
    const uris = Array.from({ length: 40 }, (_, i) => `s3://bucket/a/${i}`);
    const found = await s3At(server).existsMany(uris);
    assertEquals(found.flatMap((isThere, i) => isThere ? [i] : []), [0, 7]);
    assertEquals(server.requests.get("ListObjectsV2"), 1);
  });
}

Deno.test("S3FileSystem does not ask one by one where all would be refused", async () => {
  await using server = await startS3Server();
  const refusal = new S3Refusal(403, "SignatureDoesNotMatch", "No");
  server.fault = always("ListObjectsV2", { kind: "refuse", refusal });
  const uris = Array.from({ length: 40 }, (_, i) => `s3://bucket/a/${i}`);
  await assertRejects(() => s3At(server).existsMany(uris), TargetError, "SignatureDoesNotMatch");
});

Deno.test("S3FileSystem lists keys that are no text as they are, and no prefix with half a character", async () => {
  const xml = "<ListBucketResult><EncodingType>url</EncodingType>" +
    ["q/%FF", "q/a%20b"].map((key) => `<Contents><Key>${key}</Key></Contents>`).join("") +
    "</ListBucketResult>";
  let asked = 0;
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    asked++;
    return new Response(xml);
  });
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  const fileSystem = new S3FileSystem({ endpoint, credentials: "anonymous" });
  const found = await Array.fromAsync(fileSystem.list("s3://bucket/q/"));
  assertEquals(found.map(({ uri }) => uri), ["s3://bucket/q/%FF", "s3://bucket/q/a b"]);
  await assertRejects(
    () => Array.fromAsync(fileSystem.list("s3://bucket/\ud800")),
    TargetError,
    "half a character",
  );
  assertEquals(asked, 1);
});
