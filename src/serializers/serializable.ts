/**
 * A file and the serializer of what it holds, as one target. Unaware of tasks.
 *
 * @module
 */

import type {
  FileSystemTarget,
  LoadableSaveableFileSystemTarget,
  WriteOptions,
} from "../targets/target.ts";
import { StoppableTarget, WrappedTarget } from "../targets/wrapped.ts";
import type { Serializer } from "./serializer.ts";

/** A file that is loaded and saved as a value; in all else it is the file it wraps. */
export class Serializable<T> extends WrappedTarget implements LoadableSaveableFileSystemTarget<T> {
  /** What makes a file of a value and back. */
  readonly serializer: Serializer<T>;

  /** Wraps a file. */
  constructor(wrapped: FileSystemTarget, serializer: Serializer<T>) {
    super(wrapped);
    this.serializer = serializer;
  }

  /** The value. Rejects with `TargetNotFoundError` when the file is not there, with `SerializationError` when it does not fit. */
  async load(): Promise<T> {
    return await this.serializer.load(this.wrapped);
  }

  /**
   * Stores the value, whole or not at all. Rejects with `SerializationError` when it does not fit, with the signal's reason
   * when it is called off.
   */
  async save(value: T, { signal }: WriteOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const target = signal === undefined ? this.wrapped : new StoppableTarget(this.wrapped, signal);
    await this.serializer.dump(value, target);
  }
}
