import { assertEquals, assertRejects } from "@std/assert";
import { z } from "zod";
import { SerializationError } from "../../src/errors.ts";
import { PlainTextSerializer } from "../../src/serializers/text.ts";
import { serializerContract } from "../../src/testing/serializer_contract.ts";
import { newFile } from "./new_file.ts";

serializerContract("PlainTextSerializer", {
  make: () => new PlainTextSerializer(),
  values: ["", "Hej Åsa ⭐\nrad två", "\ufeffwith a mark\r\n", "null", "\0"],
  corrupt: new Uint8Array([0x61, 0xc3]),
});

Deno.test("text checks strings on the way in and out", async () => {
  const target = newFile("a.txt");
  const serializer = new PlainTextSerializer(z.email());
  await serializer.dump("a@example.org", target);
  await assertRejects(() => serializer.dump("nobody", target), SerializationError, '("nobody")');
  assertEquals(await target.text(), "a@example.org");
  await target.write("nobody");
  await assertRejects(() => serializer.load(target), SerializationError, "Delete it");
});

Deno.test("text refuses half of a surrogate pair, which would come back as another character", async () => {
  const target = newFile("a.txt");
  const save = (): Promise<void> => new PlainTextSerializer().dump("\ud83d", target);
  await assertRejects(save, SerializationError, "half of a surrogate pair");
});
