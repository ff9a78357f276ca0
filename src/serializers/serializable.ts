/**
 * A file and the serializer of what it holds, as one target. Unaware of tasks.
 *
 * @module
 */

import type {
  ExistenceProbe,
  FileSystemTarget,
  LoadableSaveableFileSystemTarget,
  WriteContent,
} from "../targets/target.ts";
import type { Serializer } from "./serializer.ts";

/** A file that is loaded and saved as a value; in all else it is the file it wraps. */
export class Serializable<T> implements LoadableSaveableFileSystemTarget<T> {
  /** The file. */
  readonly wrapped: FileSystemTarget;
  /** What makes a file of a value and back. */
  readonly serializer: Serializer<T>;

  /** Wraps a file. */
  constructor(wrapped: FileSystemTarget, serializer: Serializer<T>) {
    this.wrapped = wrapped;
    this.serializer = serializer;
  }

  /** Names the file. */
  get uri(): string {
    return this.wrapped.uri;
  }

  /** How to ask for the existence of the file together with others. */
  get probe(): ExistenceProbe | undefined {
    return this.wrapped.probe;
  }

  /** The value. Rejects with `TargetNotFoundError` when the file is not there, with `SerializationError` when it does not fit. */
  async load(): Promise<T> {
    return await this.serializer.load(this.wrapped);
  }

  /** Stores the value, whole or not at all. Rejects with `SerializationError` when it does not fit. */
  async save(value: T): Promise<void> {
    await this.serializer.dump(value, this.wrapped);
  }

  /** Whether the file is there. */
  exists(): Promise<boolean> {
    return this.wrapped.exists();
  }

  /** The content as UTF-8 text. */
  text(): Promise<string> {
    return this.wrapped.text();
  }

  /** The content. */
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.wrapped.bytes();
  }

  /** The content as a stream. */
  readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.wrapped.readable();
  }

  /** Replaces the content, whole or not at all. */
  write(content: WriteContent): Promise<void> {
    return this.wrapped.write(content);
  }

  /** Hands a path on the local disk to `use`. */
  proxyPath<R>(mode: "r" | "w", use: (path: string) => R | Promise<R>): Promise<R> {
    return this.wrapped.proxyPath(mode, use);
  }
}
