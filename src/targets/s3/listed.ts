/**
 * What was listed for one asker: it answers what is asked later, and tells whether it pays to list more. Unaware of how files
 * are listed.
 *
 * @module
 */

import type { OwnChanges } from "./own_changes.ts";

/** A page of a listing is worth it where it answers so many questions: what it costs, and its time, are about theirs. */
export const WORTH = 12;

/** After so many questions one by one a page is tried again, however few questions the pages before have answered. */
export const LONGEST_RUN = 1024;

/** The most stretches that are kept. */
const MOST_KEPT = 200;

/** For so many milliseconds what was not there is believed to be missing: others may make it meanwhile. */
const MISSING_FOR = 10_000;

/** For so many milliseconds what was there is believed to be: that others remove it is rarer. */
const THERE_FOR = 60_000;

/** All files whose uris come after `after`, up to and with `to`. */
export interface Stretch {
  readonly after: string;
  readonly to: string;
  /** In order. */
  readonly uris: readonly string[];
}

/** When a listing began. */
export interface ListingStart {
  readonly at: number;
  /** How many changes of one's own there had been. */
  readonly changes: number;
}

/** What was listed for one asker. */
export class Listed {
  readonly #now: () => number;
  readonly #changes: OwnChanges;
  /** By `after`. */
  readonly #stretches: (Stretch & ListingStart)[] = [];
  /** By the root that they have in common, the folder of all uris asked for. */
  readonly #folders = new Map<string, string>();
  readonly #refused = new Set<string>();
  /** Since a page was listed on trial: how many questions have been answered by pages, and how many one by one. */
  #saved = 0;
  #asked = 0;
  /** So many one by one make it worth another trial. */
  #run = WORTH;

  constructor(now: () => number, changes: OwnChanges) {
    this.#now = now;
    this.#changes = changes;
  }

  /** This moment. */
  start(): ListingStart {
    return { at: this.#now(), changes: this.#changes.count };
  }

  /** Whether the file is there, where that is known. */
  answer(uri: string): boolean | undefined {
    const after = countWhile(this.#stretches, (each) => each.after < uri);
    const stretch = this.#stretches[after - 1];
    if (stretch === undefined || stretch.to < uri) return undefined;
    const { uris, at, changes } = stretch;
    if (this.#changes.hasChanged(uri, changes)) return undefined;
    const isThere = uris[countWhile(uris, (each) => each < uri)] === uri;
    if (this.#now() - at > (isThere ? THERE_FOR : MISSING_FOR)) return undefined;
    this.#saved++;
    return isThere;
  }

  /** Keeps what was listed from that moment on; the oldest is forgotten where that is too much. */
  add(stretch: Stretch, start: ListingStart): void {
    const stretches = this.#stretches;
    const index = countWhile(stretches, (each) => each.after < stretch.after);
    const isNewer = stretches[index]?.after === stretch.after;
    stretches.splice(index, isNewer ? 1 : 0, { ...stretch, ...start });
    if (stretches.length <= MOST_KEPT) return;
    const oldest = stretches.reduce((a, b) => b.at < a.at ? b : a);
    stretches.splice(stretches.indexOf(oldest), 1);
  }

  /** The folder of all that was asked for below the root so far, the two uris included, which end with no slash. */
  folder(root: string, first: string, last: string): string {
    const folder = commonFolder(commonFolder(first, last), this.#folders.get(root) ?? first);
    this.#folders.set(root, folder);
    return folder;
  }

  /**
   * Whether few questions are to be answered by a page, which may answer later ones, too. That is tried when as many have been
   * asked one by one as a page costs, and twice as many each time that it was not worth it.
   */
  shallList(questions: number): boolean {
    const isWorth = this.#saved >= WORTH;
    if (!isWorth && this.#asked < this.#run) {
      this.#asked += questions;
      return false;
    }
    this.#run = isWorth ? WORTH : Math.min(2 * this.#run, LONGEST_RUN);
    this.#saved = this.#asked = 0;
    return true;
  }

  /** Nothing below the root can be listed. */
  refuse(root: string): void {
    this.#refused.add(root);
  }

  /** Whether that is so. */
  isRefused(root: string): boolean {
    return this.#refused.has(root);
  }
}

function commonFolder(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, a.lastIndexOf("/", length - 1) + 1);
}

/** How many of the sorted items it holds of; it holds of none after one of which it does not. */
function countWhile<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
