/**
 * What can run, best first: a binary heap. Unaware of what makes one node better than another.
 *
 * @module
 */

/** Nodes in an order; adding and taking cost the logarithm of their number. */
export class ReadyQueue {
  readonly #heap: number[] = [];
  readonly #isBefore: (a: number, b: number) => boolean;

  /** `isBefore` is a strict total order that does not change for nodes in the queue. */
  constructor(isBefore: (a: number, b: number) => boolean) {
    this.#isBefore = isBefore;
  }

  /** Adds a node that is not in it. */
  add(node: number): void {
    const heap = this.#heap;
    let at = heap.push(node) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(node, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = node;
  }

  /** Takes out the first node. */
  take(): number | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(0, last);
    return first;
  }

  /** Puts all in order again, after the order itself has changed. */
  restore(): void {
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) this.#sink(at, this.#heap[at]!);
  }

  /** Puts the node at the place, or as far below as it must go. */
  #sink(place: number, node: number): void {
    const heap = this.#heap;
    let at = place;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && this.#isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!this.#isBefore(heap[below]!, node)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = node;
  }
}
