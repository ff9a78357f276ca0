/**
 * Named limits: how many tasks with a certain key may run at once. Synchronous; unaware of what a task is.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { describe, isPlainObject } from "../json.ts";
import { ReadyQueue } from "./ready_queue.ts";

/** How many tasks with a key may run at once, by key. */
export type ConcurrencyLimits = Readonly<Record<string, number>>;

/** One limit of a build. */
export interface Limit {
  readonly name: string;
  /** How many slots it has. */
  readonly size: number;
  /** How many of them are free. */
  free: number;
  /** Nodes that can run as soon as there is a slot. */
  readonly parked: ReadyQueue;
}

/** The limits of one build. */
export class Limits {
  readonly #limits = new Map<string, Limit>();

  /** Throws `TypeError` and `RangeError` when a limit could never let anything run. */
  constructor(limits: ConcurrencyLimits, isBefore: (a: number, b: number) => boolean) {
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
      const parked = new ReadyQueue(isBefore);
      this.#limits.set(name, { name, size, free: size, parked });
    }
  }

  /** The limits of these names. Throws `ConfigError` for one that the build does not have. */
  named(names: readonly string[], task: object): readonly Limit[] {
    return names.map((name) => {
      const limit = this.#limits.get(name);
      if (limit === undefined) {
        const known = [...this.#limits.keys()].map((each) => `"${each}"`).join(", ");
        throw new ConfigError(
          `Cannot build ${task}: it counts for the limit "${name}", which the build does not have${
            known === "" ? "" : ` (only ${known})`
          }. Give it, e.g. concurrencyLimits: { ${JSON.stringify(name)}: 1 }`,
        );
      }
      return limit;
    });
  }
}
