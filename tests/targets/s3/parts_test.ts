import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  BytesSource,
  MOST_PARTS,
  type Part,
  PartSizes,
  type PartSource,
  StreamSource,
} from "../../../src/targets/s3/parts.ts";
import { chunksOf, concat, pattern, streamOf } from "../../../src/testing/content.ts";

const MIB = 1024 * 1024;

/** All parts, released as soon as they are there. */
async function partsOf(source: PartSource): Promise<{ sizes: number[]; bytes: Uint8Array }> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part: Part = await source.next();
    assertEquals(part.number, parts.length + 1);
    parts.push(part.bytes.slice());
    source.release(part);
    if (part.isLast) return { sizes: parts.map(({ length }) => length), bytes: concat(...parts) };
  }
}

Deno.test("parts of a stream have the size that is wanted, however it is cut, but for the last", async () => {
  for (const length of [0, 1, 999, 1000, 1001, 3000, 3500]) {
    for (const chunk of [1, 7, 1000, 1500, 9999]) {
      const content = pattern(length);
      const source = new StreamSource(
        streamOf(chunksOf(content, chunk)),
        new PartSizes(1000, undefined),
      );
      const { sizes, bytes } = await partsOf(source);
      const whole = Math.max(0, Math.ceil(length / 1000) - 1);
      assertEquals(sizes, [...Array(whole).fill(1000), length - whole * 1000]);
      assertEquals(bytes, content);
    }
  }
});

Deno.test("parts of bytes are these bytes", async () => {
  for (const length of [0, 1000, 2500]) {
    const content = pattern(length);
    const { sizes, bytes } = await partsOf(new BytesSource(content, new PartSizes(1000, length)));
    assertEquals(bytes, content);
    assert(sizes.slice(0, -1).every((size) => size === 1000));
  }
});

Deno.test("parts of a stream are in memory that is used again", async () => {
  const source = new StreamSource(
    streamOf(chunksOf(pattern(100_000), 5000)),
    new PartSizes(10_000, undefined),
  );
  const buffers = new Set<ArrayBuffer>();
  for (;;) {
    const part = await source.next();
    buffers.add(part.bytes.buffer);
    source.release(part);
    if (part.isLast) break;
  }
  assertEquals(buffers.size, 1);
});

Deno.test("a stream that fails, fails with its very error; one without bytes with a TypeError", async () => {
  const sizes = new PartSizes(1000, undefined);
  const failure = new Error("on purpose");
  const source = new StreamSource(streamOf([pattern(10)], failure), sizes);
  assertStrictEquals(await assertRejects(() => source.next()), failure);
  const text = new StreamSource(streamOf(["text"]), sizes);
  await assertRejects(() => text.next(), TypeError, "a chunk is of type string");
});

Deno.test("parts of what has no known length grow, and never need more than 64 MiB with what is sent", () => {
  const sizes = new PartSizes(undefined, undefined);
  let [last, total] = [0, 0];
  for (let number = 1; number <= MOST_PARTS; number++) {
    const size = sizes.size(number);
    assert(size >= last && size >= 5 * MIB);
    assert((2 * sizes.atOnce(number) + 1) * size <= 64 * MIB, `part ${number}`);
    last = size;
    total += size;
  }
  assertEquals(sizes.most, total);
  assert(total > 128 * 1024 * MIB);
});

Deno.test("parts of what has a known length are of one size, of which 10,000 suffice", () => {
  for (const total of [1, 40_000 * MIB, 5 * MIB * MIB]) {
    const sizes = new PartSizes(undefined, total);
    assert(sizes.most >= total);
    assertEquals(sizes.size(1), sizes.size(MOST_PARTS));
    assert(sizes.atOnce(1) >= 1);
  }
  assertEquals(new PartSizes(7 * MIB, undefined).size(MOST_PARTS), 7 * MIB);
});
