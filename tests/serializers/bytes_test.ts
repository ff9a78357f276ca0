import { assertEquals, assertRejects } from "@std/assert";
import { z } from "zod";
import { SerializationError } from "../../src/errors.ts";
import { BytesSerializer } from "../../src/serializers/bytes.ts";
import { serializerContract } from "../../src/testing/serializer_contract.ts";
import { newFile } from "./new_file.ts";

serializerContract("BytesSerializer", {
  make: () => new BytesSerializer(),
  values: [new Uint8Array(), new Uint8Array([0, 255, 128])],
});

Deno.test("bytes are checked on the way in and out", async () => {
  const target = newFile("a.bin");
  const serializer = new BytesSerializer(
    z.instanceof(Uint8Array).refine((bytes) => bytes.length === 2),
  );
  await serializer.dump(new Uint8Array(2), target);
  await assertRejects(() => serializer.dump(new Uint8Array(3), target), SerializationError);
  await assertRejects(() => serializer.dump("ab" as never, target), SerializationError);
  assertEquals(await target.bytes(), new Uint8Array(2));
  await target.write("abc");
  await assertRejects(() => serializer.load(target), SerializationError);
});
