import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { z } from "zod";
import { SerializationError } from "../../src/errors.ts";
import { SelfSerializer } from "../../src/serializers/self.ts";
import type { FileSystemTarget } from "../../src/targets/target.ts";
import { serializerContract } from "../../src/testing/serializer_contract.ts";
import { newFile } from "./new_file.ts";

class Model {
  static readonly extension = "model";
  readonly weights: readonly number[];

  constructor(weights: readonly number[]) {
    this.weights = weights;
  }

  static async load(target: FileSystemTarget): Promise<Model> {
    return new Model(JSON.parse(await target.text()));
  }

  async dump(target: FileSystemTarget): Promise<void> {
    await target.write(JSON.stringify(this.weights));
  }
}

serializerContract("SelfSerializer", {
  make: () => new SelfSerializer(Model),
  values: [new Model([]), new Model([1, 2.5])],
  corrupt: new TextEncoder().encode("[1, 2"),
});

Deno.test("a class that serializes itself names its extension, or has none", () => {
  class Bare {
    static load(): Bare {
      return new Bare();
    }
    dump(): void {}
  }
  assertEquals(new SelfSerializer(Model).extension, "model");
  assertEquals(new SelfSerializer(Bare).extension, "");
});

Deno.test("a class that serializes itself is checked on the way in and out", async () => {
  const target = newFile("a.model");
  const schema = z.instanceof(Model).refine((model) => model.weights.length > 0);
  const serializer = new SelfSerializer(Model, schema);
  await assertRejects(() => serializer.dump(new Model([]), target), SerializationError);
  await assertRejects(
    () => serializer.dump({ weights: [], async dump() {} }, target),
    SerializationError,
  );
  assert(!await target.exists());
  await target.write("[]");
  await assertRejects(() => serializer.load(target), SerializationError);
});

Deno.test("what load() of a class throws is the cause of the error", async () => {
  const target = newFile("a.model");
  await target.write("{");
  const error = await assertRejects(
    () => new SelfSerializer(Model).load(target),
    SerializationError,
    'Cannot load "a.model": Model.load(): ',
  );
  assert(error.cause instanceof SyntaxError);
});

Deno.test("a class without load() and dump() does not serialize itself", () => {
  class Half {
    static load(): Half {
      return new Half();
    }
  }
  assertThrows(() => new SelfSerializer(Half as never), TypeError, 'the function "Half"');
  assertThrows(() => new SelfSerializer(undefined as never), TypeError);
});
