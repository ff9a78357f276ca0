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
  dateText,
  deepEqual,
  describe,
  fromRawJson,
  isPlainObject,
  isRawJson,
  rawJson,
} from "./json.ts";
import { type SchemaMark, schemaMark } from "./schema_mark.ts";

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
  /** The typed value with every reference in it replaced; `undefined` where the schema can hold none. */
  readonly mapReferences?: ((value: unknown, map: MapReference) => unknown) | undefined;
  /** Whether two typed values with one canonical text can differ: some field is not significant. */
  readonly hasInsignificant?: boolean | undefined;
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

/** What a wrapper like `.optional()` or `.default()` wraps; `undefined` for what is no wrapper. */
export function wrapped(schema: Schema): Schema | undefined {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "catch":
    case "readonly":
    case "nonoptional":
      return def.innerType;
    default:
      return undefined;
  }
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
  fromJson: anyFromJson,
  freeze: frozenCopy,
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
    case "literal":
      return BY_VALUE;
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
      return recordCodec(member(def.valueType));
    case "map":
      return mapCodec(def.keyType, member(def.valueType));
    case "set":
      return setCodec(member(def.valueType));
    case "union":
      return unionCodec(def.options);
    case "intersection":
      return intersectionCodec(def.left, def.right);
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "catch":
    case "readonly":
    case "nonoptional":
      return nullableCodec(schemaCodec(def.innerType));
    case "lazy":
      return lazyCodec(() => schemaCodec(def.getter()));
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

/** What may be null or absent besides what `inner` says. */
function nullableCodec(inner: SchemaCodec): SchemaCodec {
  const unless = <R>(value: unknown, use: () => R): R | null | undefined =>
    value === null || value === undefined ? value : use();
  return {
    ...inner,
    canonical(value) {
      if (value === undefined) throw new TypeError("Cannot write undefined as JSON: use null");
      return value === null ? "null" : inner.canonical(value);
    },
    toJson: (value, map) => unless(value, () => inner.toJson(value, map)),
    fromJson: (json, map) => unless(json, () => inner.fromJson(json, map)),
    freeze: (value) => unless(value, () => inner.freeze(value)),
    mapReferences: inner.mapReferences &&
      ((value, map) => unless(value, () => inner.mapReferences!(value, map))),
  };
}

function arrayCodec(element: SchemaCodec): SchemaCodec {
  return tupleCodec([], element);
}

function tupleCodec(items: readonly SchemaCodec[], rest: SchemaCodec | undefined): SchemaCodec {
  const all = rest === undefined ? items : [...items, rest];
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
    mapReferences: all.some((codec) => codec.mapReferences)
      ? (value, map) => (value as readonly unknown[]).map((x, i) => mapped(at(i), x, map))
      : undefined,
    hasInsignificant: all.some((codec) => codec.hasInsignificant),
  };
}

interface Field {
  readonly key: string;
  readonly codec: SchemaCodec;
  /** `"key":` in canonical form. */
  readonly prefix: string;
  readonly skip: ((value: unknown) => boolean) | undefined;
}

/** The fields of an object in canonical order, for the codec of objects and for parameters of tasks. */
export function canonicalFields(shape: Readonly<Record<string, Schema>>): readonly Field[] {
  return Object.keys(shape).sort(compareCodePoints).map((key): Field => {
    const options = fieldOptionsOf(shape[key]!);
    const skip = options?.significant === false
      ? () => true
      : options !== undefined && "compatDefault" in options
      ? (value: unknown) => deepEqual(value, options.compatDefault)
      : undefined;
    return { key, codec: schemaCodec(shape[key]!), prefix: `${canonicalString(key)}:`, skip };
  });
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
      if (part !== undefined) define(to, key, use(codecOf(key)!, part));
    }
    return to;
  };
  const codec: SchemaCodec = {
    canonical(value) {
      const object = value as Readonly<Record<string, unknown>>;
      if (extra !== undefined) return canonicalOfMixed(object, fields(), known, extra);
      let text = "";
      for (const { key, codec, prefix, skip } of fields()) {
        const part = object[key];
        if (part === undefined || skip?.(part) === true) continue;
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
        define(to, key, codecOf(key)?.fromJson(json[key], map) ?? json[key]);
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
        define(object, key, frozen);
      }
      return Object.freeze(object);
    },
  };
  return lazily(codec, {
    mapReferences: () =>
      fields().some(({ codec }) => codec.mapReferences) || extra?.mapReferences
        ? (value, map) => convert(value, (codec, part) => mapped(codec, part, map))
        : undefined,
    hasInsignificant: () =>
      fields().some(({ codec, skip }) => codec.hasInsignificant === true || isInsignificant(skip)),
  });
}

