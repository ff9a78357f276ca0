/**
 * Rows as JSON Lines: one JSON value on each line, written and read a piece at a time.
 *
 * @module
 */

import { z } from "zod";
import type { Output, Schema, SchemaOf } from "../schema.ts";
import { notFound } from "../targets/file_error.ts";
import type { FileSystemTarget } from "../targets/target.ts";
import { checkSaved } from "./check.ts";
import { JsonText } from "./json_text.ts";
import { serialized } from "./serialized.ts";
import type { Serializer } from "./serializer.ts";
import { decodeUtf8, strictDecoder } from "./utf8.ts";

/** Characters after which a piece of the file is handed on. */
const CHUNK_LENGTH = 64 * 1024;
const EXPECTED_ROWS = "Expected rows: an array, or anything else that for await takes";

/**
 * An array of rows as JSON Lines. The array is in memory, the text of the file never is as a whole. For
 * rows that do not fit into memory, see {@linkcode jsonLines}.
 */
export class JsonLinesSerializer<R extends Schema> implements Serializer<Output<R>[]> {
  /** `jsonl` */
  readonly extension: string = "jsonl";
  readonly #row: JsonText<R>;

  /** `rowSchema` is what each row must fit. Throws `SchemaError` for rows that JSON cannot hold. */
  constructor(rowSchema: R) {
    this.#row = new JsonText(rowSchema);
  }

  /** Writes the rows. Rejects with `SerializationError` when one does not fit. */
  async dump(value: Output<R>[], target: FileSystemTarget): Promise<void> {
    checkSaved(z.array(z.unknown()), value, target);
    await target.write(encodedRows(value, this.#row, target));
  }

  /** Reads the rows. Rejects with `SerializationError` that names the line when one does not fit. */
  async load(target: FileSystemTarget): Promise<Output<R>[]> {
    const rows: Output<R>[] = [];
    for await (const lines of linesOf(target)) {
      for (const line of lines) rows.push(readRow(line, rows.length, this.#row, target));
    }
    return rows;
  }
}

/** Rows as JSON Lines of which only a piece is in memory at a time: the serializer of {@linkcode jsonLines}. */
export class StreamingJsonLinesSerializer<R extends Schema>
  implements Serializer<AsyncIterable<Output<R>>> {
  /** `jsonl` */
  readonly extension: string = "jsonl";
  readonly #row: JsonText<R>;

  /** `rowSchema` is what each row must fit. Throws `SchemaError` for rows that JSON cannot hold. */
  constructor(rowSchema: R) {
    this.#row = new JsonText(rowSchema);
  }

  /**
   * Writes the rows as they come, also those of a synchronous iterable. When they throw, or one does not
   * fit, nothing is stored.
   */
  async dump(value: AsyncIterable<Output<R>>, target: FileSystemTarget): Promise<void> {
    checkSaved(z.custom(isRows, EXPECTED_ROWS), value, target);
    await target.write(encodedRows(value, this.#row, target));
  }

  /** The rows; the file is read when they are gone through. Rejects when there is no file now. */
  async load(target: FileSystemTarget): Promise<AsyncIterable<Output<R>>> {
    if (!await target.exists()) throw notFound(target.uri);
    return { [Symbol.asyncIterator]: () => decodeRows(this.#row, target) };
  }
}

/**
 * An output of rows that need not fit into memory, stored as JSON Lines. What is saved may be any
 * iterable; what is loaded can be gone through any number of times, and is read from the file anew each
 * time, a piece at a time. Leaving the loop closes the file. A row that does not fit the schema is an error
 * when it is reached.
 *
 * `run` itself must not be a generator function, which would be one that yields tasks: it returns a generator.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const squares = sd.task({
 *   name: "squares",
 *   params: { upTo: z.int() },
 *   output: sd.jsonLines(z.object({ n: z.int(), square: z.int() })),
 *   run: ({ upTo }) => rows(upTo),
 * });
 *
 * function* rows(upTo: number) {
 *   for (let n = 0; n < upTo; n++) yield { n, square: n * n };
 * }
 * ```
 */
export function jsonLines<R extends Schema>(
  rowSchema: R,
): SchemaOf<AsyncIterable<Output<R>>, Iterable<Output<R>> | AsyncIterable<Output<R>>> {
  const schema: Schema = z.custom(isRows, EXPECTED_ROWS);
  return serialized(schema, new StreamingJsonLinesSerializer(rowSchema)) as ReturnType<
    typeof jsonLines<R>
  >;
}

function isRows(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value);
}

/**
 * The file of the rows, in pieces: rows are asked for only when a piece is. When it is cancelled, the rows are closed as soon
 * as the next one has come, without it being a whole piece.
 */
function encodedRows(
  rows: Iterable<unknown> | AsyncIterable<unknown>,
  json: JsonText<Schema>,
  target: FileSystemTarget,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const cancelled = new AbortController();
  const pieces = encodeRows(rows, json, target, cancelled.signal);
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller): Promise<void> {
      const { value, done } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel(): Promise<void> {
      cancelled.abort();
      await pieces.return();
    },
  }, { highWaterMark: 0 });
}

async function* encodeRows(
  rows: Iterable<unknown> | AsyncIterable<unknown>,
  json: JsonText<Schema>,
  target: FileSystemTarget,
  cancelled: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const encoder = new TextEncoder();
  let chunk = "";
  let count = 0;
  for await (const row of rows) {
    if (cancelled.aborted) return;
    chunk += `${json.write(row, { uri: target.uri, path: [count++] })}\n`;
    if (chunk.length >= CHUNK_LENGTH) {
      yield encoder.encode(chunk);
      chunk = "";
    }
  }
  yield encoder.encode(chunk);
}

async function* decodeRows<R extends Schema>(
  json: JsonText<R>,
  target: FileSystemTarget,
): AsyncGenerator<Output<R>, void> {
  let count = 0;
  for await (const lines of linesOf(target)) {
    for (const line of lines) yield readRow(line, count++, json, target);
  }
}

function readRow<R extends Schema>(
  line: string,
  index: number,
  json: JsonText<R>,
  target: FileSystemTarget,
): Output<R> {
  return json.read(line, { uri: target.uri, path: [index], line: index + 1 });
}

/** The lines of the file, as many at a time as a piece of it holds. */
async function* linesOf(target: FileSystemTarget): AsyncGenerator<readonly string[]> {
  const decoder = strictDecoder();
  let rest: string[] = []; // pieces of a line without an end so far
  for await (const chunk of target.readable()) {
    const lines = decodeUtf8(decoder, chunk, target, { stream: true }).split("\n");
    rest.push(lines[0] ?? "");
    if (lines.length === 1) continue;
    lines[0] = rest.join("");
    rest = lines.splice(-1);
    yield lines;
  }
  const last = rest.join("") + decodeUtf8(decoder, undefined, target);
  if (last !== "") yield [last];
}
