import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { ConfigError } from "../../src/errors.ts";
import { DirectoryTarget } from "../../src/targets/directory.ts";
import {
  getDirectoryTarget,
  getTarget,
  TargetFactory,
  targetFactoryProvider,
} from "../../src/targets/factory.ts";
import { LocalTarget } from "../../src/targets/local.ts";
import { InMemoryFileSystemTarget } from "../../src/targets/memory.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import { RemoteTarget } from "../../src/targets/remote.ts";
import { s3FileSystemProvider } from "../../src/targets/s3/provider.ts";

const targetRoots = { default: "/data/", archive: "memory://archive" };

Deno.test("TargetFactory puts a path below the root of its key", () => {
  const factory = new TargetFactory({ targetRoots });
  const target = factory.getTarget("a/b.json");
  assertInstanceOf(target, LocalTarget);
  assertEquals(target.uri, "/data/a/b.json");
  const archived = factory.getTarget("a/b.json", { targetRootKey: "archive" });
  assertInstanceOf(archived, InMemoryFileSystemTarget);
  assertEquals(archived.uri, "memory://archive/a/b.json");
  assertEquals(factory.getPath("a/b.json"), "/data/a/b.json");
});

Deno.test("TargetFactory takes a full path or uri as it is, without looking for a root", () => {
  const factory = new TargetFactory({ targetRoots: {} });
  assertEquals(factory.getTarget("/elsewhere/x").uri, "/elsewhere/x");
  assertEquals(factory.getTarget("memory://x").uri, "memory://x");
  const file = factory.getTarget("file:///elsewhere/a%20b");
  assertInstanceOf(file, LocalTarget);
  assertEquals(file.uri, "/elsewhere/a b");
  assertEquals(factory.getDirectoryTarget("/elsewhere/x/").uri, "/elsewhere/x/");
});

Deno.test("TargetFactory makes folders of the same kind as files", async () => {
  const factory = new TargetFactory({ targetRoots });
  const directory = factory.getDirectoryTarget("parts", { targetRootKey: "archive" });
  assertInstanceOf(directory, DirectoryTarget);
  assertEquals(directory.uri, "memory://archive/parts/");
  const file = directory.getSubTarget("a.txt");
  assertInstanceOf(file, InMemoryFileSystemTarget);
  assertEquals(file.uri, "memory://archive/parts/a.txt");
  assertEquals(directory.probe, { store: file.probe.store, uri: "memory://archive/parts._DONE" });
  assert(!await directory.exists());
});

Deno.test("TargetFactory hands its choice about flushing to local targets", () => {
  const flushOf = (options: { flush?: boolean }): boolean => {
    const target = new TargetFactory({ targetRoots, ...options }).getTarget("x");
    assertInstanceOf(target, LocalTarget);
    return target.flush;
  };
  assertEquals([flushOf({}), flushOf({ flush: true }), flushOf({ flush: false })], [
    true,
    true,
    false,
  ]);
});

Deno.test("TargetFactory knows kinds beside its own, and prefers the longest prefix", () => {
  const made: string[] = [];
  const prototype = (kind: string) => (uri: string): InMemoryFileSystemTarget => {
    made.push(`${kind} ${uri}`);
    return new InMemoryFileSystemTarget(uri);
  };
  const factory = new TargetFactory({
    targetRoots: { default: "cloud://bucket", warm: "cloud://warm/x" },
    prefixToTargetPrototype: {
      "cloud://": prototype("cloud"),
      "cloud://warm/": prototype("warm"),
      "memory://": prototype("memory"),
    },
  });
  factory.getTarget("a");
  factory.getTarget("a", { targetRootKey: "warm" });
  factory.getTarget("memory://a");
  factory.getTarget("cloud://other/a");
  assertInstanceOf(factory.getTarget("/a"), LocalTarget);
  assertEquals(made, [
    "cloud cloud://bucket/a",
    "warm cloud://warm/x/a",
    "memory memory://a",
    "cloud cloud://other/a",
  ]);
});

