/**
 * Whether what one schema gives can be what another wants, by their structure. Unaware of tasks.
 *
 * @module
 */

import { z } from "zod";
import { isIntegerSchema } from "../schema_codec.ts";
import { unwrapped, wrapped } from "../schema_parts.ts";

type Schema = z.core.$ZodType;

const known = new WeakMap<Schema, WeakMap<Schema, boolean>>();

/**
 * `false` only where no value of `actual` can be a value of `wanted`: the compiler tells the rest, and the schema
 * itself when a value is loaded.
 */
export function fits(wanted: Schema, actual: Schema): boolean {
  if (wanted === actual) return true;
  let answers = known.get(wanted);
  if (answers === undefined) known.set(wanted, answers = new WeakMap());
  let answer = answers.get(actual);
  if (answer === undefined) {
    // While it is computed: a recursive schema fits where nothing else says no.
    answers.set(actual, true);
    answers.set(actual, answer = compare(wanted, actual));
  }
  return answer;
}

function compare(wanted: Schema, actual: Schema): boolean {
  const want = (unwrapped(wanted) as z.core.$ZodTypes)._zod.def;
  const have = (unwrapped(actual) as z.core.$ZodTypes)._zod.def;
  if (want.type === "union") return want.options.some((option) => fits(option, actual));
  if (have.type === "union") return have.options.some((option) => fits(wanted, option));
  if (want.type === "pipe") return fits(want.out, actual);
  if (have.type === "pipe") return fits(wanted, have.out);
  // Asked of the whole schema: wrappers say whether null and undefined will do.
  const takes = (schema: Schema, value: unknown): boolean =>
    z.safeEncode(schema, value as never).success;
  const haveValues = valuesOf(have);
  if (haveValues !== undefined) return haveValues.some((value) => takes(wanted, value));
  const wantValues = valuesOf(want);
  if (wantValues !== undefined) {
    return OPEN.has(have.type) || wantValues.some((value) => takes(actual, value));
  }
  if (OPEN.has(want.type) || OPEN.has(have.type)) return true;
  switch (want.type) {
    case "number":
    case "string":
    case "template_literal":
      return family(want.type) === family(have.type);
    case "array":
      if (have.type === "tuple") return have.items.every((item) => fits(want.element, item));
      return have.type === "array" && fits(want.element, have.element);
    case "set":
      return have.type === "set" && fits(want.valueType, have.valueType);
    case "tuple": {
      if (have.type !== "tuple") return have.type === "array";
      const isNeeded = (item: Schema): boolean => item._zod.optin === undefined;
      // Items that the other has nothing for must be optional, or go into its rest.
      return want.items.every((item, i) => i >= have.items.length || fits(item, have.items[i]!)) &&
        (have.rest !== null || !want.items.slice(have.items.length).some(isNeeded)) &&
        (want.rest !== null || !have.items.slice(want.items.length).some(isNeeded));
    }
    case "record":
      return have.type === "object"
        ? Object.values(have.shape).every((part) => fits(want.valueType, part))
        : have.type === "record" && fits(want.valueType, have.valueType);
    case "map":
      return have.type === "map" && fits(want.keyType, have.keyType) &&
        fits(want.valueType, have.valueType);
    case "object":
      if (have.type !== "object") return have.type === "record" || have.type === "intersection";
      return Object.entries(want.shape).every(([key, part]) => {
        const other = have.shape[key];
        if (other !== undefined) return fits(part, other);
        return part._zod.optin !== undefined || isOpen(have.catchall);
      });
    default:
      return want.type === have.type;
  }
}

/** Kinds that say nothing about their values here. */
const OPEN: ReadonlySet<string> = new Set([
  "any",
  "unknown",
  "custom",
  "lazy",
  "intersection",
  "never",
]);

/** The values of a schema that has only a few. */
function valuesOf(def: z.core.$ZodTypes["_zod"]["def"]): readonly unknown[] | undefined {
  switch (def.type) {
    case "literal":
      return def.values;
    case "enum":
      return Object.values(def.entries);
    case "null":
      return [null];
    case "undefined":
    case "void":
      return [undefined];
    default:
      return undefined;
  }
}

/** Whether an object can have other keys than those named. */
function isOpen(catchall: Schema | undefined): boolean {
  return catchall !== undefined && catchall._zod.def.type !== "never";
}

function family(type: string): string {
  return type === "template_literal" ? "string" : type;
}

/** A schema in a message: `array of int`, `object`. */
export function schemaName(schema: Schema): string {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  const inner = wrapped(schema);
  if (inner !== undefined) {
    const suffix = def.type === "nullable"
      ? " or null"
      : def.type === "optional"
      ? " or undefined"
      : "";
    return `${schemaName(inner)}${suffix}`;
  }
  switch (def.type) {
    case "number":
      return isIntegerSchema(schema as z.core.$ZodNumber) ? "integer" : "number";
    case "array":
      return `array of ${schemaName(def.element)}`;
    case "set":
      return `set of ${schemaName(def.valueType)}`;
    case "record":
      return `record of ${schemaName(def.valueType)}`;
    case "union":
      return def.options.map(schemaName).join(" or ");
    case "literal":
      return def.values.map((value) => typeof value === "string" ? `"${value}"` : String(value))
        .join(" or ");
    case "object": {
      const keys = Object.keys(def.shape);
      return `object { ${keys.slice(0, 6).join(", ")}${keys.length > 6 ? ", ..." : ""} }`;
    }
    default:
      return def.type;
  }
}
