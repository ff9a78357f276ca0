/**
 * Values of a schema as JSON text and back: what `.json` files hold, and each line of `.jsonl` files. Unaware of files.
 *
 * @module
 */

import { z } from "zod";
import { messageOf, SchemaError, StardagError } from "../errors.ts";
import { describe, isPlainObject, isRawJson, parseJson } from "../json.ts";
import type { Output, Schema } from "../schema.ts";
import { type SchemaCodec, schemaCodec } from "../schema_codec.ts";
import { cannotLoad, cannotSave, checkLoaded, checkSaved, pathText, type Place } from "./check.ts";
import { allPartsOf, partsOf } from "../schema_parts.ts";

type Part = z.core.$ZodType;

/** Writes and reads values of one schema. Throws `SchemaError` for a schema whose values JSON cannot hold. */
export class JsonText<S extends Schema> {
  readonly #schema: S;
  readonly #codec: SchemaCodec;
  #isPlain: boolean | undefined;

  constructor(schema: S) {
    this.#schema = schema;
    this.#codec = schemaCodec(schema);
    for (const part of allPartsOf(schema)) schemaCodec(part); // what is unfit is told now
  }

  /** The text of a value; `undefined` as a whole is `null`. */
  write(value: unknown, place: Place): string {
    const checked = checkSaved(this.#schema, value, place);
    if (this.#plain && !hasNegativeZero(checked.encoded)) {
      return JSON.stringify(checked.encoded) ?? "null";
    }
    let json: unknown;
    try {
      json = this.#codec.toJson(checked.value, refuseReference);
    } catch (error) {
      throw error instanceof StardagError
        ? error
        : cannotSave(place, messageOf(error), { cause: error });
    }
    const lost = findLost(json);
    if (lost === undefined) return JSON.stringify(json) ?? "null";
    const why = `JSON cannot hold ${describe(lost.value)}${pathText(lost.path)}`;
    throw cannotSave(place, why, { path: lost.path });
  }

  /** The value of a text. */
  read(text: string, place: Place): Output<S> {
    let json: unknown;
    try {
      // Without `bigint` in it, long numbers are plain numbers.
      json = this.#plain
        ? JSON.parse(text)
        : this.#codec.fromJson(parseJson(text), refuseReference);
    } catch (error) {
      if (error instanceof StardagError) throw error;
      throw cannotLoad(place, `it is not JSON: ${messageOf(error)}`, { cause: error });
    }
    if (json === null && isForUndefined(this.#schema)) json = undefined;
    return checkLoaded(this.#schema, json, place);
  }

  get #plain(): boolean {
    return this.#isPlain ??= isPlain(this.#schema, true, new Set());
  }
}

/** Whether an encoded value of the schema is JSON as it stands. `mayBeAbsent`: it may also be `undefined`. */
function isPlain(schema: Part, mayBeAbsent: boolean, seen: Set<Part>): boolean {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "string":
    case "template_literal":
    case "number":
    case "boolean":
    case "null":
    case "enum":
    case "never":
      return true;
    case "literal":
      return def.values.every((value) =>
        typeof value !== "bigint" && (value !== undefined || mayBeAbsent)
      );
    case "undefined":
    case "void":
      return mayBeAbsent;
    case "optional":
      return mayBeAbsent && isPlain(def.innerType, true, seen);
    case "object":
    case "record":
    case "array":
    case "tuple": {
      if (seen.has(schema)) return true;
      if (seen.size > 100) return false; // maybe a schema that makes itself anew at every look
      seen.add(schema);
      const isObject = def.type === "object" || def.type === "record";
      return partsOf(schema).every((part) => isPlain(part, isObject, seen));
    }
    case "union":
    case "intersection":
    case "lazy":
    case "pipe":
    case "nullable":
    case "default":
    case "prefault":
    case "catch":
    case "readonly":
    case "nonoptional":
      return partsOf(schema).every((part) => isPlain(part, mayBeAbsent, seen));
    default:
      return false;
  }
}

/** `JSON.stringify` writes -0 as 0, an integer; the codec of the schema knows better. */
function hasNegativeZero(value: unknown): boolean {
  if (typeof value === "number") return Object.is(value, -0);
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(hasNegativeZero);
  for (const key in value) {
    if (hasNegativeZero((value as Readonly<Record<string, unknown>>)[key])) return true;
  }
  return false;
}

interface Lost {
  readonly path: readonly PropertyKey[];
  readonly value: unknown;
}

/** What `JSON.stringify` would drop or change without a word, where no schema has said what it is. */
function findLost(value: unknown, isMember: boolean = false): Lost | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : { path: [], value };
    case "undefined":
      return isMember ? { path: [], value } : undefined;
  }
  if (value === null || isRawJson(value)) return undefined;
  if (Array.isArray(value)) {
    for (const [i, member] of value.entries()) {
      const lost = findLost(member, true);
      if (lost !== undefined) return { ...lost, path: [i, ...lost.path] };
    }
    return undefined;
  }
  if (!isPlainObject(value)) return { path: [], value };
  for (const key of Object.keys(value)) {
    const lost = findLost(value[key]);
    if (lost !== undefined) return { ...lost, path: [key, ...lost.path] };
  }
  return undefined;
}

/** `null` is how `undefined` is written, e.g. of `z.void()`. */
function isForUndefined(schema: Schema): boolean {
  if (z.safeParse(schema, null).success) return false;
  const parsed = z.safeParse(schema, undefined);
  return parsed.success && parsed.data === undefined;
}

function refuseReference(): never {
  throw new SchemaError(
    "Cannot use depends(), taskLoads() or taskOf() in an output: outputs hold no tasks",
  );
}
