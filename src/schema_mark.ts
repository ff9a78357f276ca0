/**
 * Data attached to Zod schemas, e.g. the options of `field()`: kept beside the schema, and handed on to what is derived
 * from it (`.describe()`, `.min()`, ...). Unaware of what the data means.
 *
 * @module
 */

import { z } from "zod";

/** One kind of data on schemas. */
export interface SchemaMark<T> {
  /** A copy of the schema that carries the data; the schema itself stays as it is. */
  mark<S extends z.core.$ZodType>(schema: S, data: T): S;
  /** The data on the schema, or on the one it was derived from. */
  of(schema: z.core.$ZodType): T | undefined;
}

/** Makes a new kind of data. */
export function schemaMark<T>(): SchemaMark<T> {
  const marks = new WeakMap<z.core.$ZodType, T>();
  return {
    mark<S extends z.core.$ZodType>(schema: S, data: T): S {
      const copy = z.core.clone(schema);
      marks.set(copy, data);
      return copy;
    },
    of(schema: z.core.$ZodType): T | undefined {
      let at: z.core.$ZodType | undefined = schema;
      while (at !== undefined && !marks.has(at)) at = at._zod.parent;
      return at && marks.get(at);
    },
  };
}
