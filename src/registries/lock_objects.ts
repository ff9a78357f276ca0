/**
 * Locks in a remote file system that takes heed of conditions, such as S3. Unaware of when they are renewed, and of what
 * for.
 *
 * A lock is one small file that says until when it is held, and by whom. It is made only when there is none, and changed
 * only when nobody else has changed it since it was read: of several who try at once, the store lets one through. One that
 * is given back stays, as a short file, for it may not be removed after somebody else has taken it, which no store can tell.
 *
 * @module
 */

import { z } from "zod";
import { TargetError } from "../errors.ts";
import type { ConditionalFiles, RemoteOptions } from "../targets/remote.ts";
import { FREE_LENGTH, type HeldLock, type LockHolder, type LockPlace } from "./lock_place.ts";

/** How often a lock is tried to be had that changes at the same time. */
const MOST_TRIES = 10;

const LockState = z.object({
  /** Until when it is held, in milliseconds since 1970. */
  expiry: z.number(),
  /** Who has it. */
  owner: z.string(),
  /** Makes it another one each time that it is written. */
  token: z.string(),
});

/** Options of {@linkcode LockObjects}. */
export interface LockObjectsOptions {
  /** Who takes the locks. */
  readonly owner: string;
  /** By how much the clocks of machines may differ, in milliseconds. */
  readonly clockSkew: number;
}

/** The locks below a root, as one owner takes them. */
export class LockObjects implements LockPlace {
  readonly #files: ConditionalFiles;
  readonly #folder: string;
  readonly #owner: string;
  readonly #clockSkew: number;
  /** Those that somebody had when they were asked for last: there is no use in making them. */
  readonly #seen = new Set<string>();

  /** Asks for nothing; `folder` is a uri with a slash at its end. */
  constructor(
    files: ConditionalFiles,
    folder: string,
    { owner, clockSkew }: LockObjectsOptions,
  ) {
    this.#files = files;
    this.#folder = folder;
    this.#owner = owner;
    this.#clockSkew = clockSkew;
  }

  pathOf(id: string): string {
    return `${this.#folder}${id}.lock`;
  }

  async take(id: string, ttl: number, signal?: AbortSignal): Promise<HeldLock | LockHolder> {
    const tooLate = AbortSignal.timeout(ttl);
    const either = signal === undefined ? tooLate : AbortSignal.any([signal, tooLate]);
    try {
      return await this.#take(id, ttl, { signal: either });
    } catch (error) {
      if (error !== tooLate.reason) throw error;
      const uri = this.pathOf(id);
      throw new TargetError(
        `Cannot lock "${uri}": the store has not answered within ${ttl} ms, for which a lock lasts. ` +
          `Check whether it is up, or give locks a longer ttl`,
        { uri, cause: error },
      );
    }
  }

  async #take(id: string, ttl: number, options: RemoteOptions): Promise<HeldLock | LockHolder> {
    const uri = this.pathOf(id);
    let version: string | undefined;
    let isOwn = false;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      if (!isOwn && this.#seen.has(id)) {
        const found = await this.#files.read(uri, options);
        const state = found && stateIn(found.content, uri);
        if (state !== undefined && !this.#isOver(state.expiry)) return { owner: state.owner };
        version = found?.version;
      }
      const expiry = Date.now() + ttl;
      const content = contentOf(expiry, this.#owner);
      version = await this.#files.write(uri, content, version, options);
      isOwn = version !== undefined;
      if (version === undefined) {
        this.#seen.add(id);
        continue;
      }
      // The answer may have taken so long that others will soon take it for a dead owner's: then it is renewed first.
      if (Date.now() > expiry - ttl / 2) continue;
      this.#seen.delete(id);
      return new LockObject(this.#files, uri, { owner: this.#owner, content, version, expiry });
    }
    return { owner: undefined };
  }

  #isOver(expiry: number): boolean {
    return expiry + this.#clockSkew < Date.now();
  }
}

/** What is in the store, as far as its owner knows. */
interface Written {
  readonly owner: string;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly version: string;
  readonly expiry: number;
}

/** A lock that was taken: held until it is dropped, or expires. */
class LockObject implements HeldLock {
  readonly #files: ConditionalFiles;
  readonly #uri: string;
  readonly #owner: string;
  expiry: number;
  /** `undefined` when it is lost. */
  #version: string | undefined;
  #content: Uint8Array<ArrayBuffer>;
  /** What may be there as well: whether it was written is not known. */
  #tried: Uint8Array<ArrayBuffer> | undefined;
  /** What is under way: each change waits for the one before, which makes its version. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    files: ConditionalFiles,
    uri: string,
    { owner, content, version, expiry }: Written,
  ) {
    this.#files = files;
    this.#uri = uri;
    this.#owner = owner;
    this.#content = content;
    this.#version = version;
    this.expiry = expiry;
  }

  async renew(ttl: number): Promise<boolean> {
    const expiry = Date.now() + ttl;
    const isHeld = await this.#write(contentOf(expiry, this.#owner));
    if (isHeld) this.expiry = expiry;
    return isHeld;
  }

  async drop(): Promise<void> {
    try {
      await this.#write(new TextEncoder().encode(crypto.randomUUID()));
    } catch {
      // Others get it when it has expired.
    }
  }

  #write(content: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const written = this.#last.then(async () => {
      const signal = AbortSignal.timeout(Math.max(0, this.expiry - Date.now()));
      if (this.#tried !== undefined) await this.#findOut(this.#tried, signal);
      if (this.#version === undefined) return false;
      this.#tried = content;
      this.#version = await this.#files.write(this.#uri, content, this.#version, { signal });
      this.#tried = undefined;
      this.#content = content;
      return this.#version !== undefined;
    });
    this.#last = written.catch(() => {});
    return written;
  }

  /** Looks whether what was tried before was written. */
  async #findOut(tried: Uint8Array, signal: AbortSignal): Promise<void> {
    const found = await this.#files.read(this.#uri, { signal });
    const isOwn = found !== undefined &&
      [tried, this.#content].some((content) => isSame(content, found.content));
    this.#version = isOwn ? found.version : undefined;
    if (isOwn) this.#content = found.content;
    this.#tried = undefined;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function contentOf(expiry: number, owner: string): Uint8Array<ArrayBuffer> {
  const state = { expiry: Math.ceil(expiry), owner, token: crypto.randomUUID() };
  return new TextEncoder().encode(JSON.stringify(state));
}

/** `undefined` when it is free. */
function stateIn(content: Uint8Array, uri: string): z.infer<typeof LockState> | undefined {
  if (content.length === FREE_LENGTH) return undefined;
  try {
    return LockState.parse(JSON.parse(new TextDecoder().decode(content)));
  } catch (cause) {
    throw new TargetError(`Cannot lock "${uri}": what is there is no lock. Remove it`, {
      uri,
      cause,
    });
  }
}
