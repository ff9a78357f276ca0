import { assertEquals } from "@std/assert";
import { startS3Server } from "../../support/s3_server.ts";
import { s3At } from "./scene.ts";

Deno.test("S3FileSystem knows of its own writes and removals whatever it has listed before", async () => {
  await using server = await startS3Server();
  const fileSystem = s3At(server);
  const uris = Array.from({ length: 50 }, (_, i) => `s3://bucket/${10 + i}`);
  for (const uri of uris.slice(0, 20)) await fileSystem.write(uri, "x");
  const asker = {};
  const isThere = async (...indices: number[]): Promise<readonly boolean[]> =>
    await fileSystem.existsMany(indices.map((i) => uris[i]!), { asker });
  await fileSystem.existsMany(uris, { asker });
  await fileSystem.write(uris[45]!, "x");
  await fileSystem.remove(uris[3]!);
  await fileSystem.conditional.write(uris[46]!, new Uint8Array(1), undefined);
  const before = server.total;
  assertEquals(await isThere(2, 30), [true, false]);
  assertEquals(server.total, before);
  assertEquals(await isThere(45), [true]);
  assertEquals(await isThere(3, 46), [false, true]);
});
