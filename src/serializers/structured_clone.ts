/**
 * Values that JSON has no form for, as V8 itself writes them.
 *
 * @module
 */

import { z } from "zod";
import { messageOf, SerializationError } from "../errors.ts";
import { describe } from "../json.ts";
import type { SchemaOf } from "../schema.ts";
import type { FileSystemTarget } from "../targets/target.ts";
import { cannotLoad, cannotSave, checkLoaded, checkSaved, pathText } from "./check.ts";
import type { Serializer } from "./serializer.ts";

/** Classes whose instances come back as what they were. */
const CLASSES: ReadonlySet<unknown> = new Set<unknown>([
  Object,
  Array,
  Map,
  Set,
  Date,
  RegExp,
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  ArrayBuffer,
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
]);

/**
 * Anything that can be cloned: `Map` with any keys, `Set`, `Date`, `bigint`, typed arrays, `undefined`,
 * shared parts and cycles. Only V8 (Deno, Node, Chrome) can read the files, and later versions of it can.
 * Typed arrays come back as parts of one larger buffer: mind `byteOffset`.
 *
 * Instances of other classes would come back as plain objects, and are therefore refused when they are
 * saved: give such a class `static load(target)` and `dump(target)`.
 */
export class StructuredCloneSerializer<T> implements Serializer<T> {
  /** `v8` */
  readonly extension: string = "v8";
  readonly #schema: SchemaOf<T>;

  /** `schema` is what values must fit; anything that can be cloned will do without it. */
  constructor(schema: SchemaOf<T> = z.unknown() as SchemaOf<T>) {
    this.#schema = schema;
  }

  /** Writes the value. Rejects with `SerializationError` when it does not fit, or would not come back as it is. */
  async dump(value: T, target: FileSystemTarget): Promise<void> {
    const { encoded } = checkSaved(this.#schema, value, target);
    const { serialize } = await import("node:v8");
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      const lost = findLost(encoded, new Set());
      if (lost !== undefined) {
        const why = `a structured clone cannot hold ${describe(lost.value)}${pathText(lost.path)}`;
        throw cannotSave(target, why, { path: lost.path });
      }
      bytes = serialize(encoded) as Uint8Array<ArrayBuffer>;
    } catch (error) {
      if (error instanceof SerializationError) throw error;
      throw cannotSave(target, messageOf(error), { cause: error });
    }
    await target.write(bytes);
  }

  /** Reads the value. Rejects with `SerializationError` when the file is damaged, or does not fit the schema. */
  async load(target: FileSystemTarget): Promise<T> {
    const bytes = await target.bytes();
    const { deserialize } = await import("node:v8");
    let value: unknown;
    try {
      value = deserialize(bytes);
    } catch (error) {
      throw cannotLoad(target, `it is no structured clone: ${messageOf(error)}`, { cause: error });
    }
    return checkLoaded(this.#schema, value, target);
  }
}

/** Whether instances of the class come back as what they were. */
export function isCloneable(Class: unknown): boolean {
  return CLASSES.has(Class);
}

interface Lost {
  readonly path: readonly PropertyKey[];
  readonly value: unknown;
}

/** What V8 refuses, or would give back as something else. */
function findLost(value: unknown, seen: Set<unknown>): Lost | undefined {
  if (typeof value === "function" || typeof value === "symbol") return { path: [], value };
  if (typeof value !== "object" || value === null || seen.has(value)) return undefined;
  seen.add(value);
  const prototype = Object.getPrototypeOf(value) as { readonly constructor: unknown } | null;
  if (prototype !== null && !isCloneable(prototype.constructor)) return { path: [], value };
  for (const [key, part] of partsOf(value)) {
    const lost = findLost(part, seen);
    if (lost !== undefined) return { ...lost, path: [key, ...lost.path] };
  }
  return undefined;
}

function* partsOf(value: object): Iterable<[PropertyKey, unknown]> {
  if (ArrayBuffer.isView(value)) return;
  if (value instanceof Map) {
    for (const [key, part] of value) {
      const name = typeof key === "string" || typeof key === "number" ? key : describe(key);
      yield [name, key];
      yield [name, part];
    }
  } else if (value instanceof Set) {
    let i = 0;
    for (const member of value) yield [i++, member];
  } else if (value instanceof Error) {
    yield ["cause", value.cause];
  } else {
    for (const [key, part] of Object.entries(value)) {
      yield [Array.isArray(value) ? Number(key) : key, part];
    }
  }
}
