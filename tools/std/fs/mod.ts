/** Stand-in for `jsr:@std/fs`: the functions of it that this repository uses, over `Deno.*`. */
import { basename, fromFileUrl, join, normalize } from "../path/mod.ts";

/** One entry that {@linkcode walk} comes across. */
export interface WalkEntry extends Deno.DirEntry {
  /** Where it is, below the root as it was given. */
  path: string;
}

/** Options of {@linkcode walk}. */
export interface WalkOptions {
  /** How far to go down; the root is at depth 0. */
  maxDepth?: number;
  /** Whether files are yielded; they are unless told. */
  includeFiles?: boolean;
  /** Whether directories are yielded, the root among them; they are unless told. */
  includeDirs?: boolean;
  /** Whether symbolic links are yielded; they are unless told. */
  includeSymlinks?: boolean;
  /** Extensions, with or without the dot; only paths that end in one of them are yielded. */
  exts?: string[];
  /** Only paths that match one of these are yielded. */
  match?: RegExp[];
  /** Paths that match one of these are not yielded and not gone into. */
  skip?: RegExp[];
}

/** Options of {@linkcode exists}. */
export interface ExistsOptions {
  /** Whether it must also be readable by the user. */
  isReadable?: boolean;
  /** Whether it must be a directory. */
  isDirectory?: boolean;
  /** Whether it must be a file. */
  isFile?: boolean;
}

/** Makes the directory, and those above it, unless it is there. */
export async function ensureDir(dir: string | URL): Promise<void> {
  try {
    await Deno.mkdir(dir, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const { isDirectory } = await Deno.stat(dir);
    if (!isDirectory) {
      throw new Error(`Failed to ensure directory exists: expected 'dir', got 'file'`);
    }
  }
}

/** Removes what is in the directory, or makes it when it is not there. */
export async function emptyDir(dir: string | URL): Promise<void> {
  const path = dir instanceof URL ? fromFileUrl(dir) : dir;
  try {
    for (const { name } of await Array.fromAsync(Deno.readDir(path))) {
      await Deno.remove(join(path, name), { recursive: true });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(path, { recursive: true });
  }
}

/** Whether there is something at the path that the options ask for. */
export async function exists(path: string | URL, options: ExistsOptions = {}): Promise<boolean> {
  try {
    const stat = await Deno.stat(path);
    if (options.isDirectory && options.isFile) {
      throw new TypeError(
        "ExistsOptions.options.isDirectory and ExistsOptions.options.isFile must not be true together",
      );
    }
    if (options.isDirectory && !stat.isDirectory) return false;
    if (options.isFile && !stat.isFile) return false;
    return options.isReadable ? isReadable(stat) : true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Goes down from the root and yields each entry; links are yielded, not followed. */
export async function* walk(
  root: string | URL,
  options: WalkOptions = {},
): AsyncIterableIterator<WalkEntry> {
  const { maxDepth = Infinity, includeFiles = true, includeDirs = true, includeSymlinks = true } =
    options;
  if (maxDepth < 0) return;
  const path = root instanceof URL ? fromFileUrl(root) : root;
  if (includeDirs && isWanted(path, options)) {
    yield {
      path: normalize(path),
      name: basename(normalize(path)),
      isFile: false,
      isDirectory: true,
      isSymlink: false,
    };
  }
  if (maxDepth < 1 || isSkipped(path, options)) return;
  for await (const entry of Deno.readDir(path)) {
    const below = join(path, entry.name);
    if (entry.isDirectory) {
      yield* walk(below, { ...options, maxDepth: maxDepth - 1 });
    } else if ((entry.isSymlink ? includeSymlinks : includeFiles) && isWanted(below, options)) {
      yield { path: below, ...entry };
    }
  }
}

function isWanted(path: string, options: WalkOptions): boolean {
  const { exts, match } = options;
  if (exts !== undefined && !exts.some((ext) => path.endsWith(`.${ext.replace(/^\./, "")}`))) {
    return false;
  }
  if (match !== undefined && !match.some((pattern) => pattern.test(path))) return false;
  return !isSkipped(path, options);
}

function isSkipped(path: string, { skip }: WalkOptions): boolean {
  return skip?.some((pattern) => pattern.test(path)) ?? false;
}

function isReadable({ mode, uid, gid }: Deno.FileInfo): boolean {
  if (mode === null) return true;
  if (uid === Deno.uid()) return (mode & 0o400) !== 0;
  if (gid === Deno.gid()) return (mode & 0o040) !== 0;
  return (mode & 0o004) !== 0;
}
