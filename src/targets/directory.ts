/**
 * Many files that are one output: a folder that counts once its done flag is written beside it.
 *
 * @module
 */

import { TargetError } from "../errors.ts";
import { compareCodePoints } from "../json.ts";
import { inLanes } from "../lanes.ts";
import { codeOf, isMissing, notFound, whileWriting } from "./file_error.ts";
import { flushFile, LocalTarget } from "./local.ts";
import { localRoot } from "./local_root.ts";
import { InMemoryFileSystem } from "./memory.ts";
import { RemoteTarget } from "./remote.ts";
import { claimSlot } from "./slot.ts";
import type { ExistenceProbe, FileSystemTarget, Target } from "./target.ts";
import { discard, temporaryPath, withTemporaryFolder } from "./temporary.ts";

/** How many files are copied or flushed at the same time. */
const LANES = 16;
/** How often a folder is tried to be moved to a place that other writers move theirs to. */
const MAX_ATTEMPTS = 100;
/** What systems say to a folder that is to be moved to where another one is; the last two are of Windows. */
const TAKEN: ReadonlySet<string> = new Set(["ENOTEMPTY", "EEXIST", "EPERM", "EACCES"]);

/** Makes the target of a full path or uri. */
export type TargetPrototype = (uri: string) => FileSystemTarget;

/**
 * A folder of files, complete when it is marked done: `<folder>._SUB_KEYS` lists the files, one relative
 * path a line in the order of code points, and then the empty file `<folder>._DONE` makes it exist.
 */
export class DirectoryTarget implements Target {
  /** The path or uri of the folder, with a slash at its end. */
  readonly uri: string;
  readonly #prototype: TargetPrototype;
  readonly #flag: FileSystemTarget;
  readonly #subKeys = new Set<string>();

  /** `prototype` makes the targets of the files, and with them says where the folder is kept. */
  constructor(uri: string, prototype: TargetPrototype) {
    this.uri = `${uri.replace(/\/+$/, "")}/`;
    this.#prototype = prototype;
    this.#flag = prototype(this.#beside("._DONE"));
  }

  /** The folder is there when its done flag is. */
  get probe(): ExistenceProbe | undefined {
    return this.#flag.probe;
  }

  /** Whether it was marked done. */
  exists(): Promise<boolean> {
    return this.#flag.exists();
  }

  /**
   * A file in the folder; `markDone()` will list it. Throws a `RangeError` for a path that leaves the
   * folder or cannot be listed.
   */
  getSubTarget(relpath: string): FileSystemTarget {
    checkRelpath(relpath);
    if (relpath.startsWith("/") || relpath.includes("\n")) {
      throw new RangeError(
        `Cannot use the path "${relpath}": inside a folder it has to start with a name and may have ` +
          `no line break. Give one like "part/0.csv"`,
      );
    }
    this.#subKeys.add(relpath);
    return this.#prototype(this.uri + relpath);
  }

