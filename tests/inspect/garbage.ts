/**
 * Making outputs, having them look old, and looking at what is there.
 */

import * as sd from "@stardag/core";
import { listFiles } from "../../src/targets/listing.ts";
import { getTarget } from "../../src/targets/factory.ts";
import { MemoryRemoteFileSystem } from "../../src/targets/memory_remote.ts";
import type { RemoteFile, RemoteOptions } from "../../src/targets/remote.ts";
import { localOutputs, type OutputRoot, remoteOutputs } from "../support/output_root.ts";

/** A day, in milliseconds. */
export const DAYS = 86_400_000;

/** Where outputs may be kept. */
export const ROOTS: Readonly<Record<string, () => Promise<OutputRoot>>> = {
  local: localOutputs,
  remote: () => remoteOutputs(),
};

/** Builds the tasks. */
export async function built(...tasks: readonly sd.BaseTask[]): Promise<void> {
  (await sd.build(tasks)).throwIfFailed();
}

/** An id that begins so, as tasks have them. */
export function uuid(beginning: string): string {
  const hex = beginning.repeat(8).slice(0, 8);
  return `${hex}-0000-5000-8000-000000000000`;
}

/** Has a local file, or all below a folder, be so many days old. */
export async function aged(path: string, days: number): Promise<void> {
  const time = new Date(Date.now() - days * DAYS);
  if (!path.endsWith("/")) return await Deno.utime(path, time, time);
  for await (const { uri } of listFiles(path)) await Deno.utime(uri, time, time);
}

/** Below the root, but for what is under `but`. */
export async function outputUris(root: OutputRoot, but = ".stardag/"): Promise<readonly string[]> {
  const files = await Array.fromAsync(listFiles(root.uri));
  return files.map(({ uri }) => uri)
    .filter((uri) => but === "" || !uri.startsWith(root.uri + but))
    .sort();
}

/** Whether there is a file. */
export function isThere(uri: string): Promise<boolean> {
  return getTarget(uri).exists();
}

/** All of whose files seem to be very old. */
export class OldRemoteFiles extends MemoryRemoteFileSystem {
  override async *list(prefix: string, options?: RemoteOptions): AsyncGenerator<RemoteFile> {
    for await (const file of super.list(prefix, options)) yield { ...file, modified: new Date(0) };
  }
}
