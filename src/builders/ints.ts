/**
 * A list of whole numbers that the garbage collector need not look through.
 *
 * @module
 */

/** Whole numbers of 32 bits, by index. */
export class Ints {
  #data = new Int32Array(64);
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds one at the end, and gives its index. */
  push(value: number): number {
    if (this.#length === this.#data.length) {
      const data = new Int32Array(2 * this.#length);
      data.set(this.#data);
      this.#data = data;
    }
    this.#data[this.#length] = value;
    return this.#length++;
  }

  /** The one at the index, which must be there. */
  get(index: number): number {
    return this.#data[index]!;
  }

  /** Replaces the one at the index. */
  set(index: number, value: number): void {
    this.#data[index] = value;
  }

  /** Adds to the one at the index, and gives the sum. */
  add(index: number, value: number): number {
    return this.#data[index]! += value;
  }

  /** Keeps only the first ones. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** All of them, to be changed freely. */
  copy(): Int32Array {
    return this.#data.slice(0, this.#length);
  }
}
