/**
 * How values of a Zod schema are written as canonical text, as JSON, and read back: compiled once per schema into
 * closures. Unaware of tasks: what stands for something else (a task) is a "reference", told by its schema.
 *
 * @module
 */

import { z } from "zod";
import { SchemaError } from "./errors.ts";
import {
  canonicalFloat,
  canonicalInteger,
  canonicalJson,
  canonicalString,
  compareCodePoints,
  copyOf,
  dateText,
  describe,
  fromRawJson,
  isPlainObject,
  mapPlain,
  rawJson,
  setOwn,
} from "./json.ts";
import { type SchemaMark, schemaMark } from "./schema_mark.ts";
import { allPartsOf, unwrapped, wrapped } from "./schema_parts.ts";

/** Writes and reads values of one schema. A "typed value" is what `schema.parse` gives. */
export interface SchemaCodec {
  /** The canonical text of a typed value. */
  canonical(value: unknown): string;
  /** A typed value as JSON, ready for `JSON.stringify`; `reference` gives what stands for a reference. */
  toJson(value: unknown, reference: MapReference): unknown;
  /** JSON as what `schema.parse` takes; what does not fit is left as it is, for the schema to refuse. */
  fromJson(json: unknown, reference: MapReference): unknown;
  /** A typed value made immutable, or copied where JavaScript cannot: nobody changes it behind the task's back. */
  freeze(value: unknown): unknown;
  /** A copy of the typed value with every reference in it replaced. */
  mapReferences(value: unknown, map: MapReference): unknown;
}

/** Gives what is to stand in the place of a reference of the schema. */
export type MapReference = (reference: unknown, schema: ReferenceSchema) => unknown;

/** What a schema of references is. */
export interface ReferenceSchema {
  /** The canonical text that stands for the reference. */
  canonical(reference: unknown): string;
  /** Whether code that uses the value wants what the reference stands for (`depends`), or the reference itself. */
  readonly loaded: boolean;
  /** What the reference gives when loaded. */
  readonly output: z.ZodType | undefined;
}

/** Options of a parameter, set by `field()`. */
export interface FieldOptions<T = unknown> {
  /** `false`: not part of the id; two tasks that differ only in it are the same task. */
  readonly significant?: boolean | undefined;
  /** Not part of the id while its value equals this one: for parameters added later, so that older ids stay valid. */
  readonly compatDefault?: T | undefined;
}

/** Options set by `field()`. */
export const fieldOptions: SchemaMark<FieldOptions> = schemaMark();
/** Schemas whose values are references. */
export const referenceSchemas: SchemaMark<ReferenceSchema> = schemaMark();

type Schema = z.core.$ZodType;
const compiled = new WeakMap<Schema, SchemaCodec>();

/** The codec of a schema, compiled on first use. Throws `SchemaError` for one that cannot be written back. */
export function schemaCodec(schema: Schema): SchemaCodec {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const codec = compile(schema);
  compiled.set(schema, codec);
  return codec;
}

/** Options set by `field()` on the schema or on what it wraps (`field(...).optional()`). */
export function fieldOptionsOf(schema: Schema): FieldOptions | undefined {
  for (let at: Schema | undefined = schema; at !== undefined; at = wrapped(at)) {
    const options = fieldOptions.of(at);
    if (options !== undefined) return options;
  }
  return undefined;
}

/** The class of `z.instanceof(Class)`, also of what is derived from it. */
export function classOf(schema: Schema): (abstract new (...args: never[]) => unknown) | undefined {
  for (let at: Schema | undefined = schema; at !== undefined; at = at._zod.parent) {
    const bag = at._zod.bag as { Class?: abstract new (...args: never[]) => unknown };
    if (bag.Class !== undefined) return bag.Class;
  }
  return undefined;
}

/** Whether numbers of the schema are integers: `z.int()` and `.int()` are, `.multipleOf(1)` is not. */
export function isIntegerSchema(schema: z.core.$ZodNumber): boolean {
  const { format, checks } = schema._zod.def as {
    format?: string;
    checks?: Schema["_zod"]["def"]["checks"];
  };
  const formats = [
    format,
    ...(checks ?? []).map((check) => (check._zod.def as { format?: string }).format),
  ];
  return formats.some((name) => name?.includes("int"));
}

