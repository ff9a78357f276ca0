/**
 * Canonical JSON text, to the byte what Python's `json.dumps(..., sort_keys=True, separators=(",", ":"))` writes, and
 * the few things JSON needs that JavaScript does not give. Unaware of schemas and tasks.
 *
 * @module
 */

/** What JSON can hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

// deno-lint-ignore no-control-regex -- the range is exactly what JSON may hold unescaped, less non-ASCII
const NEEDS_ESCAPE = /[\u0000-\u001f"\\\u007f-\uffff]/;

/** A string in canonical form: quoted, and every character outside space..tilde escaped. */
export function canonicalString(text: string): string {
  if (!NEEDS_ESCAPE.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, escapedUnit);
}

/** A number in canonical form as a float, spelled as Python's `repr` does: `1.0`, `1e-05`, `1e+16`, `-0.0`. */
export function canonicalFloat(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e16) {
    return Object.is(value, -0) ? "-0.0" : `${value}.0`;
  }
  if (!Number.isFinite(value)) {
    throw new RangeError(`Cannot write ${value} as JSON: only finite numbers have a form`);
  }
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e16) return String(value);
  const [digits, exponent] = value.toExponential().split("e") as [string, string];
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

/** A whole number in canonical form. */
export function canonicalInteger(value: number | bigint): string {
  return typeof value === "bigint" || Number.isSafeInteger(value)
    ? String(value === 0 ? 0 : value)
    : BigInt(value).toString();
}

/** A `Date` as Python writes a UTC datetime: `2024-01-02T03:04:05Z`, with microseconds only where there are any. */
export function dateText(date: Date): string {
  const text = date.toISOString();
  if (text.length !== 24) {
    throw new RangeError(`Cannot write the date "${text}": its year is not within 0000 to 9999`);
  }
  return text.endsWith(".000Z") ? `${text.slice(0, 19)}Z` : `${text.slice(0, 23)}000Z`;
}

/**
 * Canonical form of a value without a schema. A whole number is an integer, unless it is too large to be told from its
 * neighbours: then it is a float. Throws on what JSON cannot hold.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case "string":
      return canonicalString(value);
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return canonicalInteger(value);
    case "number":
      return Number.isSafeInteger(value) ? canonicalInteger(value) : canonicalFloat(value);
    case "object":
      if (value === null) return "null";
      // Not map(), which passes over holes.
      if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(",")}]`;
      if (isPlainObject(value)) {
        const parts: string[] = [];
        for (const key of Object.keys(value).sort(compareCodePoints)) {
          const member = value[key];
          if (member !== undefined) parts.push(`${canonicalString(key)}:${canonicalJson(member)}`);
        }
        return `{${parts.join(",")}}`;
      }
  }
  throw new TypeError(`Cannot write ${describe(value)} as JSON: give it a schema that says how`);
}

/** Orders strings by code point, as Python does; JavaScript's own order is by UTF-16 unit. */
export function compareCodePoints(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue;
    // The second half of a pair says nothing without the first, which is the same in both.
    const half = isLow(a.charCodeAt(i)) || isLow(b.charCodeAt(i));
    const at = half && i > 0 && isHigh(a.charCodeAt(i - 1)) ? i - 1 : i;
    return a.codePointAt(at)! - b.codePointAt(at)!;
  }
  return a.length - b.length;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/** Whether it is an object literal or the like, and not an instance of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A value in a message: short, in quotes where it is text, on one line, and never throwing. */
