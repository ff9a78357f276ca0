/**
 * Schemas that say how their values are stored. Unaware of what there is to choose from.
 *
 * @module
 */

import { describe } from "../json.ts";
import type { Output, Schema } from "../schema.ts";
import { type SchemaMark, schemaMark } from "../schema_mark.ts";
import type { Serializer } from "./serializer.ts";

/** The serializers that schemas carry. */
export const serializers: SchemaMark<Serializer<unknown>> = schemaMark();

/**
 * The same schema, whose values are stored by the serializer where it is the output of a task. It must
 * stand for the whole output: inside another schema it is refused.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const Row = z.object({ name: z.string(), score: z.number() });
 *
 * const scores = sd.task({
 *   name: "scores",
 *   output: sd.serialized(z.array(Row), new sd.GzipSerializer(new sd.CsvSerializer(Row))),
 *   run: () => [{ name: "Ada", score: 0.9 }],
 * });
 * ```
 */
export function serialized<S extends Schema>(
  schema: S,
  serializer: Serializer<Output<S>>,
): S {
  if (typeof serializer?.dump !== "function" || typeof serializer.load !== "function") {
    throw new TypeError(
      `Cannot store values by ${
        describe(serializer)
      }: a serializer has an extension, dump() and load()`,
    );
  }
  return serializers.mark(schema, serializer);
}
