/**
 * The place of what is being written: a hidden file next to its target, locked by who writes. The system drops the lock
 * when the writer dies, so that who writes the same target next can tell what is left from what is under way.
 *
 * Only who made a slot's file writes to it, and only who holds its lock moves or removes it. So a dead writer's file is
 * removed, never used, and who got hold of a file that has its final name by now does nothing to it.
 *
 * A writer that meets no other one asks for nothing more. So what the second of two writers has left when it died, whose
 * first one has ended well, goes away when writers meet again.
 *
 * On Windows a locked file cannot be read by others, not even for the moment between getting its name and being closed,
 * and one without a lock would be taken for a dead writer's: names are unique there, and what a crash leaves stays.
 * Locks that do not reach all machines, as on some file systems of clusters, let one remove what another one is writing:
 * then the latter fails, and publishes nothing that is not its own.
 *
 * @module
 */

import { dirname } from "@std/path";
import { TargetError } from "../errors.ts";
import { isMissing } from "./file_error.ts";
import type { LocalRoot } from "./local_root.ts";
import type { WriteOptions } from "./target.ts";
import { discard, isTemporary, slotPath, temporaryPath } from "./temporary.ts";

/** So many writers of one target at a time can be told from dead ones; who comes on top gets a unique name. */
const SLOTS = 16;
/** Begins a slot's file that holds no content, but the names of what its writer makes beside it. */
const KEPT_HEAD = "stardag temporary files: ";
/** More than the names take that {@linkcode Slot.keep} is called with. */
const MAX_KEPT = 4096;
const NEW_FILE: Deno.OpenOptions = { read: true, write: true, createNew: true };

/** What a slot is made of. */
interface SlotDetails {
  readonly target: string;
  readonly path: string;
  readonly file: Deno.FsFile;
  /** The file as it was made; without it, the path is used by nobody else, ever. */
  readonly made: Deno.FileInfo | undefined;
  /** Whether other writers were met, dead or alive: then some may have died meanwhile. */
  readonly crowded: boolean;
}

/** A writer's place next to its target. Ends with `publish`, `publishFile` or `discard`, else with the process. */
export class Slot {
  readonly #details: SlotDetails;
  #kept: readonly string[] = [];
  #open = true;

  /** See {@linkcode claimSlot}. */
  constructor(details: SlotDetails) {
    this.#details = details;
    if (!discardsAtExit) globalThis.addEventListener("unload", discardAll);
    discardsAtExit = true;
    live.add(this);
  }

  /** Appends to the content. */
  async write(bytes: Uint8Array): Promise<void> {
    const { file } = this.#details;
    for (let written = 0; written < bytes.length;) {
      written += await file.write(written === 0 ? bytes : bytes.subarray(written));
    }
  }

  /** Forces the content to the disk. */
  flush(): Promise<void> {
    return this.#details.file.syncData();
  }

  /** Writes down paths next to the target that are to go with this slot, be it removed by others after a crash. */
  async keep(paths: readonly string[]): Promise<void> {
    const names = JSON.stringify(paths.map((path) => path.slice(dirname(path).length + 1)));
    await this.write(new TextEncoder().encode(KEPT_HEAD + names));
    this.#kept = paths;
  }

