/**
 * Telling of many files at once whether they are there: by pages of a listing where these answer many questions each, one by
 * one elsewhere. Unaware of S3, and of how tasks name their files.
 *
 * @module
 */

import type { RemoteOptions } from "../remote.ts";
import type { ExistsManyOptions } from "../target.ts";
import { Listed, LONGEST_RUN, type Stretch, WORTH } from "./listed.ts";
import { OwnChanges } from "./own_changes.ts";

/**
 * A uri below a root, before which a listing can begin. In strings of characters before U+D800 the order is the same as in
 * UTF-8, whatever they are compared with.
 */
const LISTABLE = /^[^:/]+:\/\/[^/]+\/[^\ud800-\uffff]*[!-.0-~]$/;

/** The part of a uri that is there at least in all that is listed with it. */
const ROOT = /^[^:/]+:\/\/[^/]+\//;

/** So few questions are asked one by one even where a page would answer all. */
const FEW = 2;

/** What is asked of a store that lists files in order. */
export interface Listing {
  /** Whether there is a file; one request. */
  exists(uri: string, options: RemoteOptions): Promise<boolean>;
  /**
   * The first files whose uris start with the prefix and come after `startAfter`, in the order of their UTF-8 bytes; one
   * request. `undefined` where files may not be listed. The prefix ends with a slash and has at least scheme and host, e.g.
   * `s3://bucket/`.
   */
  page(prefix: string, options: PageOptions): Promise<Page | undefined>;
}

/** Options of {@linkcode Listing.page}. */
export interface PageOptions extends RemoteOptions {
  /** Starts with the prefix; need not be there. */
  readonly startAfter: string;
}

/** Some files of a listing. */
export interface Page {
  /** In order. */
  readonly uris: readonly string[];
  /** Whether none with that prefix come after them. */
  readonly isLast: boolean;
}

/**
 * Answers for many files. Every page that is listed begins just before a file that is asked for, so it answers one question
 * at least: there are no more requests than questions, unless so many odd names stand in between that they fill a page. How
 * many it has answered tells how densely the files lie there, and so whether the next one is worth it.
 *
 * What an asker was told before holds for a while, but for what was written or removed by `changing()` since.
 */
export class Existence {
  readonly #listing: Listing;
  readonly #now: () => number;
  readonly #changes = new OwnChanges();
  readonly #listed = new WeakMap<object, Listed>();

  /** `now` gives milliseconds. */
  constructor(listing: Listing, now: () => number = () => performance.now()) {
    this.#listing = listing;
    this.#now = now;
  }

  /** One answer for each of the uris, in order. When one request fails, all end. */
  async existsMany(
    uris: readonly string[],
    { maxConcurrent = 50, signal, asker }: ExistsManyOptions = {},
  ): Promise<readonly boolean[]> {
    const listed = this.#listedFor(asker);
    const found = new Set<string>();
    const listable = new Set<string>();
    const others = new Set<string>();
    for (const uri of uris) {
      if (!LISTABLE.test(uri)) {
        others.add(uri);
        continue;
      }
      const isThere = listed.answer(uri);
      if (isThere === undefined) listable.add(uri);
      else if (isThere) found.add(uri);
    }
    const inquiry = new Inquiry(this.#listing, { listed, found, maxConcurrent, signal });
    await inquiry.run([...listable].sort(), [...others]);
    return uris.map((uri) => found.has(uri));
  }

  /** What `act` gives, which writes or removes the file: what was listed before its end does not tell of it any more. */
  async changing<R>(uri: string, act: () => Promise<R>): Promise<R> {
    try {
      return await act();
    } finally {
      this.#changes.note(uri); // also when it fails: what was sent may have been done
    }
  }

  #listedFor(asker: object | undefined): Listed {
    let listed = asker && this.#listed.get(asker);
    if (listed === undefined) {
      listed = new Listed(this.#now, this.#changes);
      if (asker !== undefined) this.#listed.set(asker, listed);
    }
    return listed;
  }
}

/** Questions that follow each other, to be answered by requests of one kind. */
type Part =
  /** By one request each. */
  | { readonly kind: "ask"; from: number; readonly to: number }
  /** By pages; where one is not worth it, so many of the next questions are asked one by one before another is tried. */
  | {
    readonly kind: "list";
    readonly from: number;
    readonly to: number;
    readonly prefix: string;
    readonly run: number;
  };

/** What an inquiry needs to know. */
interface InquiryOptions {
  /** What was listed before; what is listed now is added to it. */
  readonly listed: Listed;
  /** What is there is added to it. */
  readonly found: Set<string>;
  readonly maxConcurrent: number;
  readonly signal: AbortSignal | undefined;
}

/** Questions that are being answered. */
class Inquiry {
  readonly #listing: Listing;
  readonly #listed: Listed;
  readonly #found: Set<string>;
  readonly #maxConcurrent: number;
  /** Stops what is under way when something has failed. */
  readonly #stop = new AbortController();
  /** Of all requests. */
  readonly #stopped: AbortSignal;
  /** Those that can be listed first, in order. */
  #uris: readonly string[] = [];
  /** What nobody is at; the last one is next. */
  readonly #open: Part[] = [];
  #lanes = 0;
  readonly #ended = Promise.withResolvers<void>();