  /**
   * Lists the files asked for with `getSubTarget()` of this object, then makes the target exist: the last thing to call.
   * Keep the object in a variable: another one for the same folder, e.g. from a second call of a task's `output()`, has
   * not been asked for any.
   */
  async markDone(): Promise<void> {
    await this.#prototype(this.#beside("._SUB_KEYS"))
      .write([...this.#subKeys].sort(compareCodePoints).join("\n"));
    await this.#flag.write("");
  }

  /** The paths of the files, as they were listed when the folder was marked done. */
  async subKeys(): Promise<readonly string[]> {
    const text = await this.#prototype(this.#beside("._SUB_KEYS")).text();
    return text === "" ? [] : text.split("\n");
  }

  /**
   * Hands a folder on the local disk to `use`. With `"r"` it has the files; with `"w"` the files that
   * are there when `use` has ended become the content, which is marked done, and nothing does when it throws.
   *
   * On the local disk the new folder replaces the one in its place as a whole, so that nothing is left
   * of an earlier attempt. Elsewhere files are written one by one; others stay there, but are not listed. The target does
   * not exist meanwhile, unless it did before in a store without `remove()`, or of another package.
   */
  async proxyPath<R>(mode: "r" | "w", use: (folder: string) => R | Promise<R>): Promise<R> {
    if (mode === "r") {
      if (!(await this.exists())) throw notFound(this.uri);
      return this.#flag instanceof LocalTarget
        ? await use(this.#beside(""))
        : await this.#copied(use);
    }
    this.#subKeys.clear();
    const result = this.#flag instanceof LocalTarget
      ? await this.#replace(use, this.#flag)
      : await this.#upload(use);
    await this.markDone();
    return result;
  }

  async #copied<R>(use: (folder: string) => R | Promise<R>): Promise<R> {
    const keys = await this.subKeys();
    checkKeys(keys, this.uri);
    return await withTemporaryFolder(async (folder) => {
      await inLanes(keys, LANES, async (key) => {
        const source = this.getSubTarget(key);
        await new LocalTarget(`${folder}/${key}`, { flush: false }).write(source.readable());
      });
      return await use(folder);
    });
  }

  async #upload<R>(use: (folder: string) => R | Promise<R>): Promise<R> {
    return await withTemporaryFolder(async (folder) => {
      const result = await use(folder);
      await this.#unmark();
      await inLanes(await filesBelow(folder), LANES, async (key) => {
        await this.getSubTarget(key).write(new LocalTarget(`${folder}/${key}`).readable());
      });
      return result;
    });
  }

  async #replace<R>(use: (folder: string) => R | Promise<R>, flag: LocalTarget): Promise<R> {
    const folder = this.#beside("");
    const root = flag.root === undefined ? undefined : localRoot(flag.root);
    const slot = await whileWriting(folder, () => claimSlot(folder, root));
    const [temporary, old] = [temporaryPath(folder), temporaryPath(folder)];
    try {
      await whileWriting(folder, async () => {
        await slot.keep([temporary, old]);
        await Deno.mkdir(temporary);
      });
      const result = await use(temporary);
      await whileWriting(folder, async () => {
        for (const key of await filesBelow(temporary)) this.getSubTarget(key);
        if (flag.flush) {
          await inLanes([...this.#subKeys], LANES, (key) => flushFile(`${temporary}/${key}`));
        }
        await removeFile(flag.uri);
        await moveFolder(temporary, folder, old);
      });
      return result;
    } finally {
      await slot.discard();
    }
  }

  /** Takes back that it was marked done, where files are known to be removed. */
  async #unmark(): Promise<void> {
    const { uri, probe } = this.#flag;
    if (probe?.store instanceof InMemoryFileSystem) probe.store.delete(uri);
    // Who may not remove files may still write the first ones.
    else if (this.#flag instanceof RemoteTarget && await this.#flag.exists()) {
      await this.#flag.fileSystem.remove?.(uri);
    }
  }

  #beside(suffix: string): string {
    return this.uri.slice(0, -1) + suffix;
  }
}

/** Throws a `RangeError` for a path that may lead out of the folder it starts from. */
export function checkRelpath(relpath: string): void {
  if (relpath !== "" && !(relpath.includes("..") && /(?:^|[\\/])\.\.(?:[\\/]|$)/.test(relpath))) {
    return;
  }
  throw new RangeError(
    `Cannot use the path "${relpath}": it is empty or has a ".." in it. ` +
      `Give one that names a place below its root, e.g. "a/b.json"`,
  );
}

/** Throws a `TargetError` when a file would have to be the folder of another one. */
function checkKeys(keys: readonly string[], uri: string): void {
  const files = new Set(keys);
  for (const key of keys) {
    for (let end = key.indexOf("/"); end !== -1; end = key.indexOf("/", end + 1)) {
      const folder = key.slice(0, end);
      if (!files.has(folder)) continue;
      throw new TargetError(
        `Cannot copy "${uri}" to the local disk: "${folder}" is a file in it, and "${key}" is one below that. ` +
          `Read them with getSubTarget(), or give one of them another name`,
        { uri },
      );
    }
  }
}

/** Paths relative to the folder, at any depth, with `/` between the names. */
async function filesBelow(folder: string, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of Deno.readDir(`${folder}/${prefix}`)) {
    if (entry.isDirectory) keys.push(...await filesBelow(folder, `${prefix}${entry.name}/`));
    else keys.push(prefix + entry.name);
  }
  return keys;
}

/**
 * Moves a folder to its place. What stands there is moved to `old` first, and removed when the new one is
 * there; of several writers the last one wins.
 */
async function moveFolder(from: string, to: string, old: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    if ((await unlessMissing(Deno.lstat(to)))?.isFile) {
      throw new TargetError(
        `Cannot write "${to}": a file is in the place of the folder. Move it away`,
        { uri: to },
      );
    }
    await unlessMissing(Deno.rename(to, old));
    try {
      return await Deno.rename(from, to);
    } catch (error) {
      // Another writer's folder got there in between. Each attempt lost is a writer that has ended.
      if (attempt === MAX_ATTEMPTS || !TAKEN.has(codeOf(error) ?? "")) throw error;
    } finally {
      await discard(old);
    }
  }
}

async function removeFile(path: string): Promise<void> {
  await unlessMissing(Deno.remove(path));
}

async function unlessMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
