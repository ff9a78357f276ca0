import { assert, assertEquals } from "@std/assert";
import { basename, dirname } from "@std/path";
import {
  isTemporary,
  slotPath,
  temporaryPath,
  withTemporaryFolder,
} from "../../src/targets/temporary.ts";

Deno.test("temporaryPath() is in the same folder, hidden, and never twice the same", () => {
  const paths = Array.from({ length: 1_000 }, () => temporaryPath("/a/b/c.csv"));
  assertEquals(new Set(paths).size, paths.length);
  for (const path of paths) {
    assertEquals(dirname(path), "/a/b");
    assert(/^\.c\.csv\.[0-9a-f]{16}-[0-9a-z]+\.tmp$/.test(basename(path)), path);
  }
});

Deno.test("temporaryPath() of another worker differs", async () => {
  const module = new URL("../../src/targets/temporary.ts", import.meta.url);
  const source = `import { temporaryPath } from ${JSON.stringify(module.href)};
    postMessage(temporaryPath("/a/b"));`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const tokenOf = (path: string): string | undefined => /\.([0-9a-f]{16})-/.exec(path)?.[1];
  const worker = new Worker(url, { type: "module" });
  const path = await new Promise<string>((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => reject(event.error);
  });
  worker.terminate();
  URL.revokeObjectURL(url);
  assert(tokenOf(path) !== undefined);
  assert(tokenOf(path) !== tokenOf(temporaryPath("/a/b")));
});

Deno.test("slotPath() is hidden, in the same folder, and always the same", () => {
  assertEquals(slotPath("/a/b/c.csv", 0), "/a/b/.c.csv.stardag-0.tmp");
  assertEquals(slotPath("/a/b/c.csv", 12), "/a/b/.c.csv.stardag-12.tmp");
});

Deno.test("temporaryPath() keeps up to two extensions when asked to", () => {
  const cases = [
    ["/a/x.csv.gz", ".csv.gz"],
    ["/a/x.json", ".json"],
    ["/a/x.tar.csv.gz", ".csv.gz"],
    ["/a/x", ""],
    ["/a/.hidden", ""],
    ["/a/.hidden.txt", ".txt"],
    ["/a/v1.2 of it.parquet", ".parquet"],
    [`/a/${"x".repeat(250)}.json`, ".json"],
  ] as const;
  for (const [path, extension] of cases) {
    const temporary = temporaryPath(path, { keepExtension: true });
    assert(temporary.endsWith(`.tmp${extension}`), temporary);
    assert(isTemporary(basename(temporary)), temporary);
  }
});

Deno.test("temporary names have at most 255 bytes", () => {
  for (const letter of ["x", "日", "🎉", "a🎉"]) {
    for (const count of [1, 29, 30, 59, 60, 61, 83, 255]) {
      const path = `/a/x${letter.repeat(count)}.json`;
      for (const each of [temporaryPath(path, { keepExtension: true }), slotPath(path, 15)]) {
        const name = basename(each);
        assert(new TextEncoder().encode(name).length <= 255, name);
        assert(name.isWellFormed(), name);
        assert(isTemporary(name), name);
      }
    }
  }
});

Deno.test("isTemporary() takes no name of an output for one of ours", () => {
  const token = "0123456789abcdef";
  const names = [
    "x.json",
    ".hidden",
    "x.tmp",
    ".x.tmp",
    `x.${token}-0.tmp`,
    `.x.${token}.tmp`,
    `.x.${token}-0.tmp.a.b.c`,
    `.x.${token}-0.tmpx`,
    `.x.0123456789ABCDEF-0.tmp`,
    `..${token}-0.tmp`,
    ".x.0.tmp",
    "x.stardag-0.tmp",
    ".x.stardag-.tmp",
    ".x.stardag-0.tmp.csv",
    "..stardag-0.tmp",
  ];
  for (const name of names) assert(!isTemporary(name), name);
  assert(isTemporary(`.x.${token}-0.tmp`));
  assert(isTemporary(".x.json.stardag-0.tmp"));
  assert(isTemporary(`.x\ny.json.${token}-1z.tmp.json`));
});

Deno.test("withTemporaryFolder() removes the folder, also when the function throws", async () => {
  const folders: string[] = [];
  const use = async (folder: string): Promise<number> => {
    folders.push(folder);
    await Deno.writeTextFile(`${folder}/x`, "");
    if (folders.length === 2) throw new Error("second");
    return 1;
  };
  assertEquals(await withTemporaryFolder(use), 1);
  assertEquals(await withTemporaryFolder(use).catch((error) => error.message), "second");
  for (const folder of folders) {
    assertEquals(await Deno.stat(folder).catch((error) => error.name), "NotFound");
  }
});
