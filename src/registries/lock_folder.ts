/**
 * Locks in a folder that processes share, on one machine or several. Unaware of when they are renewed, and of what for.
 *
 * A lock is a folder with one file in it, whose name says all: until when it is held, by whom, and on which machine. It is
 * taken by moving such a folder to its place, which the system does only when nothing is there, or nothing in it. From
 * then on each change is one rename of the file from the name that was seen: it is made only when nothing has changed
 * since, and by one only. So there is no moment at which two have it, and none at which a crash leaves it half changed.
 *
 * Who has a lock also keeps its file locked by the system, which drops that when the process dies. Such a lock says
 * something on its own machine only: there, who lives keeps it, though it be too busy to renew it, and who has died loses
 * it at once. Everywhere else it is lost when it has expired, and so it is where the system has no such locks; on Windows
 * they are not used, for a folder with open files cannot be moved there.
 *
 * @module
 */

import { TargetError } from "../errors.ts";
import { codeOf, isMissing } from "../targets/file_error.ts";
import { type LocalRoot, localRoot } from "../targets/local_root.ts";
import { type HeldLock, type LockHolder, type LockPlace, LOCKS } from "./lock_place.ts";

/** How often a lock is tried to be had that changes at the same time. */
const MOST_TRIES = 10;
/** How many folders are looked at for what the dead have left: as many as take a few hundredths of a second. */
const MOST_SWEPT = 1_000;
const SWEPT = /^[0-9a-f-]{36}\.(?:lock|[0-9a-f]{12}\.tmp)$/;
const NEW_FILE: Deno.OpenOptions = { write: true, createNew: true };
const NAME = /^(\d{13,})~([\w.-]+)~([\w.-]*)~([0-9a-f]{12})$/;

/** What the name of a lock's file says. */
interface LockState {
  /** In milliseconds since 1970. */
  readonly expiry: number;
  readonly owner: string;
  /** The machine on which the system tells whether the owner lives; empty when none does. */
  readonly host: string;
  /** Makes the name another one each time that a lock is taken. */
  readonly token: string;
}

/** Options of {@linkcode LockFolder}. */
export interface LockFolderOptions {
  /** Who takes the locks. */
  readonly owner: string;
  /** The name of this machine, which no other one has; empty when it is not known. */
  readonly host: string;
  /** By how much the clocks of machines may differ, in milliseconds. */
  readonly clockSkew: number;
}

/** The locks below a root, as one owner takes them. */
export class LockFolder implements LockPlace {
  readonly #path: string;
  readonly #root: LocalRoot;
  readonly #owner: string;
  readonly #clockSkew: number;
  #host: string;

  /** Looks at nothing but where the root is; `root` is a local path with a slash at its end. */
  constructor(root: string, { owner, host, clockSkew }: LockFolderOptions) {
    this.#root = localRoot(root);
    this.#root.note();
    this.#path = root + LOCKS;
    this.#owner = owner;
    this.#host = Deno.build.os === "windows" ? "" : host;
    this.#clockSkew = clockSkew;
  }

  pathOf(id: string): string {
    return `${this.#path}/${id}.lock`;
  }

  /** Throws errors of the system. */
  async take(id: string, ttl: number): Promise<LockFile | LockHolder> {
    try {
      return this.#take(id, Date.now() + ttl);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await this.#root.makeFolderOf(this.pathOf(id));
      return this.#take(id, Date.now() + ttl);
    }
  }

  /** Removes what the dead have left. Never throws: what stays is seen when somebody wants the lock. */
  sweep(): void {
    try {
      for (const { name } of Deno.readDirSync(this.#path).take(MOST_SWEPT)) {
        if (SWEPT.test(name)) this.#sweep(`${this.#path}/${name}`);
      }
    } catch {
      // Who takes a lock will be told.
    }
  }

  #sweep(path: string): void {
    try {
      const state = stateIn(path);
      if (state === undefined) return remove(path);
      const lock = this.#seize(path, state, Date.now());
      if (lock instanceof LockFile) lock.drop();
    } catch {
      // It is somebody's whose files may not be touched.
    }
  }

