/**
 * What every store must do that offers more than files to be written and read, as tests.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { TargetNotFoundError } from "../errors.ts";
import type { ConditionalFiles, RemoteFileSystem, UnfinishedWrite } from "../targets/remote.ts";
import { assertSame, collect, pattern, streamOf, utf8 } from "./content.ts";
import type { RemoteExtra, RemoteScene, RemoteTest } from "./remote_place.ts";

/** A store that has the extra. */
type With<K extends RemoteExtra> =
  & RemoteFileSystem
  & { readonly [P in K]-?: NonNullable<RemoteFileSystem[P]> };

/** More than what stores list at a time, or remove. */
const MANY = 1_100;
/** How many write at once of whom one may win. */
const CONTENDERS = 16;
const ROUNDS = 5;
const MIB = 1024 * 1024;
/** Most that a store may take of a file before it has to have begun to write it. */
const MOST_TAKEN = 64 * MIB;

const reason = new Error("on purpose");
const aborted = { signal: AbortSignal.abort(reason) };

/** Registers the tests of those extras that the store has. */
export function remoteExtras(test: RemoteTest, extras: readonly RemoteExtra[]): void {
  const testOf = <K extends RemoteExtra>(
    extra: K,
    fact: string,
    prove: (scene: RemoteScene<With<K>>) => Promise<void>,
  ): void => {
    if (!extras.includes(extra)) return;
    test(fact, async ({ fileSystem, uri }) => {
      assert(offers(fileSystem, extra), `there is no ${extra}`);
      await prove({ fileSystem, uri });
    });
  };

  testOf("existsMany", "tells in order which of many files exist", async (scene) => {
    const { fileSystem, uri } = scene;
    const uris = Array.from({ length: MANY }, (_, i) => uri(`family ${i % 5}/${i}.json`));
    const isThere = (i: number): boolean => i % 40 === 0 || i === MANY - 1;
    await Promise.all(uris.filter((_, i) => isThere(i)).map((uri) => fileSystem.write(uri, "x")));
    const expected = uris.map((_, i) => isThere(i));
    assertEquals([...await fileSystem.existsMany(uris)], expected);
    assertEquals([...await fileSystem.existsMany(uris, { maxConcurrent: 3 })], expected);
    const twice = [...uris, ...uris.slice(0, 50)].reverse();
    const answers = await fileSystem.existsMany(twice, { asker: {} });
    assertEquals([...answers], [...expected, ...expected.slice(0, 50)].reverse());
    assertEquals([...await fileSystem.existsMany([])], []);
  });

  testOf("existsMany", "tells which files exist that are like folders of others", async (scene) => {
    const { fileSystem, uri } = scene;
    const names = [
      "a",
      "a/b",
      "a/b.json",
      "a/bc",
      "ab",
      "a%2Fb",
      "a b",
      "a+b",
      "\u00e4",
      "a\u0308",
    ];
    const there = new Set(["a/b.json", "a%2Fb", "a+b", "\u00e4"]);
    for (const name of there) await fileSystem.write(uri(name), name);
    assertEquals(
      [...await fileSystem.existsMany(names.map(uri))],
      names.map((name) => there.has(name)),
    );
  });

  testOf("existsMany", "looks anew for each asker, and for who does not say", async (scene) => {
    const { fileSystem, uri } = scene;
    const [asker, uris] = [{}, Array.from({ length: 30 }, (_, i) => uri(`a/${i}.json`))];
    const none = uris.map(() => false);
    assertEquals([...await fileSystem.existsMany(uris)], none);
    assertEquals([...await fileSystem.existsMany(uris, { asker })], none);
    for (const uri of uris) await fileSystem.write(uri, "x");
    const all = uris.map(() => true);
    assertEquals([...await fileSystem.existsMany(uris)], all);
    assertEquals([...await fileSystem.existsMany(uris, { asker: {} })], all);
  });

  testOf("existsMany", "asks for nothing for who does not want it any more", async (scene) => {
    const { fileSystem, uri } = scene;
    const ask = () => fileSystem.existsMany([uri("a"), uri("b")], aborted);
    assertStrictEquals(await assertRejects(ask), reason);
  });

  testOf("remove", "removes a file, and no other", async ({ fileSystem, uri }) => {
    const [file, others] = [uri("a/b"), [uri("a/b.json"), uri("a/bc"), uri("a%2Fb")]];
    for (const each of [file, ...others]) await fileSystem.write(each, each);
    await fileSystem.remove(file);
    assert(!await fileSystem.exists(file));
    await assertRejects(() => collect(fileSystem.readable(file)), TargetNotFoundError);
    for (const other of others) {
      assertSame(await collect(fileSystem.readable(other)), utf8(other));
    }
    await fileSystem.write(file, "again");
    assertSame(await collect(fileSystem.readable(file)), utf8("again"));
  });

  testOf("remove", "removes nothing where there is no file", async ({ fileSystem, uri }) => {
    await fileSystem.write(uri("a/b"), "x");
    for (const name of ["a", "a/", "a/c", "c"]) await fileSystem.remove(uri(name));
    assert(await fileSystem.exists(uri("a/b")));
  });

  testOf("remove", "removes nothing for who does not want it any more", async (scene) => {
    const { fileSystem, uri } = scene;
    await fileSystem.write(uri("a"), "x");
    const removing = () => fileSystem.remove(uri("a"), aborted);
    assertStrictEquals(await assertRejects(removing), reason);
    assert(await fileSystem.exists(uri("a")));
  });

  testOf("list", "lists all files whose uris start with a prefix", async ({ fileSystem, uri }) => {
    const names = ["a/1", "a/b/2", "ab", "a b/%20+&?#", "\u00e4", "a\u0308", "a%2Fb", "日/本", "b"];
    for (const [i, name] of names.entries()) await fileSystem.write(uri(name), "x".repeat(i));
    for (const prefix of ["", "a", "a/", "a/1", "a b", "a%", "\u00e4", "日", "c"]) {
      const files = await Array.fromAsync(fileSystem.list(uri(prefix)));
      const expected = names.filter((name) => name.startsWith(prefix)).map(uri);
      assertEquals(files.map((file) => file.uri).sort(), expected.sort(), `"${prefix}"`);
      for (const { uri: found, size, modified } of files) {
        assertEquals(size, names.findIndex((name) => uri(name) === found), found);
        assert(modified instanceof Date && modified.getTime() > 0, `${modified}`);
      }
    }
  });

  testOf("list", "lists more files than come at a time", async ({ fileSystem, uri }) => {
    const uris = Array.from({ length: MANY }, (_, i) => uri(`${i % 3}/${i}`));
    const pending = uris.values();
    await Promise.all(Array.from({ length: 20 }, async () => {
      for (const uri of pending) await fileSystem.write(uri, "");
    }));
    const files = await Array.fromAsync(fileSystem.list(uri("")));
    assertEquals(files.map((file) => file.uri).sort(), uris.sort());
    for await (const file of fileSystem.list(uri(""))) {
      assert(uris.includes(file.uri));
      break; // what is not wanted need not come, and leaves nothing open
    }
  });

  testOf("list", "lists a file as it is by now", async ({ fileSystem, uri }) => {
    const look = async () => await Array.fromAsync(fileSystem.list(uri("a")));
    assertEquals(await look(), []);
    await fileSystem.write(uri("a"), "first");
    const first = await look();
    await fileSystem.write(uri("a"), "and then");
    const then = await look();
    assertEquals([first, then].map((files) => files.map(({ size }) => size)), [[5], [8]]);
    assert(first[0]!.modified <= then[0]!.modified);
  });

  testOf("list", "lists nothing for who does not want it any more", async ({ fileSystem, uri }) => {
    const listing = () => Array.fromAsync(fileSystem.list(uri(""), aborted));
    assertStrictEquals(await assertRejects(listing), reason);
  });

  testOf("listUnfinished", "lists a write under way until it is discarded", async (scene) => {
    const { fileSystem, uri } = scene;
    const look = async () => await Array.fromAsync(fileSystem.listUnfinished(uri("a/")));
    const { source, found, end } = sourceUntil(async () => (await look())[0]);
    const outcome = assertRejects(() => fileSystem.write(uri("a/b"), source));
    try {
      const unfinished = await found;
      assertEquals(unfinished.uri, uri("a/b"));
      assert(unfinished.begun instanceof Date && unfinished.begun.getTime() > 0);
      assert(!await fileSystem.exists(uri("a/b")));
      assertEquals(await Array.fromAsync(fileSystem.listUnfinished(uri("b"))), []);
      await unfinished.discard();
      assertEquals(await look(), []);
    } finally {
      end();
      await outcome;
    }
    assert(!await fileSystem.exists(uri("a/b")));
    assertEquals(await look(), []);
  });

  testOf("listUnfinished", "leaves nothing unfinished, however a write ends", async (scene) => {
    const { fileSystem, uri } = scene;
    const chunks = Array<Uint8Array>(20).fill(pattern(MIB));
    await fileSystem.write(uri("a"), streamOf(chunks));
    const failure = new Error("no more");
    const failing = () => fileSystem.write(uri("b"), streamOf(chunks, failure));
    assertStrictEquals(await assertRejects(failing), failure);
    const controller = new AbortController();
    const givenUp = () =>
      fileSystem.write(
        uri("c"),
        streamOf(chunks).pipeThrough(abortingAfter(chunks.length, controller)),
        { signal: controller.signal },
      );
    assertStrictEquals(await assertRejects(givenUp), reason);
    assertEquals(await Array.fromAsync(fileSystem.listUnfinished(uri(""))), []);
    const listing = () => Array.fromAsync(fileSystem.listUnfinished(uri(""), aborted));
    assertStrictEquals(await assertRejects(listing), reason);
  });

  testOf("conditional", "tells of a file what its version is", async ({ fileSystem, uri }) => {
    const { conditional } = fileSystem;
    const file = uri("a b/ä+%2F.lock");
    assertEquals(await conditional.read(file), undefined);
    assertEquals(await conditional.write(file, utf8("x"), "no such version"), undefined);
    assert(!await fileSystem.exists(file));
    for (const content of ["first", "second", ""]) {
      await fileSystem.write(file, content);
      const read = await conditional.read(file);
      assertSame(read?.content ?? utf8("nothing"), utf8(content));
      const version = await conditional.write(file, utf8(`not ${content}`), read?.version);
      assert(version !== undefined && version !== read?.version);
      assertEquals(await conditional.read(file), { content: utf8(`not ${content}`), version });
      assertSame(await collect(fileSystem.readable(file)), utf8(`not ${content}`));
    }
  });

  testOf("conditional", "shares no bytes with who writes or reads a version", async (scene) => {
    const { fileSystem: { conditional }, uri } = scene;
    const written = utf8("abc");
    await conditional.write(uri("a"), written, undefined);
    written.fill(0);
    (await conditional.read(uri("a")))?.content.fill(0);
    assertSame((await conditional.read(uri("a")))!.content, utf8("abc"));
  });

  testOf("conditional", "makes a file once", async ({ fileSystem, uri }) => {
    const { conditional } = fileSystem;
    const version = await conditional.write(uri("a"), utf8("first"), undefined);
    assert(version !== undefined);
    assertEquals(await conditional.write(uri("a"), utf8("second"), undefined), undefined);
    assertEquals(await conditional.read(uri("a")), { content: utf8("first"), version });
    await fileSystem.write(uri("b"), "there");
    assertEquals(await conditional.write(uri("b"), utf8("second"), undefined), undefined);
  });

  testOf("conditional", "replaces a file only as it is by now", async ({ fileSystem, uri }) => {
    const { conditional } = fileSystem;
    const versions = [await conditional.write(uri("a"), utf8("0"), undefined)];
    for (const content of ["1", "2"]) {
      versions.push(await conditional.write(uri("a"), utf8(content), versions.at(-1)));
    }
    assertEquals(new Set(versions.filter((version) => version !== undefined)).size, 3);
    for (const stale of [versions[0], versions[1], undefined]) {
      assertEquals(await conditional.write(uri("a"), utf8("stale"), stale), undefined);
    }
    await fileSystem.write(uri("a"), "by somebody who did not ask");
    assertEquals(await conditional.write(uri("a"), utf8("stale"), versions[2]), undefined);
    const { content, version } = await conditional.read(uri("a")) ?? {};
    assertSame(content ?? utf8(""), utf8("by somebody who did not ask"));
    if (fileSystem.remove === undefined) return;
    await fileSystem.remove(uri("a"));
    assertEquals(await conditional.write(uri("a"), utf8("stale"), version), undefined);
    assert(!await fileSystem.exists(uri("a")));
    assert(await conditional.write(uri("a"), utf8("again"), undefined) !== undefined);
  });

  testOf("conditional", "lets one of many win that write at once", async ({ fileSystem, uri }) => {
    const { conditional } = fileSystem;
    let version: string | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      version = await assertOneOf(conditional, uri("a"), version);
    }
    for (let round = 0; round < ROUNDS; round++) {
      await assertOneOf(conditional, uri(`b/${round}`), undefined);
    }
  });

  testOf(
    "conditional",
    "does nothing with versions for who has given up",
    async (scene) => {
      const { fileSystem: { conditional }, uri } = scene;
      const version = await conditional.write(uri("a"), utf8("x"), undefined);
      const calls: readonly (() => Promise<unknown>)[] = [
        () => conditional.read(uri("a"), aborted),
        () => conditional.write(uri("a"), utf8("y"), version, aborted),
        () => conditional.write(uri("b"), utf8("y"), undefined, aborted),
      ];
      for (const call of calls) assertStrictEquals(await assertRejects(call), reason);
      assertSame((await conditional.read(uri("a")))!.content, utf8("x"));
      assertEquals(await conditional.read(uri("b")), undefined);
    },
  );
}

