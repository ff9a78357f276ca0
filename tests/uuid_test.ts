import { assert, assertEquals, assertMatch } from "@std/assert";
import { NAMESPACE_DNS, NAMESPACE_URL, v5 } from "@std/uuid";
import fc from "fast-check";
import { uuid5, uuid7 } from "../src/uuid.ts";

Deno.test("ids are those of RFC 9562 and of Python", () => {
  assertEquals(uuid5(NAMESPACE_DNS, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
  assertEquals(uuid5(NAMESPACE_DNS, "python.org"), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
  assertMatch(uuid5(NAMESPACE_DNS, ""), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
});

Deno.test("ids are those of another implementation, whatever came before", async () => {
  const names = fc.oneof(
    fc.string({ unit: "binary", maxLength: 50 }),
    fc.string({ maxLength: 6_000, minLength: 3_000 }),
  );
  await fc.assert(
    fc.asyncProperty(names, fc.constantFrom(NAMESPACE_DNS, NAMESPACE_URL), async (name, space) => {
      const expected = await v5.generate(space, new TextEncoder().encode(name));
      assertEquals(uuid5(space, name), expected);
      assertEquals(uuid5(NAMESPACE_DNS, "python.org"), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
    }),
    { numRuns: 60 },
  );
});

Deno.test("text longer than anything before it is hashed whole", () => {
  const long = "é".repeat(1_000_000);
  const id = uuid5(NAMESPACE_URL, long);
  assertEquals(uuid5(NAMESPACE_URL, long), id);
  assertEquals(uuid5(NAMESPACE_URL, `${long}.`) === id, false);
});

Deno.test("ids that follow time are valid, different, and greater the later they are made", () => {
  const before = Date.now();
  const ids = Array.from({ length: 1000 }, uuid7);
  assertEquals(ids.toSorted(), ids);
  for (const id of ids) {
    assertMatch(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  assert(Number.parseInt(ids[0]!.replace("-", "").slice(0, 12), 16) >= before);
});
