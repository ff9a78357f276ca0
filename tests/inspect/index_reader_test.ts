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
import { idOfText } from "../../src/tasks/task_id.ts";
import { localOutputs } from "../support/output_root.ts";

const [A, B, C] = [1, 2, 3].map(idOf) as [string, string, string];
const BUILD = "0198c0de-0000-7000-8000-000000000000";
const HEAD = `{"format":1,"type":"reader.made","around":["made/",".json"],"build":"${BUILD}"}`;

/** What the id of a task is made of. */
function textOf(n: unknown, name = "made"): string {
  return `{"__name":"${name}","__namespace":"reader","n":${n},"version":""}`;
}

/** The id of a task. */
function idOf(n: unknown): string {
  return idOfText(textOf(n));
}

/** A line as builds write it. */
function line(n: unknown, { uri = "", more = "" } = {}): string {
  const own = uri === "" ? "" : `,"uri":"${uri}"`;
  return `{"id":"${idOf(n)}","task":${textOf(n)},"at":1767323045678${own}${more}}`;
}

/** Where the output is unless a line says otherwise, below the root. */
function placeOf(id: string): string {
  return `made/${id.slice(0, 2)}/${id.slice(2, 4)}/${id}.json`;
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
  await written(root.uri, "01", [HEAD, line(1), line(2, { uri: "old" })]);
  await written(root.uri, "02", [HEAD, line(3), line(2, { uri: "new" })]);
  for (const typeId of [undefined, "reader.made"]) {
    const found = await outputs(root.uri, typeId);
    assertEquals(found.map(({ id }) => id), [B, C, A]);
    assertEquals(found.slice(1).map(({ uri }) => uri.slice(root.uri.length)), [
      placeOf(C),
      placeOf(A),
    ]);
    assertEquals(found[0]?.uri, `${root.uri}new`);
    assertEquals(found[0]?.builtAt, new Date("2026-01-02T03:04:05.678Z"));
    assertEquals(found[0]?.buildId, BUILD);
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
    `${line(2).slice(0, 90)}`,
    ...['"no"', "1e300", "-1e300", "0.5", "null"].map((at) => line(2).replace("1767323045678", at)),
    line(2).replace('"at":1767323045678', '"then":1767323045678'),
    line(2).replace(B, "not-an-id-but-as-long-as-if-it-were-"),
    line(2).replace(B, A),
    line(2).replace(B, B.toUpperCase()),
    `{"id":"${B}","at":12345,"task":${textOf(2)}}`,
    `{"task":${textOf(2)},"id":"${B}","at":12345}`,
    `{"id":"${idOfText(textOf(2, "other"))}","task":${textOf(2, "other")},"at":12345}`,
    line(`${"[".repeat(100_000)}${"]".repeat(100_000)}`),
    line(2, { more: `,"more":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}` }),
    line(2, { more: ',"requires":[1]' }),
    ...["/etc/passwd", "../out", "a/../../b", "..", "a\\\\..\\\\b", "./a"].map((uri) =>
      line(2, { uri })
    ),
  ];
  const lines = foreign.flatMap((each, i) => [each, line(100 + i)]);
  await written(root.uri, "01", [HEAD, ...lines, line(3).slice(0, -1)], "");
  const found = await outputs(root.uri);
  assertEquals(found.map(({ id }) => id), foreign.map((_, i) => idOf(100 + i)).reverse());
});

Deno.test("brackets in texts, and those in each other as far as parameters go, are taken", async () => {
  await using root = await localOutputs();
  const values = [`${"[".repeat(150)}${"]".repeat(150)}`, `"\\"${"[{".repeat(500)}"`];
  await written(root.uri, "01", [HEAD, ...values.map((value) => line(value))]);
  assertEquals((await outputs(root.uri)).map(({ id }) => id), values.map(idOf).reverse());
});

Deno.test("a build that is none, and a type that a terminal would take for a command, are passed over", async () => {
  await using root = await localOutputs();
  await written(root.uri, "01", [HEAD.replace(BUILD, "\\u001b[2J"), line(1)]);
  const bad = textOf(2, "\\u001b[2J");
  const head = HEAD.replace("reader.made", "reader.\\u001b[2J");
  await written(root.uri, "02", [head, `{"id":"${idOfText(bad)}","task":${bad},"at":1}`]);
  const found = await outputs(root.uri);
  assertEquals(found.map(({ id, buildId }) => [id, buildId]), [[A, undefined]]);
});

Deno.test("a task without an output is told of, and is no output", async () => {
  await using root = await localOutputs();
  await written(root.uri, "01", [HEAD, line(1), line(2, { more: ',"uri":""' })]);
  assertEquals((await outputs(root.uri)).map(({ id }) => id), [A]);
  const [segment] = await Array.fromAsync(new OutputIndexReader(root.uri).segments());
  assertEquals(segment!.starts.map((start) => segment!.taskAt(start)?.uri), [
    `${root.uri}${placeOf(A)}`,
    undefined,
  ]);
  assertEquals(segment!.taskAt(segment!.starts[1]!)?.id, B);
});

Deno.test("files that are no segments of the type are passed over", async () => {
  await using root = await localOutputs();
  await written(root.uri, "01", [HEAD, line(1)]);
  await written(root.uri, "02", [HEAD.replace("1", "2"), line(2)]);
  await written(root.uri, "03", [
    HEAD.replace("made", "Made"),
    `{"id":"${idOfText(textOf(3, "Made"))}","task":${textOf(3, "Made")},"at":1}`,
  ]);
  await written(root.uri, "04", [], "");
  await written(root.uri, "05", ["no head"]);
  await sd.getTarget(`${indexFolder(root.uri, "reader.made")}06.txt`).write(
    `${HEAD}\n${line(2)}\n`,
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
  const nested = line(`[{"id":"${B}"}]`, { more: `,"requires":["${C}"]` });
  await written(root.uri, "01", [HEAD, nested]);
  const [output] = await outputs(root.uri);
  assertEquals(output?.requires, [C]);
  assertEquals(requiredIds(output!), [B, C]);
});
