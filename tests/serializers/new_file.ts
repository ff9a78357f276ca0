import { InMemoryFileSystem, InMemoryFileSystemTarget } from "../../src/targets/memory.ts";

/** A file in memory that is not there yet. */
export function newFile(uri: string): InMemoryFileSystemTarget {
  return new InMemoryFileSystemTarget(uri, new InMemoryFileSystem());
}
