/**
 * Named limits: how many tasks with a certain key may run at once. Synchronous; unaware of what a task is.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { describe, isPlainObject } from "../json.ts";
import { type Ranks, ReadyQueue } from "./ready_queue.ts";

/** How many tasks with a key may run at once, by key. */
export type ConcurrencyLimits = Readonly<Record<string, number>>;

/** One limit of a build. */
interface Limit {
  /** How many slots are free. */
  free: number;
  /** The sets of limits that it is in. */
  readonly sets: LimitSet[];
}

/** The limits that count a task, shared by all tasks with the same ones. */
export interface LimitSet {
  /** Takes a slot of each; `false`, and takes none, where one of them is full. */
  take(): boolean;
  /** Gives the slots back, and the nodes that may try now: one of each set that had to wait. */
  free(): readonly number[];
  /** Has a node wait until there may be slots for it. */
  park(node: number): void;
}

/** The limits of one build. */
export class Limits {
  readonly #limits = new Map<string, Limit>();
  readonly #sets = new Map<string, LimitSet>();
  readonly #ranks: Ranks;

  /** Throws `TypeError` and `RangeError` when a limit could never let anything run. */
  constructor(limits: ConcurrencyLimits, ranks: Ranks) {
    this.#ranks = ranks;
    if (!isPlainObject(limits as unknown)) {
      throw new TypeError(
        `Cannot build with concurrencyLimits ${
          describe(limits)
        }: give a number for each name, e.g. { "external-api": 2 }`,
      );
    }
    for (const [name, size] of Object.entries(limits)) {
      if (size !== Infinity && !(Number.isInteger(size) && size >= 1)) {
        throw new RangeError(
          `Cannot build with the limit "${name}" of ${
            describe(size)
          }: give an integer from 1, or Infinity`,
        );
      }
      this.#limits.set(name, { free: size, sets: [] });
    }
  }

  /** The limits of these names, which are all different. Throws `ConfigError` for one that the build does not have. */
  named(names: readonly string[], task: object): LimitSet {
    const key = JSON.stringify(names.toSorted());
    let set = this.#sets.get(key);
    if (set === undefined) {
      const limits = names.map((name) => this.#limitOf(name, task));
      this.#sets.set(key, set = new ParkedSet(limits, this.#ranks));
    }
    return set;
  }

  #limitOf(name: string, task: object): Limit {
    const limit = this.#limits.get(name);
    if (limit !== undefined) return limit;
    const known = [...this.#limits.keys()].map((each) => `"${each}"`).join(", ");
    throw new ConfigError(
      `Cannot build ${task}: it counts for the limit "${name}", which the build does not have${
        known === "" ? "" : ` (only ${known})`
      }. Give it, e.g. concurrencyLimits: { ${JSON.stringify(name)}: 1 }`,
    );
  }
}

class ParkedSet implements LimitSet {
  readonly #limits: readonly Limit[];
  /** The first of those that wait stands for all: what it lacks, they lack. */
  readonly #parked: ReadyQueue;

  constructor(limits: readonly Limit[], ranks: Ranks) {
    this.#limits = limits;
    this.#parked = new ReadyQueue(ranks);
    for (const { sets } of limits) sets.push(this);
  }

  take(): boolean {
    if (!this.#hasSlots()) return false;
    for (const limit of this.#limits) limit.free--;
    return true;
  }

  free(): readonly number[] {
    for (const limit of this.#limits) limit.free++;
    const nodes: number[] = [];
    const asked = new Set<LimitSet>();
    for (const { sets } of this.#limits) {
      for (const set of sets) {
        if (asked.has(set)) continue;
        asked.add(set);
        const node = (set as ParkedSet).#next();
        if (node !== undefined) nodes.push(node);
      }
    }
    return nodes;
  }

  park(node: number): void {
    this.#parked.add(node);
  }

  #next(): number | undefined {
    return this.#hasSlots() ? this.#parked.take() : undefined;
  }

  #hasSlots(): boolean {
    return this.#limits.every(({ free }) => free > 0);
  }
}
