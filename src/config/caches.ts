/**
 * What the command lines keep of what a registry has told: the ids behind slugs, and the target roots of environments.
 *
 * @module
 */

import { z } from "zod";
import { mapOf, readJsonFile } from "./json_file.ts";
import { idCachePath, targetRootCachePath } from "./paths.ts";
import type { Sources } from "./sources.ts";

/** From slug to id. */
export type Ids = ReadonlyMap<string, string>;

/** What is in the file of ids. */
export interface IdCache {
  /** By name of a registry. */
  readonly workspaces?: ReadonlyMap<string, Ids> | undefined;
  /** By name of a registry, then by id of a workspace. */
  readonly environments?: ReadonlyMap<string, ReadonlyMap<string, Ids>> | undefined;
}

/** An entry in the file of target roots. */
export interface TargetRootEntry {
  readonly registry_url: string;
  readonly workspace_id: string;
  readonly environment_id: string;
  readonly target_roots: ReadonlyMap<string, string>;
}

/** Its schema; what else is in the file is kept. */
export function idCache(): z.ZodType<IdCache> {
  return z.looseObject({
    workspaces: mapOf(mapOf(z.string())).optional(),
    environments: mapOf(mapOf(mapOf(z.string()))).optional(),
  });
}

/** The schema of the file of target roots; what else is in an entry is kept. */
export function targetRootCache(): z.ZodType<readonly TargetRootEntry[]> {
  return z.array(z.looseObject({
    registry_url: z.string(),
    workspace_id: z.string(),
    environment_id: z.string(),
    target_roots: mapOf(z.string()),
  }));
}

/** What to do about a file that cannot be read. */
export const REMEDY = `Remove it; "stardag auth refresh" makes it anew`;

/** The ids of a workspace and of an environment in it, each given as slug or id; `undefined` for what is not known. */
export function resolveIds(
  sources: Sources,
  registryName: string | undefined,
  workspace: string | undefined,
  environment: string | undefined,
): { readonly workspaceId: string | undefined; readonly environmentId: string | undefined } {
  const isKnown = [workspace, environment].every((it) => it === undefined || isId(it));
  if (isKnown || registryName === undefined) {
    return { workspaceId: idOrNone(workspace), environmentId: idOrNone(environment) };
  }
  const home = sources.home();
  const cache = home === undefined
    ? undefined
    : readJsonFile(sources, idCachePath(home), idCache, REMEDY);
  const workspaceId = idOrNone(workspace) ??
    cache?.workspaces?.get(registryName)?.get(workspace ?? "");
  const environmentId = idOrNone(environment) ??
    cache?.environments?.get(registryName)?.get(workspaceId ?? "")?.get(environment ?? "");
  return { workspaceId, environmentId };
}

/** The target roots of an environment, from key to root as it was told; `undefined` when they are not known. */
export function cachedTargetRoots(
  sources: Sources,
  url: string,
  workspaceId: string,
  environmentId: string,
): ReadonlyMap<string, string> | undefined {
  const home = sources.home();
  if (home === undefined) return undefined;
  const cache = readJsonFile(sources, targetRootCachePath(home), targetRootCache, REMEDY);
  return cache?.find(isEntryOf(url, workspaceId, environmentId))?.target_roots;
}

/** Finds the entry of an environment. */
export function isEntryOf(
  url: string,
  workspaceId: string,
  environmentId: string,
): (entry: TargetRootEntry) => boolean {
  return ({ registry_url, workspace_id, environment_id }) =>
    registry_url.replace(/\/+$/, "") === url && workspace_id === workspaceId &&
    environment_id === environmentId;
}

function idOrNone(slugOrId: string | undefined): string | undefined {
  return slugOrId !== undefined && isId(slugOrId) ? slugOrId : undefined;
}

function isId(slugOrId: string): boolean {
  return z.guid().safeParse(slugOrId).success;
}
