/**
 * What dead writers have left is removed, and nothing of the living.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { basename, dirname } from "@std/path";
import * as sd from "@stardag/core";
import type { Garbage } from "../../src/inspect/garbage.ts";
import { gc, removeOutputs } from "../../src/inspect/inspect.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import { S3FileSystem } from "../../src/targets/s3/file_system.ts";
import type { UnfinishedWrite } from "../../src/targets/remote.ts";
import { temporaryPath } from "../../src/targets/temporary.ts";
import { localOutputs, remoteOutputs } from "../support/output_root.ts";
import { startS3Server } from "../support/s3_server.ts";
import { aged, DAYS, isThere, OldRemoteFiles, outputUris, uuid } from "./garbage.ts";
import { rows } from "./pipeline.ts";

/** What a crash leaves stays on Windows. */
const ignore = Deno.build.os === "windows";
const task = rows({ count: 1 });

/** Kinds and uris of what was removed. */
function removed({ items }: Garbage): readonly string[] {
  return items.map(({ kind, uri }) => `${kind} ${uri}`);
}

/** Writes to a target until it is disposed of; gives what is there by then. */
async function writing(
  target: sd.LocalTarget,
): Promise<AsyncDisposable & { readonly paths: readonly string[] }> {
  const [begun, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const written = target.proxyPath("w", async (path) => {
    await Deno.writeTextFile(path, "half");
    begun.resolve();
    await finish.promise;
  });
  await begun.promise;
  const folder = dirname(target.uri);
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return {
    paths: names.map((name) => `${folder}/${name}`).sort(),
    async [Symbol.asyncDispose](): Promise<void> {
      finish.resolve();
      await written;
    },
  };
}

Deno.test({
  name: "the files of a writer that lives stay however old they are, those of a dead one go",
  ignore,
  async fn() {
    await using root = await localOutputs();
    const target = new sd.LocalTarget(`${root.uri}rows/one.json`);
    const copies: string[] = [];
    {
      await using writer = await writing(target);
      assertEquals(writer.paths.length, 2);
      await aged(`${root.uri}rows/`, 30);
      const garbage = await gc(task, { dryRun: false });
      assertEquals(garbage.items, []);
      assertEquals(garbage.underWay, { temporaries: 2, unfinishedWrites: 0, until: undefined });
      assertStringIncludes(String(garbage), "2 temporary files may be under way, and stay");
      for (const path of writer.paths) {
        // What is left when it dies: the same files, locked by nobody.
        const copy = `${root.uri}copies/${basename(path)}`;
        await Deno.mkdir(dirname(copy), { recursive: true });
        await Deno.copyFile(path, copy);
        copies.push(copy);
      }
    }
    await aged(`${root.uri}copies/`, 30);
    const preview = await gc(task);
    assertEquals(preview.items.map(({ uri }) => uri), copies);
    const garbage = await gc(task, { dryRun: false });
    assertEquals(removed(garbage), copies.map((path) => `temporary ${path}`));
    assertStringIncludes(String(garbage), "Removed 0 outputs, 2 files of dead writers: ");
    assertEquals(await outputUris(root), [target.uri]);
  },
});

Deno.test("temporary files and folders that nobody can tell about go by their age, a day at least", async () => {
  await using root = await localOutputs();
  const [file, folder] = [1, 2].map((n) => temporaryPath(`${root.uri}rows/${n}`));
  await Deno.mkdir(`${folder}/inner`, { recursive: true });
  await Deno.writeTextFile(`${folder}/inner/a.csv`, "1");
  await Deno.writeTextFile(file!, "1");
  const young = await gc(task, { minAge: 0, dryRun: false });
  assertEquals([young.items, young.underWay.temporaries], [[], 2]);
  assertMatch(String(young), /2 temporary files may be under way, and stay for 2[34] h$/);
  await aged(`${root.uri}rows/`, 2);
  assertEquals((await gc(task, { minAge: 3 * DAYS })).items, []);
  const garbage = await gc(task, { minAge: 0, dryRun: false });
  assertEquals(removed(garbage), [file, folder].map((path) => `temporary ${path}`));
  assertEquals(await outputUris(root, ""), []);
});

Deno.test("an output whose task is locked stays, and so does the lock", async () => {
  await using root = await localOutputs();
  await sd.build(task);
  await aged(task.output().uri, 30);
  const named = rows({ count: 2 });
  const acquisition = await new sd.FileLockManager({ root: root.uri }).acquire(task.id);
  assertEquals(acquisition.status, "acquired");
  const garbage = await gc(named, { dryRun: false });
  assertEquals([garbage.items, garbage.kept], [[], { reached: 0, recent: 0, locked: 1 }]);
  assertStringIncludes(String(garbage), "1 that may be under way");
  if (acquisition.status === "acquired") await acquisition.lock.release();
  assertEquals((await gc(named, { dryRun: false })).outputs.length, 1);
});

Deno.test("a lock that has expired a day ago goes, and a younger one stays", async () => {
  await using root = await localOutputs();
  const [old, young] = [2, 0.5].map((days) => {
    const expiry = String(Math.round(Date.now() - days * DAYS)).padStart(13, "0");
    const id = uuid(days === 2 ? "a" : "b");
    return `${root.uri}.stardag/locks/${id}.lock/${expiry}~somebody~elsewhere~0123456789ab`;
  }) as [string, string];
  for (const path of [old, young]) {
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, "");
  }
  const preview = await gc(task, { minAge: 0 });
  assertEquals(removed(preview), [`lock ${old}`]);
  assertEquals(removed(await gc(task, { minAge: 0, dryRun: false })), removed(preview));
  assertEquals(await outputUris(root, ""), [young]);
});

