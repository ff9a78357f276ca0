/**
 * What another serializer writes, compressed.
 *
 * @module
 */

import { join } from "@std/path";
import { messageOf } from "../errors.ts";
import { checkContent } from "../targets/file_error.ts";
import { LocalTarget } from "../targets/local.ts";
import type { FileSystemTarget, WriteContent, WriteOptions } from "../targets/target.ts";
import { withTemporaryFolder } from "../targets/temporary.ts";
import { WrappedTarget } from "../targets/wrapped.ts";
import { cannotLoad } from "./check.ts";
import type { Serializer } from "./serializer.ts";

/** Values as another serializer writes them, compressed with gzip. What it streams stays a stream. */
export class GzipSerializer<T> implements Serializer<T> {
  /** That of the other, then `gz`: `csv.gz`. */
  readonly extension: string;
  readonly #inner: Serializer<T>;

  /** `inner` makes the content that is compressed. */
  constructor(inner: Serializer<T>) {
    this.#inner = inner;
    this.extension = inner.extension === "" ? "gz" : `${inner.extension}.gz`;
  }

  /** Writes the value. */
  async dump(value: T, target: FileSystemTarget): Promise<void> {
    await this.#inner.dump(value, new GzipTarget(target, this.#inner.extension));
  }

  /** Reads the value. Rejects with `SerializationError` when the file is damaged, or does not fit. */
  async load(target: FileSystemTarget): Promise<T> {
    return await this.#inner.load(new GzipTarget(target, this.#inner.extension));
  }
}

/** A compressed file, seen as what it holds. */
class GzipTarget extends WrappedTarget {
  readonly #extension: string;

  constructor(compressed: FileSystemTarget, extension: string) {
    super(compressed);
    this.#extension = extension;
  }

  override async text(): Promise<string> {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await this.bytes());
  }

  override async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of this.#decompressed()) chunks.push(chunk);
    return await new Blob(chunks).bytes();
  }

  override readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return ReadableStream.from(this.#decompressed());
  }

  override async write(content: WriteContent, options?: WriteOptions): Promise<void> {
    checkContent(content, this.uri);
    const plain = content instanceof ReadableStream ? content : new Blob([content]).stream();
    const compressed = (plain as ReadableStream<Uint8Array<ArrayBuffer>>)
      .pipeThrough(new CompressionStream("gzip"));
    await super.write(compressed, options);
  }

  override async proxyPath<R>(
    mode: "r" | "w",
    use: (path: string) => R | Promise<R>,
    options?: WriteOptions,
  ): Promise<R> {
    return await withTemporaryFolder(async (folder) => {
      const name = this.#extension === "" ? "content" : `content.${this.#extension}`;
      const plain = new LocalTarget(join(folder, name), { flush: false });
      if (mode === "r") {
        await plain.write(this.readable());
        return await plain.proxyPath("r", use);
      }
      const result = await plain.proxyPath("w", use, options);
      await this.write(plain.readable(), options);
      return result;
    });
  }

  /** Tells errors of decompressing, which mean a damaged file, from those of reading. */
  async *#decompressed(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let failure: { readonly error: unknown } | undefined;
    async function* source(target: FileSystemTarget): AsyncGenerator<Uint8Array<ArrayBuffer>> {
      try {
        yield* target.readable();
      } catch (error) {
        failure = { error };
        throw error;
      }
    }
    const compressed = ReadableStream.from(source(this.wrapped));
    const stream = compressed.pipeThrough(new DecompressionStream("gzip"));
    try {
      yield* stream;
    } catch (error) {
      if (failure !== undefined) throw failure.error;
      throw cannotLoad(this, `it is no whole gzip file: ${messageOf(error)}`, { cause: error });
    }
  }
}