Deno.test("TargetFactory puts files where the file system of their prefix is, also a third party's", async () => {
  const [gs, warm] = [new MemoryRemoteFileSystem(), new MemoryRemoteFileSystem()];
  const factory = new TargetFactory({
    targetRoots: { default: "gs://bucket/x" },
    fileSystems: { "gs://": gs, "gs://warm/": warm },
  });
  for (const [path, files] of [["a.txt", gs], ["gs://warm/a.txt", warm]] as const) {
    const target = factory.getTarget(path);
    assertInstanceOf(target, RemoteTarget);
    assertStrictEquals(target.fileSystem, files);
    await target.write("content");
    assert(await files.exists(target.uri));
  }
  assert(await gs.exists("gs://bucket/x/a.txt"));
  const directory = factory.getDirectoryTarget("parts");
  await directory.markDone();
  assert(await gs.exists("gs://bucket/x/parts._DONE"));
});

Deno.test("TargetFactory takes a prefix without a slash for a whole name", () => {
  const own = new MemoryRemoteFileSystem();
  const inForce = new MemoryRemoteFileSystem();
  using _ = s3FileSystemProvider.override(inForce);
  const factory = new TargetFactory({
    targetRoots: { default: "s3://my-bucket" },
    fileSystems: { "s3://my-bucket": own, "db:": own },
  });
  const fileSystemOf = (uri: string): unknown => {
    const target = factory.getTarget(uri);
    assertInstanceOf(target, RemoteTarget);
    return target.fileSystem;
  };
  for (const uri of ["a", "s3://my-bucket/a", "s3://my-bucket", "db:a"]) {
    assertStrictEquals(fileSystemOf(uri), own, uri);
  }
  for (const uri of ["s3://my-bucket-of-others/a", "s3://my-bucket2", "s3://my-bucket.b/a"]) {
    assertStrictEquals(fileSystemOf(uri), inForce, uri);
  }
});

Deno.test("TargetFactory puts files of s3:// in the file system in force, unless it has another one", () => {
  const [inForce, own] = [new MemoryRemoteFileSystem(), new MemoryRemoteFileSystem()];
  using _ = s3FileSystemProvider.override(inForce);
  const fileSystemOf = (factory: TargetFactory): unknown => {
    const target = factory.getTarget("s3://bucket/a.txt");
    assertInstanceOf(target, RemoteTarget);
    assertEquals(target.uri, "s3://bucket/a.txt");
    return target.fileSystem;
  };
  assertStrictEquals(fileSystemOf(new TargetFactory()), inForce);
  assertStrictEquals(fileSystemOf(new TargetFactory({ fileSystems: { "s3://": own } })), own);
  const prototype = (uri: string): RemoteTarget => new RemoteTarget(uri, own);
  const prefixToTargetPrototype = { "s3://": prototype };
  assertStrictEquals(
    fileSystemOf(new TargetFactory({ fileSystems: { "s3://": inForce }, prefixToTargetPrototype })),
    own,
  );
});

Deno.test("TargetFactory needs no more than a variable to put files into a bucket", () => {
  using _ = s3FileSystemProvider.override(new MemoryRemoteFileSystem());
  const name = "STARDAG_TARGET_ROOTS__S3_TEST";
  const options = { targetRootKey: "s3-test" };
  try {
    for (const root of ["s3://bucket", "s3://bucket/", "s3://my.bucket-1/a prefix/of it"]) {
      Deno.env.set(name, root);
      const target = new TargetFactory().getTarget("a/b.json", options);
      assertInstanceOf(target, RemoteTarget);
      assertEquals(target.uri, `${root.replace(/\/$/, "")}/a/b.json`);
    }
  } finally {
    Deno.env.delete(name);
  }
});

Deno.test("TargetFactory refuses a root of s3:// without a bucket", () => {
  for (const root of ["s3://", "s3:///prefix", "s3://../prefix", "s3://a b/prefix", "s3://b:1/p"]) {
    const factory = new TargetFactory({ targetRoots: { default: root } });
    assertThrows(() => factory.getTarget("a"), ConfigError, "names no bucket", root);
  }
});