// ---- one codec per kind of schema ----

const keep = (value: unknown): unknown => value;
const plain = (canonical: (value: unknown) => string): SchemaCodec => ({
  canonical,
  toJson: keep,
  fromJson: keep,
  freeze: keep,
  mapReferences: keep,
});

const STRING = plain((value) => canonicalString(value as string));
const FLOAT: SchemaCodec = {
  ...plain((value) => canonicalFloat(value as number)),
  toJson: (value) => Object.is(value, -0) ? rawJson("-0.0") : value,
  fromJson(json) {
    const value = fromRawJson(json);
    return typeof value === "bigint" ? Number(value) : value;
  },
};
const INTEGER: SchemaCodec = {
  ...plain((value) => canonicalInteger(value as number)),
  fromJson: fromRawJson,
};
const BOOLEAN = plain((value) => value === true ? "true" : "false");
/** Literals and enums: the value itself says what it is. */
const BY_VALUE: SchemaCodec = {
  ...plain(canonicalJson),
  toJson: (value) => typeof value === "bigint" ? integerJson(value) : value,
  fromJson: fromRawJson,
};
const BIGINT: SchemaCodec = {
  ...plain((value) => canonicalInteger(value as bigint)),
  toJson: (value) => integerJson(value as bigint),
  fromJson(json) {
    const value = fromRawJson(json);
    return Number.isSafeInteger(value) ? BigInt(value as number) : value;
  },
};
/** Without a schema: plain JSON, copied so that nobody can change it behind the task's back. */
const ANY: SchemaCodec = {
  canonical: canonicalJson,
  toJson: jsonOfAny,
  fromJson: (json) => mapPlain(json, fromRawJson),
  freeze: frozenCopy,
  mapReferences: keep,
};
const DATE: SchemaCodec = {
  ...plain((value) => `"${dateText(value as Date)}"`),
  toJson: (value) => dateText(value as Date),
  fromJson: (json) => typeof json === "string" && EXACT_INSTANT.test(json) ? new Date(json) : json,
  freeze: (value) => new Date(value as Date),
};
/** With a zone, and not finer than a `Date` can hold: anything else would come back as another instant. */
const EXACT_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3}0*)?)?(Z|[+-]\d\d:\d\d)$/;
const BYTES: SchemaCodec = {
  ...plain((value) => canonicalString(utf8(value as Uint8Array))),
  toJson: (value) => utf8(value as Uint8Array),
  fromJson: (json) => typeof json === "string" ? new TextEncoder().encode(json) : json,
  freeze: (value) => (value as Uint8Array).slice(),
};
const URL_TEXT: SchemaCodec = {
  ...plain((value) => canonicalString((value as URL).href)),
  toJson: (value) => (value as URL).href,
  fromJson: (json) => typeof json === "string" && URL.canParse(json) ? new URL(json) : json,
  freeze: (value) => new URL(value as URL),
};

function compile(schema: Schema): SchemaCodec {
  const reference = referenceSchemas.of(schema);
  if (reference !== undefined) return referenceCodec(reference);
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "string":
    case "template_literal":
      return STRING;
    case "number":
      return isIntegerSchema(schema as z.core.$ZodNumber) ? INTEGER : FLOAT;
    case "boolean":
      return BOOLEAN;
    case "bigint":
      return BIGINT;
    case "null":
    case "undefined":
    case "void":
    case "never":
    case "enum":
      return BY_VALUE;
    case "literal":
      return literalCodec(def.values);
    case "any":
    case "unknown":
      return ANY;
    case "date":
      return DATE;
    case "array":
      return arrayCodec(member(def.element));
    case "tuple":
      return tupleCodec(def.items.map(member), def.rest === null ? undefined : member(def.rest));
    case "object":
      return objectCodec(def.shape, def.catchall);
    case "record":
      return recordCodec(def.keyType, member(def.valueType));
    case "map":
      return mapCodec(def.keyType, member(def.valueType));
    case "set":
      return setCodec(member(def.valueType));
    case "union":
      return unionCodec(def.options);
    case "intersection":
      return intersectionCodec(def.left, def.right);
    case "default":
    case "prefault":
    case "catch":
      // What they fill in may be the caller's own object.
      return nullableCodec(schemaCodec(def.innerType), copyOf);
    case "optional":
    case "nullable":
    case "readonly":
    case "nonoptional":
      return nullableCodec(schemaCodec(def.innerType));
    case "lazy":
      return lazyCodec(() => member(def.getter()));
    case "pipe":
      return pipeCodec(schema, def);
    case "custom":
      return customCodec(schema);
    default:
      throw new SchemaError(
        `Cannot write values of z.${def.type}() as JSON: use a type that JSON has a form for, or z.codec`,
      );
  }
}

