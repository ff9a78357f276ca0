/**
 * Values as JSON files, the default for outputs.
 *
 * @module
 */

import type { Output, Schema } from "../schema.ts";
import type { FileSystemTarget } from "../targets/target.ts";
import { JsonText } from "./json_text.ts";
import type { Serializer } from "./serializer.ts";
import { readUtf8 } from "./utf8.ts";

/**
 * Values of a schema as compact JSON, checked against the schema on the way in and out.
 *
 * What JSON has no form for is written as Python writes it: sets as arrays, dates as ISO 8601, a `bigint`
 * with all its digits, `z.codec` in its encoded form. `undefined` as the whole value is `null` in the
 * file and comes back as `undefined`, so that `z.void()` does for tasks that have nothing to tell.
 * Throws `SchemaError` for a schema whose values JSON cannot hold.
 */
export class JsonSerializer<S extends Schema> implements Serializer<Output<S>> {
  /** `json` */
  readonly extension: string = "json";
  readonly #text: JsonText<S>;

  /** `schema` is what values must fit when they are saved, and when they are loaded. */
  constructor(schema: S) {
    this.#text = new JsonText(schema);
  }

  /** Writes the value, once it is known to fit the schema. */
  async dump(value: Output<S>, target: FileSystemTarget): Promise<void> {
    await target.write(this.#text.write(value, target));
  }

  /** Reads the value. Rejects with `SerializationError` when the file is no JSON, or does not fit. */
  async load(target: FileSystemTarget): Promise<Output<S>> {
    return this.#text.read(await readUtf8(target), target);
  }
}