Deno.test("of remote locks those go that are free, and those stay that are held", async () => {
  await using root = await remoteOutputs(new OldRemoteFiles());
  const manager = new sd.FileLockManager({ root: root.uri });
  const [free, held] = [uuid("a"), uuid("b")].map((id) => `${root.uri}.stardag/locks/${id}.lock`);
  for (const id of [uuid("a"), uuid("b")]) {
    const acquisition = await manager.acquire(id);
    if (acquisition.status !== "acquired") throw new Error(acquisition.status);
    await acquisition.lock.release();
  }
  await using stack = new AsyncDisposableStack();
  const again = await manager.acquire(uuid("b"));
  if (again.status === "acquired") stack.use(again.lock);
  const garbage = await gc(task, { dryRun: false });
  assertEquals(removed(garbage), [`lock ${free}`]);
  assertEquals([await isThere(free!), await isThere(held!)], [false, true]);
});

Deno.test("a remote lock that was given back does not keep the output of its task", async () => {
  await using _ = await remoteOutputs();
  const other = rows({ count: 2 });
  await sd.build(other);
  const manager = new sd.FileLockManager();
  const acquisition = await manager.acquire(other.id);
  if (acquisition.status !== "acquired") throw new Error(acquisition.status);
  await acquisition.lock.release();
  const garbage = await gc(task, { minAge: 0, dryRun: false });
  assertEquals(garbage.items.map(({ kind }) => kind).sort(), ["lock", "output"]);
});

Deno.test("remote writes that were given up go, and those that have just begun stay", async () => {
  const discarded: string[] = [];
  class Uploads extends MemoryRemoteFileSystem {
    override async *listUnfinished(prefix: string): AsyncGenerator<UnfinishedWrite> {
      for (const days of [0.5, 2, 9]) {
        const uri = `${prefix}rows/${days}`;
        const begun = new Date(Date.now() - days * DAYS);
        yield { uri, begun, discard: () => Promise.resolve(void discarded.push(uri)) };
      }
    }
  }
  await using root = await remoteOutputs(new Uploads());
  const preview = await gc(task);
  assertEquals(preview.items.map(({ uri }) => uri), [`${root.uri}rows/9`]);
  assertStringIncludes(String(preview), "2 uploads may be under way, and stay for 6 d");
  const garbage = await gc(task, { minAge: 0, dryRun: false });
  assertEquals(removed(garbage), [2, 9].map((n) => `unfinished_write ${root.uri}rows/${n}`));
  assertEquals(discarded, [`${root.uri}rows/2`, `${root.uri}rows/9`]);
  const { until, ...counts } = garbage.underWay;
  assertEquals(counts, { temporaries: 0, unfinishedWrites: 1 });
  assert(until!.getTime() > Date.now() && until!.getTime() <= Date.now() + DAYS);
  assertStringIncludes(String(garbage), "\n1 upload may be under way, and stays for ");
  assertEquals(JSON.parse(JSON.stringify(garbage)).underWay.until, until!.toISOString());
});

Deno.test("on S3 outputs are removed, and nothing else", async () => {
  await using server = await startS3Server();
  const { url: endpoint, region, credentials } = server;
  await using root = await remoteOutputs(new S3FileSystem({ endpoint, region, credentials }));
  const [kept, other] = [rows({ count: 1 }), rows({ count: 2 })];
  await sd.build([kept, other]);
  await sd.getTarget("notes.txt").write("mine");
  const garbage = await gc(kept, { minAge: 0, dryRun: false });
  assertEquals(removed(garbage), [`output ${other.output().uri}`]);
  assertEquals(await outputUris(root), [kept.output().uri, `${root.uri}notes.txt`]);
  const removal = await removeOutputs(kept, { dryRun: false });
  assertEquals(removal.outputs.map(({ size }) => size), [3]);
  assertEquals(await outputUris(root), [`${root.uri}notes.txt`]);
});
