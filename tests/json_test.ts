import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  canonicalFloat,
  canonicalInteger,
  canonicalJson,
  canonicalString,
  compareCodePoints,
  dateText,
  describe,
  isPlainObject,
  isRawJson,
  parseJson,
  rawJson,
  stringifyJson,
} from "../src/json.ts";

const text = fc.string({ unit: "binary", maxLength: 12 });
const value: fc.Arbitrary<unknown> = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    text,
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(text, tie("any"), { maxKeys: 6, noNullPrototype: true }),
  ),
})).any;

/** The rules of canonical text once more, the slow way: character by character, digits by hand. */
function naive(value: unknown): string {
  if (value === null || typeof value === "boolean") return `${value}`;
  if (typeof value === "string") return naiveString(value);
  if (typeof value === "number") {
    return Number.isSafeInteger(value) ? BigInt(value).toString() : naiveFloat(value);
  }
  if (Array.isArray(value)) return "[" + value.map(naive).join(",") + "]";
  const entries = Object.entries(value as object)
    .map(([key, member]) => ({
      key,
      points: Array.from(key, (c) => c.codePointAt(0) ?? 0),
      member,
    }))
    .sort((a, b) => {
      const i = a.points.findIndex((point, at) => point !== b.points[at]);
      return i < 0 ? -1 : (a.points[i] ?? -1) - (b.points[i] ?? -1);
    });
  return "{" + entries.map(({ key, member }) => naiveString(key) + ":" + naive(member)).join(",") +
    "}";
}

function naiveString(text: string): string {
  const short: Record<string, string> = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
  };
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const character = text.charAt(i);
    out += short[character] ??
      (unit >= 0x20 && unit <= 0x7e ? character : "\\u" + (unit + 0x10000).toString(16).slice(1));
  }
  return `"${out}"`;
}

