/**
 * Locks in a remote file system that takes heed of conditions, such as S3. Unaware of when they are renewed, and of what
 * for.
 *
 * A lock is one small file that says until when it is held, and by whom. It is made only when there is none, and changed
 * only when nobody else has changed it since it was read: of several who try at once, the store lets one through. One that
 * is given back stays, as an empty file, for it may not be removed after somebody else has taken it, which no store can tell.
 *
 * @module
 */

import { z } from "zod";
import { TargetError } from "../errors.ts";
import type { ConditionalFiles } from "../targets/remote.ts";
import type { HeldLock, LockHolder, LockPlace } from "./lock_place.ts";

/** What is in a lock that is free. */
const FREE = new Uint8Array();
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

  async take(id: string, expiry: number): Promise<HeldLock | LockHolder> {
    const uri = this.pathOf(id);
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      let version: string | undefined;
      if (this.#seen.has(id)) {
        const found = await this.#files.read(uri);
        const state = found && found.content.length > 0 ? stateIn(found.content, uri) : undefined;
        if (state !== undefined && !this.#isOver(state.expiry)) {
          return { owner: state.owner };
        }
        version = found?.version;
      }
      const taken = await this.#files.write(uri, contentOf(expiry, this.#owner), version);
      if (taken !== undefined) {
        this.#seen.delete(id);
        return new LockObject(this.#files, uri, this.#owner, taken);
      }
      this.#seen.add(id);
    }
    return { owner: undefined };
  }

  #isOver(expiry: number): boolean {
    return expiry + this.#clockSkew < Date.now();
  }
}

/** A lock that was taken: held until it is dropped, or expires. */
class LockObject implements HeldLock {
  readonly #files: ConditionalFiles;
  readonly #uri: string;
  readonly #owner: string;
  #version: string | undefined;
  /** What is under way: each change waits for the one before, which makes its version. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(files: ConditionalFiles, uri: string, owner: string, version: string) {
    this.#files = files;
    this.#uri = uri;
    this.#owner = owner;
    this.#version = version;
  }

  renew(expiry: number, soFar: number): Promise<boolean> {
    const tooLate = AbortSignal.timeout(Math.max(0, soFar - Date.now()));
    return this.#write(contentOf(expiry, this.#owner), tooLate);
  }

  async drop(): Promise<void> {
    try {
      await this.#write(FREE);
    } catch {
      // Others get it when it has expired.
    }
  }

  #write(content: Uint8Array<ArrayBuffer>, signal?: AbortSignal): Promise<boolean> {
    const written = this.#last.then(async () => {
      if (this.#version === undefined) return false;
      this.#version = await this.#files.write(this.#uri, content, this.#version, { signal });
      return this.#version !== undefined;
    });
    this.#last = written.catch(() => {});
    return written;
  }
}

function contentOf(expiry: number, owner: string): Uint8Array<ArrayBuffer> {
  const state = { expiry: Math.ceil(expiry), owner, token: crypto.randomUUID() };
  return new TextEncoder().encode(JSON.stringify(state));
}

function stateIn(content: Uint8Array, uri: string): z.infer<typeof LockState> {
  try {
    return LockState.parse(JSON.parse(new TextDecoder().decode(content)));
  } catch (cause) {
    throw new TargetError(`Cannot lock "${uri}": what is there is no lock. Remove it`, {
      uri,
      cause,
    });
  }
}
