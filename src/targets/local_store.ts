/**
 * Which files of the local disk are there, asked for many at a time. Unaware of what is in them.
 *
 * @module
 */

import { fileError, isMissing } from "./file_error.ts";
import type { ExistsManyOptions, TargetStore } from "./target.ts";

/** How long the event loop may be kept from its other work, in milliseconds. */
const SLICE = 8;
/** A file system that takes longer than this for an answer is asked asynchronously, in milliseconds. */
const SLOW = 0.2;
/** After so many missing files, loading `node:fs` (6 ms), which tells it without an error, pays off. */
const MANY_MISSING = 600;
/** How often each of the concurrent questions is followed by another before the pace is measured anew. */
const QUESTIONS_PER_LANE = 10;

/**
 * Whether files exist, for many at a time. Answers of a fast file system are had synchronously, which
 * takes a tenth of the time, in slices that leave the event loop its turn; a slow one (a mount over
 * the network) is asked for many at once. Which it is, is measured over and over.
 */
export class LocalTargetStore implements TargetStore {
  readonly #now: () => number;
  #missing = 0;
  /** More than 0 when one of the last ten answers was no. */
  #missedLately = 0;
  #existsSync: ((path: string) => boolean) | undefined;

  /** `now` is the clock, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** One answer for each path, in order. */
  async existsMany(
    paths: readonly string[],
    options: ExistsManyOptions = {},
  ): Promise<readonly boolean[]> {
    const { maxConcurrent = 50, signal } = options;
    const answers = new Array<boolean>(paths.length).fill(false);
    let taken = 0; // whoever takes a path answers for it
    while (taken < paths.length) {
      signal?.throwIfAborted();
      if (this.#missing > MANY_MISSING) this.#existsSync ??= (await import("node:fs")).existsSync;

      const start = this.#now();
      const first = taken;
      taken = this.#answerSlice(paths, answers, first, start);
      const isSlow = this.#now() - start > SLOW * (taken - first);

      // An asynchronous question gives the event loop its turn, sooner than a timer would.
      const lanes = Math.min(isSlow ? maxConcurrent : 1, paths.length - taken);
      const end = Math.min(paths.length, taken + (isSlow ? lanes * QUESTIONS_PER_LANE : 1));
      const ask = async (): Promise<void> => {
        while (taken < end) {
          const index = taken++;
          answers[index] = await isFile(paths[index]!);
        }
      };
      await Promise.all(Array.from({ length: lanes }, ask));
    }
    return answers;
  }

  /** Answers for the paths from `first` on until time is up; gives the first that is left. Apart, for it is hot. */
  #answerSlice(
    paths: readonly string[],
    answers: boolean[],
    first: number,
    start: number,
  ): number {
    for (let index = first; index < paths.length; index++) {
      answers[index] = this.#existsNow(paths[index]!);
      // Looking at the clock costs a tenth of an answer.
      const asked = index - first + 1;
      if ((asked < 16 || asked % 16 === 0) && this.#now() - start >= SLICE) return index + 1;
    }
    return paths.length;
  }

  #existsNow(path: string): boolean {
    try {
      // Asking twice only pays off where many are missing, which the last answers tell.
      const isThere = this.#missedLately > 0 ? this.#existsSync?.(path) : undefined;
      if (isThere !== false) {
        const isFile = Deno.statSync(path).isFile;
        if (this.#missedLately > 0) this.#missedLately--;
        return isFile;
      }
    } catch (error) {
      if (!isMissing(error)) throw fileError(error, "look for", path);
      this.#missing++;
    }
    this.#missedLately = 10;
    return false;
  }
}

/** Whether there is a file at the path, not a folder. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (isMissing(error)) return false;
    throw fileError(error, "look for", path);
  }
}
