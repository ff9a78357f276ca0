/**
 * The schemas a schema is made of. Unaware of what they are looked through for.
 *
 * @module
 */

import type { z } from "zod";

type Schema = z.core.$ZodType;

/** A schema that makes itself anew at every look has no end of parts. */
const MAX_PARTS = 1_000;

/** The schemas right inside a schema. Of a codec or pipe only the side that is stored. */
export function partsOf(schema: Schema): readonly Schema[] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "array":
      return [def.element];
    case "tuple":
      return def.rest === null ? def.items : [...def.items, def.rest];
    case "object":
      return [...Object.values(def.shape), ...def.catchall === undefined ? [] : [def.catchall]];
    case "record":
    case "map":
      return [def.keyType, def.valueType];
    case "set":
      return [def.valueType];
    case "union":
      return def.options;
    case "intersection":
      return [def.left, def.right];
    case "lazy":
      return [def.getter()];
    case "pipe":
      return [def.in];
    default: {
      const inner = wrapped(schema);
      return inner === undefined ? [] : [inner];
    }
  }
}

/** A schema and every one in it, at any depth, each once. */
export function allPartsOf(schema: Schema): ReadonlySet<Schema> {
  const parts = new Set([schema]);
  // A set also gives what is added while it is gone through.
  for (const part of parts) {
    if (parts.size > MAX_PARTS) break;
    for (const inner of partsOf(part)) parts.add(inner);
  }
  return parts;
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

/** A schema without its wrappers. */
export function unwrapped(schema: Schema): Schema {
  let at = schema;
  for (let inner = wrapped(at); inner !== undefined; inner = wrapped(at)) at = inner;
  return at;
}