Deno.test("TargetFactory says of an unknown kind which there are and how to add one", () => {
  const factory = new TargetFactory({ targetRoots: { default: "gs://bucket/x" } });
  for (
    const act of [
      () => factory.getTarget("a"),
      () => factory.getTarget("gs://bucket/a"),
      () => factory.getDirectoryTarget("gs://bucket/a"),
      () => factory.getPath("gs://bucket/a"),
    ]
  ) {
    const error = assertThrows(act, ConfigError);
    for (
      const part of ['"gs://bucket/', '"memory://", "s3://", "/"', 'fileSystems: { "gs://"']
    ) {
      assert(error.message.includes(part), error.message);
    }
  }
});

Deno.test("TargetFactory says how the beginning of a uri is written", () => {
  const factory = new TargetFactory({ targetRoots: { default: "S3://bucket" } });
  for (
    const [path, written] of [["a", "s3://bucket/a"], ["Memory://A/B", "memory://A/B"]] as const
  ) {
    const error = assertThrows(() => factory.getTarget(path), ConfigError, "lower case");
    assert(error.message.endsWith(`Write "${written}"`), error.message);
  }
});

Deno.test("TargetFactory says of an unknown root which there are and how to add one", () => {
  const factory = new TargetFactory({ targetRoots });
  for (const key of ["cold", "constructor"]) {
    const error = assertThrows(() => factory.getTarget("a", { targetRootKey: key }), ConfigError);
    for (const part of [`"${key}"`, '"default", "archive"', `targetRoots: { "${key}":`]) {
      assert(error.message.includes(part), error.message);
    }
  }
});

Deno.test("TargetFactory refuses paths that lead out of the root or to no file", () => {
  const factory = new TargetFactory({ targetRoots });
  for (
    const path of [
      "",
      "..",
      "../x",
      "a/../../x",
      "a/..",
      "/a/../x",
      "memory://a/../x",
      "s3://bucket/../other/x",
      "a\\..\\x",
    ]
  ) {
    assertThrows(() => factory.getTarget(path), RangeError, `"${path}"`);
    assertThrows(() => factory.getDirectoryTarget(path), RangeError, `"${path}"`);
  }
  assertThrows(() => factory.getTarget("file://a/b"), ConfigError, "three slashes");
  assertThrows(() => factory.getTarget("a/"), RangeError, "getDirectoryTarget()");
  assertEquals(factory.getTarget("a..b/..c").uri, "/data/a..b/..c");
});

Deno.test("TargetFactory reads a configured root when it is needed, and once", () => {
  const name = "STARDAG_TARGET_ROOTS__FACTORY_TEST";
  const options = { targetRootKey: "factory-test" };
  const factory = new TargetFactory();
  assertThrows(() => factory.getTarget("a", options), ConfigError);
  try {
    Deno.env.set(name, "/configured");
    assertEquals(factory.getTarget("a", options).uri, "/configured/a");
    Deno.env.set(name, "/changed");
    assertEquals(factory.getTarget("b", options).uri, "/configured/b");
    assertEquals(new TargetFactory().getTarget("b", options).uri, "/changed/b");
  } finally {
    Deno.env.delete(name);
  }
});

Deno.test("TargetFactory needs no permission to make targets below roots handed to it", {
  permissions: "none",
}, () => {
  assertEquals(new TargetFactory({ targetRoots }).getTarget("a").uri, "/data/a");
  new TargetFactory().getTarget("memory://a");
});

Deno.test("getTarget() and getDirectoryTarget() use the factory in force", () => {
  const factory = new TargetFactory({ targetRoots: { default: "/first" } });
  using _ = targetFactoryProvider.override(factory);
  assertStrictEquals(targetFactoryProvider.get(), factory);
  assertEquals(getTarget("a").uri, "/first/a");
  assertEquals(getDirectoryTarget("a").uri, "/first/a/");
  using _other = targetFactoryProvider.override(new TargetFactory({ targetRoots }));
  assertEquals(getTarget("a", { targetRootKey: "archive" }).uri, "memory://archive/a");
  assertEquals(getDirectoryTarget("a", { targetRootKey: "archive" }).uri, "memory://archive/a/");
});
