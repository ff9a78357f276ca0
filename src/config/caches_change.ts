/**
 * Keeps what a registry has told. All functions reject with `ConfigError` and `PermissionError`.
 *
 * @module
 */

import { idCache, isEntryOf, REMEDY, targetRootCache } from "./caches.ts";
import { changeJsonFile } from "./file_change.ts";
import { idCachePath, targetRootCachePath } from "./paths.ts";

/** What slugs stand for. */
export interface SlugIds {
  /** From the slug of a workspace to its id. */
  readonly workspaces?: Readonly<Record<string, string>> | undefined;
  /** By id of a workspace, from the slug of an environment to its id. */
  readonly environments?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
}

/** Adds to the ids that are known of a registry. */
export async function rememberIds(
  home: string,
  registryName: string,
  { workspaces = {}, environments = {} }: SlugIds,
): Promise<void> {
  await changeJsonFile(idCachePath(home), idCache, REMEDY, (cache) => {
    const ofWorkspaces = cache?.workspaces?.get(registryName);
    const ofEnvironments = new Map(cache?.environments?.get(registryName));
    for (const [workspaceId, ids] of Object.entries(environments)) {
      ofEnvironments.set(workspaceId, added(ofEnvironments.get(workspaceId), ids));
    }
    return {
      ...cache,
      workspaces: added(cache?.workspaces, { [registryName]: added(ofWorkspaces, workspaces) }),
      environments: added(cache?.environments, { [registryName]: ofEnvironments }),
    };
  }, { isSecret: false });
}

/** Keeps what the target roots of an environment are now. */
export async function rememberTargetRoots(
  home: string,
  url: string,
  workspaceId: string,
  environmentId: string,
  roots: Readonly<Record<string, string>>,
): Promise<void> {
  await changeJsonFile(targetRootCachePath(home), targetRootCache, REMEDY, (cache = []) => {
    const target_roots = new Map(Object.entries(roots));
    const isIt = isEntryOf(url, workspaceId, environmentId);
    if (cache.some(isIt)) {
      return cache.map((entry) => isIt(entry) ? { ...entry, target_roots } : entry);
    }
    const ids = { workspace_id: workspaceId, environment_id: environmentId };
    return [...cache, { registry_url: url, ...ids, target_roots }];
  }, { isSecret: false });
}

function added<T>(
  known: ReadonlyMap<string, T> | undefined,
  more: Readonly<Record<string, T>>,
): ReadonlyMap<string, T> {
  return new Map([...known ?? [], ...Object.entries(more)]);
}
