/**
 * What holds for every serializer, as tests.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { SerializationError, TargetNotFoundError } from "../errors.ts";
import type { Serializer } from "../serializers/serializer.ts";
import { InMemoryFileSystem, InMemoryFileSystemTarget } from "../targets/memory.ts";
import type { FileSystemTarget } from "../targets/target.ts";

/** Options of {@linkcode serializerContract}. */
export interface SerializerContractOptions<T> {
  /** Makes the serializer. */
  make(): Serializer<T>;
  /** Values that it must bring back. */
  readonly values: readonly T[];
  /** Whether a loaded value is the saved one; unless told, they are compared in depth. */
  equals?(loaded: T, saved: T): boolean | Promise<boolean>;
  /** A file that it must refuse, if there is any. */
  readonly corrupt?: Uint8Array<ArrayBuffer> | undefined;
}

/** Registers tests that any serializer passes. */
export function serializerContract<T>(name: string, options: SerializerContractOptions<T>): void {
  const { make, values, corrupt } = options;
  const test = (fact: string, run: () => Promise<void>): void => Deno.test(`${name} ${fact}`, run);
  const assertSame = async (loaded: T, saved: T): Promise<void> => {
    if (options.equals === undefined) return assertEquals(loaded, saved);
    assert(await options.equals(loaded, saved), "the loaded value is not the saved one");
  };

  test("has an extension without a dot at its ends", async () => {
    await Promise.resolve();
    assert(!/^\.|\.$|[/\\]/.test(make().extension), make().extension);
  });

  for (const [i, value] of values.entries()) {
    test(`brings value ${i} back, also one made by another instance`, async () => {
      const target = newFile("value");
      await make().dump(value, target);
      assert(await target.exists());
      await assertSame(await make().load(target), value);
      await assertSame(await make().load(target), value);
    });

    test(`brings value ${i} back when it is saved a second time, as it was loaded`, async () => {
      const [first, second] = [
        newFile("first"),
        newFile("second"),
      ];
      await make().dump(value, first);
      await make().dump(await make().load(first), second);
      await assertSame(await make().load(second), value);
    });

    test(`replaces an older file by value ${i}`, async () => {
      const target = newFile("value");
      await target.write("what was there before, and is rather long ".repeat(100));
      await make().dump(value, target);
      await assertSame(await make().load(target), value);
    });

    test(`ends saving value ${i} with the error of the target`, async () => {
      const target = newFile("value");
      const error = await assertRejects(() => make().dump(value, unwritable(target)));
      assertEquals(error, DISK_FULL);
      assert(!await target.exists());
    });
  }

  test("says that there is no file", async () => {
    const target = newFile("value");
    await assertRejects(() => make().load(target), TargetNotFoundError);
  });

  if (corrupt !== undefined) {
    test("refuses a damaged file, and names it", async () => {
      const target = newFile("value");
      await target.write(corrupt);
      const error = await assertRejects(() => make().load(target), SerializationError);
      assertEquals(error.uri, target.uri);
      assert(error.message.includes(target.uri), error.message);
    });
  }
}

function newFile(uri: string): FileSystemTarget {
  return new InMemoryFileSystemTarget(uri, new InMemoryFileSystem());
}

const DISK_FULL = new Error("the disk is full");

/** The same file, with no room for anything. */
function unwritable(target: FileSystemTarget): FileSystemTarget {
  return {
    uri: target.uri,
    exists: () => target.exists(),
    text: () => target.text(),
    bytes: () => target.bytes(),
    readable: () => target.readable(),
    async write(content) {
      if (content instanceof ReadableStream) await content.cancel();
      throw DISK_FULL;
    },
    async proxyPath(mode, use) {
      if (mode === "w") throw DISK_FULL;
      return await target.proxyPath(mode, use);
    },
  };
}
