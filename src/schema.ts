/**
 * Zod schemas as they stand in the signatures of this package. Unaware of what they are used for.
 *
 * (Taken from Zod's values and not by the names of its types: documentation would count those as undocumented types of
 * this package.)
 *
 * @module
 */

/** Any Zod schema: `z.ZodType`. */
export type Schema = InstanceType<(typeof import("zod"))["ZodType"]>;

/** The schema of an object: `z.ZodObject`. */
export type ObjectSchema = InstanceType<(typeof import("zod"))["ZodObject"]>;

/** A schema whose values are `Out`, parsed from `In`: `z.ZodType<Out, In>`. */
export type SchemaOf<Out, In = unknown> = Schema & {
  /** Zod's own part of a schema. */
  readonly _zod: {
    /** What `parse` gives. */
    readonly output: Out;
    /** What `parse` takes. */
    readonly input: In;
  };
};

/** What a schema gives when it parses: `z.output<S>`. */
export type Output<S extends Schema> = S["_zod"]["output"];

/** What a schema takes when it parses: `z.input<S>`. */
export type Input<S extends Schema> = S["_zod"]["input"];

/** Whether the value is a Zod schema. */
export function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && "_zod" in value;
}
