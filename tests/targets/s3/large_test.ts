/** Files that are larger than the memory there is for them. */

import { assert, assertEquals } from "@std/assert";
import { Child } from "../child.ts";
import { type S3Server, startS3Server } from "../../support/s3_server.ts";
import type { Resident } from "./large.ts";
import { s3At } from "./scene.ts";

const URI = "s3://bucket/large";

/** A program that writes and reads so many MiB. */
function start({ url: endpoint, region, credentials }: S3Server, size: number): Child {
  const options = JSON.stringify({ endpoint, region, credentials });
  return new Child(import.meta.resolve("./large.ts"), [options, URI, `${size}`]);
}

Deno.test("a large file is written and read in little memory", async () => {
  await using server = await startS3Server();
  // So much that it would not fit, were it sent as one.
  await using child = start(server, 192);
  assertEquals(await child.line(), "half");
  await child.tell();
  const { whileWriting, whileReading }: Resident = JSON.parse(await child.line() ?? "{}");
  assert(whileWriting < 256, `${whileWriting} MiB were resident while it was written`);
  assert(whileReading < 256, `${whileReading} MiB were resident while it was read`);
  assertEquals(server.requests.get("UploadPart"), Math.ceil(192 / 5));
});

Deno.test("a large file whose writer is killed half-way is not there, and its upload can be found and discarded", async () => {
  await using server = await startS3Server();
  await using child = start(server, 64);
  assertEquals(await child.line(), "half");
  assert(await child.kill());
  const fileSystem = s3At(server);
  assertEquals(await fileSystem.exists(URI), false);
  assertEquals(await Array.fromAsync(fileSystem.list("s3://bucket/")), []);
  const unfinished = await Array.fromAsync(fileSystem.listUnfinished("s3://bucket/"));
  assertEquals(unfinished.map(({ uri }) => uri), [URI]);
  const [{ begun } = { begun: new Date(0) }] = unfinished;
  assert(Math.abs(Date.now() - begun.getTime()) < 60_000, `it has begun at ${begun}`);
  for (const upload of unfinished) await upload.discard();
  assertEquals(await Array.fromAsync(fileSystem.listUnfinished("s3://bucket/")), []);
  assertEquals(server.bucket("bucket").uploads.size, 0);
});
