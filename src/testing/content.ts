/**
 * Bytes and streams for the tests of whatever keeps them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";

/** Text as bytes. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Bytes as text, every one of them. */
export function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Bytes that are equal at no two places near each other. */
export function pattern(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 7 + (i >> 8);
  return bytes;
}

/** The parts as one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The same bytes in parts of a size. */
export function chunksOf(bytes: Uint8Array, size: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** A stream of the chunks, which then ends, or fails when an error is given. Typed as those who ignore types see it. */
export function streamOf(chunks: readonly unknown[], failure?: Error): ReadableStream<Uint8Array> {
  const pending = chunks.values();
  return new ReadableStream({
    pull(controller) {
      const next = pending.next();
      if (!next.done) controller.enqueue(next.value as Uint8Array);
      else if (failure !== undefined) controller.error(failure);
      else controller.close();
    },
  });
}

/** All that comes. */
export async function collect(
  stream: ReadableStream<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  return concat(...await Array.fromAsync(stream));
}

/** Compares without printing megabytes. */
export function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.length, expected.length);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  assertEquals(at, -1, `byte ${at} differs`);
}
