/**
 * What every store of files that is reached by requests must do, as tests. Unaware of which one it is.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { TargetNotFoundError } from "../errors.ts";
import { RemoteTarget } from "../targets/remote.ts";
import { assertSame, chunksOf, collect, concat, pattern, streamOf, utf8 } from "./content.ts";
import { remoteExtras } from "./remote_extras.ts";
import {
  REMOTE_EXTRAS,
  type RemoteExtra,
  type RemotePlace,
  type RemoteTest,
} from "./remote_place.ts";
import { targetContract } from "./target_contract.ts";

/** Options of {@linkcode remoteFileSystemContract}. */
export interface RemoteContractOptions {
  /** What the store offers besides the three methods that all have; nothing unless told. */
  readonly extras?: readonly RemoteExtra[] | undefined;
}

/** Names that are each that of another file. */
const ODD_NAMES: readonly string[] = [
  "a b",
  "a+b",
  "a%20b",
  "a%2520b",
  "a%2Fb",
  "a/b",
  "%",
  "%zz",
  "space",
  " space",
  "space ",
  ".leading",
  "..two",
  "dot",
  "dot.",
  "a&b",
  "a?b",
  "a?b=c",
  "a#b",
  "a=b",
  "a~b",
  "a!b*c'd(e)f",
  "a$b,c;d:e@f",
  'a"b',
  "a<b>c",
  "a[b]c{d}e",
  "a|b^c`d",
  "a\\b",
  "A B",
  "\u00e4", // ä as one character
  "a\u0308", // ä as two
  "日本/🎉.txt",
  "._DONE",
];

const LARGE = 3 * 1024 * 1024;

/**
 * Registers the tests that any {@linkcode RemoteFileSystem} must pass; those of `targetContract()` are among them. `make`
 * makes a place for each test. What of the extras it offers is told by `extras`, for which there are tests of their own; a
 * test fails when it has another one, or one fewer.
 *
 * @example
 * ```ts ignore
 * import { remoteFileSystemContract } from "@stardag/core/testing";
 *
 * remoteFileSystemContract("MyFileSystem", () => new MyPlace(), { extras: ["remove", "list"] });
 * ```
 */