/** The codec of a part that has no name of its own, where `field()` would be silently ignored. */
function member(schema: Schema): SchemaCodec {
  if (fieldOptionsOf(schema) !== undefined) {
    throw new SchemaError(
      "Cannot use field() here: it marks a parameter or a property of a z.object()",
    );
  }
  return schemaCodec(schema);
}

function referenceCodec(reference: ReferenceSchema): SchemaCodec {
  return {
    canonical: (value) => reference.canonical(value),
    toJson: (value, map) => map(value, reference),
    fromJson: (json, map) => map(json, reference),
    freeze: keep,
    mapReferences: (value, map) => map(value, reference),
  };
}

/** What may be null or absent besides what `inner` says; `own` makes a value that nobody else has. */
function nullableCodec(inner: SchemaCodec, own: (value: unknown) => unknown = keep): SchemaCodec {
  const unless = <R>(value: unknown, use: () => R): R | null | undefined =>
    value === null || value === undefined ? value : use();
  return {
    canonical(value) {
      if (value === undefined) throw new TypeError("Cannot write undefined as JSON: use null");
      return value === null ? "null" : inner.canonical(value);
    },
    toJson: (value, map) => unless(value, () => inner.toJson(value, map)),
    fromJson: (json, map) => unless(json, () => inner.fromJson(json, map)),
    freeze: (value) => unless(value, () => inner.freeze(own(value))),
    mapReferences: (value, map) => unless(value, () => inner.mapReferences(value, map)),
  };
}

function literalCodec(values: readonly unknown[]): SchemaCodec {
  // JSON has one kind of number: the literal itself says which it was.
  const bigints = new Set(values.filter((value) => typeof value === "bigint"));
  return {
    ...BY_VALUE,
    fromJson(json) {
      const value = fromRawJson(json);
      const exact = Number.isSafeInteger(value) ? BigInt(value as number) : value;
      return bigints.has(exact as bigint) && !values.includes(value) ? exact : value;
    },
  };
}

function arrayCodec(element: SchemaCodec): SchemaCodec {
  return tupleCodec([], element);
}

function tupleCodec(items: readonly SchemaCodec[], rest: SchemaCodec | undefined): SchemaCodec {
  const at = (i: number): SchemaCodec => items[i] ?? rest ?? ANY;
  return {
    canonical(value) {
      const members = value as readonly unknown[];
      let text = "[";
      for (let i = 0; i < members.length; i++) {
        text += (i > 0 ? "," : "") + at(i).canonical(members[i]);
      }
      return `${text}]`;
    },
    toJson: (value, map) => (value as readonly unknown[]).map((x, i) => at(i).toJson(x, map)),
    fromJson: (json, map) =>
      Array.isArray(json) ? json.map((x, i) => at(i).fromJson(x, map)) : json,
    freeze(value) {
      // A z.readonly() has frozen it already.
      let members = value as unknown[];
      for (let i = 0; i < members.length; i++) {
        const part = at(i).freeze(members[i]);
        if (part === members[i]) continue;
        if (Object.isFrozen(members)) members = [...members];
        members[i] = part;
      }
      return Object.freeze(members);
    },
    mapReferences: (value, map) =>
      (value as readonly unknown[]).map((x, i) => at(i).mapReferences(x, map)),
  };
}

