/**
 * The files below a prefix, wherever they are kept.
 */

import { assertEquals, assertRejects } from "@std/assert";
import * as sd from "../../mod.ts";
import {
  areListable,
  findFile,
  listFiles,
  listUris,
  removeFile,
} from "../../src/targets/listing.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import { localOutputs, type OutputRoot, remoteOutputs } from "../support/output_root.ts";

function memoryOutputs(): Promise<OutputRoot> {
  const files = sd.inMemoryFileSystemProvider.override(new sd.InMemoryFileSystem());
  const factory = new sd.TargetFactory({ targetRoots: { default: "memory://listed" } });
  const override = sd.targetFactoryProvider.override(factory);
  return Promise.resolve({
    uri: "memory://listed/",
    // deno-lint-ignore require-await -- as disposing of others is
    async [Symbol.asyncDispose](): Promise<void> {
      override[Symbol.dispose]();
      files[Symbol.dispose]();
    },
  });
}

const PLACES = { local: localOutputs, memory: memoryOutputs, remote: () => remoteOutputs() };

for (const [name, make] of Object.entries(PLACES)) {
  Deno.test(`${name} files below a prefix are listed, at any depth, with their sizes`, async () => {
    await using root = await make();
    const sizes: Record<string, number> = { "a.txt": 1, "b/c.txt": 2, "b/.d/e": 3, "bc/f": 4 };
    for (const [path, size] of Object.entries(sizes)) {
      await sd.getTarget(path).write("x".repeat(size));
    }
    const below = async (prefix: string): Promise<Record<string, number>> => {
      const found: Record<string, number> = {};
      for await (const { uri, size, modified } of listFiles(root.uri + prefix)) {
        found[uri.slice(root.uri.length)] = size;
        assertEquals(Math.abs(Date.now() - modified.getTime()) < 60_000, true);
      }
      const uris = await Array.fromAsync(listUris(root.uri + prefix));
      assertEquals(
        new Set(uris),
        new Set(Object.keys(found).map((path) => root.uri + path)),
      );
      return found;
    };
    assertEquals(await below(""), sizes);
    assertEquals(await below("b/"), { "b/c.txt": 2, "b/.d/e": 3 });
    assertEquals(await below("nothing/"), {});
    await removeFile(`${root.uri}b/c.txt`);
    await removeFile(`${root.uri}b/c.txt`);
    assertEquals(await below("b/"), { "b/.d/e": 3 });
  });
}

Deno.test("links in a local folder are neither followed nor listed", async () => {
  await using root = await localOutputs();
  const outside = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${outside}/secret`, "s");
    await Deno.mkdir(`${root.uri}in`);
    await Deno.writeTextFile(`${root.uri}in/own`, "o");
    await Deno.symlink(outside, `${root.uri}folder`);
    await Deno.symlink(`${outside}/secret`, `${root.uri}in/file`);
    await Deno.symlink(root.uri, `${root.uri}in/loop`);
    assertEquals(await Array.fromAsync(listUris(root.uri)), [`${root.uri}in/own`]);
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});

Deno.test("more folders than are looked at at once are all listed", async () => {
  await using root = await localOutputs();
  const paths = Array.from({ length: 100 }, (_, i) => `${root.uri}${i}/${i}/file`);
  for (const path of paths) await new sd.LocalTarget(path, { flush: false }).write("");
  assertEquals(new Set(await Array.fromAsync(listUris(root.uri))), new Set(paths));
});

Deno.test("a file system without list() or remove() is told by an error", async () => {
  const fileSystem: sd.RemoteFileSystem = {
    exists: () => Promise.resolve(false),
    readable: () => new ReadableStream(),
    write: () => Promise.resolve(),
  };
  await using root = await remoteOutputs(fileSystem);
  assertEquals(areListable(root.uri), false);
  await assertRejects(
    () => Array.fromAsync(listFiles(root.uri)),
    sd.TargetError,
    "Cannot list the files",
  );
  await assertRejects(() => removeFile(`${root.uri}x`), sd.TargetError, "Cannot remove");
});

Deno.test("a prefix without a slash at its end is refused", async () => {
  await using root = await localOutputs();
  await assertRejects(() => Array.fromAsync(listUris(`${root.uri}a`)), RangeError, "slash");
});

Deno.test("a file is found among those named alike, and none of them is looked at where it is missing", async () => {
  class Counted extends MemoryRemoteFileSystem {
    given = 0;
    override async *list(
      ...asked: Parameters<MemoryRemoteFileSystem["list"]>
    ): AsyncGenerator<sd.RemoteFile> {
      for await (const file of super.list(...asked)) {
        this.given++;
        yield file;
      }
    }
  }
  const files = new Counted();
  await using root = await remoteOutputs(files);
  const uri = `${root.uri}a`;
  for (let i = 0; i < 1000; i++) await files.write(`${uri}${i}`, "alike");
  assertEquals(await findFile(uri), undefined);
  assertEquals(files.given, 1);
  assertEquals(await findFile(`${root.uri}b`), undefined);
  await files.write(uri, "12345");
  assertEquals((await findFile(uri))?.size, 5);
});
