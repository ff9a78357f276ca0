/**
 * What the command lines keep of what a registry has told: the ids behind slugs, and the target roots of environments.
 *
 * @module
 */

import { z } from "zod";
import { mapOf, readJsonFile } from "./json_file.ts";
import { idCachePath, targetRootCachePath } from "./paths.ts";
import type { Sources } from "./sources.ts";

const idCache = () =>
  z.looseObject({
    workspaces: mapOf(mapOf(z.string())).optional(),
    environments: mapOf(mapOf(mapOf(z.string()))).optional(),
  });

const targetRootCache = () =>
  z.array(z.looseObject({
    registry_url: z.string(),
    workspace_id: z.string(),
    environment_id: z.string(),
    target_roots: mapOf(z.string()),
  }));

const REMEDY = `Remove it; "stardag auth refresh" makes it anew`;

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
  const entry = cache?.find((entry) =>
    entry.registry_url.replace(/\/+$/, "") === url && entry.workspace_id === workspaceId &&
    entry.environment_id === environmentId
  );
  return entry?.target_roots;
}

function idOrNone(slugOrId: string | undefined): string | undefined {
  return slugOrId !== undefined && isId(slugOrId) ? slugOrId : undefined;
}

function isId(slugOrId: string): boolean {
  return z.guid().safeParse(slugOrId).success;
}