interface Field {
  readonly key: string;
  readonly codec: SchemaCodec;
  /** `"key":` in canonical form. */
  readonly prefix: string;
  readonly mark: FieldMark;
}

/** What `field()` says of a parameter or property. */
export interface FieldMark {
  /** `false`: left out of the canonical text. */
  readonly significant: boolean;
  /** Whether the value is the compat default, and so left out. */
  isCompatDefault(value: unknown): boolean;
  /** What to put in its place where it is missing in JSON from before it existed, as `schema.parse` takes it. */
  readonly whenMissing: { readonly value: unknown } | undefined;
}

/** How a field is marked. Throws `SchemaError` for a compat default that does not fit the schema. */
export function fieldMark(schema: Schema): FieldMark {
  const options = fieldOptionsOf(schema);
  const significant = options?.significant !== false;
  if (options === undefined || !("compatDefault" in options)) {
    return { significant, isCompatDefault: () => false, whenMissing: undefined };
  }
  const codec = schemaCodec(schema);
  const { compatDefault } = options;
  const encoded = z.safeEncode(schema, compatDefault);
  if (!encoded.success) {
    throw new SchemaError(
      `Cannot use the compatDefault ${describe(compatDefault)}: ${
        encoded.error.issues[0]?.message
      }. Give one that fits the schema`,
    );
  }
  const text = compatDefault === undefined ? undefined : codec.canonical(compatDefault);
  return {
    significant,
    isCompatDefault: (value) => codec.canonical(value) === text,
    whenMissing: { value: encoded.data },
  };
}

/** Whether two values of the schema can differ though their canonical text is one: something in it is not significant. */
export function hasInsignificant(schema: Schema): boolean {
  const isInsignificant = (part: Schema): boolean => fieldOptionsOf(part)?.significant === false;
  return isInsignificant(schema) || [...allPartsOf(schema)].some(isInsignificant);
}

/** Whether values of the schema can have references in them. */
export function hasReferences(schema: Schema): boolean {
  return [...allPartsOf(schema)].some((part) => referenceSchemas.of(part) !== undefined);
}

/** The fields of an object in canonical order. */
function canonicalFields(shape: Readonly<Record<string, Schema>>): readonly Field[] {
  return Object.keys(shape).sort(compareCodePoints).map((key): Field => ({
    key,
    codec: schemaCodec(shape[key]!),
    prefix: `${canonicalString(key)}:`,
    mark: fieldMark(shape[key]!),
  }));
}

function objectCodec(
  shape: Readonly<Record<string, Schema>>,
  catchall: Schema | undefined,
): SchemaCodec {
  // Compiled on first use: the getters of a recursive z.object() may name the object itself.
  let own: readonly Field[] | undefined;
  const fields = (): readonly Field[] => own ??= canonicalFields(shape);
  const extra = catchall === undefined || catchall._zod.def.type === "never"
    ? undefined
    : schemaCodec(catchall);
  const keys = Object.keys(shape);
  const known = new Set(keys);
  const codecOf = (key: string): SchemaCodec | undefined =>
    known.has(key) ? schemaCodec(shape[key]!) : extra;
  const convert = (
    value: unknown,
    use: (codec: SchemaCodec, part: unknown) => unknown,
  ): unknown => {
    const from = value as Readonly<Record<string, unknown>>;
    const to: Record<string, unknown> = {};
    // In the order of the schema, as the original dumps its models.
    for (const key of extra === undefined ? keys : new Set([...keys, ...Object.keys(from)])) {
      const part = from[key];
      if (part !== undefined) setOwn(to, key, use(codecOf(key)!, part));
    }
    return to;
  };
  return {
    canonical(value) {
      const object = value as Readonly<Record<string, unknown>>;
      if (extra !== undefined) return canonicalOfMixed(object, fields(), known, extra);
      let text = "";
      for (const { key, codec, prefix, mark } of fields()) {
        const part = object[key];
        if (part === undefined || !mark.significant || mark.isCompatDefault(part)) continue;
        text += (text === "" ? "" : ",") + prefix + codec.canonical(part);
      }
      return `{${text}}`;
    },
    toJson: (value, map) => convert(value, (codec, part) => codec.toJson(part, map)),
    fromJson(json, map) {
      if (!isPlainObject(json)) return json;
      // Unknown keys stay, for the schema to drop or to refuse.
      const to: Record<string, unknown> = {};
      for (const key of Object.keys(json)) {
        const codec = codecOf(key);
        setOwn(to, key, codec === undefined ? json[key] : codec.fromJson(json[key], map));
      }
      for (const { key, mark } of fields()) {
        if (mark.whenMissing !== undefined && !(key in json)) {
          setOwn(to, key, mark.whenMissing.value);
        }
      }
      return to;
    },
    freeze(value) {
      let object = value as Record<string, unknown>;
      for (const key of Object.keys(object)) {
        const part = object[key];
        const frozen = codecOf(key)?.freeze(part);
        if (frozen === part) continue;
        if (Object.isFrozen(object)) object = { ...object };
        setOwn(object, key, frozen);
      }
      return Object.freeze(object);
    },
    mapReferences: (value, map) => convert(value, (codec, part) => codec.mapReferences(part, map)),
  };
}

