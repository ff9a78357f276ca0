/**
 * Which serializer an output gets by its schema.
 *
 * @module
 */

import type { z } from "zod";
import { SchemaError } from "../errors.ts";
import { type Provider, provider } from "../provider.ts";
import type { Output, Schema, SchemaOf } from "../schema.ts";
import { classOf, referenceSchemas, schemaCodec } from "../schema_codec.ts";
import { BytesSerializer } from "./bytes.ts";
import { JsonSerializer } from "./json.ts";
import { allPartsOf } from "../schema_parts.ts";
import { isSelfSerializing, SelfSerializer } from "./self.ts";
import { serializers } from "./serialized.ts";
import type { Serializer } from "./serializer.ts";
import { isCloneable, StructuredCloneSerializer } from "./structured_clone.ts";
import { PlainTextSerializer } from "./text.ts";

type Part = z.core.$ZodType;

/** Chooses the serializer for values of a schema. */
export type SerializerFactory = <S extends Schema>(schema: S) => Serializer<Output<S>>;

/** What {@linkcode getSerializer} asks; replace it to choose otherwise. */
export const serializerFactoryProvider: Provider<SerializerFactory> = provider(() =>
  defaultSerializer
);

/** The serializer for outputs of a schema, as the factory in force chooses it. */
export function getSerializer<S extends Schema>(schema: S): Serializer<Output<S>> {
  return serializerFactoryProvider.get()(schema);
}

const chosen = new WeakMap<Part, Serializer<unknown>>();

/**
 * The serializer for outputs of a schema, the first of these that can be: the one it carries
 * (`serialized()`, `jsonLines()`), that of a class which serializes itself, text for strings, bytes for
 * `z.instanceof(Uint8Array)`, JSON, structured clone for what JSON has no form for but V8 has (a `Map` with
 * other keys than strings or integers, NaN, typed arrays, ...).
 *
 * Only plain strings are text, of any format: enums, literals and strings that may be `null` are JSON.
 * Throws `SchemaError` for values that nothing here can bring back as they were: instances of other
 * classes, one-way transforms, tasks. Looks at all of the schema, so whatever `z.lazy` names must be there.
 */
export function defaultSerializer<S extends Schema>(schema: S): Serializer<Output<S>> {
  let serializer = chosen.get(schema);
  if (serializer === undefined) chosen.set(schema, serializer = choose(schema));
  return serializer as Serializer<Output<S>>;
}

function choose(schema: Schema): Serializer<unknown> {
  const named = serializers.of(schema);
  if (named !== undefined) return named;
  const parts = allPartsOf(schema);
  refuseInside(parts);
  const Class: unknown = classOf(schema);
  if (isSelfSerializing(Class)) return new SelfSerializer(Class, schema as SchemaOf<never>);
  if (schema._zod.def.type === "string") {
    return new PlainTextSerializer(schema as SchemaOf<string>);
  }
  if (Class === Uint8Array) {
    return new BytesSerializer(schema as SchemaOf<Uint8Array<ArrayBuffer>>);
  }
  return needsClone(parts) ? new StructuredCloneSerializer(schema) : new JsonSerializer(schema);
}

/** What would be silently ignored, or cannot be there. */
function refuseInside(parts: Iterable<Part>): void {
  for (const part of parts) {
    if (serializers.of(part) !== undefined) {
      throw new SchemaError(
        "Cannot use serialized() or jsonLines() inside another schema: put serialized() around the whole output",
      );
    }
    if (referenceSchemas.of(part) !== undefined) {
      throw new SchemaError(
        "Cannot use depends(), taskLoads() or taskOf() in an output: save what the task loads, or its id",
      );
    }
  }
}

/** Whether there is something in it that JSON has no form for; throws where a clone has none, either. */
function needsClone(parts: Iterable<Part>): boolean {
  let clone = false;
  for (const part of parts) {
    try {
      schemaCodec(part);
    } catch (error) {
      if (!(error instanceof SchemaError) || isUnclonable(part)) throw error;
      clone ||= isForClone(part);
    }
  }
  return clone;
}

function isForClone(part: Part): boolean {
  const { type } = part._zod.def;
  return type === "map" || type === "nan" || type === "intersection" ||
    (type === "custom" && isCloneable(classOf(part)));
}

function isUnclonable(part: Part): boolean {
  const def = (part as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "custom":
      return !isCloneable(classOf(part));
    case "pipe":
      return [def.in, def.out].some((side) => side._zod.def.type === "transform");
    case "transform":
    case "symbol":
    case "function":
    case "promise":
    case "file":
    case "success":
      return true;
    default:
      return false;
  }
}
