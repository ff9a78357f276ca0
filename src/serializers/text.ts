/**
 * Strings as text files.
 *
 * @module
 */

import { z } from "zod";
import type { SchemaOf } from "../schema.ts";
import type { FileSystemTarget } from "../targets/target.ts";
import { cannotSave, checkLoaded, checkSaved } from "./check.ts";
import type { Serializer } from "./serializer.ts";
import { readUtf8 } from "./utf8.ts";

/** Strings as UTF-8 text, as they are: line ends and a byte order mark are kept. */
export class PlainTextSerializer implements Serializer<string> {
  /** `txt` */
  readonly extension: string = "txt";
  readonly #schema: SchemaOf<string>;

  /** `schema` says more about the strings, e.g. `z.email()`; any string will do without it. */
  constructor(schema: SchemaOf<string> = z.string()) {
    this.#schema = schema;
  }

  /** Writes the string. Rejects one that has half of a surrogate pair in it, for which UTF-8 has no form. */
  async dump(value: string, target: FileSystemTarget): Promise<void> {
    const text = checkSaved(this.#schema, value, target).encoded as string;
    if (!text.isWellFormed()) {
      throw cannotSave(
        target,
        "the text has half of a surrogate pair in it, which UTF-8 cannot hold",
      );
    }
    await target.write(text);
  }

  /** Reads the string. Rejects with `SerializationError` when the file is not UTF-8, or does not fit the schema. */
  async load(target: FileSystemTarget): Promise<string> {
    return checkLoaded(this.#schema, await readUtf8(target), target);
  }
}