function canonicalOfMixed(
  object: Readonly<Record<string, unknown>>,
  fields: readonly Field[],
  known: ReadonlySet<string>,
  extra: SchemaCodec,
): string {
  const parts: [string, string][] = [];
  for (const { key, codec, mark } of fields) {
    const part = object[key];
    if (part === undefined || !mark.significant || mark.isCompatDefault(part)) continue;
    parts.push([key, codec.canonical(part)]);
  }
  for (const key of Object.keys(object)) {
    if (!known.has(key) && object[key] !== undefined) {
      parts.push([key, extra.canonical(object[key])]);
    }
  }
  return canonicalEntries(parts);
}

function canonicalEntries(parts: [string, string][]): string {
  parts.sort(([a], [b]) => compareCodePoints(a, b));
  return `{${parts.map(([key, text]) => `${canonicalString(key)}:${text}`).join(",")}}`;
}

function recordCodec(keyType: Schema, element: SchemaCodec): SchemaCodec {
  if (unwrapped(keyType)._zod.def.type === "pipe") {
    throw new SchemaError(
      "Cannot write a z.record() whose keys are a z.codec or pipe as JSON: use plain strings as keys",
    );
  }
  const convert = (value: unknown, use: (part: unknown) => unknown): unknown => {
    if (!isPlainObject(value)) return value;
    const to: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      if (value[key] !== undefined) setOwn(to, key, use(value[key]));
    }
    return to;
  };
  return {
    canonical(value) {
      const entries = Object.entries(value as Readonly<Record<string, unknown>>);
      return canonicalEntries(
        entries.filter(([, part]) => part !== undefined).map((
          [key, part],
        ) => [key, element.canonical(part)]),
      );
    },
    toJson: (value, map) => convert(value, (part) => element.toJson(part, map)),
    fromJson: (json, map) => convert(json, (part) => element.fromJson(part, map)),
    freeze: (value) => Object.freeze(convert(value, (part) => element.freeze(part))),
    mapReferences: (value, map) => convert(value, (part) => element.mapReferences(part, map)),
  };
}

/** A `Map` is an object in JSON, so its keys must all be strings, or all integers. */
function mapCodec(keyType: Schema, element: SchemaCodec): SchemaCodec {
  const keyOf = mapKeys(unwrapped(keyType));
  const entries = (value: unknown): [unknown, unknown][] => [
    ...(value as ReadonlyMap<unknown, unknown>),
  ];
  const convert = (value: unknown, use: (part: unknown) => unknown): unknown =>
    new Map(entries(value).map(([key, part]) => [key, use(part)]));
  return {
    canonical: (value) =>
      canonicalEntries(
        entries(value).map(([key, part]) => [String(key), element.canonical(part)]),
      ),
    toJson(value, map) {
      const to: Record<string, unknown> = {};
      for (const [key, part] of entries(value)) {
        setOwn(to, String(key), element.toJson(part, map));
      }
      return to;
    },
    fromJson: (json, map) =>
      isPlainObject(json)
        ? new Map(
          Object.entries(json).map(([key, part]) => [keyOf(key), element.fromJson(part, map)]),
        )
        : json,
    freeze: (value) => convert(value, (part) => element.freeze(part)),
    mapReferences: (value, map) => convert(value, (part) => element.mapReferences(part, map)),
  };
}

