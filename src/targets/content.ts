/**
 * What is written, in pieces or as a whole. Unaware of where it goes.
 *
 * @module
 */

import { checkedChunk } from "./file_error.ts";
import type { WriteContent } from "./target.ts";

/** Bytes that are there are given in pieces of this size, to be called off in between. */
const PIECE_SIZE = 8 * 1024 * 1024;

/**
 * The content in pieces, which must be bytes. What a stream fails with is thrown as it is. When the signal is aborted, so is
 * its reason, at once, whatever the stream is at: that is cancelled.
 */
export async function* chunksOf(
  content: WriteContent,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  const whole = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (whole instanceof Uint8Array) {
    for (let at = 0; at < whole.length; at += PIECE_SIZE) {
      signal?.throwIfAborted();
      yield whole.subarray(at, at + PIECE_SIZE);
    }
    return;
  }
  const reader = (whole instanceof Blob ? whole.stream() : whole).getReader();
  // Which has what is being read end, and may itself take as long as it likes.
  const cancel = (): void => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const { value, done } = await reader.read();
      signal?.throwIfAborted();
      if (done) return;
      yield checkedChunk(value);
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    await reader.cancel().catch(() => {}); // of what was read to its end, or has failed, this is nothing
  }
}

/** All of it, copied; calling it off is as with {@linkcode chunksOf}. */
export async function bytesOf(
  content: WriteContent,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  signal?.throwIfAborted();
  if (typeof content === "string") return new TextEncoder().encode(content);
  if (content instanceof Uint8Array) return content.slice();
  const stream = ReadableStream.from(chunksOf(content, signal));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  signal?.throwIfAborted();
  return bytes;
}