export function remoteFileSystemContract(
  name: string,
  make: () => RemotePlace | Promise<RemotePlace>,
  { extras = [] }: RemoteContractOptions = {},
): void {
  targetContract(name, async () => {
    const place = await make();
    return {
      target: (name) => new RemoteTarget(place.uri(name), place.fileSystem),
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  });
  const test: RemoteTest = (fact, prove) =>
    Deno.test(`${name} ${fact}`, async () => {
      await using place = await make();
      await prove({ fileSystem: place.fileSystem, uri: (name) => place.uri(name) });
    });

  test("offers what it was said to, and nothing else", async ({ fileSystem }) => {
    const offered = REMOTE_EXTRAS.filter((extra) => fileSystem[extra] !== undefined);
    assertEquals(offered, REMOTE_EXTRAS.filter((extra) => extras.includes(extra)));
    await Promise.resolve();
  });

  test("asks for nothing before the first read", async ({ fileSystem, uri }) => {
    const late = uri("late.txt");
    const readable = fileSystem.readable(late);
    fileSystem.readable(late); // of which nobody hears that there is nothing
    assert(!await fileSystem.exists(late));
    await fileSystem.write(late, "there by now");
    assertSame(await collect(readable), utf8("there by now"));
  });

  test("gives a stream of its own to each reader", async ({ fileSystem, uri }) => {
    const [file, content] = [uri("x.bin"), pattern(LARGE)];
    await fileSystem.write(file, content);
    const [first, second] = [fileSystem.readable(file), fileSystem.readable(file)];
    const reader = first.getReader();
    assert(!(await reader.read()).done);
    await reader.cancel();
    assertSame(await collect(second), content);
  });

  const size = 1_000_000;
  const ranges: readonly (readonly [part: string, start: number | undefined, end?: number])[] = [
    ["from its first byte", 0],
    ["its first byte", 0, 1],
    ["up to a byte", undefined, 300_000],
    ["from a byte on", 300_000],
    ["in the middle", 100_000, 900_001],
    ["its last byte", size - 1],
    ["its last byte, and where there are none", size - 1, size + 10],
    ["all, and where there are none", 0, size * 2],
    ["nothing, at its end", size],
    ["nothing, beyond its end", size + 1],
    ["nothing, between two beyond its end", size + 10, size + 20],
    ["nothing, at its start", 0, 0],
    ["nothing, in the middle", 10, 10],
  ];
  test("reads any part of a file", async ({ fileSystem, uri }) => {
    const [file, content] = [uri("x.bin"), pattern(size)];
    await fileSystem.write(file, content);
    for (const [part, start, end] of ranges) {
      const read = await collect(fileSystem.readable(file, { start, end }));
      const expected = content.subarray(start, end);
      assertEquals(read.length, expected.length, part);
      assertSame(read, expected);
    }
  });

  test("reads any part of an empty file", async ({ fileSystem, uri }) => {
    const file = uri("empty.bin");
    await fileSystem.write(file, "");
    for (const [part, start, end] of ranges) {
      assertEquals((await collect(fileSystem.readable(file, { start, end }))).length, 0, part);
    }
  });

  test("says that there is no file of which a part can be read", async ({ fileSystem, uri }) => {
    const missing = uri("missing.bin");
    for (const range of [{ start: 5 }, { end: 5 }, { start: 5, end: 10 }]) {
      const error = await assertRejects(
        () => collect(fileSystem.readable(missing, range)),
        TargetNotFoundError,
      );
      assertEquals(error.uri, missing);
    }
  });

  test("tells files of odd names apart", async ({ fileSystem, uri }) => {
    for (const name of ODD_NAMES) {
      assert(!await fileSystem.exists(uri(name)), `"${name}" is taken for one before it`);
      await fileSystem.write(uri(name), name);
      assert(await fileSystem.exists(uri(name)), `"${name}" is not there`);
    }
    for (const name of ODD_NAMES) {
      assertSame(await collect(fileSystem.readable(uri(name))), utf8(name));
    }
  });

  test("mixes no two contents", async ({ fileSystem, uri }) => {
    const file = uri("x.bin");
    const [old, next] = [pattern(LARGE), pattern(LARGE).reverse()];
    await fileSystem.write(file, old);
    const reader = fileSystem.readable(file).getReader();
    const parts = [(await reader.read()).value ?? new Uint8Array()];
    await fileSystem.write(file, next);
    try {
      for (;;) {
        const { value } = await reader.read();
        if (value === undefined) break;
        parts.push(value);
      }
    } catch (error) {
      assertInstanceOf(error, Error); // it may say that there is something else by now
      return;
    }
    assertSame(concat(...parts), old);
  });

  const reason = new Error("on purpose");
  const aborted = { signal: AbortSignal.abort(reason) };

  test("does nothing for who does not want it any more", async ({ fileSystem, uri }) => {
    const [there, other] = [uri("there.txt"), uri("other.txt")];
    await fileSystem.write(there, "there");
    const calls: readonly (() => Promise<unknown>)[] = [
      () => fileSystem.exists(there, aborted),
      () => collect(fileSystem.readable(there, aborted)),
      () => fileSystem.write(other, "other", aborted),
      () => fileSystem.write(other, new Blob(["other"]), aborted),
      () => fileSystem.write(other, streamOf([utf8("other")]), aborted),
      () => fileSystem.write(there, "other", aborted),
    ];
    for (const call of calls) assertStrictEquals(await assertRejects(call), reason);
    assert(!await fileSystem.exists(other));
    assertSame(await collect(fileSystem.readable(there)), utf8("there"));
  });

  test("gives up a file that is being written", async ({ fileSystem, uri }) => {
    for (const old of [undefined, "old"]) {
      const file = uri("x.bin");
      if (old !== undefined) await fileSystem.write(file, old);
      const controller = new AbortController();
      let isCancelled = false;
      const chunks = chunksOf(pattern(LARGE), 100_000).values();
      const source = new ReadableStream<Uint8Array>({
        pull(stream) {
          const { value } = chunks.next();
          if (value !== undefined) return stream.enqueue(value);
          controller.abort(reason);
          return new Promise(() => {}); // there is more to come, and it never does
        },
        cancel() {
          isCancelled = true;
        },
      }, { highWaterMark: 0 });
      const writing = fileSystem.write(file, source, { signal: controller.signal });
      assertStrictEquals(await assertRejects(() => writing), reason);
      assert(isCancelled, "who makes the content need not make more of it");
      assertEquals(await fileSystem.exists(file), old !== undefined);
      if (old !== undefined) assertSame(await collect(fileSystem.readable(file)), utf8(old));
    }
  });

  test("gives up a file that is being read", async ({ fileSystem, uri }) => {
    const [file, content] = [uri("x.bin"), pattern(LARGE)];
    await fileSystem.write(file, content);
    const controller = new AbortController();
    const reader = fileSystem.readable(file, { signal: controller.signal }).getReader();
    let length = (await reader.read()).value?.length ?? 0;
    controller.abort(reason);
    const rest = async (): Promise<void> => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        length += next.value.length;
      }
    };
    // What has come already may be given; but what is not whole must not look as though it were.
    const error = await rest().catch((error: unknown) => error);
    if (error !== undefined) assertStrictEquals(error, reason);
    else assertEquals(length, content.length);
  });

  remoteExtras(test, extras);
}