/** From the text of a key back to the key. Throws `SchemaError` for keys that cannot be told by their text. */
function mapKeys(keyType: Schema): (text: string) => unknown {
  const def = (keyType as z.core.$ZodTypes)._zod.def;
  const values = def.type === "literal"
    ? def.values
    : def.type === "enum"
    ? Object.values(def.entries)
    : undefined;
  const isInteger = (kind: "number" | "bigint"): boolean =>
    values === undefined
      ? def.type === kind &&
        (kind === "bigint" || isIntegerSchema(keyType as z.core.$ZodNumber))
      : values.every((value) =>
        typeof value === kind && (kind === "bigint" || Number.isInteger(value))
      );
  if (isInteger("bigint")) return (text) => /^-?\d+$/.test(text) ? BigInt(text) : text;
  if (isInteger("number")) return (text) => /^-?\d+$/.test(text) ? Number(text) : text;
  const strings = values === undefined
    ? def.type === "string" || def.type === "template_literal"
    : values.every((value) => typeof value === "string");
  if (strings) return (text) => text;
  throw new SchemaError(
    `Cannot write a z.map() with these keys of z.${def.type}() as JSON: use only strings or only integers as keys, or an array of pairs`,
  );
}

/** A `Set` is a sorted array in JSON; members that are equal in content count once. */
function setCodec(element: SchemaCodec): SchemaCodec {
  const sorted = (value: unknown): [unknown, string][] => {
    const members = [...(value as ReadonlySet<unknown>)].map((
      x,
    ): [unknown, string] => [x, element.canonical(x)]);
    return members.sort(compareMembers).filter(([, text], i) =>
      i === 0 || text !== members[i - 1]![1]
    );
  };
  return {
    canonical: (value) => `[${sorted(value).map(([, text]) => text).join(",")}]`,
    toJson: (value, map) => sorted(value).map(([x]) => element.toJson(x, map)),
    fromJson: (json, map) =>
      Array.isArray(json) ? new Set(json.map((x) => element.fromJson(x, map))) : json,
    freeze(value) {
      const seen = new Set<string>();
      const isFirst = (x: unknown): boolean => seen.size < seen.add(element.canonical(x)).size;
      return new Set(
        [...(value as ReadonlySet<unknown>)].filter(isFirst).map((x) => element.freeze(x)),
      );
    },
    mapReferences: (value, map) =>
      new Set([...(value as ReadonlySet<unknown>)].map((x) => element.mapReferences(x, map))),
  };
}

