/**
 * Reading what builds have noted down.
 */

import { assertEquals } from "@std/assert";
import * as sd from "../../mod.ts";
import { indexFolder } from "../../src/builders/output_index_writer.ts";
import {
  type IndexedOutput,
  OutputIndexReader,
  requiredIds,
} from "../../src/inspect/index_reader.ts";
import { localOutputs } from "../support/output_root.ts";

const [A, B, C] = ["a", "b", "c"].map((digit) =>
  `${digit.repeat(8)}-0000-5000-8000-000000000000`
) as [string, string, string];
const HEAD = `{"format":1,"type":"reader.made","around":["made/",".json"],"build":"x"}`;

/** A line as builds write it. */
function line(id: string, { uri = "", n = 1, more = "" } = {}): string {
  const task = `{"__name":"made","__namespace":"reader","n":${n},"version":""}`;
  const own = uri === "" ? "" : `,"uri":"${uri}"`;
  return `{"id":"${id}","task":${task},"at":1767323045678${own}${more}}`;
}

async function written(
  root: string,
  name: string,
  lines: readonly string[],
  end = "\n",
): Promise<void> {
  const folder = indexFolder(root, "reader.made");
  await sd.getTarget(`${folder}${name}.jsonl`).write(lines.join("\n") + end);
}

async function outputs(root: string, typeId?: string): Promise<readonly IndexedOutput[]> {
  return await Array.fromAsync(new OutputIndexReader(root).outputs(typeId));
}

Deno.test("of two lines about one output the later one holds, and newer files come first", async () => {
  await using root = await localOutputs();
  await written(root.uri, "01", [HEAD, line(A), line(B, { uri: "old" })]);
  await written(root.uri, "02", [HEAD, line(C), line(B, { uri: "new" })]);
  for (const typeId of [undefined, "reader.made"]) {
    const found = await outputs(root.uri, typeId);
    assertEquals(found.map(({ id }) => id), [B, C, A]);
    assertEquals(found.slice(1).map(({ uri }) => uri.slice(root.uri.length)), [
      `made/cc/cc/${C}.json`,
      `made/aa/aa/${A}.json`,
    ]);
    assertEquals(found[0]?.uri, `${root.uri}new`);
    assertEquals(found[0]?.builtAt, new Date("2026-01-02T03:04:05.678Z"));
  }
});

Deno.test("lines that are half-written or from elsewhere are passed over", async () => {
  await using root = await localOutputs();
  const foreign = [
    "",
    "{}",
    "no JSON",
    "[1]",
    '{"id":"short"}',
    `${line(B).slice(0, 90)}`,
    line(B).replace('"at":', '"at":"no","then":'),
    line("not-an-id-but-as-long-as-if-it-were-"),
    line(B, { more: ',"requires":[1]' }),
    ...["/etc/passwd", "../out", "a/../../b", "..", "a\\\\..\\\\b", "./a"].map((uri) =>
      line(B, { uri })
    ),
  ];
  const lines = foreign.flatMap((each, i) => [each, line(`${i}`.padStart(8, "0") + A.slice(8))]);
  await written(root.uri, "01", [HEAD, ...lines, line(C).slice(0, -1)], "");
  const found = await outputs(root.uri);
  assertEquals(found.length, foreign.length);
  assertEquals(found.every(({ id }) => id.endsWith(A.slice(8))), true);
});

Deno.test("files that are no segments of the type are passed over", async () => {
  await using root = await localOutputs();
  await written(root.uri, "01", [HEAD, line(A)]);
  await written(root.uri, "02", [HEAD.replace("1", "2"), line(B)]);
  await written(root.uri, "03", [HEAD.replace("made", "Made"), line(C)]);
  await written(root.uri, "04", [], "");
  await written(root.uri, "05", ["no head"]);
  await sd.getTarget(`${indexFolder(root.uri, "reader.made")}06.txt`).write(
    `${HEAD}\n${line(B)}\n`,
  );
  assertEquals((await outputs(root.uri, "reader.made")).map(({ id }) => id), [A]);
  assertEquals((await outputs(root.uri)).map(({ typeId }) => typeId), [
    "reader.Made",
    "reader.made",
  ]);
});

Deno.test("a root without an index has no outputs", async () => {
  await using root = await localOutputs();
  assertEquals(await outputs(root.uri), []);
  assertEquals(await outputs(root.uri, "reader.made"), []);
});

Deno.test("an output was made from the tasks in its parameters, and from what it required besides", async () => {
  await using root = await localOutputs();
  const nested = line(A, { more: `,"requires":["${C}"]` }).replace('"n":1', `"n":[{"id":"${B}"}]`);
  await written(root.uri, "01", [HEAD, nested]);
  const [output] = await outputs(root.uri);
  assertEquals(output?.requires, [C]);
  assertEquals(requiredIds(output!), [B, C]);
});