/** A compat default only ever leaves out one value, so nothing that differs is left out. */
function isInsignificant(skip: Field["skip"]): boolean {
  return skip !== undefined && skip(UNEQUAL);
}
const UNEQUAL = Symbol("equal to nothing");

function canonicalOfMixed(
  object: Readonly<Record<string, unknown>>,
  fields: readonly Field[],
  known: ReadonlySet<string>,
  extra: SchemaCodec,
): string {
  const parts: [string, string][] = [];
  for (const { key, codec, skip } of fields) {
    const part = object[key];
    if (part !== undefined && skip?.(part) !== true) parts.push([key, codec.canonical(part)]);
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

function recordCodec(element: SchemaCodec): SchemaCodec {
  const convert = (value: unknown, use: (part: unknown) => unknown): unknown => {
    if (!isPlainObject(value)) return value;
    const to: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      if (value[key] !== undefined) define(to, key, use(value[key]));
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
    mapReferences: element.mapReferences &&
      ((value, map) => convert(value, (part) => element.mapReferences!(part, map))),
    hasInsignificant: element.hasInsignificant,
  };
}

/** A `Map` is an object in JSON, so its keys must be strings or integers. */
function mapCodec(keyType: Schema, element: SchemaCodec): SchemaCodec {
  let at: Schema = keyType;
  for (let inner = wrapped(at); inner !== undefined; inner = wrapped(at)) at = inner;
  const type = at._zod.def.type;
  const integers = type === "bigint" ||
    (type === "number" && isIntegerSchema(at as z.core.$ZodNumber));
  if (
    !integers && type !== "string" && type !== "enum" && type !== "literal" &&
    type !== "template_literal"
  ) {
    throw new SchemaError(
      `Cannot write a z.map() with keys of z.${type}() as JSON: use strings or integers as keys, or an array of pairs`,
    );
  }
  const keyOf = (text: string): unknown =>
    !integers || !/^-?\d+$/.test(text) ? text : type === "bigint" ? BigInt(text) : Number(text);
  const entries = (
    value: unknown,
  ): [unknown, unknown][] => [...(value as ReadonlyMap<unknown, unknown>)];
  return {
    canonical: (value) =>
      canonicalEntries(entries(value).map(([key, part]) => [String(key), element.canonical(part)])),
    toJson(value, map) {
      const to: Record<string, unknown> = {};
      for (const [key, part] of entries(value)) define(to, String(key), element.toJson(part, map));
      return to;
    },
    fromJson: (json, map) =>
      isPlainObject(json)
        ? new Map(
          Object.entries(json).map(([key, part]) => [keyOf(key), element.fromJson(part, map)]),
        )
        : json,
    freeze: (value) => new Map(entries(value).map(([key, part]) => [key, element.freeze(part)])),
    mapReferences: element.mapReferences &&
      ((value, map) =>
        new Map(entries(value).map(([key, part]) => [key, element.mapReferences!(part, map)]))),
    hasInsignificant: element.hasInsignificant,
  };
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
    freeze: (value) => new Set([...(value as ReadonlySet<unknown>)].map((x) => element.freeze(x))),
    mapReferences: element.mapReferences &&
      ((value, map) =>
        new Set([...(value as ReadonlySet<unknown>)].map((x) => element.mapReferences!(x, map)))),
    hasInsignificant: element.hasInsignificant,
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
  const withReferences = codecs.some((codec) => codec.mapReferences !== undefined);
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
    mapReferences: withReferences ? (value, map) => mapped(branchOf(value), value, map) : undefined,
    hasInsignificant: codecs.some((codec) => codec.hasInsignificant),
  };
}

function intersectionCodec(left: Schema, right: Schema): SchemaCodec {
  const parts = [left, right].map((side) => (side as z.core.$ZodTypes)._zod.def);
  const shapes = parts.map((def) => def.type === "object" ? def.shape : undefined);
  if (shapes[0] === undefined || shapes[1] === undefined) {
    throw new SchemaError(
      "Cannot write a z.intersection() as JSON unless both sides are z.object()",
    );
  }
  return objectCodec({ ...shapes[0], ...shapes[1] }, undefined);
}

function lazyCodec(get: () => SchemaCodec): SchemaCodec {
  return {
    canonical: (value) => get().canonical(value),
    toJson: (value, map) => get().toJson(value, map),
    fromJson: (json, map) => get().fromJson(json, map),
    freeze: (value) => get().freeze(value),
    // Always there: whether there are references inside cannot be asked without going round in circles.
    mapReferences: (value, map) => mapped(get(), value, map),
    hasInsignificant: true,
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
  }
  const input = member(def.in);
  if (input.mapReferences !== undefined) {
    throw new SchemaError("Cannot use depends(), taskLoads() or taskOf() inside a z.codec or pipe");
  }
  const encode = (value: unknown): unknown => z.encode(schema, value);
  return {
    canonical: (value) => input.canonical(encode(value)),
    toJson: (value, map) => input.toJson(encode(value), map),
    fromJson: (json, map) => input.fromJson(json, map),
    freeze: keep,
    hasInsignificant: input.hasInsignificant,
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

/** A part with its references replaced; what stands for one may itself be null or undefined. */
function mapped(codec: SchemaCodec, value: unknown, map: MapReference): unknown {
  return codec.mapReferences === undefined ? value : codec.mapReferences(value, map);
}

/** Adds getters that are computed once, on first use. */
function lazily(
  codec: SchemaCodec,
  parts: { readonly [K in "mapReferences" | "hasInsignificant"]: () => SchemaCodec[K] },
): SchemaCodec {
  for (const key of ["mapReferences", "hasInsignificant"] as const) {
    let value: { readonly of: unknown } | undefined;
    // While it is computed, a recursive schema sees "none".
    Object.defineProperty(codec, key, {
      enumerable: true,
      get(): unknown {
        if (value !== undefined) return value.of;
        value = { of: undefined };
        value = { of: parts[key]() };
        return value.of;
      },
    });
  }
  return codec;
}

/** Sets an own property, also for a key such as `__proto__`. */
function define(object: Record<string, unknown>, key: string, value: unknown): void {
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

function integerJson(value: bigint): unknown {
  const safe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return safe ? Number(value) : rawJson(value.toString());
}

function jsonOfAny(value: unknown): unknown {
  if (typeof value === "bigint") return integerJson(value);
  // Digits alone would come back as a bigint.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return rawJson(canonicalJson(value));
  if (Array.isArray(value)) return value.map(jsonOfAny);
  if (!isPlainObject(value)) return value;
  const to: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (value[key] !== undefined) define(to, key, jsonOfAny(value[key]));
  }
  return to;
}

function anyFromJson(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(anyFromJson);
  if (!isPlainObject(json)) return json;
  if (isRawJson(json)) return fromRawJson(json);
  const to: Record<string, unknown> = {};
  for (const key of Object.keys(json)) define(to, key, anyFromJson(json[key]));
  return to;
}

function frozenCopy(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  if (!isPlainObject(value)) return value;
  const to: Record<string, unknown> = {};
  for (const key of Object.keys(value)) define(to, key, frozenCopy(value[key]));
  return Object.freeze(to);
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
