/**
 * Canonical texts told apart without being parsed.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { countDiffering, memberSpans } from "../../src/inspect/canonical_text.ts";
import { canonicalJson } from "../../src/json.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Few names, so that objects have some in common, and odd ones. */
const NAMES = ["a", "ab", "a:b", 'q"', "back\\", "é", "\u{1f600}", "{", "version"];
const OBJECT = fc.dictionary(
  fc.constantFrom(...NAMES),
  fc.oneof(
    fc.constantFrom<unknown>(0, 1, 12, "", "x", "x,y", '"}', "\\", "é"),
    fc.jsonValue({ maxDepth: 3 }),
  ),
);

Deno.test("countDiffering() counts the members in which two objects differ", () => {
  fc.assert(
    fc.property(OBJECT, OBJECT, (own, other) => {
      const text = encode(canonicalJson(own));
      const names = new Set([...Object.keys(own), ...Object.keys(other)]);
      const differing = [...names].filter((name) =>
        !(name in own && name in other) || canonicalJson(own[name]) !== canonicalJson(other[name])
      ).length;
      const line = encode(`${canonicalJson(other)},"at":"now"}`);
      const wanted = { text, members: memberSpans(text) };
      assertEquals(countDiffering(line, 0, wanted, Infinity), differing);
      for (const most of [0, 1, 2]) {
        const counted = countDiffering(line, 0, wanted, most);
        assertEquals(counted > most, differing > most);
        if (differing <= most) {
          assertEquals(counted, differing);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("memberSpans() tells where names and values are", () => {
  fc.assert(fc.property(OBJECT, (object) => {
    const text = canonicalJson(object);
    const members = memberSpans(encode(text)).map(({ start, value, end }) => [
      JSON.parse(text.slice(start, value - 1)),
      JSON.parse(text.slice(value, end)),
    ]);
    assertEquals(Object.fromEntries(members), JSON.parse(text));
  }));
});

Deno.test("countDiffering() ends on whatever is no object", () => {
  const text = encode('{"a":1}');
  const wanted = { text, members: memberSpans(text) };
  for (
    const broken of ["", "{", '{"', '{"a', '{"a"', '{"a":', '{"a":[', '{"a":1', '{"b":"\\', "x"]
  ) {
    countDiffering(encode(broken), 0, wanted, Infinity);
  }
});