export function describe(value: unknown): string {
  const text = visible(describeWhole(value));
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 3)}...` : text;
}

const MOST_SHOWN = 120;

/** The text with what nobody sees, or what steers a terminal, as a string in code has it: `\n`, `\u009b`, `\u202e`. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const quoted = JSON.stringify(character);
    return quoted.length > 3 ? quoted.slice(1, -1) : character.split("").map(escapedUnit).join("");
  });
}

/** A UTF-16 unit as an escape. */
export function escapedUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function describeWhole(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > MOST_SHOWN ? value.slice(0, MOST_SHOWN) : value);
    case "bigint":
      return `${value}n`;
    case "function":
      return value.name === "" ? "a function" : `the function "${value.name}"`;
    case "object": {
      if (value === null) return "null";
      if (value instanceof Error) return `${value.name}: ${value.message}`;
      try {
        if (Array.isArray(value)) return JSON.stringify(value.slice(0, MOST_SHOWN));
        if (isPlainObject(value)) return JSON.stringify(value) ?? "undefined";
        const name: unknown = value.constructor?.name;
        const text = String(value).replace(/^\[object .*\]$/, "");
        return `${typeof name === "string" ? name : "an object"} ${text}`.trimEnd();
      } catch {
        return "an object that cannot be shown";
      }
    }
    default:
      return String(value);
  }
}

/**
 * `JSON.stringify` without recursion over a value already made of JSON: any depth, objects may be shared, integers of any
 * size.
 */
export function stringifyJson(value: unknown): string {
  // Each frame is a container under way: its closing text, and what of it is left in reverse order.
  const out: string[] = [];
  const stack: { readonly rest: [string, unknown][]; readonly close: string; first: boolean }[] =
    [];
  let current: unknown = value;
  for (;;) {
    if (typeof current === "object" && current !== null && !isRawJson(current)) {
      const isArray = Array.isArray(current);
      const entries: [string, unknown][] = Array.isArray(current)
        ? current.map((member: unknown) => ["", member])
        : Object.entries(current)
          .filter(([, member]) => member !== undefined)
          .map(([key, member]) => [`${JSON.stringify(key)}:`, member]);
      out.push(isArray ? "[" : "{");
      stack.push({ rest: entries.reverse(), close: isArray ? "]" : "}", first: true });
    } else {
      out.push(typeof current === "bigint" ? String(current) : JSON.stringify(current ?? null));
    }
    let next: [string, unknown] | undefined;
    for (;;) {
      const frame = stack.at(-1);
      if (frame === undefined) return out.join("");
      next = frame.rest.pop();
      if (next !== undefined) {
        out.push(frame.first ? next[0] : `,${next[0]}`);
        frame.first = false;
        break;
      }
      out.push(frame.close);
      stack.pop();
    }
    current = next[1];
  }
}

/** JSON text as a value; integers that a `number` cannot hold exactly become `bigint`. Throws `SyntaxError`. */
export function parseJson(text: string): unknown {
  // Only a long row of digits can be such an integer. (A reviver would be recursive.)
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const mark = crypto.randomUUID();
  const marked = markLongIntegers(text, mark);
  return marked === undefined ? JSON.parse(text) : unmarked(JSON.parse(marked), mark);
}

/** The text with each such integer as a string that begins with the mark; `undefined` when there is none. */
function markLongIntegers(text: string, mark: string): string | undefined {
  const pieces: string[] = [];
  let kept = 0;
  const next = /"|-?\d+(\.\d+)?([eE][+-]?\d+)?/g;
  for (let match = next.exec(text); match !== null; match = next.exec(text)) {
    if (match[0] === '"') {
      next.lastIndex = endOfString(text, match.index);
    } else if (/^-?[1-9]\d{15,}$/.test(match[0]) && !Number.isSafeInteger(Number(match[0]))) {
      pieces.push(text.slice(kept, match.index), `"${mark}${match[0]}"`);
      kept = next.lastIndex;
    }
  }
  return pieces.length === 0 ? undefined : pieces.join("") + text.slice(kept);
}

function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}

function unmarked(root: unknown, mark: string): unknown {
  const integer = (value: unknown): unknown =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value;
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (typeof node !== "object" || node === null) continue;
    for (const [key, value] of Object.entries(node)) {
      if (typeof value === "object") stack.push(value);
      else if (typeof value === "string") (node as Record<string, unknown>)[key] = integer(value);
    }
  }
  return integer(root);
}

/** The number written exactly so by `JSON.stringify`: for integers beyond `number`, and for -0.0. */
export function rawJson(text: string): JsonValue {
  return (JSON as unknown as { rawJSON(text: string): JsonValue }).rawJSON(text);
}

/** Whether it is made by `rawJson`. */
export function isRawJson(value: unknown): boolean {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}

/** What `rawJson` made, as a value; anything else as it is. */
export function fromRawJson(json: unknown): unknown {
  return isRawJson(json) ? parseJson((json as { readonly rawJSON: string }).rawJSON) : json;
}

/** The value with `leaf` in place of everything in it that is no array and no plain object; always a copy. */
export function mapPlain(value: unknown, leaf: (part: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((part) => mapPlain(part, leaf));
  if (!isPlainObject(value) || isRawJson(value)) return leaf(value);
  const to: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (value[key] !== undefined) setOwn(to, key, mapPlain(value[key], leaf));
  }
  return to;
}

/** Sets an own property, also for a key such as `__proto__`. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    object[key] = value;
  }
}

/** A copy of a value that nobody else has: arrays, plain objects, sets, maps, dates, bytes and URLs at any depth. */
export function copyOf(value: unknown): unknown {
  return typeof value === "object" && value !== null ? mapPlain(value, copyOfLeaf) : value;
}

function copyOfLeaf(value: unknown): unknown {
  if (value instanceof Date) return new Date(value);
  if (value instanceof Uint8Array) return value.slice();
  if (value instanceof URL) return new URL(value);
  if (value instanceof Set) return new Set([...value].map(copyOf));
  if (value instanceof Map) return new Map([...value].map(([key, part]) => [key, copyOf(part)]));
  return value;
}
