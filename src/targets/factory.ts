/**
 * From a relative path to a target: finds the root it is below, and by the prefix of the uri the kind of target.
 *
 * @module
 */

import { configProvider, getTargetRoot } from "../config/config.ts";
import { DEFAULT_TARGET_ROOT_KEY, localPath, toTargetRoot } from "../config/target_roots.ts";
import { ConfigError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import { type Provider, provider } from "../provider.ts";
import { checkRelpath, DirectoryTarget, type TargetPrototype } from "./directory.ts";
import { LocalTarget } from "./local.ts";
import { InMemoryFileSystemTarget } from "./memory.ts";
import { type RemoteFileSystem, RemoteTarget } from "./remote.ts";
import { s3FileSystemProvider } from "./s3/provider.ts";
import type { FileSystemTarget } from "./target.ts";

/** Options of {@linkcode TargetFactory}. */
export interface TargetFactoryOptions {
  /** From key to root: local folders or uris. Without it, they are read from the configuration when needed. */
  readonly targetRoots?: Readonly<Record<string, string>> | undefined;
  /**
   * Where files of other uris are, by their prefix: `{ "gs://": new MyFileSystem() }`. One that ends with no slash is a whole
   * name: `"gs://bucket"` is not for `gs://bucket2/`. For `s3://` it is that of `s3FileSystemProvider` unless told.
   */
  readonly fileSystems?: Readonly<Record<string, RemoteFileSystem>> | undefined;
  /** What makes targets of a kind of its own, by the prefix of their uris; before all others. */
  readonly prefixToTargetPrototype?: Readonly<Record<string, TargetPrototype>> | undefined;
  /** Whether what is written to local files is forced to the disk; on unless told. */
  readonly flush?: boolean | undefined;
}

/** Options of {@linkcode getTarget} and its like. */
export interface GetTargetOptions {
  /** Which target root the path is below; `default` unless told. */
  readonly targetRootKey?: string | undefined;
}

/** Makes targets. Roots are looked up when a path below them is asked for first, and then kept. */
export class TargetFactory {
  readonly #targetRoots: Readonly<Record<string, string>> | undefined;
  readonly #roots = new Map<string, string>();
  /** The longest one first. */
  #rootsDown: readonly string[] = [];
  readonly #prototypes: readonly (readonly [prefix: string, TargetPrototype])[];
  readonly #local: TargetPrototype;

  /** Reads nothing; see the options. */
  constructor(options: TargetFactoryOptions = {}) {
    checkOptions(
      options,
      ["targetRoots", "fileSystems", "prefixToTargetPrototype", "flush"],
      "make a TargetFactory",
    );
    const { targetRoots, fileSystems = {}, prefixToTargetPrototype, flush } = options;
    this.#targetRoots = targetRoots;
    this.#local = (path) => new LocalTarget(path, { flush, root: this.rootAbove(path) });
    const prototypes: Readonly<Record<string, TargetPrototype>> = {
      "/": this.#local,
      "memory://": (uri) => new InMemoryFileSystemTarget(uri),
      "s3://": (uri) => new RemoteTarget(uri, s3FileSystemProvider.get()),
      ...Object.fromEntries(
        Object.entries(fileSystems).map(([prefix, fileSystem]) =>
          [prefix, (uri: string) => new RemoteTarget(uri, fileSystem)] as const
        ),
      ),
      ...prefixToTargetPrototype,
    };
    // The longest one first: of "s3://" and "s3://bucket/" the latter is meant where both fit.
    this.#prototypes = Object.entries(prototypes).sort(([a], [b]) => b.length - a.length);
  }

  /**
   * The file at a path below a root. A full path or uri in its place is taken as it is. Throws a
   * `RangeError` for a path with `..` in it, a `ConfigError` when root or kind are not to be found.
   */
  getTarget(relpath: string, options?: GetTargetOptions): FileSystemTarget {
    if (relpath.endsWith("/")) {
      throw new RangeError(
        `Cannot get the file "${relpath}": the path ends with a slash. Use getDirectoryTarget()`,
      );
    }
    const path = this.getPath(relpath, options);
    return this.#prototypeOf(path)(path);
  }

  /** The folder at a path below a root, complete when it is marked done; for the rest like `getTarget()`. */
  getDirectoryTarget(relpath: string, options?: GetTargetOptions): DirectoryTarget {
    const path = this.getPath(relpath, options);
    return new DirectoryTarget(path, this.#prototypeOf(path));
  }

  /** The full path or uri that targets of the path have. */
  getPath(relpath: string, options?: GetTargetOptions): string {
    checkRelpath(relpath);
    if (this.#findPrototype(relpath) !== undefined) return relpath;
    if (relpath.startsWith("file://")) return localPath(relpath);
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(relpath)) throw this.#unknownPrefix(relpath);
    return this.getTargetRoot(options?.targetRootKey) + relpath;
  }

  /**
   * The root for a key: a local path or a uri, with a slash at its end. Throws a `ConfigError` when it is not to be found.
   */
  getTargetRoot(key: string = DEFAULT_TARGET_ROOT_KEY): string {
    const known = this.#roots.get(key);
    if (known !== undefined) return known;
    const root = this.#targetRoots === undefined ? getTargetRoot(key) : this.#givenRoot(key);
    checkS3Root(root, key);
    this.#roots.set(key, root);
    this.#rootsDown = [...this.#roots.values()].sort((a, b) => b.length - a.length);
    return root;
  }

  /** The keys of all roots: of those that were given, else of those that are configured. */
  get targetRootKeys(): readonly string[] {
    return Object.keys(this.#targetRoots ?? configProvider.get().target.roots);
  }

  /** The root that a path or uri is below, of those that were asked for so far: the one furthest down. */
  rootAbove(uri: string): string | undefined {
    for (const root of this.#rootsDown) if (uri.startsWith(root)) return root;
    return undefined;
  }

  #givenRoot(key: string): string {
    const roots = this.#targetRoots ?? {};
    const root = Object.hasOwn(roots, key) ? roots[key] : undefined;
    if (root !== undefined) return toTargetRoot(root, `targetRoots["${key}"]`);
    throw new ConfigError(
      `Cannot find the target root "${key}": the target factory has ${
        quoted(Object.keys(roots))
      }. ` +
        `Add it: new TargetFactory({ targetRoots: { "${key}": "/data/stardag" } })`,
    );
  }

  #prototypeOf(path: string): TargetPrototype {
    const prototype = this.#findPrototype(path);
    if (prototype === undefined) throw this.#unknownPrefix(path);
    return prototype;
  }

  #findPrototype(path: string): TargetPrototype | undefined {
    for (const [prefix, prototype] of this.#prototypes) {
      if (path.startsWith(prefix) && isWhole(prefix, path)) return prototype;
    }
    return Deno.build.os === "windows" && /^[a-z]:[\\/]/i.test(path) ? this.#local : undefined;
  }

  #unknownPrefix(path: string): ConfigError {
    const prefix = path.slice(0, path.indexOf("://") + 3);
    const written = prefix.toLowerCase() + path.slice(prefix.length);
    if (this.#findPrototype(written) !== undefined) {
      return new ConfigError(
        `Cannot get the target "${path}": "${prefix}" is to be in lower case. Write "${written}"`,
      );
    }
    return new ConfigError(
      `Cannot get the target "${path}": it starts with none of ` +
        `${quoted(this.#prototypes.map(([known]) => known))}. Say where such files are: ` +
        `new TargetFactory({ fileSystems: { "${prefix}": new MyFileSystem() } })`,
    );
  }
}

