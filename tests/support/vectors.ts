/**
 * The identity vectors, made by the original: their small type language as Zod schemas, and their tasks made here.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import vectors from "../fixtures/identity.json" with { type: "json" };

/** One vector. `params` use markers such as `{"$date": ...}` for what JSON has no form for. */
export interface Vector {
  readonly case: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly output: FieldType;
  readonly fields: readonly VectorField[];
  readonly params: Readonly<Record<string, unknown>>;
  readonly dump: unknown;
  readonly canonical: string;
  readonly id: string;
  readonly relpath: string;
}

type FieldType = string | Readonly<Record<string, unknown>>;

interface VectorField {
  readonly name: string;
  readonly type: FieldType;
  readonly default?: unknown;
  readonly hashExclude?: boolean;
  readonly compatDefault?: unknown;
}

export const VECTORS = vectors as unknown as readonly Vector[];

/** The task of each case, made in order, since later ones refer to earlier ones. */
export function vectorTasks(): ReadonlyMap<string, sd.AutoTask<unknown>> {
  const tasks = new Map<string, sd.AutoTask<unknown>>();
  for (const vector of VECTORS) {
    const declare = sd.task({
      name: vector.name,
      namespace: vector.namespace,
      version: vector.version,
      params: Object.fromEntries(vector.fields.map((each) => [each.name, fieldSchema(each)])),
      output: typeSchema(vector.output),
      run: () => {
        throw new Error("vectors are not run");
      },
    });
    const params = Object.fromEntries(
      vector.fields.filter(({ name }) => name in vector.params).map((
        { name },
      ) => [name, decoded(vector.params[name], tasks)]),
    );
    tasks.set(vector.case, declare(params as never));
  }
  return tasks;
}

function fieldSchema({ type, ...field }: VectorField): z.ZodType {
  let schema = typeSchema(type);
  if ("default" in field) schema = schema.default(field.default);
  if (field.hashExclude === true) schema = sd.field(schema, { significant: false });
  if ("compatDefault" in field) schema = sd.field(schema, { compatDefault: field.compatDefault });
  return schema;
}

function typeSchema(type: FieldType): z.ZodType {
  if (typeof type === "string") {
    switch (type) {
      case "int":
        return z.union([z.int(), z.bigint()]);
      case "float":
        return z.number();
      case "str":
        return z.string();
      case "bool":
        return z.boolean();
      case "datetime":
        return z.date();
      case "date":
        return z.iso.date();
      case "uuid":
        return z.uuid();
      case "bytes":
        return z.instanceof(Uint8Array);
      case "any":
        return z.any();
    }
    throw new Error(`unknown type ${type}`);
  }
  const [[kind, inner]] = Object.entries(type) as [[string, never]];
  switch (kind) {
    case "list":
    case "vartuple":
      return z.array(typeSchema(inner));
    case "tuple":
      return z.tuple((inner as FieldType[]).map(typeSchema) as [z.ZodType]);
    case "set":
      return z.set(typeSchema(inner));
    case "dict":
      return z.record(z.string(), typeSchema(inner));
    case "optional":
      return typeSchema(inner).nullable();
    case "union":
      return z.union((inner as FieldType[]).map(typeSchema));
    case "literal":
      return z.literal(inner);
    case "enum":
      return z.enum(inner);
    case "model":
      return z.object(
        Object.fromEntries((inner as VectorField[]).map((each) => [each.name, fieldSchema(each)])),
      );
    case "task":
      return sd.depends(typeSchema(inner));
  }
  throw new Error(`unknown type ${kind}`);
}

function decoded(value: unknown, tasks: ReadonlyMap<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((each) => decoded(each, tasks));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const [key, inner] = entries[0] ?? ["", undefined];
  switch (key) {
    case "$bigint":
      return BigInt(inner);
    case "$float":
      return Number(inner);
    case "$set":
      return new Set(inner);
    case "$datetime":
      return new Date(inner);
    case "$date":
    case "$uuid":
      return inner;
    case "$bytes":
      return Uint8Array.fromBase64(inner);
    case "$task":
      return tasks.get(inner);
  }
  return Object.fromEntries(entries.map(([name, each]) => [name, decoded(each, tasks)]));
}
