import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  ConfigError,
  PermissionError,
  TargetError,
  TargetNotFoundError,
} from "../../src/errors.ts";
import {
  CachedRemoteFileSystem,
  type CachedRemoteFileSystemOptions,
} from "../../src/targets/cached_remote.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import type { ReadRemoteOptions, RemoteFileSystem } from "../../src/targets/remote.ts";
import { remoteFileSystemContract } from "../../src/testing/remote_contract.ts";
import { REMOTE_EXTRAS } from "../../src/testing/remote_place.ts";
import { randomOf } from "../support/random.ts";

/** A store that tells what it was asked for. */
class Asked extends MemoryRemoteFileSystem {
  readonly calls: string[] = [];

  override exists(uri: string): Promise<boolean> {
    this.calls.push(`exists ${uri}`);
    return super.exists(uri);
  }

  override existsMany(uris: readonly string[]): Promise<readonly boolean[]> {
    this.calls.push(`existsMany ${uris.join()}`);
    return super.existsMany(uris);
  }

  override readable(
    uri: string,
    options?: ReadRemoteOptions,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.calls.push(`readable ${uri}`);
    return super.readable(uri, options);
  }

  /** What was asked for since the last time. */
  take(): readonly string[] {
    return this.calls.splice(0);
  }
}

interface Place extends AsyncDisposable {
  readonly store: Asked;
  readonly root: string;
  cached(options?: Partial<CachedRemoteFileSystemOptions>): CachedRemoteFileSystem;
  /** What is in the folder, in order. */
  copies(): readonly string[];
}