/** The target factory in force: where tasks keep their outputs. */
export const targetFactoryProvider: Provider<TargetFactory> = provider(() => new TargetFactory());

/**
 * The file at a path below a target root, by the target factory in force. A full path or uri is taken
 * as it is. Nothing is read or written before a method of the target is called.
 *
 * @example
 * ```ts
 * import { getTarget, TargetFactory, targetFactoryProvider } from "@stardag/core";
 *
 * targetFactoryProvider.set(new TargetFactory({ targetRoots: { default: "memory://" } }));
 * const target = getTarget("greetings/hello.txt");
 * await target.write("Hello");
 * await target.text(); // "Hello"
 * ```
 */
export function getTarget(relpath: string, options?: GetTargetOptions): FileSystemTarget {
  return targetFactoryProvider.get().getTarget(relpath, options);
}

/** The folder at a path below a target root, by the target factory in force. */
export function getDirectoryTarget(relpath: string, options?: GetTargetOptions): DirectoryTarget {
  return targetFactoryProvider.get().getDirectoryTarget(relpath, options);
}

/** Whether the prefix ends where a name in the path does. */
function isWhole(prefix: string, path: string): boolean {
  return /[/:]$/.test(prefix) || path.length === prefix.length || path[prefix.length] === "/";
}

function quoted(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");
}

/** Without a bucket, the first name of each path below would be taken for one. */
function checkS3Root(root: string, key: string): void {
  if (!root.startsWith("s3://") || /^s3:\/\/[\w-][\w.-]*\//.test(root)) return;
  throw new ConfigError(
    `Cannot use the target root "${key}": "${root}" names no bucket. Set it to "s3://my-bucket", or to a prefix in it ` +
      `such as "s3://my-bucket/stardag"`,
  );
}
