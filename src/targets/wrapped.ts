/**
 * A file seen through another object: as it is, or with all that is written to it called off by a signal. Unaware of where
 * the file is.
 *
 * @module
 */

import type { ExistenceProbe, FileSystemTarget, WriteContent, WriteOptions } from "./target.ts";

/** A file that is the one it wraps, in all that a subclass does not change. */
export class WrappedTarget implements FileSystemTarget {
  /** The file. */
  readonly wrapped: FileSystemTarget;

  /** Wraps a file. */
  constructor(wrapped: FileSystemTarget) {
    this.wrapped = wrapped;
  }

  /** Names the file. */
  get uri(): string {
    return this.wrapped.uri;
  }

  /** How to ask for the existence of the file together with others. */
  get probe(): ExistenceProbe | undefined {
    return this.wrapped.probe;
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
  write(content: WriteContent, options?: WriteOptions): Promise<void> {
    return this.wrapped.write(content, options);
  }

  /** Hands a path on the local disk to `use`. */
  proxyPath<R>(
    mode: "r" | "w",
    use: (path: string) => R | Promise<R>,
    options?: WriteOptions,
  ): Promise<R> {
    return this.wrapped.proxyPath(mode, use, options);
  }
}

/** A file to which nothing is written any more once a signal is aborted, for who writes without one. */
export class StoppableTarget extends WrappedTarget {
  readonly #signal: AbortSignal;

  /** Wraps a file. */
  constructor(wrapped: FileSystemTarget, signal: AbortSignal) {
    super(wrapped);
    this.#signal = signal;
  }

  override write(content: WriteContent, options?: WriteOptions): Promise<void> {
    return super.write(content, this.#with(options));
  }

  override proxyPath<R>(
    mode: "r" | "w",
    use: (path: string) => R | Promise<R>,
    options?: WriteOptions,
  ): Promise<R> {
    return super.proxyPath(mode, use, this.#with(options));
  }

  #with({ signal }: WriteOptions = {}): WriteOptions {
    return {
      signal: signal === undefined ? this.#signal : AbortSignal.any([signal, this.#signal]),
    };
  }
}