async function makePlace(): Promise<Place> {
  const [store, root] = [new Asked(), await Deno.makeTempDir()];
  return {
    store,
    root,
    cached: (options) => new CachedRemoteFileSystem({ fileSystem: store, root, ...options }),
    copies: () => filesBelow(root),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

function filesBelow(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  ).sort();
}

const textOf = (files: RemoteFileSystem, uri: string, options?: ReadRemoteOptions) =>
  new Response(files.readable(uri, options)).text();

const URI = "s3://bucket/a.txt";

remoteFileSystemContract("CachedRemoteFileSystem", async () => {
  const place = await makePlace();
  return {
    fileSystem: place.cached(),
    uri: (name) => `s3://bucket/prefix/${name}`,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}, { extras: REMOTE_EXTRAS });

remoteFileSystemContract("CachedRemoteFileSystem of a store of three methods", async () => {
  const place = await makePlace();
  const { store } = place;
  const fileSystem: RemoteFileSystem = {
    exists: store.exists.bind(store),
    readable: store.readable.bind(store),
    write: store.write.bind(store),
  };
  return {
    fileSystem: place.cached({ fileSystem }),
    uri: (name) => `s3://bucket/prefix/${name}`,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
});

Deno.test("CachedRemoteFileSystem reads a file from the store once, also for many at a time", async () => {
  await using place = await makePlace();
  const [{ store }, files] = [place, place.cached()];
  await store.write(URI, "content");
  const texts = await Promise.all(Array.from({ length: 10 }, () => textOf(files, URI)));
  assertEquals(new Set(texts), new Set(["content"]));
  assertEquals(await textOf(files, URI), "content");
  assertEquals(await textOf(place.cached(), URI), "content");
  assertEquals(store.take(), [`readable ${URI}`]);
});

Deno.test("CachedRemoteFileSystem never reads from the store what it has written", async () => {
  await using place = await makePlace();
  const files = place.cached();
  for (const content of ["text", new Blob(["blob"]), new Response("stream").body!]) {
    await files.write(URI, content);
    assertEquals(await textOf(files, URI), await textOf(place.store, URI));
    assertEquals(place.store.take(), [`readable ${URI}`], "only by the line above");
  }
});

Deno.test("CachedRemoteFileSystem tells all uris apart, and keeps copies nowhere else", async () => {
  await using place = await makePlace();
  const files = place.cached();
  const uris = [
    "s3://bucket/a",
    "s3://bucket/a/b",
    "s3://bucket/a/b/",
    "s3://bucket/a//b",
    "s3://other/a",
    "gs://bucket/a",
    "s3://bucket/../../../a",
    "s3://bucket/%2e%2e/a",
    "s3://bucket/..\\a",
    "s3://bucket/A",
    "s3://bucket/\u00e4",
    "s3://bucket/a\u0308",
    `s3://bucket/${"x".repeat(1000)}`,
    `s3://bucket/${"x".repeat(1001)}`,
    "s3://bucket/nul\0",
    "",
  ];
  for (const uri of uris) await files.write(uri, `content of ${uri}`);
  assertEquals(place.copies().length, uris.length);
  assert(place.copies().every((path) => /\/([0-9a-f]{2})\/\1[0-9a-f]{62}$/.test(path)));
  for (const uri of uris) assertEquals(await textOf(files, uri), `content of ${uri}`);
  assertEquals(place.store.take(), []);
});

Deno.test("CachedRemoteFileSystem asks the store whether a file exists, and forgets what is gone", async () => {
  await using place = await makePlace();
  const [{ store }, files] = [place, place.cached()];
  const other = "s3://bucket/b.txt";
  for (const uri of [URI, other]) await files.write(uri, "old");
  assert(await files.exists(URI));
  assertEquals(await files.existsMany!([URI, other]), [true, true]);
  for (const uri of [URI, other]) await store.remove(uri);
  assert(!await files.exists(URI));
  assertEquals(await files.existsMany!([other]), [false]);
  for (const uri of [URI, other]) {
    await assertRejects(() => textOf(files, uri), TargetNotFoundError);
    await store.write(uri, "built again elsewhere");
    assertEquals(await textOf(files, uri), "built again elsewhere");
    store.take();
    assertEquals(await textOf(files, uri), "built again elsewhere");
    assertEquals(store.take(), []);
  }
});

Deno.test("CachedRemoteFileSystem takes a copy for proof of a file only when it is told to", async () => {
  await using place = await makePlace();
  const files = place.cached({ allowCacheCheckExists: true });
  const [other, missing] = ["s3://bucket/b.txt", "s3://bucket/c.txt"];
  await files.write(URI, "content");
  await place.store.write(other, "content");
  assert(await files.exists(URI));
  assertEquals(await files.existsMany!([URI, other, URI, missing]), [true, true, true, false]);
  assertEquals(place.store.take(), [`existsMany ${other},${missing}`]);
});

Deno.test("CachedRemoteFileSystem makes no copy of what is read in part, but uses one", async () => {
  await using place = await makePlace();
  const [{ store }, files] = [place, place.cached()];
  await store.write(URI, "0123456789");
  assertEquals(await textOf(files, URI, { start: 2, end: 5 }), "234");
  assertEquals(await textOf(files, URI, { end: 2 }), "01");
  assertEquals(place.copies(), []);
  await textOf(files, URI);
  store.take();
  assertEquals(await textOf(files, URI, { start: 2, end: 5 }), "234");
  assertEquals(store.take(), []);
});

Deno.test("CachedRemoteFileSystem makes no copy of what cannot be read to its end", async () => {
  await using place = await makePlace();
  const failure = new Error("on purpose");
  const fileSystem: RemoteFileSystem = {
    exists: () => Promise.resolve(true),
    write: () => Promise.resolve(),
    readable: () =>
      ReadableStream.from(async function* () {
        yield new Uint8Array(10);
        await Promise.reject(failure);
      }()),
  };
  const files = place.cached({ fileSystem });
  assertStrictEquals(await assertRejects(() => textOf(files, URI)), failure);
  assertEquals(place.copies(), []);
});

Deno.test("CachedRemoteFileSystem goes on reading for who still wants it, and stops for none", async () => {
  await using place = await makePlace();
  let [proceed, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let cancelled = 0;
  const fileSystem: RemoteFileSystem = {
    exists: () => Promise.resolve(true),
    write: () => Promise.resolve(),
    readable: (_, options) =>
      ReadableStream.from(async function* () {
        const given = new Promise<void>((_, reject) =>
          options?.signal?.addEventListener("abort", () => {
            cancelled++;
            reject(options.signal!.reason);
          })
        );
        begun.resolve();
        await Promise.race([proceed.promise, given]);
        yield new TextEncoder().encode("content");
      }()),
  };
  const files = place.cached({ fileSystem });
  const [first, second] = [files.readable(URI).getReader(), files.readable(URI).getReader()];
  const [one, two] = [first.read(), second.read()];
  await begun.promise;
  await first.cancel();
  assert((await one).done);
  proceed.resolve();
  assertEquals(new TextDecoder().decode((await two).value), "content");
  await second.cancel();
  assertEquals([cancelled, place.copies().length], [0, 1]);

  [proceed, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const third = files.readable("s3://bucket/b.txt").getReader();
  const three = third.read();
  await begun.promise;
  await third.cancel();
  await three;
  assertEquals([cancelled, place.copies().length], [1, 1]);
});

Deno.test("CachedRemoteFileSystem has no copy of what the store did not take", async () => {
  await using place = await makePlace();
  const [{ store }, failure] = [place, new TargetError("on purpose", { uri: URI })];
  const files = place.cached();
  await files.write(URI, "old");
  store.write = () => Promise.reject(failure);
  for (const content of ["new", new Response("new").body!]) {
    assertStrictEquals(await assertRejects(() => files.write(URI, content)), failure);
    assertEquals(place.copies(), []);
    assertEquals(await textOf(files, URI), "old");
  }
});

Deno.test("CachedRemoteFileSystem has no other content than the store after writes at once", async () => {
  await using place = await makePlace();
  const [{ store, root }, files, random] = [place, place.cached(), randomOf(1)];
  const { write } = MemoryRemoteFileSystem.prototype;
  const aWhile = async (most: number): Promise<void> => {
    for (let turns = random() * most; turns > 0; turns--) await Deno.stat(root);
  };
  store.write = async (...asked) => { // takes requests in any order, and answers them in another one
    await aWhile(10);
    await write.apply(store, asked);
    await aWhile(10);
  };
  for (let round = 0; round < 40; round++) {
    await Promise.all([0, 1, 2, 3].map(async (i) => {
      await aWhile(20);
      await files.write(URI, i % 2 === 0 ? `${i}` : new Response(`${i}`).body!);
    }));
    assertEquals(await textOf(files, URI), await textOf(store, URI));
  }
});

Deno.test("CachedRemoteFileSystem keeps nothing of what was there before a write", async () => {
  await using place = await makePlace();
  const { store } = place;
  const changes: Readonly<Record<string, (files: CachedRemoteFileSystem) => Promise<unknown>>> = {
    write: (files) => files.write(URI, "new"),
    remove: (files) => files.remove!(URI).then(() => store.write(URI, "new")),
    conditional: async ({ conditional }) => {
      const { version } = (await conditional!.read(URI))!;
      await conditional!.write(URI, new TextEncoder().encode("new"), version);
    },
  };
  for (const [how, change] of Object.entries(changes)) {
    const files = place.cached();
    await store.write(URI, "x".repeat(1_000_000));
    // Under way while it changes: it gets either content, or hears that there is none.
    const reading = textOf(files, URI).catch(() => {});
    await change(files);
    await reading;
    assertEquals(await textOf(files, URI), "new", how);
    await change(files);
    assertEquals(await textOf(files, URI), "new", how);
  }
});

Deno.test("CachedRemoteFileSystem keeps copies by the longest prefix that fits", async () => {
  await using place = await makePlace();
  await using other = await makePlace();
  await using third = await makePlace();
  const files = place.cached({
    rootByPrefix: { "s3://bucket/": other.root, "s3://bucket/b/": `${third.root}/` },
  });
  for (const uri of ["s3://a/x", "s3://bucket/x", "s3://bucket/b/x"]) await files.write(uri, uri);
  assertEquals([place, other, third].map((each) => each.copies().length), [1, 1, 1]);
  assertEquals(await textOf(files, "s3://bucket/b/x"), "s3://bucket/b/x");
});

Deno.test("CachedRemoteFileSystem writes nothing to the store when it can keep no copy", async () => {
  await using place = await makePlace();
  const file = `${place.root}/file`;
  await Deno.writeTextFile(file, "in the place of the folder");
  const files = place.cached({ root: file });
  const said = `Cannot keep copies in "${file}": `;
  for (const content of ["text", new Response("stream").body!]) {
    await assertRejects(() => files.write(URI, content), TargetError, said);
    assert(!await place.store.exists(URI));
  }
  await place.store.write(URI, "content");
  const error = await assertRejects(() => textOf(files, URI), TargetError, said);
  assert(error.message.endsWith("by STARDAG_TARGET_S3_CACHE_ROOT, in code the option root"));
  const rootByPrefix = { "s3://bucket/": file };
  const { message } = await assertRejects(
    () => textOf(place.cached({ rootByPrefix }), URI),
    TargetError,
    said,
  );
  assert(
    message.endsWith("by STARDAG_TARGET_S3_CACHE_ROOT_BY_PREFIX, in code the option rootByPrefix"),
  );
});

for (const permissions of [{ read: true }, "none"] as const) {
  Deno.test(
    `CachedRemoteFileSystem names the flags that let it keep copies, given ${
      JSON.stringify(permissions)
    }`,
    { permissions },
    async () => {
      const root = "/var/cache/of-tests";
      const store = new Asked();
      const files = new CachedRemoteFileSystem({
        fileSystem: store,
        root,
        allowCacheCheckExists: permissions === "none",
      });
      await store.write(URI, "x");
      const calls: (() => Promise<unknown>)[] = [
        () => files.write(URI, "x"),
        () => textOf(files, URI),
      ];
      if (permissions === "none") calls.push(() => files.exists(URI));
      for (const call of calls) {
        const error = await assertRejects(call, PermissionError, `Cannot keep copies in "${root}"`);
        assertEquals(error.flag, `--allow-read=${root} --allow-write=${root}`);
        assert(error.message.includes("STARDAG_TARGET_S3_CACHE_ROOT"), error.message);
      }
    },
  );
}

Deno.test("CachedRemoteFileSystem leaves the errors of the store as they are", async () => {
  await using place = await makePlace();
  const failures = [
    new TargetError("on purpose", { uri: URI }),
    new PermissionError("on purpose", { flag: "--allow-read=/home/somebody/.aws" }),
    new TypeError("on purpose"),
  ];
  for (const failure of failures) {
    place.store.readable = () => new ReadableStream({ pull: () => Promise.reject(failure) });
    place.store.write = () => Promise.reject(failure);
    const files = place.cached();
    assertStrictEquals(await assertRejects(() => files.write(URI, "x")), failure);
    assertStrictEquals(await assertRejects(() => textOf(files, URI)), failure);
  }
});

Deno.test("CachedRemoteFileSystem refuses folders that are none, and options it does not know", () => {
  const fileSystem = new MemoryRemoteFileSystem();
  for (
    const root of ["", "cache", "~/cache", "s3://bucket/cache", undefined as unknown as string]
  ) {
    assertThrows(() => new CachedRemoteFileSystem({ fileSystem, root }), ConfigError, `"${root}"`);
    const rootByPrefix = { "s3://": root };
    assertThrows(
      () => new CachedRemoteFileSystem({ fileSystem, root: "/x", rootByPrefix }),
      ConfigError,
    );
  }
  const misspelt = { fileSystem, root: "/x", rootsByPrefix: {} };
  assertThrows(() => new CachedRemoteFileSystem(misspelt), TypeError, "rootsByPrefix");
});
