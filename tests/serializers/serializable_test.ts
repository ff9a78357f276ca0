import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { z } from "zod";
import { JsonSerializer } from "../../src/serializers/json.ts";
import { Serializable } from "../../src/serializers/serializable.ts";
import type { FileSystemTarget } from "../../src/targets/target.ts";
import { newFile } from "./new_file.ts";

Deno.test("a Serializable loads what was saved, through its serializer", async () => {
  const wrapped = newFile("sum.json");
  const target = new Serializable(wrapped, new JsonSerializer(z.int()));
  assert(!await target.exists());
  await target.save(6);
  assert(await target.exists());
  assertEquals(await wrapped.text(), "6");
  assertEquals(await target.load(), 6);
});

Deno.test("a Serializable is the file it wraps in all else", async () => {
  const probe = { store: { existsMany: () => Promise.resolve([]) }, uri: "mem/x" };
  const calls: unknown[] = [];
  const wrapped: FileSystemTarget = {
    uri: "mem/x",
    probe,
    exists: () => Promise.resolve(true),
    text: () => Promise.resolve("text"),
    bytes: () => Promise.resolve(new Uint8Array([1])),
    readable: () => ReadableStream.from([new Uint8Array([2])]),
    write: (content) => Promise.resolve(void calls.push(content)),
    proxyPath: async (mode, use) => await use(`/tmp/${mode}`),
  };
  const target = new Serializable(wrapped, new JsonSerializer(z.int()));
  assertEquals(target.uri, "mem/x");
  assertStrictEquals(target.probe, probe);
  assertEquals(await target.text(), "text");
  assertEquals(await target.bytes(), new Uint8Array([1]));
  assertEquals(await Array.fromAsync(target.readable()), [new Uint8Array([2])]);
  await target.write("content");
  assertEquals(calls, ["content"]);
  assertEquals(await target.proxyPath("w", (path) => path), "/tmp/w");
});
