/**
 * What holds for every file, wherever it is kept, as tests.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { TargetError, TargetNotFoundError } from "../errors.ts";
import type { FileSystemTarget, WriteContent } from "../targets/target.ts";
import {
  assertSame,
  chunksOf,
  collect,
  concat,
  decode,
  pattern,
  streamOf,
  utf8,
} from "./content.ts";

/** Where the targets of one test are; disposed when it has ended. */
export interface TargetPlace extends AsyncDisposable {
  /** The target of a name such as `a/b.txt`. Of one name, each call gives a target of its own for the same file. */
  target(name: string): FileSystemTarget;
  /** `false` where a write cannot be called off: the tests of that are left out. */
  readonly heedsSignal?: false | undefined;
}

/** Registers tests that any file system target passes. `make` makes an empty place for each test. */
export function targetContract(name: string, make: () => TargetPlace | Promise<TargetPlace>): void {
  const test = (fact: string, run: (place: TargetPlace) => Promise<void>): void =>
    Deno.test(`${name} ${fact}`, async () => {
      await using place = await make();
      await run(place);
    });

  test("exists when it is written, and not before", async (place) => {
    const target = place.target("a/b.txt");
    assert(!await target.exists());
    await target.write("x");
    assert(await target.exists());
    assert(await place.target("a/b.txt").exists());
    assert(!await place.target("a/c.txt").exists());
    assert(!await place.target("a").exists(), "a folder is no file");
  });

  const large = pattern(5 * 1024 * 1024);
  const contents: readonly (readonly [string, () => WriteContent, Uint8Array<ArrayBuffer>])[] = [
    ["text", () => "Grüße, 日本 🎉\n", utf8("Grüße, 日本 🎉\n")],
    ["text that starts with a byte order mark", () => "\ufeffa", utf8("\ufeffa")],
    ["empty text", () => "", utf8("")],
    ["bytes", () => pattern(100_000), pattern(100_000)],
    ["a part of a buffer", () => pattern(100).subarray(10, 20), pattern(100).slice(10, 20)],
    ["empty bytes", () => new Uint8Array(), utf8("")],
    ["a blob", () => new Blob(["abc", pattern(100_000)]), concat(utf8("abc"), pattern(100_000))],
    ["an empty blob", () => new Blob(), utf8("")],
    ["a stream", () => streamOf([utf8("ab"), utf8(""), utf8("c")]), utf8("abc")],
    ["an empty stream", () => streamOf([]), utf8("")],
    ["a large stream in small chunks", () => streamOf(chunksOf(large, 4000)), large],
  ];
  for (const [kind, content, expected] of contents) {
    test(`brings back ${kind}`, async (place) => {
      await place.target("x.bin").write(content());
      const target = place.target("x.bin");
      assertSame(await target.bytes(), expected);
      assertSame(await collect(target.readable()), expected);
      assertSame(utf8(await target.text()), utf8(decode(expected)));
      assertSame(await target.proxyPath("r", (path) => Deno.readFile(path)), expected);
    });
  }

  test("replaces longer content", async (place) => {
    const target = place.target("x.txt");
    await target.write("what is there first");
    await target.write("then");
    assertEquals(await target.text(), "then");
  });

  test("shares no bytes with who writes or reads it", async (place) => {
    const target = place.target("x.bin");
    const written = utf8("abc");
    await target.write(written);
    written.fill(0);
    (await target.bytes()).fill(0);
    for await (const chunk of target.readable()) chunk.fill(0);
    assertEquals(await target.text(), "abc");
  });

  test("shows nothing of a file before its last byte is written", async (place) => {
    for (const old of [undefined, "old"]) {
      const target = place.target("x.txt");
      if (old !== undefined) await target.write(old);
      const [reached, proceed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let pulls = 0;
      const writing = target.write(
        new ReadableStream({
          async pull(controller) {
            if (pulls++ === 0) return controller.enqueue(utf8("first half, "));
            reached.resolve();
            await proceed.promise;
            controller.enqueue(utf8("second half"));
            controller.close();
          },
        }, { highWaterMark: 0 }),
      );
      await reached.promise; // the first half is taken
      assertEquals(await target.exists(), old !== undefined);
      if (old !== undefined) assertEquals(await target.text(), old);
      proceed.resolve();
      await writing;
      assertEquals(await target.text(), "first half, second half");
    }
  });

  test("is unchanged by a stream that fails, and throws its very error", async (place) => {
    const target = place.target("x.txt");
    // What a stream of another file fails with must not be taken for the failure of this one.
    const failure = new Deno.errors.NotFound("somewhere else");
    const failing = (): ReadableStream<Uint8Array> => streamOf([pattern(100_000)], failure);
    assertStrictEquals(await assertRejects(() => target.write(failing())), failure);
    assert(!await target.exists());
    await target.write("old");
    assertStrictEquals(await assertRejects(() => target.write(failing())), failure);
    assertEquals(await target.text(), "old");
  });

  test("is unchanged by what is called off, which rejects with the very reason", async (place) => {
    if (place.heedsSignal === false) return;
    // Nor must this be taken for the failure of the file.
    const reason = new Deno.errors.NotFound("somewhere else");
    const called = (act: () => Promise<unknown>): Promise<void> =>
      assertRejects(act).then((error) => assertStrictEquals(error, reason));
    for (const old of [undefined, "old"]) {
      const target = place.target("x.txt");
      if (old !== undefined) await target.write(old);
      const aborted = { signal: AbortSignal.abort(reason) };
      for (const [, content] of contents) await called(() => target.write(content(), aborted));
      await called(() => target.proxyPath("w", () => assert(false, "nobody wants it"), aborted));

      const controller = new AbortController();
      const { signal } = controller;
      const { promise: cancelled, resolve: cancel } = Promise.withResolvers<unknown>();
      const chunks = chunksOf(large, 100_000).values();
      const source = new ReadableStream<Uint8Array>({
        pull(stream) {
          const { value } = chunks.next();
          if (value !== undefined) return stream.enqueue(value);
          controller.abort(reason);
          return new Promise(() => {}); // there is more to come, and it never does
        },
        cancel,
      }, { highWaterMark: 0 });
      await called(() => target.write(source, { signal }));
      await cancelled;

      const late = new AbortController();
      const using = async (path: string): Promise<void> => {
        await Deno.writeTextFile(path, "new");
        late.abort(reason);
      };
      await called(() => target.proxyPath("w", using, late));
      assertEquals(await target.exists(), old !== undefined);
      if (old !== undefined) assertEquals(await target.text(), old);
    }
  });

  test("refuses what is no content", async (place) => {
    const target = place.target("x.txt");
    for (const content of [42, undefined, { a: 1 }, [1], streamOf(["text"]), streamOf([1])]) {
      await assertRejects(() => target.write(content as WriteContent), TypeError);
      assert(!await target.exists());
    }
  });

  test("says that there is no file to be read", async (place) => {
    const target = place.target("a/x.txt");
    let used = false;
    const reads: readonly (() => Promise<unknown>)[] = [
      () => target.text(),
      () => target.bytes(),
      () => collect(target.readable()),
      () => target.proxyPath("r", () => used = true),
    ];
    for (const read of reads) {
      const error = await assertRejects(read, TargetNotFoundError);
      assertEquals(error.uri, target.uri);
      assert(error.message.includes(target.uri), error.message);
    }
    assert(!used);
  });

  test("can be read in part", async (place) => {
    const target = place.target("x.bin");
    await target.write(large);
    const reader = target.readable().getReader();
    const { value } = await reader.read();
    assert(value !== undefined && value.length > 0);
    assertSame(value, large.slice(0, value.length));
    await reader.cancel();
    await target.readable().cancel();
  });

  test("takes what a function has left at the path handed to it", async (place) => {
    const target = place.target("a/table.csv.gz");
    for (const content of ["first", "second"]) {
      const result = await target.proxyPath("w", async (path) => {
        assert(path.endsWith(".csv.gz"), "tools look at the extension");
        await Deno.writeTextFile(path, content);
        return 42;
      });
      assertEquals(result, 42);
      assertEquals(await target.text(), content);
    }
  });

  test("is unchanged by a function that throws, whatever it has left", async (place) => {
    const target = place.target("x.txt");
    const failure = new Deno.errors.PermissionDenied("somewhere else");
    const failing = async (path: string): Promise<void> => {
      await Deno.writeTextFile(path, "half");
      throw failure;
    };
    assertStrictEquals(await assertRejects(() => target.proxyPath("w", failing)), failure);
    assert(!await target.exists());
    await target.write("old");
    assertStrictEquals(await assertRejects(() => target.proxyPath("w", failing)), failure);
    assertStrictEquals(
      await assertRejects(() =>
        target.proxyPath("r", () => {
          throw failure;
        })
      ),
      failure,
    );
    assertEquals(await target.text(), "old");
  });

  test("says that a function has left no file at the path", async (place) => {
    const target = place.target("x.txt");
    for (const use of [() => {}, (path: string) => Deno.mkdir(path)]) {
      const error = await assertRejects(() => target.proxyPath("w", use), TargetError);
      assertEquals(error.uri, target.uri);
      assert(!await target.exists());
    }
  });

  test("holds the whole of one of its concurrent writers' contents", async (place) => {
    const contents = Array.from({ length: 10 }, (_, i) => String(i).repeat(50_000 + i));
    await Promise.all(contents.map(async (content, i) => {
      const target = place.target("a/b/x.txt");
      if (i % 2 === 0) await target.write(content);
      else await target.proxyPath("w", (path) => Deno.writeTextFile(path, content));
    }));
    assert(contents.includes(await place.target("a/b/x.txt").text()));
  });

  const names: readonly (readonly [string, string])[] = [
    ["letters of all scripts", "ä ö/日本/🎉.txt"],
    ["characters that mean something in a url", "#?%20&+'\"$.txt"],
    ["a leading dot", ".hidden"],
    ["250 letters", "x".repeat(250)],
    ["83 letters of three bytes", "日".repeat(83)],
  ];
  for (const [kind, name] of names) {
    test(`can have a name of ${kind}`, async (place) => {
      await place.target(name).write(name);
      await place.target(name).proxyPath("w", (path) => Deno.writeTextFile(path, name));
      assertEquals(await place.target(name).text(), name);
      assertEquals(
        await place.target(name).proxyPath("r", (path) => Deno.readTextFile(path)),
        name,
      );
      assert(await place.target(name).exists());
    });
  }

  test("tells its existence the same to its store, together with others, in order", async (place) => {
    const targets = Array.from({ length: 100 }, (_, i) => place.target(`${i % 7}/${i}.txt`));
    const { probe } = place.target("a");
    if (probe === undefined) return;
    const { store } = probe;
    const uris = targets.map((target) => {
      assertStrictEquals(target.probe?.store, store);
      return target.probe?.uri ?? "";
    });
    for (const [i, target] of targets.entries()) if (i % 3 === 0) await target.write("x");
    const expected = await Promise.all(targets.map((target) => target.exists()));
    assertEquals(expected, targets.map((_, i) => i % 3 === 0));
    assertEquals([...await store.existsMany(uris)], expected);
    assertEquals(
      [...await store.existsMany([...uris, ...uris].reverse(), { maxConcurrent: 2 })],
      [
        ...expected,
        ...expected,
      ].reverse(),
    );
    assertEquals([...await store.existsMany([])], []);
  });
}
