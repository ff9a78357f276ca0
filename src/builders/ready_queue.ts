/**
 * What can run, best first. Unaware of what is waited for, and of what runs.
 *
 * Most nodes rank alike, and come in the order of their turns: these are kept in lists, at the same cost however many they
 * are. Only the lists, and nodes that come again, are compared with each other.
 *
 * @module
 */

import type { Ints } from "./ints.ts";

/** What ranks nodes, by node: those of the highest priority come first, then those of the greatest height, then by turn. */
export interface Ranks {
  readonly priorities: readonly number[];
  readonly heights: Ints;
  readonly turns: Ints;
}

/** Nodes in the order of their ranks, which do not change while they are in it. */
export class ReadyQueue {
  readonly #ranks: Ranks;
  readonly #lists = new Heap<List>((a, b) =>
    a.priority !== b.priority ? a.priority > b.priority : a.height > b.height
  );
  /** By priority, then by height: those that are not empty. */
  readonly #byRank = new Map<number, Map<number, List>>();

  constructor(ranks: Ranks) {
    this.#ranks = ranks;
  }

  /** Adds a node that is not in it. */
  add(node: number): void {
    const { priorities, heights, turns } = this.#ranks;
    const list = this.#listOf(priorities[node]!, heights.get(node));
    const last = list.nodes.at(-1);
    if (last === undefined || turns.get(last) < turns.get(node)) list.nodes.push(node);
    else (list.again ??= new Heap((a, b) => turns.get(a) < turns.get(b))).add(node);
  }

  /** Takes out the first node. */
  take(): number | undefined {
    const list = this.#lists.first;
    if (list === undefined) return undefined;
    const { turns } = this.#ranks;
    const next = list.nodes[list.head];
    const again = list.again?.first;
    const node = next === undefined || (again !== undefined && turns.get(again) < turns.get(next))
      ? list.again!.take()!
      : next;
    if (node === next) list.head++;
    if (list.head === list.nodes.length && list.again?.first === undefined) this.#remove(list);
    return node;
  }

  #listOf(priority: number, height: number): List {
    let byHeight = this.#byRank.get(priority);
    if (byHeight === undefined) this.#byRank.set(priority, byHeight = new Map());
    let list = byHeight.get(height);
    if (list === undefined) {
      list = { priority, height, nodes: [], head: 0, again: undefined };
      byHeight.set(height, list);
      this.#lists.add(list);
    }
    return list;
  }

  #remove({ priority, height }: List): void {
    this.#lists.take();
    this.#byRank.get(priority)!.delete(height);
  }
}

/** Nodes that only differ in their turns; some nodes are in it. */
interface List {
  readonly priority: number;
  readonly height: number;
  /** In the order of their turns; those before `head` are taken. */
  readonly nodes: number[];
  head: number;
  /** Those that came when others of a later turn were there. */
  again: Heap<number> | undefined;
}

/** A binary heap: adding and taking cost the logarithm of its size. */
class Heap<T> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(item, items[above]!)) break;
      items[at] = items[above]!;
      at = above;
    }
    items[at] = item;
  }

  take(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && this.#isBefore(items[below + 1]!, items[below]!)) below++;
      if (!this.#isBefore(items[below]!, last)) break;
      items[at] = items[below]!;
      at = below;
    }
    items[at] = last;
    return first;
  }
}
