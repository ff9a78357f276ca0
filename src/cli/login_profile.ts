/**
 * The profile of who has signed in: one that there is already, or a new one.
 *
 * @module
 */

import { addProfile, useProfile } from "../config/config_change.ts";
import type { Profile } from "../config/config_file.ts";
import type { Choosable } from "./choose.ts";
import { type ConfigFiles, profilesIn } from "./work_place.ts";

/** Who works where. */
export interface Settled {
  readonly registry: string;
  readonly user: string;
  readonly workspace: Choosable;
  readonly environment: Choosable;
}

/** A profile that is there. */
export interface MadeProfile {
  readonly profile: string;
  readonly isNew: boolean;
  /** Whether it is in use where nothing else is said. */
  readonly isDefault: boolean;
}

/** Makes it the default where there is none. Rejects with `ConfigError` and `PermissionError`. */
export async function madeProfile(
  settled: Settled,
  { home, files, own }: ConfigFiles,
): Promise<MadeProfile> {
  const { registry, user } = settled;
  const profiles = profilesIn(files);
  const ofPlace = [...profiles].filter(([, { profile }]) => isOf(profile, settled));
  const before = ofPlace.find(([, { profile }]) => profile.user === user) ??
    ofPlace.find(([, { profile, file }]) => profile.user === undefined && file.isOfUser);
  const name = before?.[0] ?? freeName(settled, profiles);
  if (before?.[1].profile.user === undefined) {
    const [workspace, environment] = [settled.workspace.slug, settled.environment.slug];
    await addProfile(home, name, { registry, user, workspace, environment });
  }
  const inUse = files.map(({ defaultProfile }) => defaultProfile).find((each) => each);
  const isOwn = before === undefined || own?.profiles.has(name) === true;
  if (inUse === undefined && isOwn) await useProfile(home, name);
  return {
    profile: name,
    isNew: before === undefined,
    isDefault: inUse === undefined ? isOwn : inUse === name,
  };
}

function isOf(profile: Profile, { registry, workspace, environment }: Settled): boolean {
  const names = ({ slug, id }: Choosable): readonly string[] => [slug, id];
  return profile.registry === registry && names(workspace).includes(profile.workspace) &&
    names(environment).includes(profile.environment);
}

function freeName(
  { registry, user, workspace, environment }: Settled,
  taken: ReadonlyMap<string, unknown>,
): string {
  const place = `${registry}-${workspace.slug}-${environment.slug}`;
  const ofUser = `${place}-${user.replace(/@.*/, "")}`;
  let name = [place, ofUser].find((each) => !taken.has(each));
  for (let count = 2; name === undefined; count++) {
    if (!taken.has(`${ofUser}-${count}`)) name = `${ofUser}-${count}`;
  }
  return name;
}