  constructor(listing: Listing, { listed, found, maxConcurrent, signal }: InquiryOptions) {
    this.#listing = listing;
    this.#listed = listed;
    this.#found = found;
    this.#maxConcurrent = maxConcurrent;
    this.#stopped = signal === undefined
      ? this.#stop.signal
      : AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Answers all; when it rejects, nothing is under way any more. */
  async run(listable: readonly string[], others: readonly string[]): Promise<void> {
    this.#uris = [...listable, ...others];
    this.#add({ kind: "ask", from: listable.length, to: this.#uris.length });
    for (let from = 0; from < listable.length;) {
      const root = rootOf(listable[from]!);
      let to = from + 1;
      while (to < listable.length && listable[to]!.startsWith(root)) to++;
      const prefix = this.#listed.folder(root, listable[from]!, listable[to - 1]!);
      const isListed = to - from >= WORTH || this.#listed.shallList(to - from);
      this.#add({ kind: isListed ? "list" : "ask", from, to, prefix, run: WORTH });
      from = to;
    }
    this.#startLanes();
    if (this.#lanes > 0) await this.#ended.promise;
    this.#stopped.throwIfAborted();
  }

  #add(part: Part): void {
    if (part.from < part.to) this.#open.push(part);
  }

  /** What is to be done next, if anything. */
  get #next(): Part | undefined {
    return this.#stopped.aborted ? undefined : this.#open.at(-1);
  }

  #startLanes(): void {
    while (this.#lanes < this.#maxConcurrent && this.#next !== undefined) void this.#lane();
  }

  /** One request after the other, until there is nothing more to do. Never rejects. */
  async #lane(): Promise<void> {
    this.#lanes++;
    try {
      for (let part = this.#next; part !== undefined; part = this.#next) {
        if (part.kind === "ask") {
          const uri = this.#uris[part.from++]!;
          if (part.from === part.to) this.#open.pop();
          if (await this.#listing.exists(uri, { signal: this.#stopped })) this.#found.add(uri);
        } else {
          this.#open.pop();
          await this.#list(part);
          this.#startLanes();
        }
      }
    } catch (error) {
      this.#stop.abort(error);
    }
    if (--this.#lanes === 0) this.#ended.resolve();
  }

  /** Lists a page from the first question on; what it does not answer is open again. */
  async #list(part: Part & { readonly kind: "list" }): Promise<void> {
    const { from, to, prefix, run } = part;
    const first = this.#uris[from]!;
    const root = rootOf(first);
    const after = justBefore(first);
    const start = this.#listed.start();
    const page = this.#listed.isRefused(root)
      ? undefined
      : await this.#listing.page(prefix, { startAfter: after, signal: this.#stopped });
    if (page === undefined || !isInOrder([after, ...page.uris])) {
      this.#listed.refuse(root);
      return this.#add({ kind: "ask", from, to });
    }
    const stretch = {
      after,
      to: page.isLast ? `${prefix}\uffff` : page.uris.at(-1) ?? after,
      uris: page.uris,
    };
    this.#listed.add(stretch, start);
    const next = this.#take(stretch, from, to);
    if (next - from >= WORTH) return this.#split({ ...part, from: next }, next - from);
    const asked = Math.min(next + run, to);
    this.#add({ kind: "ask", from: next, to: asked });
    this.#add({ ...part, from: asked, run: Math.min(2 * run, LONGEST_RUN) });
  }

  /** Answers the questions that the stretch tells of; gives the first that it does not. */
  #take({ uris, to: end }: Stretch, from: number, to: number): number {
    let [next, at] = [from, 0];
    for (; next < to && this.#uris[next]! <= end; next++) {
      const uri = this.#uris[next]!;
      while (at < uris.length && uris[at]! < uri) at++;
      if (uris[at] === uri) this.#found.add(uri);
    }
    return next;
  }

  /** Shares out what is left to all who have nothing to do, where a page answers so many questions. */
  #split(part: Part & { readonly kind: "list" }, answered: number): void {
    const pages = Math.ceil((part.to - part.from) / answered);
    const idle = this.#maxConcurrent - this.#lanes - this.#open.length;
    const parts = Math.max(1, Math.min(pages >> 1, idle + 1));
    const size = Math.ceil(pages / parts) * answered;
    for (let { from } = part; from < part.to; from += size) {
      const to = Math.min(from + size, part.to);
      if (to - from <= FEW) this.#add({ kind: "ask", from, to });
      else this.#add({ ...part, from, to, run: WORTH });
    }
  }
}

function rootOf(uri: string): string {
  return ROOT.exec(uri)![0];
}

/** A string that comes before the uri, with hardly any between them. */
function justBefore(uri: string): string {
  const last = uri.length - 1;
  return `${uri.slice(0, last)}${String.fromCharCode(uri.charCodeAt(last) - 1)}~`;
}

/** Whether the order is that of UTF-8; where that differs from the one that strings have, it is not looked at. */
function isInOrder(uris: readonly string[]): boolean {
  return uris.every((uri, index) => {
    const before = uris[index - 1];
    return before === undefined || before < uri || /[\ud800-\uffff]/.test(uri);
  });
}
