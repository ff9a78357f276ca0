/**
 * What was built of one type below one root, kept while it is looked through again and again. Unaware of what is still
 * there.
 *
 * @module
 */

import { countDiffering, memberSpans, type Wanted } from "./canonical_text.ts";
import type { IndexedOutput, OutputIndexReader, Segment } from "./index_reader.ts";

/** No more of the index is read than this, from its newest file on. */
const MOST_SEGMENTS = 1_000;
const MOST_BYTES = 2 ** 27;
/** So often ids are looked for in the texts; after that it pays off to know where each of them is. */
const FEW = 8;

/** Where the line of an output is. */
interface Place {
  readonly segment: Segment;
  readonly start: number;
}

/** The outputs of a type, read when they are first asked for. */
export class TypeOutputs {
  readonly #read: AsyncGenerator<Segment, void, void>;
  readonly #segments: Segment[] = [];
  #bytes = 0;
  #isAtEnd = false;
  #asked = 0;
  #places: ReadonlyMap<string, Place> | undefined;

  constructor(reader: OutputIndexReader, typeId: string) {
    this.#read = reader.segments(typeId);
  }

  /** How it was built last. */
  async find(id: string): Promise<IndexedOutput | undefined> {
    if (++this.#asked > FEW) {
      const place = (this.#places ??= await this.#allPlaces()).get(id);
      return place && place.segment.outputAt(place.start);
    }
    for await (const segment of this.#newestFirst()) {
      const start = segment.find(id);
      const output = start < 0 ? undefined : segment.outputAt(start);
      if (output !== undefined) return output;
    }
    return undefined;
  }

  /**
   * Those that differ from the canonical text in the fewest parameters, at most so many, as they were built last; of several
   * the newest first.
   */
  async nearest(canonical: string, most: number): Promise<Iterable<IndexedOutput>> {
    const text = new TextEncoder().encode(canonical);
    const wanted: Wanted = { text, members: memberSpans(text) };
    const ranking = new Ranking(most);
    for await (const segment of this.#newestFirst()) {
      for (const start of segment.starts.toReversed()) {
        const at = segment.canonicalAt(start);
        const differing = countDiffering(segment.bytes, at, wanted, ranking.limit);
        if (differing > ranking.limit) continue;
        ranking.add({ segment, start }, differing);
        // All of them differ somewhere, so none can be nearer.
        if (ranking.limit === 0) return ranking.outputs();
      }
    }
    return ranking.outputs();
  }

  async *#newestFirst(): AsyncGenerator<Segment, void, void> {
    for (let i = 0; i < this.#segments.length || await this.#readNext(); i++) {
      yield this.#segments[i]!;
    }
  }

  async #readNext(): Promise<boolean> {
    if (this.#isAtEnd) return false;
    const { value } = await this.#read.next();
    if (value === undefined) {
      this.#isAtEnd = true;
      return false;
    }
    this.#segments.push(value);
    this.#bytes += value.bytes.length;
    this.#isAtEnd = this.#segments.length === MOST_SEGMENTS ||
      this.#bytes > MOST_BYTES;
    return true;
  }

  async #allPlaces(): Promise<ReadonlyMap<string, Place>> {
    const places = new Map<string, Place>();
    for await (const segment of this.#newestFirst()) {
      for (const start of segment.starts) {
        const id = segment.idAt(start);
        if (!places.has(id)) places.set(id, { segment, start });
      }
    }
    return places;
  }
}

/** The best of what it was shown, each output once; of equal ones those that came first. */
class Ranking {
  readonly #most: number;
  /** By in how much they differ. */
  readonly #places: Place[][] = [];
  readonly #seen = new Set<string>();
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** What differs in more is not to be added. */
  limit = Infinity;

  add(place: Place, differing: number): void {
    const id = place.segment.idAt(place.start);
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    (this.#places[differing] ??= []).push(place);
    this.#size++;
    // The last ones go when there are enough without them.
    for (;;) {
      const last = this.#places.at(-1)?.length ?? 0;
      if (this.#size < this.#most) return;
      this.limit = this.#places.length - 2;
      if (this.#size - last < this.#most) return;
      this.#size -= last;
      this.#places.pop();
    }
  }

  *outputs(): Generator<IndexedOutput, void, void> {
    let left = this.#most;
    for (const { segment, start } of this.#places.flat()) {
      if (left-- === 0) return;
      const output = segment.outputAt(start);
      if (output !== undefined) yield output;
    }
  }
}