function compareMembers([a, aText]: [unknown, string], [b, bText]: [unknown, string]): number {
  if (isNumeric(a) && isNumeric(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === "string" && typeof b === "string") return compareCodePoints(a, b);
  return compareCodePoints(aText, bText);
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** The first branch that takes the value decides, as in parsing. */
function unionCodec(options: readonly Schema[]): SchemaCodec {
  const codecs = options.map(member);
  const branchOf = (value: unknown): SchemaCodec => {
    for (let i = 0; i < options.length; i++) {
      if (z.safeEncode(options[i]!, value).success) return codecs[i]!;
    }
    throw new TypeError(
      `Cannot write ${describe(value)} as JSON: it fits no branch of the z.union()`,
    );
  };
  return {
    canonical: (value) => branchOf(value).canonical(value),
    toJson: (value, map) => branchOf(value).toJson(value, map),
    fromJson(json, map) {
      let unfit: unknown;
      for (let i = 0; i < options.length; i++) {
        let candidate: unknown;
        try {
          candidate = codecs[i]!.fromJson(json, map);
        } catch (error) {
          // A reference that cannot be made: another branch may take it as it is.
          unfit ??= error;
          continue;
        }
        if (z.safeParse(options[i]!, candidate).success) return candidate;
      }
      if (unfit !== undefined) throw unfit;
      return json;
    },
    freeze: (value) => branchOf(value).freeze(value),
    mapReferences: (value, map) => branchOf(value).mapReferences(value, map),
  };
}

function intersectionCodec(left: Schema, right: Schema): SchemaCodec {
  const [a, b] = [left, right].map((side) => (side as z.core.$ZodTypes)._zod.def);
  if (a?.type !== "object" || b?.type !== "object") {
    throw new SchemaError(
      "Cannot write a z.intersection() as JSON unless both sides are z.object()",
    );
  }
  const both = Object.keys(a.shape).filter((key) =>
    key in b.shape && a.shape[key] !== b.shape[key]
  );
  if (both.length > 0 || a.catchall !== undefined || b.catchall !== undefined) {
    const why = both.length > 0
      ? `both have "${both[0]}"`
      : "a side is loose, strict or has a catchall";
    throw new SchemaError(
      `Cannot write a z.intersection() as JSON: ${why}. Use one z.object(), or .extend()`,
    );
  }
  return objectCodec({ ...a.shape, ...b.shape }, undefined);
}

function lazyCodec(get: () => SchemaCodec): SchemaCodec {
  return {
    canonical: (value) => get().canonical(value),
    toJson: (value, map) => get().toJson(value, map),
    fromJson: (json, map) => get().fromJson(json, map),
    freeze: (value) => get().freeze(value),
    mapReferences: (value, map) => get().mapReferences(value, map),
  };
}

/** Codecs (`z.codec`, `z.stringbool`, ...) are written in their encoded form; one-way transforms have none. */
function pipeCodec(schema: Schema, def: z.core.$ZodPipeDef): SchemaCodec {
  for (const side of [def.in, def.out] as const) {
    if ((side as z.core.$ZodTypes)._zod.def.type === "transform") {
      throw new SchemaError(
        "Cannot write back a one-way transform: use z.codec, which says both ways, or transform inside run()",
      );
    }
    if (hasReferences(side)) {
      throw new SchemaError(
        "Cannot use depends(), taskLoads() or taskOf() inside a z.codec or pipe",
      );
    }
  }
  const input = member(def.in);
  const encode = (value: unknown): unknown => z.encode(schema, value);
  return {
    canonical: (value) => input.canonical(encode(value)),
    toJson: (value, map) => input.toJson(encode(value), map),
    fromJson: (json, map) => input.fromJson(json, map),
    freeze: keep,
    mapReferences: keep,
  };
}

function customCodec(schema: Schema): SchemaCodec {
  const Class = classOf(schema);
  switch (Class) {
    case undefined:
      return ANY;
    case Uint8Array:
      return BYTES;
    case Date:
      return DATE;
    case URL:
      return URL_TEXT;
    default:
      throw new SchemaError(
        `Cannot write instances of "${Class.name}" as JSON: use z.codec, which says how they are encoded`,
      );
  }
}

// ---- helpers ----

function integerJson(value: bigint): unknown {
  const safe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return safe ? Number(value) : rawJson(value.toString());
}

function jsonOfAny(value: unknown): unknown {
  return mapPlain(value, (part) => {
    if (typeof part === "bigint") return integerJson(part);
    // Digits alone would come back as a bigint.
    return Number.isInteger(part) && !Number.isSafeInteger(part)
      ? rawJson(canonicalJson(part))
      : part;
  });
}

function frozenCopy(value: unknown): unknown {
  const copy = mapPlain(value, keep);
  const rest = [copy];
  for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
    if (!Array.isArray(part) && !isPlainObject(part)) continue;
    for (const inner of Object.values(Object.freeze(part))) {
      if (typeof inner === "object") rest.push(inner);
    }
  }
  return copy;
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new TypeError(
      "Cannot write bytes that are not UTF-8 as JSON: encode them, e.g. with a z.codec to base64",
    );
  }
}