/** The shortest digits that give the number, set out as Python's `repr` does. */
function naiveFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const sign = value < 0 ? "-" : "";
  const [mantissa = "", power = ""] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const fraction = digits.length > 1 ? "." + digits.slice(1) : "";
    const size = Math.abs(exponent).toString();
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${
      size.length < 2 ? "0" + size : size
    }`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

Deno.test("canonical text of any value is that of a second implementation", () => {
  fc.assert(fc.property(value, (each) => assertEquals(canonicalJson(each), naive(each))), {
    numRuns: 2000,
  });
});

Deno.test("floats are spelled as Python's repr does", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0.0"],
    [-0, "-0.0"],
    [1, "1.0"],
    [0.1, "0.1"],
    [-2.5, "-2.5"],
    [1e15, "1000000000000000.0"],
    [9999999999999998, "9999999999999998.0"],
    [1e16, "1e+16"],
    [-1e22, "-1e+22"],
    [1.5e300, "1.5e+300"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1.25e-7, "1.25e-07"],
    [5e-324, "5e-324"],
    [1.7976931348623157e308, "1.7976931348623157e+308"],
    [123456789012345680, "1.2345678901234568e+17"],
  ];
  for (const [number, expected] of cases) assertEquals(canonicalFloat(number), expected);
  const bits = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(bits, (each) => {
      assertEquals(canonicalFloat(each), naiveFloat(each));
      assert(Object.is(Number(canonicalFloat(each)), each));
    }),
    { numRuns: 5000 },
  );
  for (const none of [NaN, Infinity, -Infinity]) {
    assertThrows(() => canonicalFloat(none), RangeError, `Cannot write ${none}`);
  }
});

Deno.test("whole numbers are written with all their digits", () => {
  assertEquals(canonicalInteger(-0), "0");
  assertEquals(canonicalInteger(-5), "-5");
  assertEquals(canonicalInteger(2 ** 53), "9007199254740992");
  assertEquals(canonicalInteger(1e21), "1000000000000000000000");
  assertEquals(canonicalInteger(-(2n ** 80n)), "-1208925819614629174706176");
});

Deno.test("strings are escaped down to space..tilde", () => {
  assertEquals(canonicalString("plain text ~"), '"plain text ~"');
  assertEquals(canonicalString('"\\\n\r\t\b\f/'), '"\\"\\\\\\n\\r\\t\\b\\f/"');
  assertEquals(canonicalString("\0\x1f\x7f\x80é"), '"\\u0000\\u001f\\u007f\\u0080\\u00e9"');
  assertEquals(canonicalString("🌟\ud83c\uffff"), '"\\ud83c\\udf1f\\ud83c\\uffff"');
  fc.assert(
    fc.property(text, (each) => {
      assertEquals(canonicalString(each), naiveString(each));
      assertEquals(JSON.parse(canonicalString(each)), each);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("keys sort by code point, not by UTF-16 unit", () => {
  assertEquals(
    canonicalJson({ "🌟": 1, "\uff5e": 2, "a": 3, "A": 4, "": 5, "10": 6, "9": 7 }),
    [
      '{"":5,"10":6,"9":7,"A":4,"a":3,"\\uff5e":2,"\\ud83c\\udf1f":1}',
    ][0],
  );
  const order = (a: string, b: string): number => {
    const [x, y] = [a, b].map((each) => Array.from(each, (c) => c.codePointAt(0) ?? 0));
    assert(x !== undefined && y !== undefined);
    const i = x.findIndex((point, at) => point !== y[at]);
    return i < 0 ? x.length - y.length : (x[i] ?? -1) - (y[i] ?? -1);
  };
  const near = fc.array(
    fc.constantFrom("a", "\ud7ff", "\ud800", "\udbff", "\udc00", "\udfff", "\ue000", "\uffff"),
    { maxLength: 4 },
  ).map((parts) => parts.join(""));
  fc.assert(
    fc.property(near, near, (a, b) => {
      assertEquals(Math.sign(compareCodePoints(a, b)), Math.sign(order(a, b)));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("a member that is undefined is absent, an own __proto__ is a key like others", () => {
  assertEquals(canonicalJson({ b: undefined, a: 1 }), '{"a":1}');
  assertEquals(
    canonicalJson(JSON.parse('{"__proto__":{"x":1},"a":2}')),
    [
      '{"__proto__":{"x":1},"a":2}',
    ][0],
  );
  assertEquals(canonicalJson(Object.create(null)), "{}");
});

Deno.test("what JSON cannot hold is refused, whatever is around it", () => {
  for (const bad of [undefined, () => 1, Symbol("s"), new Date(0), new Map(), new (class K {})()]) {
    assertThrows(() => canonicalJson(bad), TypeError, "Cannot write");
    assertThrows(() => canonicalJson({ a: [bad] }), TypeError, "Cannot write");
  }
  assertThrows(() => canonicalJson([NaN]), RangeError);
});

Deno.test("dates are written as Python writes a datetime in UTC", () => {
  assertEquals(dateText(new Date("2024-01-02T03:04:05Z")), "2024-01-02T03:04:05Z");
  assertEquals(dateText(new Date("2024-01-02T03:04:05.678Z")), "2024-01-02T03:04:05.678000Z");
  assertEquals(dateText(new Date("2024-01-02T03:04:05.070+02:00")), "2024-01-02T01:04:05.070000Z");
  assertEquals(dateText(new Date("0001-01-01T00:00:00Z")), "0001-01-01T00:00:00Z");
  assertEquals(dateText(new Date("9999-12-31T23:59:59.999Z")), "9999-12-31T23:59:59.999000Z");
  assertThrows(() => dateText(new Date("+010000-01-01T00:00:00Z")), RangeError, "its year");
  assertThrows(() => dateText(new Date("-000001-01-01T00:00:00Z")), RangeError, "its year");
});

Deno.test("text of any value is what JSON.stringify gives, at any depth", () => {
  fc.assert(
    fc.property(value, (each) => assertEquals(stringifyJson(each), JSON.stringify(each))),
    { numRuns: 1000 },
  );
  assertEquals(stringifyJson({ a: undefined, b: [undefined, null] }), '{"b":[null,null]}');
  assertEquals(
    stringifyJson(parseJson('{"x":[12345678901234567890]}')),
    '{"x":[12345678901234567890]}',
  );
  assertEquals(
    stringifyJson([rawJson("-0.0"), { x: rawJson("12345678901234567890") }]),
    [
      '[-0.0,{"x":12345678901234567890}]',
    ][0],
  );
  let deep: unknown = "end";
  for (let i = 0; i < 100_000; i++) deep = i % 2 === 0 ? [deep] : { k: deep };
  assertEquals(stringifyJson(deep).length, 50_000 * 2 + 50_000 * 6 + 5);
});

Deno.test("text of an object that stands in many places is as long as JSON says", () => {
  const shared = { k: [1] };
  assertEquals(stringifyJson([shared, shared]), '[{"k":[1]},{"k":[1]}]');
});

Deno.test("parsing gives what JSON.parse gives, and integers without loss", () => {
  fc.assert(
    fc.property(value, (each) => {
      const json = JSON.stringify(each);
      const whole = (x: unknown): unknown =>
        typeof x === "bigint"
          ? Number(x)
          : Array.isArray(x)
          ? x.map(whole)
          : isPlainObject(x)
          ? Object.fromEntries(Object.entries(x).map(([key, part]) => [key, whole(part)]))
          : x;
      assertEquals(JSON.stringify(whole(parseJson(json))), JSON.stringify(JSON.parse(json)));
    }),
    { numRuns: 1000 },
  );
  assertEquals(parseJson("[9007199254740991,9007199254740992,-9007199254740993]"), [
    9007199254740991,
    9007199254740992n,
    -9007199254740993n,
  ]);
  assertEquals(parseJson("[1234567890123456.5,1e30,12345678901234567890]"), [
    1234567890123456.5,
    1e30,
    12345678901234567890n,
  ]);
  for (const bad of ["", "{", "[1,]", "undefined", "NaN"]) {
    assertThrows(() => parseJson(bad), SyntaxError);
  }
});

Deno.test("parsing goes to any depth, also where there are numbers with many digits", () => {
  for (const leaf of ["1", "0.30000000000000004", "12345678901234567890"]) {
    const depth = 100_000;
    let at = parseJson(`${'{"k":'.repeat(depth)}${leaf}${"}".repeat(depth)}`);
    let levels = 0;
    while (typeof at === "object" && at !== null) {
      at = (at as { readonly k: unknown }).k;
      levels++;
    }
    assertEquals(levels, depth);
    assertEquals(String(at), leaf);
  }
});

Deno.test("only object literals and the like are plain", () => {
  for (const plain of [{}, { a: 1 }, Object.create(null), JSON.parse("{}")]) {
    assert(isPlainObject(plain));
  }
  for (const other of [null, undefined, [], 1, "x", new Date(), new Map(), new (class K {})()]) {
    assert(!isPlainObject(other));
  }
  assert(isRawJson(rawJson("1")) && !isRawJson({}));
});

Deno.test("values are described in short, and never by throwing", () => {
  assertEquals(describe("a\n"), '"a\\n"');
  assertEquals(describe(12n), "12n");
  assertEquals(describe({ a: [1] }), '{"a":[1]}');
  assertEquals(describe(new TypeError("bad")), "TypeError: bad");
  assertEquals(describe(undefined), "undefined");
  assertEquals(describe(function named() {}), 'the function "named"');
  assertEquals(describe("x".repeat(1000)).length, 120);
  assertStringIncludes(describe(new Date(0)), "Date");
  const circle: unknown[] = [];
  circle.push(circle);
  const hostile = {
    toJSON() {
      throw new Error("no");
    },
  };
  const odd = Object.create({ constructor: null });
  for (const each of [circle, hostile, odd, { a: 1n }, Symbol("s"), Object.create(null)]) {
    assertEquals(typeof describe(each), "string");
  }
});
