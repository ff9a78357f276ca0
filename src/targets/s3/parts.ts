/**
 * Cuts content into the parts in which it is sent, in little memory however much there is of it. Unaware of who sends them.
 *
 * @module
 */

import { checkedChunk } from "../file_error.ts";

const MIB = 1024 * 1024;
/** The most parts a file may have. */
export const MOST_PARTS = 10_000;
/** How much a part has unless told: the least that AWS takes, which is soon sent again. */
export const PART_SIZE = 5 * MIB;
/** How much is in memory at most, of one file. */
const MOST_IN_MEMORY = 64 * MIB;
/** How many parts are sent at once, at most. */
const MOST_AT_ONCE = 2;
/** After so many parts they get larger, up to so many times. */
const GROW_AFTER = 1000;
const MOST_GROWTH = 3;
/** Where the memory for the first part begins, which is all there is of most streams. */
const FIRST_SIZE = 64 * 1024;

/** How large parts are, and how many are sent at once. */
export class PartSizes {
  readonly #first: number;
  readonly #grows: boolean;

  /** `told` is the size that somebody wants, `total` that of the content as far as it is known. */
  constructor(told: number | undefined, total: number | undefined) {
    const least = total === undefined ? 0 : Math.ceil(total / MOST_PARTS / MIB) * MIB;
    this.#first = told ?? Math.max(PART_SIZE, least);
    this.#grows = told === undefined && total === undefined;
  }

  /** The size of the part of this number, which counts from 1; the last one may be smaller. */
  size(number: number): number {
    if (!this.#grows) return this.#first;
    return this.#first * Math.min(MOST_GROWTH, Math.ceil(number / GROW_AFTER));
  }

  /** How many may be sent at once while that one is made ready. */
  atOnce(number: number): number {
    // What is sent is in memory twice.
    const fitting = Math.floor((MOST_IN_MEMORY / this.size(number) - 1) / 2);
    return Math.max(1, Math.min(MOST_AT_ONCE, fitting));
  }

  /** The size of all parts together at most. */
  get most(): number {
    const large = (MOST_PARTS - (MOST_GROWTH - 1) * GROW_AFTER) * this.size(MOST_PARTS);
    const sizes = Array.from({ length: MOST_GROWTH - 1 }, (_, i) => this.size(i * GROW_AFTER + 1));
    return sizes.reduce((sum, size) => sum + GROW_AFTER * size, large);
  }
}

/** A part of some content. */
export interface Part {
  /** Counts from 1. */
  readonly number: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether none comes after it. */
  readonly isLast: boolean;
}

/** Gives the parts of some content, one after the other. */
export interface PartSource {
  /** The next one; there is none after the last. What the content fails with is thrown as it is. */
  next(): Promise<Part>;
  /** The bytes of the part are not needed any more, and may be used for another. */
  release(part: Part): void;
  /** No more is wanted. */
  cancel(reason: unknown): void;
}

/** Parts of bytes that are there. */
export class BytesSource implements PartSource {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #sizes: PartSizes;
  #number = 0;
  #position = 0;

  /** They are not copied. */
  constructor(bytes: Uint8Array<ArrayBuffer>, sizes: PartSizes) {
    this.#bytes = bytes;
    this.#sizes = sizes;
  }

  next(): Promise<Part> {
    const number = ++this.#number;
    const end = this.#position + this.#sizes.size(number);
    const bytes = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return Promise.resolve({ number, bytes, isLast: end >= this.#bytes.length });
  }

  release(): void {}

  cancel(): void {}
}

/** Parts of a stream, which is read as they are asked for. */
export class StreamSource implements PartSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #sizes: PartSizes;
  /** What was read and is in no part yet; `undefined` at the end. */
  #rest: Uint8Array | undefined = new Uint8Array();
  #number = 0;
  /** Memory of parts that are sent, to be used again. */
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  /** Throws a `TypeError` when somebody else reads the stream. */
  constructor(stream: ReadableStream<Uint8Array>, sizes: PartSizes) {
    this.#reader = stream.getReader();
    this.#sizes = sizes;
  }

  async next(): Promise<Part> {
    const number = ++this.#number;
    const size = this.#sizes.size(number);
    let memory = this.#memory(number === 1 ? Math.min(FIRST_SIZE, size) : size);
    let length = 0;
    for (;;) {
      while (this.#rest?.length === 0) this.#rest = await this.#read();
      const rest: Uint8Array | undefined = this.#rest;
      if (rest === undefined || length === size) {
        return { number, bytes: memory.subarray(0, length), isLast: rest === undefined };
      }
      if (length === memory.length) memory = grown(memory, Math.min(2 * length, size));
      const fitting = rest.subarray(0, memory.length - length);
      memory.set(fitting, length);
      length += fitting.length;
      this.#rest = rest.subarray(fitting.length);
    }
  }

  release({ bytes }: Part): void {
    this.#free.push(new Uint8Array(bytes.buffer));
  }

  cancel(reason: unknown): void {
    // It may have been the stream that failed; then it has no more to say.
    this.#reader.cancel(reason).catch(() => {});
  }

  #memory(size: number): Uint8Array<ArrayBuffer> {
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop()) {
      if (free.length === size) return free;
    }
    return new Uint8Array(size);
  }

  async #read(): Promise<Uint8Array | undefined> {
    const { value, done } = await this.#reader.read();
    return done ? undefined : checkedChunk(value);
  }
}

function grown(memory: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size);
  larger.set(memory);
  return larger;
}
