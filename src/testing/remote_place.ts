/**
 * Where the files of one test of a remote file system are, and what such a system may offer.
 *
 * @module
 */

import type { RemoteFileSystem } from "../targets/remote.ts";

/** Where the files of one test are; disposed when it has ended. */
export interface RemotePlace extends AsyncDisposable {
  /** The store itself. */
  readonly fileSystem: RemoteFileSystem;
  /** The uri of a name such as `a/b.txt`: a prefix below which there is no file yet, and the name as it is. */
  uri(name: string): string;
}

/** What a {@linkcode RemoteFileSystem} may offer besides the three methods that all have. */
export type RemoteExtra = "existsMany" | "remove" | "list" | "listUnfinished" | "conditional";

/** All of them. */
export const REMOTE_EXTRAS: readonly RemoteExtra[] = [
  "existsMany",
  "remove",
  "list",
  "listUnfinished",
  "conditional",
];

/** What one test has at hand. */
export type RemoteScene<F = RemoteFileSystem> = Pick<RemotePlace, "uri"> & {
  readonly fileSystem: F;
};

/** Registers a test of a fact. */
export type RemoteTest = (fact: string, prove: (scene: RemoteScene) => Promise<void>) => void;
