/**
 * Random builds to be followed by a model: the tasks, what each attempt at them does, limits, how locks are waited for.
 */

import type * as sd from "../../mod.ts";
import type { AttemptSpec, BuildSpec, NodeSpec, PolicySpec } from "./build_model.ts";
import { randomOf } from "./random.ts";
import type { LockSpec } from "./lock_model.ts";

/** The largest build. */
export const MOST_TASKS = 12;
const KEYS = ["a", "b", "c"];

/** An error after which a task is not tried again. */
export class Fatal extends Error {}

/** A kind of tasks: what the model makes of its declaration. */
interface Kind extends PolicySpec {
  readonly declared: {
    readonly retries?: sd.RetryOptions | undefined;
    readonly timeout?: number | undefined;
  };
}

function isRetriable(error: unknown): boolean {
  return !(error instanceof Fatal);
}

/** The kinds that there are; the first is the plain one. */
export const KINDS: readonly Kind[] = [
  { declared: {}, maxAttempts: 1, timeout: Infinity, delay: () => [0, 0] },
  {
    declared: { retries: { maxAttempts: 3, minTimeout: 8, jitter: 0, isRetriable } },
    maxAttempts: 3,
    timeout: Infinity,
    delay: (attempt) => attempt === 1 ? [8, 8] : [16, 16],
  },
  {
    declared: {
      retries: {
        maxAttempts: 4,
        minTimeout: 4,
        maxTimeout: 10,
        multiplier: 2,
        jitter: 0.5,
        isRetriable,
      },
      timeout: 15,
    },
    maxAttempts: 4,
    timeout: 15,
    delay: (attempt) => attempt === 1 ? [2, 4] : attempt === 2 ? [4, 8] : [5, 10],
  },
  { declared: { timeout: 8 }, maxAttempts: 1, timeout: 8, delay: () => [0, 0] },
  {
    declared: { retries: { maxAttempts: 2, minTimeout: 0, isRetriable }, timeout: 6 },
    maxAttempts: 2,
    timeout: 6,
    delay: () => [0, 0],
  },
];

/** Decisions that follow from a seed. */
export class Choices {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  oneOf<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  upTo<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}

function randomLocks(choices: Choices): LockSpec {
  return {
    timeout: choices.oneOf([null, 0, 5, 30, 30]),
    // With these nothing is left to chance when a wait is cut by up to a quarter.
    interval: choices.below(2),
    longestInterval: 2,
    outputTimeout: choices.oneOf([0, 3, 6]),
    outputInterval: choices.below(3),
    exitsEarly: choices.chance(0.3),
  };
}

/** A build, by chance. */
export function randomSpec(choices: Choices): BuildSpec {
  const locks = choices.chance(0.4) ? randomLocks(choices) : undefined;
  const size = 1 + choices.below(MOST_TASKS);
  const limited = KEYS.filter(() => choices.chance(0.5));
  const failing = choices.oneOf([0, 0.05, 0.3]);
  const yielding = choices.oneOf([0, 0.3, 0.7]);
  const special = choices.oneOf([0, 0.5, 0.9]);
  const limiting = choices.oneOf([0, 0.3, 0.7]);
  const linking = choices.oneOf([0, 1, 3]);
  const holding = choices.oneOf([0, 0.3, 0.6]);
  const locking = choices.oneOf([0.5, 1, 1]);
  const below = (place: number): number[] =>
    place === 0 ? [] : choices.upTo(linking, () => choices.below(place));
  const yielded = (place: number): readonly number[] =>
    choices.chance(failing / 3) ? [...below(place), place] : below(place);
  const attempt = (place: number): AttemptSpec => ({
    looks: choices.chance(0.5),
    yields: choices.chance(yielding) ? choices.upTo(3, () => yielded(place)) : [],
    end: choices.chance(failing)
      ? choices.oneOf(["error", "error", "fatal", "no output"])
      : "complete",
  });
  return {
    nodes: Array.from({ length: size }, (_, place): NodeSpec => ({
      requires: below(place),
      done: choices.chance(0.1),
      check: choices.chance(holding) ? "when told" : choices.oneOf(["at once", "soon"]),
      priority: choices.chance(special) ? choices.below(3) - 1 : 0,
      keys: limited.filter(() => choices.chance(limiting)),
      isLocked: locks !== undefined && choices.chance(locking),
      policy: choices.chance(special) ? choices.oneOf(KINDS) : KINDS[0]!,
      attempts: [attempt(place), ...choices.upTo(2, () => attempt(place))],
    })),
    roots: [size - 1, ...choices.upTo(size, () => choices.below(size))],
    maxConcurrent: choices.oneOf([1, 2, 3, 1_000]),
    limits: Object.fromEntries(limited.map((key) => [key, 1 + choices.below(2)])),
    maxConcurrentDiscover: choices.oneOf([1, 2, 50]),
    failMode: choices.oneOf(["fail_fast", "continue"]),
    gracePeriod: 25,
    locks,
  };
}
