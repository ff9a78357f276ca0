/**
 * Canonical text against Python's own json module, over random values.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { canonicalFloat, canonicalJson, canonicalString } from "../../src/json.ts";
import { pythonTest, runPython } from "./python.ts";

/** Every kind of UTF-16 unit, half pairs too, and around the places where the order of units is not that of code points. */
const text: fc.Arbitrary<string> = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 0x17f }),
    fc.integer({ min: 0xd7f0, max: 0xe00f }),
    fc.integer({ min: 0xff00, max: 0xffff }),
    fc.integer({ min: 0, max: 0xffff }),
  ),
  { maxLength: 6 },
).map((units) => String.fromCharCode(...units));

const value: fc.Arbitrary<unknown> = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().filter((x) => !Object.is(x, -0)),
    fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
    text,
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(text, tie("any"), { maxKeys: 6, noNullPrototype: true }),
  ),
})).any;

/** What Python writes for each of the values. */
async function python(kind: string, values: readonly unknown[]): Promise<readonly string[]> {
  const input = JSON.stringify(values.map((each) => [kind, each]));
  return await runPython("json_text.py", { input }) as readonly string[];
}

function same(ours: readonly string[], theirs: readonly string[]): void {
  assertEquals(ours.length, theirs.length);
  const wrong = ours.map((each, i) => [each, theirs[i]]).filter(([a, b]) => a !== b);
  assertEquals(wrong.slice(0, 5), []);
}

pythonTest("floats are spelled as Python spells them", async () => {
  const view = new DataView(new ArrayBuffer(8));
  const bits = fc.sample(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), 20_000);
  const doubles = bits.map((each) => {
    view.setBigUint64(0, each);
    return view.getFloat64(0);
  });
  // Around each power of ten, where the form changes, and what people write.
  for (let exponent = -330; exponent <= 308; exponent++) {
    for (const digits of ["1", "9.999999999999999", "1.2345678901234567", "5"]) {
      doubles.push(Number(`${digits}e${exponent}`), -Number(`${digits}e${exponent}`));
    }
  }
  for (let i = 0; i < 2000; i++) doubles.push(i / 100, i / 7, i * 1e12, 2 ** (i % 1000));
  const finite = doubles.filter(Number.isFinite);
  const hex = finite.map((each) => {
    view.setFloat64(0, each);
    return view.getBigUint64(0).toString(16).padStart(16, "0");
  });
  same(finite.map(canonicalFloat), await python("float", hex));
});

pythonTest("strings are escaped as Python escapes them, half pairs too", async () => {
  const all = Array.from({ length: 0x1_0000 }, (_, unit) => String.fromCharCode(unit));
  const texts = [...fc.sample(text, 5_000), ...all];
  same(texts.map(canonicalString), await python("string", texts));
});

pythonTest("values are written as Python writes them, keys in its order", async () => {
  const values = fc.sample(value, 5_000);
  same(values.map(canonicalJson), await python("value", values));
});
