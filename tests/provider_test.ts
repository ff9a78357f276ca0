import { assertEquals } from "@std/assert";
import { provider } from "../src/provider.ts";

Deno.test("the default is made when it is first asked for, and once", () => {
  let made = 0;
  const numbers = provider(() => ++made);
  assertEquals(made, 0);
  assertEquals([numbers.get(), numbers.get(), made], [1, 1, 1]);
});

Deno.test("set replaces the value, and undefined goes back to a default made anew", () => {
  let made = 0;
  const numbers = provider(() => ++made);
  numbers.set(7);
  assertEquals([numbers.get(), made], [7, 0]);
  numbers.set(undefined);
  assertEquals([numbers.get(), made], [1, 1]);
  const maybe = provider<undefined>(() => (made++, undefined));
  assertEquals([maybe.get(), maybe.get(), made], [undefined, undefined, 2]);
});

Deno.test("an override holds until its block ends, also when that throws", () => {
  const texts = provider(() => "default");
  {
    using _outer = texts.override("outer");
    {
      using _inner = texts.override("inner");
      assertEquals(texts.get(), "inner");
    }
    assertEquals(texts.get(), "outer");
    texts.set("base");
    assertEquals(texts.get(), "outer");
  }
  assertEquals(texts.get(), "base");
  try {
    using _ = texts.override("thrown");
    throw new Error("out");
  } catch {
    assertEquals(texts.get(), "base");
  }
});

Deno.test("overrides of concurrent code may end in any order, and twice", () => {
  const texts = provider(() => "default");
  const first = texts.override("same");
  const second = texts.override("same");
  const third = texts.override("third");
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assertEquals(texts.get(), "third");
  third[Symbol.dispose]();
  assertEquals(texts.get(), "same");
  second[Symbol.dispose]();
  assertEquals(texts.get(), "default");
});
