import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError } from "../../../src/errors.ts";
import { S3FileSystem, type S3FileSystemOptions } from "../../../src/targets/s3/file_system.ts";
import { startS3Server } from "../../support/s3_server.ts";
import { s3At, textOf } from "./scene.ts";

const URI = "s3://bucket/file.txt";

Deno.test("S3FileSystem refuses options that are none, or cannot be", () => {
  const misspelt = { regoin: "eu-north-1" } as S3FileSystemOptions;
  assertThrows(() => new S3FileSystem(misspelt), TypeError, `there is no option "regoin"`);
  for (const option of ["timeout", "maxConcurrent", "retryBudget", "partSize"]) {
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
