import { assert, assertEquals, assertRejects } from "@std/assert";
import { z } from "zod";
import { SerializationError } from "../../src/errors.ts";
import { StructuredCloneSerializer } from "../../src/serializers/structured_clone.ts";
import { serializerContract } from "../../src/testing/serializer_contract.ts";
import type { FileSystemTarget } from "../../src/targets/target.ts";
import { newFile } from "./new_file.ts";

const target = (): FileSystemTarget => newFile("a.v8");

// First: what is imported on first use is not there yet.
Deno.test({
  name: "a structured clone needs no permission of its own",
  permissions: "none",
  fn: async () => {
    const file = target();
    const serializer = new StructuredCloneSerializer<unknown>();
    await serializer.dump(new Set([1]), file);
    assertEquals(await serializer.load(file), new Set([1]));
  },
});

serializerContract<unknown>("StructuredCloneSerializer", {
  make: () => new StructuredCloneSerializer(),
  values: [
    undefined,
    NaN,
    10n ** 30n,
    new Map<unknown, unknown>([[new Date(0), new Set([1, [2]])], [{ key: 1 }, /x/g], [NaN, null]]),
    [new Float64Array([1, NaN, -0]), new Uint8Array([1, 2]), new BigInt64Array([-1n])],
    { buffer: new Uint8Array([1, 2, 3]).buffer, nothing: undefined, none: null },
  ],
  corrupt: new TextEncoder().encode("no clone"),
});

Deno.test("a structured clone keeps cycles and shared parts", async () => {
  const shared = { n: 1 };
  const value: Record<string, unknown> = { a: shared, b: [shared] };
  value["self"] = value;
  const file = target();
  const serializer = new StructuredCloneSerializer<typeof value>();
  await serializer.dump(value, file);
  const loaded = await serializer.load(file);
  assert(loaded["self"] === loaded);
  assert((loaded["b"] as unknown[])[0] === loaded["a"]);
});

Deno.test("a structured clone keeps errors with their cause", async () => {
  const file = target();
  const serializer = new StructuredCloneSerializer<Error>();
  await serializer.dump(new RangeError("too far", { cause: new Map([[1, 2]]) }), file);
  const loaded = await serializer.load(file);
  assert(loaded instanceof RangeError);
  assertEquals([loaded.message, loaded.cause], ["too far", new Map([[1, 2]])]);
});

Deno.test("a structured clone refuses what would come back as something else", async () => {
  class Point {
    readonly x = 1;
  }
  class Points extends Map<string, Point> {}
  const serializer = new StructuredCloneSerializer<unknown>();
  for (
    const [value, path] of [
      [new Point(), []],
      [{ points: [new Point()] }, ["points", 0]],
      [new Map([["p", new Point()]]), ["p"]],
      [new Set([new Point()]), [0]],
      [new Points(), []],
      [{ f: () => 1 }, ["f"]],
      [[Symbol("s")], [0]],
      [new Error("e", { cause: new Point() }), ["cause"]],
    ] as const
  ) {
    const file = target();
    const error = await assertRejects(() => serializer.dump(value, file), SerializationError);
    assertEquals(error.path, path);
    assert(!await file.exists());
  }
  const deep: unknown[] = [];
  let at = deep;
  for (let i = 0; i < 100_000; i++) at.push(at = []);
  await assertRejects(() => serializer.dump(deep, target()), SerializationError, "call stack");
});

Deno.test("a structured clone is checked on the way in and out", async () => {
  const file = target();
  const serializer = new StructuredCloneSerializer(z.map(z.date(), z.int()));
  await assertRejects(
    () => serializer.dump(new Map([[new Date(0), 1.5]]), file),
    SerializationError,
  );
  await new StructuredCloneSerializer().dump(new Map([["x", 1]]), file);
  await assertRejects(() => serializer.load(file), SerializationError, "Delete it");
});

Deno.test("a structured clone that is cut short is refused", async () => {
  const file = target();
  const serializer = new StructuredCloneSerializer<unknown>();
  await serializer.dump({ list: [1, 2, "three"], bytes: new Uint8Array(20) }, file);
  const whole = await file.bytes();
  for (let size = 0; size < whole.length; size++) {
    await file.write(whole.slice(0, size));
    await assertRejects(() => serializer.load(file), SerializationError);
  }
});

Deno.test("a structured clone encodes codecs", async () => {
  const Celsius = z.codec(z.number(), z.object({ degrees: z.number() }), {
    decode: (degrees) => ({ degrees }),
    encode: ({ degrees }) => degrees,
  });
  const file = target();
  const serializer = new StructuredCloneSerializer(z.map(z.date(), Celsius));
  const value = new Map([[new Date(0), { degrees: 20 }]]);
  await serializer.dump(value, file);
  assertEquals(
    await new StructuredCloneSerializer<unknown>().load(file),
    new Map([[new Date(0), 20]]),
  );
  assertEquals(await serializer.load(file), value);
});
