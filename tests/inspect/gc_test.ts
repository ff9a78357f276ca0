/**
 * What no task needs any more, and nothing else, is removed.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as sd from "@stardag/core";
import { z } from "zod";
import { INDEX } from "../../src/builders/output_index_writer.ts";
import { gc } from "../../src/inspect/inspect.ts";
import { listUris } from "../../src/targets/listing.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import { localOutputs, remoteOutputs } from "../support/output_root.ts";
import { aged, built, DAYS, isThere, OldRemoteFiles, outputUris, ROOTS, uuid } from "./garbage.ts";
import { rows, search, tableOf } from "./pipeline.ts";

const { task } = sd.namespace("gc", import.meta.url);

for (const [name, make] of Object.entries(ROOTS)) {
  Deno.test(`what the tasks reach stays, down through what is complete, and the rest goes (${name})`, async () => {
    await using root = await make();
    const [before, after] = [[1, 2], [1, 3]].map((rates) => tableOf(rates));
    await built(before!);
    await built(after!);
    const all = await outputUris(root);
    assertEquals(all.length, 6);

    const preview = await gc(after!, { minAge: 0 });
    assertEquals([preview.dryRun, preview.outputs.length, preview.kept.reached], [true, 2, 4]);
    assertEquals(preview.outputs.map(({ typeId }) => typeId).sort(), [
      "inspect.model",
      "inspect.table",
    ]);
    assertEquals(await outputUris(root), all);

    const garbage = await gc(after!, { minAge: 0, dryRun: false });
    assertEquals(garbage.items, preview.items);
    const gone = new Set(garbage.outputs.map(({ uri }) => uri));
    assertEquals(await outputUris(root), all.filter((uri) => !gone.has(uri)));
    assertEquals((await sd.build(after!)).taskCount.succeeded, 0);
    assertEquals((await gc(after!, { minAge: 0 })).items, []);
  });

  Deno.test(`what tasks have yielded stays, with what that requires (${name})`, async () => {
    await using _ = await make();
    const task = search({ table: tableOf([1]) });
    await built(task, rows({ count: 9 }));
    const garbage = await gc(task, { minAge: 0 });
    assertEquals(garbage.outputs.map(({ id }) => id), [rows({ count: 9 }).id]);
    assertEquals(garbage.kept.reached, 6);
  });

  Deno.test(`a folder is one output (${name})`, async () => {
    await using root = await make();
    const folder = sd.getDirectoryTarget(`parts/aa/aa/${uuid("aa")}`);
    await folder.getSubTarget("x/1.csv").write("one");
    await folder.getSubTarget("2.csv").write("two");
    await folder.markDone();
    const garbage = await gc(rows({ count: 1 }), { minAge: 0, dryRun: false });
    assertEquals(garbage.outputs.map(({ uri, size }) => [uri, size]), [[folder.uri, 19]]);
    assertEquals(await outputUris(root), []);
  });
}

Deno.test("the text tells what goes by type, and the JSON each of it", async () => {
  await using _ = await localOutputs();
  await built(rows({ count: 1 }), rows({ count: 2 }), tableOf([1]));
  const garbage = await gc(rows({ count: 2 }), { minAge: 0 });
  const text = String(garbage);
  assertStringIncludes(text, "Would remove 4 outputs: ");
  assertStringIncludes(text, "\n  inspect.rows           2  10 B     1\n");
  assertStringIncludes(text, "\nKept is 1 output that the tasks reach");
  const json = JSON.parse(JSON.stringify(garbage));
  assertEquals([json.dryRun, json.outputs, json.items.length], [true, 4, 4]);
  assertEquals(json.kept, { reached: 1, recent: 0, locked: 0 });
  assertEquals(json.items[0].modified, garbage.items[0]?.modified.toISOString());
});

Deno.test("types that none of the tasks needs are told: others may need them", async () => {
  await using _ = await localOutputs();
  await built(rows({ count: 1 }), tableOf([1]));
  const told = async (named: sd.BaseTask, dryRun: boolean): Promise<readonly unknown[]> => {
    const garbage = await gc(named, { minAge: 0, dryRun });
    const types = garbage.types.map(({ type, isNeeded }) => [type, isNeeded]).sort();
    return [types, /^ .* of none .*$/m.exec(String(garbage))?.[0]];
  };
  const types = [["inspect.model", false], ["inspect.rows", true], ["inspect.table", false]];
  assertEquals(await told(rows({ count: 1 }), true), [
    types,
    "  2 types are of none of the tasks named, nor of what these need: name the pipelines that need them, too",
  ]);
  assertEquals(await told(tableOf([2]), true), [
    types.map(([type]) => [type, true]),
    undefined,
  ]);
  await built(tableOf([1]));
  assertEquals(
    (await told(rows({ count: 1 }), false))[1],
    "  2 types are of none of the tasks named, nor of what these need",
  );
});

Deno.test("names that a terminal would take for commands are shown as escapes", async () => {
  await using root = await localOutputs();
  await sd.getTarget(`a\u001b[2Jb/ab/ab/${uuid("ab")}.json`).write("1");
  const garbage = await gc(rows({ count: 1 }), { minAge: 0 });
  assertEquals(garbage.types.map(({ type }) => type), ["a\u001b[2Jb"]);
  assertStringIncludes(String(garbage), "a\\u001b[2Jb  ");
  assertStringIncludes(String(garbage), `${root.uri}a\\u001b[2Jb/ab/ab/`);
  assert(!String(garbage).includes("\u001b"));
});

Deno.test("a file of somebody else does not become an output by a line of the index that is not one of ours", async () => {
  await using root = await localOutputs();
  await sd.getTarget("mine/thesis.tex").write("mine");
  const made = rows({ count: 2 });
  await built(made);
  const [segment] = await Array.fromAsync(listUris(root.uri + INDEX));
  const text = await Deno.readTextFile(segment!);
  const forged = text.replace(made.id, uuid("ab")).replace(/}\n$/, ',"uri":"mine/thesis.tex"}\n');
  await Deno.writeTextFile(segment!.replace(/[^/]+$/, "zz.jsonl"), forged);
  const garbage = await gc(rows({ count: 1 }), { minAge: 0, dryRun: false });
  assertEquals(garbage.outputs.map(({ uri }) => uri), [made.output().uri]);
  assert(await isThere(`${root.uri}mine/thesis.tex`));
});

Deno.test("what is younger than 7 days, or than told, stays", async () => {
  await using root = await localOutputs();
  await built(...[1, 2, 3].map((count) => rows({ count })));
  await aged(rows({ count: 1 }).output().uri, 8);
  await aged(rows({ count: 2 }).output().uri, 6);
  const named = rows({ count: 4 });
  assertEquals((await gc(named, { minAge: 0 })).outputs.length, 3);
  assertEquals((await gc(named, { minAge: 5 * DAYS })).outputs.length, 2);
  const garbage = await gc(named, { dryRun: false });
  assertEquals(garbage.outputs.map(({ id }) => id), [rows({ count: 1 }).id]);
  assertEquals(garbage.kept.recent, 2);
  assertStringIncludes(String(garbage), "2 younger than 7 d");
  assertEquals((await outputUris(root)).length, 2);
});

Deno.test("what is not named like an output is never removed, nor what a link leads to", async () => {
  await using elsewhere = await localOutputs();
  await using root = await localOutputs();
  const [id, other] = [uuid("ab"), uuid("cd")];
  const places = [
    "notes.txt",
    `rows/${id}.json`,
    `rows/ab/ac/${id}.json`,
    `rows/ab/ab/${other}.json`,
    `rows/ab/ab/${id.replace("-5", "-4")}.json`,
    `rows/ab/ab/${id}-copy.json`,
    `rows/ab/ab/x${id}.json`,
    `ab/ab/${id}.json`,
    `rows/AB/AB/${id.toUpperCase()}.json`,
    ".stardag/notes.txt",
    ".stardag/index/notes.txt",
    ".stardag/locks/notes.txt",
    `.stardag/rows/ab/ab/${id}.json`,
  ];
  await sd.getTarget(`${elsewhere.uri}rows/ab/ab/${id}.json`).write("");
  for (const place of places) await sd.getTarget(root.uri + place).write("mine");
  if (Deno.build.os !== "windows") await Deno.symlink(`${elsewhere.uri}rows`, `${root.uri}link`);
  const before = await outputUris(root, "");
  const garbage = await gc(rows({ count: 1 }), { minAge: 0, dryRun: false });
  assertEquals(garbage.items, []);
  assertEquals(await outputUris(root, ""), before);
  assert(await isThere(`${elsewhere.uri}rows/ab/ab/${id}.json`));
});

Deno.test("an output with a path of its own is removed only when the index tells of it", async () => {
  await using root = await localOutputs();
  const fixed = task({
    name: "fixed",
    params: { n: z.int() },
    relpath: () => "latest.json",
    output: z.int(),
    run: ({ n }) => n,
  });
  const one = fixed({ n: 1 });
  await sd.build(one, { outputIndex: false });
  const named = rows({ count: 1 });
  assertEquals((await gc(named, { minAge: 0 })).items, []);
  await Deno.remove(one.output().uri);
  await built(one);
  assertEquals((await gc(one, { minAge: 0 })).items, []);
  // It counts as the output of each of them.
  assertEquals((await gc(fixed({ n: 2 }), { minAge: 0 })).items, []);
  const garbage = await gc(named, { minAge: 0, dryRun: false });
  assertEquals(garbage.outputs.map(({ id, uri }) => [id, uri]), [[
    one.id,
    `${root.uri}latest.json`,
  ]]);
  assertEquals(await outputUris(root), []);
});

Deno.test("a folder with a path of its own is one output, whatever its files are called", async () => {
  await using root = await localOutputs();
  @sd.register
  class Parts extends sd.Task({ name: "Parts", namespace: "gc", params: { n: z.int() } }) {
    override output() {
      return sd.getDirectoryTarget(`exports/${this.n}`);
    }
    override async run() {
      const output = this.output();
      await output.getSubTarget(`rows/ab/ab/${uuid("ab")}.json`).write("1");
      await output.getSubTarget("notes.txt").write("2");
      await output.markDone();
    }
  }
  const [kept, other] = [new Parts({ n: 1 }), new Parts({ n: 2 })];
  await built(kept, other);
  await sd.getTarget("exports/mine.txt").write("");
  const garbage = await gc(kept, { minAge: 0, dryRun: false });
  assertEquals(garbage.kept.reached > 0, true);
  assertEquals(await other.complete(), false);
  assertEquals(
    await outputUris(root),
    [
      `exports/1._DONE`,
      `exports/1._SUB_KEYS`,
      `exports/1/notes.txt`,
      `exports/1/rows/ab/ab/${uuid("ab")}.json`,
      "exports/mine.txt",
    ].map((path) => root.uri + path),
  );
});

Deno.test("a root inside of another one is left alone", async () => {
  await using root = await localOutputs();
  const place = `rows/ab/ab/${uuid("ab")}.json`;
  for (const folder of ["known/", "unknown/", ""]) await sd.getTarget(folder + place).write("1");
  await sd.getTarget("unknown/.stardag/index/x/1.jsonl").write("");
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: root.uri, inner: `${root.uri}known` } }),
  );
  const garbage = await gc(rows({ count: 1 }), { minAge: 0 });
  assertEquals(garbage.outputs.map(({ uri }) => uri), [root.uri + place]);
});

Deno.test("what cannot be removed is told, and the rest is removed; the flag of a folder goes first", async () => {
  class Stubborn extends MemoryRemoteFileSystem {
    override async remove(uri: string): Promise<void> {
      if (uri.endsWith("2.csv")) throw new Error(`Cannot remove "${uri}": no`);
      await super.remove(uri);
    }
  }
  await using root = await remoteOutputs(new Stubborn());
  const folder = sd.getDirectoryTarget(`parts/aa/aa/${uuid("aa")}`);
  await folder.getSubTarget("1.csv").write("one");
  await folder.getSubTarget("2.csv").write("two");
  await folder.markDone();
  await built(rows({ count: 2 }));
  const garbage = await gc(rows({ count: 1 }), { minAge: 0, dryRun: false });
  assertEquals(garbage.outputs.map(({ id }) => id), [rows({ count: 2 }).id]);
  assertEquals(garbage.errors.map(({ uri }) => uri), [folder.uri]);
  assertStringIncludes(String(garbage), `Could not remove 1\n  Cannot remove "${folder.uri}2.csv"`);
  assertEquals(await folder.exists(), false);
  assertEquals(await outputUris(root), [
    `${folder.uri.slice(0, -1)}._SUB_KEYS`,
    `${folder.uri}2.csv`,
  ]);
});

Deno.test("folders that are empty then are removed, the root is not", async () => {
  await using root = await localOutputs();
  await built(rows({ count: 1 }), rows({ count: 2 }));
  await gc(tableOf([1]), { minAge: 0, dryRun: false });
  const names = await Array.fromAsync(Deno.readDir(root.uri), ({ name }) => name);
  assertEquals(names, [".stardag"]);
});

Deno.test("a file of the index goes when it only tells of what is gone, a day after it was written", async () => {
  await using root = await localOutputs();
  await built(rows({ count: 1 }), rows({ count: 2 }));
  await built(rows({ count: 3 }));
  const named = rows({ count: 2 });
  const segments = async (): Promise<number> =>
    (await Array.fromAsync(listUris(root.uri + INDEX))).length;
  assertEquals((await gc(named, { minAge: 0 })).items.filter(({ kind }) => kind === "index"), []);
  await aged(root.uri + INDEX, 8);
  assertEquals((await gc(named)).items, []); // it tells of what is still there
  await aged(root.uri + INDEX, 2);
  const garbage = await gc(named, { minAge: 0, dryRun: false });
  assertEquals(garbage.items.map(({ kind }) => kind).sort(), ["index", "output", "output"]);
  assertEquals(await segments(), 1);
  assertStringIncludes(String(garbage), "Removed 2 outputs, 1 file of the index: ");
});

Deno.test("without tasks, or an output below a root, it is refused", async () => {
  await using _ = await localOutputs();
  await assertRejects(() => gc([]), RangeError, "Name at least one");
  @sd.register
  class Nowhere extends sd.BaseTask({ name: "Nowhere", namespace: "gc" }) {
    override complete() {
      return true;
    }
    override run() {}
  }
  await assertRejects(() => gc(new Nowhere()), RangeError, "Name roots");
  const named = rows({ count: 1 });
  await assertRejects(() => gc(named, { minAge: -1 }), RangeError, "minAge -1");
  await assertRejects(() => gc(named, { maxConcurrent: 0 }), RangeError, "maxConcurrent 0");
  await assertRejects(() => gc(named, { roots: ["other"] }), sd.ConfigError, `"other"`);
});

Deno.test("where files cannot be listed or removed, that is told before anything is done", async () => {
  const files = new OldRemoteFiles();
  const { exists, readable, write, list } = files;
  const bound = {
    exists: exists.bind(files),
    readable: readable.bind(files),
    write: write.bind(files),
  };
  const named = rows({ count: 1 });
  {
    await using _ = await remoteOutputs(bound);
    await assertRejects(() => gc(named), sd.TargetError, "Give it a list()");
  }
  await using _ = await remoteOutputs({ ...bound, list: list.bind(files) });
  await built(rows({ count: 2 }));
  assertEquals((await gc(named)).outputs.length, 1);
  await assertRejects(() => gc(named, { dryRun: false }), sd.TargetError, "Give it a remove()");
});

Deno.test("an aborted signal stops it", async () => {
  await using root = await localOutputs();
  await built(rows({ count: 2 }));
  const signal = AbortSignal.abort(new Error("enough"));
  const options = { minAge: 0, dryRun: false, signal };
  await assertRejects(() => gc(rows({ count: 1 }), options), Error, "enough");
  assertEquals((await outputUris(root)).length, 1);
});

Deno.test("what was removed before it was aborted is all that was", async () => {
  const controller = new AbortController();
  class Aborting extends MemoryRemoteFileSystem {
    override async remove(uri: string): Promise<void> {
      await super.remove(uri);
      controller.abort(new Error("enough"));
    }
  }
  await using root = await remoteOutputs(new Aborting());
  await built(...[2, 3, 4].map((count) => rows({ count })));
  const options = { minAge: 0, dryRun: false, maxConcurrent: 1, signal: controller.signal };
  await assertRejects(() => gc(rows({ count: 1 }), options), Error, "enough");
  assertEquals((await outputUris(root)).length, 2);
});