function offers<K extends RemoteExtra>(
  fileSystem: RemoteFileSystem,
  extra: K,
): fileSystem is With<K> {
  return fileSystem[extra] !== undefined;
}

/** Content that comes until a write of it can be seen, and then waits until it is told to end. */
function sourceUntil(look: () => Promise<UnfinishedWrite | undefined>): {
  readonly source: ReadableStream<Uint8Array>;
  readonly found: Promise<UnfinishedWrite>;
  readonly end: () => void;
} {
  const found = Promise.withResolvers<UnfinishedWrite>();
  const ended = Promise.withResolvers<void>();
  let taken = 0;
  const source = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const unfinished = taken % (8 * MIB) === 0 ? await look() : undefined;
      if (unfinished === undefined && taken < MOST_TAKEN) {
        taken += MIB;
        return controller.enqueue(new Uint8Array(MIB));
      }
      if (unfinished === undefined) found.reject(new Error("the write is not listed"));
      else found.resolve(unfinished);
      await ended.promise;
      controller.close();
    },
  }, { highWaterMark: 0 });
  return { source, found: found.promise, end: ended.resolve };
}

/** Aborts when so many chunks have come, and lets nothing come after them. */
function abortingAfter(
  count: number,
  controller: AbortController,
): TransformStream<Uint8Array, Uint8Array> {
  let taken = 0;
  return new TransformStream({
    transform(chunk, stream) {
      if (++taken === count) controller.abort(reason);
      stream.enqueue(chunk);
    },
  });
}

/** Has many write at once to a file of a version, of whom one wins, and gives the version that is there then. */
async function assertOneOf(
  conditional: ConditionalFiles,
  uri: string,
  version: string | undefined,
): Promise<string> {
  const contents = Array.from({ length: CONTENDERS }, () => utf8(crypto.randomUUID()));
  const versions = await Promise.all(
    contents.map((content) => conditional.write(uri, content, version)),
  );
  const winners = versions.flatMap((version, i) => version === undefined ? [] : [{ version, i }]);
  assertEquals(winners.length, 1, "so many have won");
  const { i, version: next } = winners[0]!;
  assertEquals(await conditional.read(uri), { content: contents[i]!, version: next });
  return next;
}
