/**
 * Which files were written or removed by this process of late. Unaware of who wants to know.
 *
 * @module
 */

/** So many are known at least, and twice as many at most. */
const ENOUGH = 10_000;

/** Numbers what was changed, and knows the last numbers. */
export class OwnChanges {
  #recent = new Map<string, number>();
  #older: ReadonlyMap<string, number> = new Map();
  /** The last one that is among the older ones. */
  #lastOlder = 0;
  /** The last one that is not known any more. */
  #forgotten = 0;
  #count = 0;

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /** Takes in that a file is, or may be, there or not there as of now. */
  note(uri: string): void {
    this.#recent.set(uri, ++this.#count);
    if (this.#recent.size < ENOUGH) return;
    this.#forgotten = this.#lastOlder;
    this.#older = this.#recent;
    this.#lastOlder = this.#count;
    this.#recent = new Map();
  }

  /** Whether the file may have changed since there were so many changes. */
  hasChanged(uri: string, since: number): boolean {
    return since < this.#forgotten ||
      (this.#recent.get(uri) ?? this.#older.get(uri) ?? 0) > since;
  }
}
