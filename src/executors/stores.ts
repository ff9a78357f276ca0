/**
 * In which store an output is, as far as it matters to a worker: whether the worker has the same one. Unaware of workers.
 *
 * @module
 */

import type { TargetFactory } from "../targets/factory.ts";
import { RemoteTarget } from "../targets/remote.ts";
import { isFromConfiguration } from "../targets/s3/provider.ts";
import { isLocalUri } from "../tasks/output_uri.ts";
import type { FileSystemTarget } from "../targets/target.ts";

/** Whether it is reached by requests. */
export function isRemote(uri: string, factory: TargetFactory): boolean {
  return targetAt(uri, factory) instanceof RemoteTarget;
}

/** Whether code says where it is, and not the configuration, which is the same for a worker. */
export function isGivenInCode(uri: string, factory: TargetFactory): boolean {
  if (isLocalUri(uri)) return false;
  const target = targetAt(uri, factory);
  if (target === undefined) return false; // of a kind of its own, which its task makes everywhere
  return !(target instanceof RemoteTarget && isFromConfiguration(target.fileSystem));
}

/** The file at the uri, or a file at that of a folder, which is in the same store. */
function targetAt(uri: string, factory: TargetFactory): FileSystemTarget | undefined {
  try {
    return factory.getTarget(uri.replace(/\/+$/, ""));
  } catch {
    return undefined;
  }
}