  #take(id: string, expiry: number): LockFile | LockHolder {
    const path = this.pathOf(id);
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const state = stateIn(path);
      const lock = state === undefined ? this.#make(id, expiry) : this.#seize(path, state, expiry);
      if (lock !== undefined) return lock;
    }
    const names = namesIn(path);
    if (names.length === 0 || names.some(stateOf)) return { owner: undefined };
    throw new TargetError(
      `Cannot lock "${path}": "${names[0]}" is in it, which is no lock. Move it away`,
      { uri: path },
    );
  }

  /** Takes a lock that is free. `undefined` when somebody else was faster. */
  #make(id: string, expiry: number): LockFile | undefined {
    const state = this.#state(expiry);
    const made = `${this.#path}/${id}.${state.token}.tmp`;
    Deno.mkdirSync(made);
    let file: Deno.FsFile | undefined | false;
    try {
      file = this.#locked(Deno.openSync(`${made}/${nameOf(state)}`, NEW_FILE));
    } catch (error) {
      remove(made);
      if (isMissing(error)) return undefined; // swept, for it was empty
      throw error;
    }
    const lock = new LockFile(made, state, file || undefined);
    let isTaken = false;
    try {
      // A name with a host says that the file is locked, or its owner dead.
      const isReady = file === undefined ? state.host === "" : file !== false;
      isTaken = isReady && lock.moveTo(this.pathOf(id));
    } finally {
      if (!isTaken) lock.drop();
    }
    return isTaken ? lock : undefined;
  }

  /** Takes a lock from a dead owner, or tells who has it. `undefined` when it has changed since it was looked at. */
  #seize(path: string, state: LockState, expiry: number): LockFile | LockHolder | undefined {
    const seen = `${path}/${nameOf(state)}`;
    const opened = openAny(seen);
    if (opened === undefined) return undefined;
    const file = opened === false ? undefined : this.#locked(opened);
    const isHere = state.host !== "" && state.host === this.#host;
    const isDead = file !== false &&
      (file !== undefined && isHere || state.expiry + this.#clockSkew < Date.now());
    // As long as the file is locked, nobody else takes it for a dead owner's.
    const next = this.#state(expiry);
    let isTaken = false;
    try {
      isTaken = isDead && move(seen, `${path}/${nameOf(next)}`);
    } finally {
      if (!isTaken && file) file.close();
    }
    if (isTaken) return new LockFile(path, next, file || undefined);
    return isDead ? undefined : { owner: state.owner };
  }

  /** Locks the file. Otherwise it is closed: `false` when somebody has it locked, `undefined` where there are no locks. */
  #locked(file: Deno.FsFile): Deno.FsFile | undefined | false {
    try {
      if (Deno.build.os !== "windows") {
        if (file.tryLockSync(true)) return file;
        file.close();
        return false;
      }
    } catch {
      this.#host = ""; // here, nobody can tell who lives
    }
    file.close();
    return undefined;
  }

  #state(expiry: number): LockState {
    const token = crypto.randomUUID().slice(-12);
    return { expiry, owner: this.#owner, host: this.#host, token };
  }
}

/** A lock that was taken: held until it is dropped, expires, or is removed. At the end of the process, it is dropped. */
export class LockFile implements HeldLock {
  #path: string;
  #state: LockState;
  readonly #file: Deno.FsFile | undefined;

  /** Taken by {@linkcode LockFolder}. `file` is locked, and closed when it ends. */
  constructor(path: string, state: LockState, file: Deno.FsFile | undefined) {
    this.#path = path;
    this.#state = state;
    this.#file = file;
    if (!dropsAtExit) globalThis.addEventListener("unload", dropAll);
    dropsAtExit = true;
    live.add(this);
  }

  /** Gives its folder another place. Whether that was free. */
  moveTo(path: string): boolean {
    const isMoved = move(this.#path, path, `${path}/${nameOf(this.#state)}`);
    if (isMoved) this.#path = path;
    else remove(path); // some systems move nothing over an empty folder
    return isMoved;
  }

  get expiry(): number {
    return this.#state.expiry;
  }

  /** Throws errors of the system, after which it may be held or lost. */
  renew(ttl: number): boolean {
    const next = { ...this.#state, expiry: Date.now() + ttl };
    const isHeld = move(`${this.#path}/${nameOf(this.#state)}`, `${this.#path}/${nameOf(next)}`);
    if (isHeld) this.#state = next;
    return isHeld;
  }

  /** One whose file cannot be removed is a dead owner's from now on. */
  drop(): void {
    live.delete(this);
    // Some file systems keep a file, under another name, as long as it is open.
    this.#file?.close();
    remove(`${this.#path}/${nameOf(this.#state)}`);
    remove(this.#path); // in which there may be the next one's file by now
  }
}

/** The locks held by this process. */
const live = new Set<LockFile>();
let dropsAtExit = false;

function dropAll(): void {
  for (const lock of live) lock.drop();
}

/** The state of the lock at the path; `undefined` when it is free. */
function stateIn(path: string): LockState | undefined {
  return namesIn(path).map(stateOf).find((state) => state !== undefined);
}

function namesIn(path: string): string[] {
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function nameOf({ expiry, owner, host, token }: LockState): string {
  return `${String(Math.ceil(expiry)).padStart(13, "0")}~${owner}~${host}~${token}`;
}

function stateOf(name: string): LockState | undefined {
  const [, expiry = "", owner = "", host = "", token = ""] = NAME.exec(name) ?? [];
  return token === "" ? undefined : { expiry: Number(expiry), owner, host, token };
}

/** Opens a file to lock it. `undefined` when it is not there any more, `false` when it is somebody's who shares none. */
function openAny(path: string): Deno.FsFile | undefined | false {
  try {
    return Deno.openSync(path, { read: true, write: true }); // some systems lock no file that is only read
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (isDenied(error)) return false;
    throw error;
  }
}

/**
 * Renames, unless what is there forbids it. Tells whether the proof is there then: over a network, something may have been
 * renamed though the answer says that it was not; and a folder may have been emptied on its way.
 */
function move(from: string, to: string, proof: string = to): boolean {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    const isFolderOnWindows = proof !== to && Deno.build.os === "windows";
    if (!isInTheWay(error) && !(isFolderOnWindows && isDenied(error))) throw error;
  }
  try {
    Deno.lstatSync(proof);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isInTheWay(error: unknown): boolean {
  return isMissing(error) || error instanceof Deno.errors.AlreadyExists ||
    codeOf(error) === "ENOTEMPTY";
}

/** Also how Windows says that a folder is in the way. */
function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied;
}

/** Removes a file, or a folder that is empty, if it may. */
function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // What is left, and cannot be used, is swept.
  }
}
