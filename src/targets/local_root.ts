/**
 * The folder below which outputs are kept, and that it stays on the file system where it was. Unaware of what is kept.
 *
 * @module
 */

import { dirname } from "@std/path";
import { TargetError } from "../errors.ts";
import { LocalTargetStore } from "./local_store.ts";
import type { ExistsManyOptions } from "./target.ts";

/**
 * A root whose disk was unmounted must not be made anew on the disk below it, where nobody would look for outputs. One
 * that was just removed may: what is not there is built again, which is what removing it asks for.
 */
export class LocalRoot extends LocalTargetStore {
  /** Path of the folder. */
  readonly path: string;
  /** The file system on which it was when it was there first; `undefined` when it was not yet, or may not be looked at. */
  #device: number | undefined;

  /** Looks at nothing yet. */
  constructor(path: string) {
    super();
    this.path = path;
  }

  /** As for any files; and the root is remembered. */
  override existsMany(
    paths: readonly string[],
    options?: ExistsManyOptions,
  ): Promise<readonly boolean[]> {
    this.note();
    return super.existsMany(paths, options);
  }

  /** Remembers where the root is, when it is there. */
  note(): void {
    this.#device ??= this.#look();
  }

  /**
   * Makes the folder of a file below the root. Throws a `TargetError` when the root is on another file system than before.
   */
  async makeFolderOf(path: string): Promise<void> {
    const folder = dirname(path);
    const device = this.#look();
    this.#device ??= device;
    if (device !== undefined && device !== this.#device) throw this.#moved(path);
    await Deno.mkdir(folder, { recursive: true });
    if (device !== undefined) return;
    const made = this.#look();
    this.#device ??= made;
    if (made === this.#device) return;
    // Only what is empty goes away, should the right disk be back by now.
    const shortest = this.path.replace(/\/+$/, "").length;
    for (let each = folder; each.length >= shortest; each = dirname(each)) {
      await Deno.remove(each).catch(() => {});
    }
    throw this.#moved(path);
  }

  #look(): number | undefined {
    try {
      return Deno.statSync(this.path).dev;
    } catch {
      return undefined; // whatever is wrong with it, who reads or writes there will be told
    }
  }

  #moved(path: string): TargetError {
    return new TargetError(
      `Cannot write "${path}": the target root "${this.path}" is on another file system than it was, so its disk was ` +
        `unmounted, or another one mounted. Mount it as it was, and build again with a new process`,
      { uri: path },
    );
  }
}

const roots = new Map<string, LocalRoot>();

/** The root at a path: the same one for all who ask in this process, so that all know where it was first. */
export function localRoot(path: string): LocalRoot {
  let root = roots.get(path);
  if (root === undefined) roots.set(path, root = new LocalRoot(path));
  return root;
}