  /** Gives the content the name of the target. */
  async publish(): Promise<void> {
    const { target, path, file, made } = this.#details;
    if (!this.#isInPlace()) throw this.#lost();
    live.delete(this); // at exit, the path may be another writer's by now
    if (made === undefined) file.close(); // Windows moves no open file
    await Deno.rename(path, target);
    await this.#end();
  }

  /**
   * Gives a file at a path that was written down the name of the target. It takes the place of this slot's file on its
   * way, so that at no moment a crash leaves something that is neither in a slot nor written down in one.
   */
  async publishFile(
    from: string,
    { flush, signal }: WriteOptions & { readonly flush: boolean },
  ): Promise<void> {
    const { target, path, made } = this.#details;
    using file = await openAny(from);
    if (flush) await file.syncData();
    signal?.throwIfAborted();
    if (made === undefined) {
      file.close(); // Windows moves no open file
      await Deno.rename(from, target);
      return await this.discard();
    }
    tryLock(file);
    if (!this.#isInPlace()) throw this.#lost();
    await Deno.rename(from, path);
    try {
      await Deno.rename(path, target);
    } catch (error) {
      await discard(path);
      throw error;
    }
    await this.#end();
  }

  /** Removes the content and what was written down. Does nothing when this slot has ended. */
  async discard(): Promise<void> {
    if (!this.#open) return;
    const { path, file, made } = this.#details;
    if (made === undefined) file[Symbol.dispose](); // Windows removes no open file
    const gone = await Promise.all(this.#kept.map(discard));
    // As long as something is left, it stays written down.
    if (gone.every(Boolean) && this.#isInPlace()) await discard(path);
    await this.#end();
  }

  /** The same, without waiting: the process ends. */
  discardSync(): void {
    try {
      for (const path of this.#kept) removeSync(path);
      if (this.#isInPlace()) removeSync(this.#details.path);
    } catch {
      // Who comes next removes it.
    }
  }

  async #end(): Promise<void> {
    this.#open = false;
    live.delete(this);
    const { target, file, crowded } = this.#details;
    file[Symbol.dispose](); // it may be closed already
    for (let index = 0; crowded && index < SLOTS; index++) await sweep(slotPath(target, index));
  }

  #isInPlace(): boolean {
    const { path, made } = this.#details;
    return made === undefined || isAt(path, made);
  }

  #lost(): TargetError {
    const { target, path } = this.#details;
    return new TargetError(
      `Cannot write "${target}": the file "${path}", which holds it until it is whole, is gone, maybe with its folder or ` +
        `disk. Leave such files alone, and build again`,
      { uri: target },
    );
  }
}

/** Takes a place to write the target, and makes its folder when that is missing. */
export async function claimSlot(target: string, root?: LocalRoot): Promise<Slot> {
  const makeFolder = async (): Promise<void> => {
    if (root !== undefined) await root.makeFolderOf(target);
    else await Deno.mkdir(dirname(target), { recursive: true });
  };
  const isMade = newFolderRate > 0.5;
  if (isMade) await makeFolder();
  try {
    const slot = await claim(target);
    // Whether it was needed to make it is not known: the guess is tried out now and then.
    newFolderRate *= isMade ? 0.99 : 0.9;
    return slot;
  } catch (error) {
    // One that was made may be gone again: others remove folders that are empty.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await makeFolder();
    newFolderRate = 0.8 * newFolderRate + 0.2;
    return await claim(target);
  }
}

/** Opens a file as it is, to flush or lock it: for writing, which some systems want for that, where it may be. */
export async function openAny(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { write: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    return await Deno.open(path);
  }
}

/** How many of the last folders were missing, from 0 to 1: a guess at the next one, which may be wrong. */
let newFolderRate = 0;

/** The slots under way in this process. */
const live = new Set<Slot>();
let discardsAtExit = false;

function discardAll(): void {
  for (const slot of live) slot.discardSync();
}

async function claim(target: string): Promise<Slot> {
  let crowded = false;
  for (let index = 0; index < SLOTS && Deno.build.os !== "windows"; index++) {
    const path = slotPath(target, index);
    let file = await makeFile(path);
    if (file === undefined) {
      crowded = true;
      if (await sweep(path)) file = await makeFile(path);
      if (file === undefined) continue;
    }
    const made = lockMade(file, path);
    if (made !== undefined) return new Slot({ target, path, file, made, crowded });
    crowded = true;
  }
  const path = temporaryPath(target);
  const file = await Deno.open(path, NEW_FILE);
  return new Slot({ target, path, file, made: undefined, crowded });
}

async function makeFile(path: string): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, NEW_FILE);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** Locks a file that was just made. `undefined`, and closed, when another one took it for a dead writer's in between. */
function lockMade(file: Deno.FsFile, path: string): Deno.FileInfo | undefined {
  try {
    // Where there are no locks, nobody can tell whether a writer lives: then all files that are there are left alone.
    const made = tryLock(file) === false ? undefined : file.statSync();
    if (made !== undefined && isAt(path, made)) return made;
  } catch (error) {
    removeSync(path);
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}

/** Whether what is in a slot was left by a dead writer. Where that cannot be told, it was not. */
export async function isAbandoned(path: string): Promise<boolean> {
  try {
    using file = await Deno.open(path, { read: true, write: true });
    return isFree(file, path);
  } catch {
    return false;
  }
}

/** Removes what a dead writer has left in a slot, and what it wrote down there. Whether the slot is free now. */
export async function sweep(path: string): Promise<boolean> {
  try {
    using file = await Deno.open(path, { read: true, write: true });
    if (!isFree(file, path)) return false;
    for (const kept of await keptIn(file, path)) if (!(await discard(kept))) return false;
    return await discard(path);
  } catch (error) {
    return isMissing(error); // else it is somebody's whose files may not be touched
  }
}

/** Locks the file at the path. Whether nobody else has it locked, or has put another one in its place. */
function isFree(file: Deno.FsFile, path: string): boolean {
  return tryLock(file) === true && isAt(path, file.statSync());
}

/** What is written down in a slot's file. */
async function keptIn(file: Deno.FsFile, path: string): Promise<string[]> {
  const buffer = new Uint8Array(MAX_KEPT);
  const size = await file.read(buffer) ?? 0;
  const text = new TextDecoder().decode(buffer.subarray(0, size));
  if (!text.startsWith(KEPT_HEAD)) return [];
  try {
    const names: unknown = JSON.parse(text.slice(KEPT_HEAD.length));
    if (!Array.isArray(names)) return [];
    return names.filter((name) =>
      typeof name === "string" && !/[\\/]/.test(name) && isTemporary(name)
    )
      .map((name) => `${dirname(path)}/${name}`);
  } catch {
    return []; // its writer died while it wrote it, and had made nothing yet
  }
}

/** `false` when another one has the lock, `undefined` where there are none. */
function tryLock(file: Deno.FsFile): boolean | undefined {
  try {
    return file.tryLockSync(true);
  } catch {
    return undefined;
  }
}

/** Whether it is this file that is at the path. */
function isAt(path: string, { dev, ino }: Deno.FileInfo): boolean {
  try {
    const found = Deno.lstatSync(path);
    return found.ino === ino && found.dev === dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}

function removeSync(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
