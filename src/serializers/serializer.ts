/**
 * What a serializer is: how a value becomes the content of a file and comes back. Unaware of tasks.
 *
 * @module
 */

import type { FileSystemTarget } from "../targets/target.ts";

/** Turns values into files and back. An own one is named in a task's output: `sd.serialized(schema, serializer)`. */
export interface Serializer<T> {
  /** Extension of the files, without the dot: `json`, `csv.gz`. Empty for none. */
  readonly extension: string;
  /** Writes the value to the target, whole or not at all. */
  dump(value: T, target: FileSystemTarget): Promise<void>;
  /** Reads the value back. Rejects with `SerializationError` when the file does not fit. */
  load(target: FileSystemTarget): Promise<T>;
}
