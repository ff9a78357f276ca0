/** What an S3 server keeps: buckets, objects in the order of their keys, uploads. Unaware of requests. */

import type { Chunks } from "./s3_wire.ts";

/** A bucket as a test wants it. */
export interface S3BucketOptions {
  /** That of the server, unless told. */
  readonly region?: string;
  /** Whether requests that are not signed are answered. */
  readonly isPublic?: boolean;
  /** False for who may not list: what is not there is then forbidden to him as well. True unless told. */
  readonly mayList?: boolean;
}

/** An object as it is stored. */
export interface S3Object {
  readonly content: Chunks;
  readonly size: number;
  /** In quotes. */
  readonly etag: string;
  /** In milliseconds since 1970. */
  readonly modified: number;
  /** What is answered with it, such as its type and metadata. */
  readonly headers: Readonly<Record<string, string>>;
  /** By name of the header. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** A part of an upload. */
export type S3Part = Omit<S3Object, "headers">;

/** An upload that has begun. */
export interface S3Upload {
  readonly id: string;
  readonly key: string;
  readonly begun: number;
  readonly headers: Readonly<Record<string, string>>;
  /** By number. */
  readonly parts: Map<number, S3Part>;
}

/** A bucket with what is in it. */
export class S3Bucket {
  readonly name: string;
  readonly region: string;
  readonly isPublic: boolean;
  readonly mayList: boolean;
  readonly objects = new S3Objects();
  /** By id. */
  readonly uploads = new Map<string, S3Upload>();

  constructor(name: string, region: string, options: S3BucketOptions = {}) {
    this.name = name;
    this.region = options.region ?? region;
    this.isPublic = options.isPublic ?? false;
    this.mayList = options.mayList ?? true;
  }
}

/** Objects by key. Their order is made when it is asked for, so that writing many costs little. */
export class S3Objects {
  readonly #byKey = new Map<string, S3Object>();
  #keys: readonly string[] = [];
  #added: string[] = [];
  #isRemoved = false;

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): S3Object | undefined {
    return this.#byKey.get(key);
  }

  set(key: string, object: S3Object): void {
    if (!this.#byKey.has(key)) this.#added.push(key);
    this.#byKey.set(key, object);
  }

  delete(key: string): void {
    if (this.#byKey.delete(key)) this.#isRemoved = true;
  }

  /** The keys by their bytes in UTF-8. */
  get keys(): readonly string[] {
    if (this.#isRemoved) {
      this.#keys = this.#keys.filter((key) => this.#byKey.has(key));
      this.#added = this.#added.filter((key) => this.#byKey.has(key));
      this.#isRemoved = false;
    }
    if (this.#added.length > 0) {
      this.#keys = merged(this.#keys, sorted(this.#added));
      this.#added = [];
    }
    return this.#keys;
  }

  /** Where the first of the keys stands that is none of those before it. */
  indexOf(isBefore: (key: string) => boolean): number {
    const { keys } = this;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(keys[middle] ?? "")) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Keys that were added, removed and added again stand there twice. */
function sorted(keys: readonly string[]): readonly string[] {
  const unique = [...new Set(keys)];
  const hasHigh = unique.some((key) => HIGH.test(key));
  return hasHigh ? unique.sort(compareKeys) : unique.sort();
}

function merged(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.length === 0) return b;
  const all: string[] = [];
  let index = 0;
  for (const key of b) {
    while (index < a.length) {
      const other = a[index] ?? "";
      const order = compareKeys(other, key);
      if (order > 0) break;
      if (order < 0) all.push(other);
      index++;
    }
    all.push(key);
  }
  for (; index < a.length; index++) all.push(a[index] ?? "");
  return all;
}

/** From which on the order of UTF-16, which strings have, differs from that of UTF-8. */
const HIGH = /[\ud800-\uffff]/;

/** The order of the bytes in UTF-8. */
export function compareKeys(a: string, b: string): number {
  if (!HIGH.test(a) || !HIGH.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters beyond all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** What is listed: keys and common prefixes, with where to go on. */
export interface S3Page {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  /** After this one; `undefined` at the end. */
  readonly next: string | undefined;
}

/** Of which keys a page is. */
export interface S3PageOptions {
  readonly prefix: string;
  readonly delimiter: string;
  /** Only what comes after it, unless it is `""`. */
  readonly after: string;
  readonly limit: number;
}

/** One page of a listing. */
export function pageOf(
  objects: S3Objects,
  { prefix, delimiter, after, limit }: S3PageOptions,
): S3Page {
  const page = { keys: [] as string[], prefixes: [] as string[] };
  const all = objects.keys;
  const isGroup = delimiter !== "" && after.endsWith(delimiter);
  let index = objects.indexOf((key) =>
    compareKeys(key, prefix) < 0 || compareKeys(key, after) <= 0 ||
    (isGroup && key.startsWith(after))
  );
  let last = "";
  for (let count = 0; index < all.length; count++) {
    const key = all[index] ?? "";
    if (!key.startsWith(prefix)) break;
    if (count === limit) return { ...page, next: last };
    const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    if (end === -1) {
      page.keys.push(last = key);
      index++;
    } else {
      const group = key.slice(0, end + delimiter.length);
      page.prefixes.push(last = group);
      index = objects.indexOf((other) => compareKeys(other, key) <= 0 || other.startsWith(group));
    }
  }
  return { ...page, next: undefined };
}

/** A piece of content, without a copy. */
export function sliceOf(content: Chunks, start: number, end: number): Chunks {
  const slice: Uint8Array[] = [];
  let offset = 0;
  for (const chunk of content) {
    const from = Math.max(start - offset, 0);
    const to = Math.min(end - offset, chunk.length);
    if (from < to) slice.push(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
    offset += chunk.length;
  }
  return slice;
}

/** How many bytes there are. */
export function sizeOf(content: Chunks): number {
  return content.reduce((size, chunk) => size + chunk.length, 0);
}
