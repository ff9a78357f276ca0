/**
 * What `config list` and `config target-roots sync` do: ask the registry in the name of who is signed in.
 *
 * @module
 */

import type { Place } from "../registries/account.ts";
import { chosen } from "./choose.ts";
import type { CliIo } from "./cli_io.ts";
import { table } from "./table.ts";
import { type WorkPlace, workPlace } from "./work_place.ts";

/** Options of `config list`. */
export interface ListOptions {
  readonly registry?: string | undefined;
  readonly workspace?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Lists the workspaces of who is signed in. */
export async function listWorkspaces(options: ListOptions, io: CliIo): Promise<void> {
  const { account, context } = await workPlace("list the workspaces", options, io);
  show(await account.workspaces(), context?.workspace, options, io);
}

/** Lists the environments of a workspace. */
export async function listEnvironments(options: ListOptions, io: CliIo): Promise<void> {
  const action = "list the environments";
  const place = await workPlace(action, options, io);
  const workspace = await workspaceOf(place, action, options, io);
  show(await place.account.environments(workspace.id), place.context?.environment, options, io);
}

/** Asks for the target roots of the environment in use, which are in force from then on. */
export async function syncTargetRoots(
  { json = false }: { readonly json?: boolean | undefined },
  io: CliIo,
): Promise<void> {
  const action = "look up the target roots";
  const place = await workPlace(action, {}, io);
  const { account, context } = place;
  const workspace = await workspaceOf(place, action, {}, io);
  const environment = await chosen(
    await account.environments(workspace.id),
    { action, what: "environment", wanted: context?.environment },
    io,
  );
  const targetRoots = await account.targetRoots(workspace.id, environment.id);
  const [{ slug: inWorkspace }, { slug }] = [workspace, environment];
  if (json) io.json({ workspace: inWorkspace, environment: slug, targetRoots });
  else if (Object.keys(targetRoots).length > 0) {
    io.print(table(["key", "root"], Object.entries(targetRoots)));
  } else io.tell(`The environment "${slug}" has no target roots`);
}

async function workspaceOf(
  { account, context }: WorkPlace,
  action: string,
  { workspace }: ListOptions,
  io: CliIo,
): Promise<Place> {
  const wanted = workspace ?? context?.workspace;
  return await chosen(await account.workspaces(), { action, what: "workspace", wanted }, io);
}

function show(
  places: readonly Place[],
  current: string | undefined,
  { json = false }: ListOptions,
  io: CliIo,
): void {
  const marked = places.map(({ id, slug, name }) => {
    return { id, slug, name, isInUse: slug === current || id === current };
  });
  if (json) io.json(marked);
  else if (marked.length === 0) io.tell("There are none");
  else {
    const rows = marked.map(({ id, slug, name, isInUse }) => [
      slug,
      name,
      id,
      isInUse ? "in use" : "",
    ]);
    io.print(table(["slug", "name", "id", ""], rows));
  }
}
