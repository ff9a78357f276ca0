/**
 * Bytes as files.
 *
 * @module
 */

import { z } from "zod";
import type { SchemaOf } from "../schema.ts";
import type { FileSystemTarget } from "../targets/target.ts";
import { checkLoaded, checkSaved } from "./check.ts";
import type { Serializer } from "./serializer.ts";

/** Bytes as they are. */
export class BytesSerializer implements Serializer<Uint8Array<ArrayBuffer>> {
  /** `bin` */
  readonly extension: string = "bin";
  readonly #schema: SchemaOf<Uint8Array<ArrayBuffer>>;

  /** `schema` says more about the bytes, e.g. how many there are; any will do without it. */
  constructor(schema: SchemaOf<Uint8Array<ArrayBuffer>> = z.instanceof(Uint8Array)) {
    this.#schema = schema;
  }

  /** Writes the bytes. */
  async dump(value: Uint8Array<ArrayBuffer>, target: FileSystemTarget): Promise<void> {
    await target.write(checkSaved(this.#schema, value, target).encoded as Uint8Array<ArrayBuffer>);
  }

  /** Reads the bytes. Rejects with `SerializationError` when they do not fit the schema. */
  async load(target: FileSystemTarget): Promise<Uint8Array<ArrayBuffer>> {
    return checkLoaded(this.#schema, await target.bytes(), target);
  }
}
