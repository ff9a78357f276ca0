/**
 * What `auth logout`, `auth status` and `auth refresh` do. No token is ever shown.
 *
 * @module
 */

import { loadConfig, type StardagConfig } from "../config/config.ts";
import { quoted } from "../config/config_file.ts";
import { grantOf, readCredentials } from "../config/credentials.ts";
import { removeCredentials } from "../config/credentials_change.ts";
import { removeAllCredentials, type SignIn, signIns } from "../config/sign_ins.ts";
import { Sources } from "../config/sources.ts";
import { printableLine } from "../reporters/text_width.ts";
import { chosen, unknownName } from "./choose.ts";
import type { CliIo } from "./cli_io.ts";
import { choosableRegistries, configFiles, registriesIn, workPlace } from "./work_place.ts";

/** Options of `auth logout`. */
export interface LogoutOptions {
  readonly registry?: string | undefined;
  readonly all?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Options of `auth status`. */
export interface StatusOptions {
  readonly json?: boolean | undefined;
}

/** Options of `auth refresh`. */
export interface RefreshOptions {
  readonly registry?: string | undefined;
  readonly user?: string | undefined;
  readonly workspace?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Removes credentials and tokens of a registry, or of all. */
export async function logout(
  { registry, all = false, json = false }: LogoutOptions,
  io: CliIo,
): Promise<void> {
  const action = "sign out";
  const { home, files } = configFiles(action);
  const registries = registriesIn(files);
  const before = signIns(home, [...registries.keys()]);
  if (all) {
    await removeAllCredentials(home);
  } else if (before.length > 0 || registry !== undefined) {
    const name = await registryToLeave(action, registry, before, registries, io);
    for (const { registryName, user } of before) {
      if (registryName === name) await removeCredentials(home, registryName, user);
    }
  }
  const signedIn = signIns(home, [...registries.keys()]);
  const isLeft = (signIn: SignIn): boolean => signedIn.some((each) => isSame(each, signIn));
  const removed = before.filter((each) => !isLeft(each));
  if (json) {
    io.json({ removed, signIns: signedIn });
    return;
  }
  io.print(
    removed.length === 0
      ? "Nobody was signed in"
      : removed.map((each) => `Signed out of ${signInText(each)}`).join("\n"),
  );
  for (const each of signedIn) io.tell(`Still signed in to ${signInText(each)}`);
  if (new Sources().variable("STARDAG_API_KEY") !== undefined) {
    io.tell("STARDAG_API_KEY is still set, and builds go on with it");
  }
}

async function registryToLeave(
  action: string,
  wanted: string | undefined,
  signIns: readonly SignIn[],
  registries: ReadonlyMap<string, string>,
  io: CliIo,
): Promise<string> {
  const names = new Set(signIns.map(({ registryName }) => registryName));
  if (wanted !== undefined) {
    if (names.has(wanted) || registries.has(wanted)) return wanted;
    throw unknownName(action, "registry", wanted, [...new Set([...registries.keys(), ...names])]);
  }
  const ofNames = new Map([...names].map((name) => [name, registries.get(name) ?? ""]));
  const usual = loadConfig().context.registryName;
  const options = { action, what: "registry", usual };
  return (await chosen(choosableRegistries(ofNames), options, io)).slug;
}

/** Tells who builds are told as, and who else is signed in. */
export function showStatus({ json = false }: StatusOptions, io: CliIo): void {
  const { home, files } = configFiles("tell who is signed in");
  const config = loadConfig();
  const { api, context, apiKey, accessToken } = config;
  const { profile, registryName, user, workspace, environment } = context;
  const status = {
    kind: kindOf(config),
    registry: registryName ?? null,
    url: api.isUsed ? api.url : null,
    profile: profile ?? null,
    user: apiKey === undefined ? user ?? null : null,
    workspace: workspace ?? null,
    environment: environment ?? null,
    tokenExpiresAt: accessToken?.expiresAt ?? null,
    isRenewable: apiKey === undefined && canRenew(context),
    signIns: signIns(home, [...registriesIn(files).keys()]),
  };
  if (json) {
    io.json(status);
    return;
  }
  const lines = [
    stateText(status.kind),
    ...[
      [
        "registry",
        [registryName, api.isUsed ? api.url : undefined].filter((each) => each).join(" at "),
      ],
      ["profile", profile],
      ["user", status.user],
      ["workspace", workspace],
      ["environment", environment],
      ["token", tokenText(status)],
    ].flatMap(([name, value]) => value ? [`  ${`${name}`.padEnd(12)}${value}`] : []),
    ...status.signIns.map((each) => `Signed in to ${signInText(each)}`),
  ];
  io.print(lines.map(printableLine).join("\n"));
  if (status.kind === "nobody" || status.kind === "no registry") {
    io.tell('Sign in with "stardag auth login"');
  }
}

/** What a build would show the registry. */
type StatusKind = "no registry" | "api key" | "signed in" | "nobody";

function kindOf({ api, apiKey, context, accessToken }: StardagConfig): StatusKind {
  if (!api.isUsed) return "no registry";
  if (apiKey !== undefined) return "api key";
  return accessToken !== undefined || canRenew(context) ? "signed in" : "nobody";
}

function stateText(kind: StatusKind): string {
  switch (kind) {
    case "no registry":
      return "No registry is used";
    case "api key":
      return "The key in STARDAG_API_KEY is used; it goes before what somebody has signed in with";
    case "signed in":
      return "Signed in";
    case "nobody":
      return "Nobody is signed in";
    default:
      throw new Error(`BUG: unknown kind ${kind satisfies never}`);
  }
}

function tokenText({ kind, tokenExpiresAt, isRenewable }: {
  readonly kind: StatusKind;
  readonly tokenExpiresAt: Date | null;
  readonly isRenewable: boolean;
}): string | undefined {
  if (kind !== "signed in") return undefined;
  const next = isRenewable ? "then a new one is had" : "then one has to sign in again";
  if (tokenExpiresAt !== null) return `until ${tokenExpiresAt.toLocaleString()}, ${next}`;
  return isRenewable ? "none now; one is had when it is needed" : undefined;
}

function canRenew(context: StardagConfig["context"]): boolean {
  return grantOf(readCredentials(new Sources(), context)) !== undefined;
}

/** Gets a new token, and looks up ids and target roots. */
export async function refresh(options: RefreshOptions, io: CliIo): Promise<void> {
  const action = "get a new token";
  const { account, registryName, user, context } = await workPlace(action, options, io);
  const workspace = await chosen(await account.workspaces(), {
    action,
    what: "workspace",
    wanted: options.workspace ?? context?.workspace,
  }, io);
  const { expiresIn } = await account.token(workspace.id);
  const environments = await account.environments(workspace.id);
  const environment = environments.find(({ slug, id }) =>
    slug === context?.environment || id === context?.environment
  );
  const targetRoots = environment === undefined
    ? {}
    : await account.targetRoots(workspace.id, environment.id);
  const result = {
    registry: registryName,
    user,
    workspace: workspace.slug,
    environment: environment?.slug ?? null,
    expiresIn,
    targetRoots,
  };
  if (options.json === true) {
    io.json(result);
    return;
  }
  const lines = [
    `A new token for the workspace "${workspace.slug}", good for ${expiresIn} s`,
    ...environment === undefined ? [] : [
      `Target roots of the environment "${environment.slug}": ${quoted(Object.keys(targetRoots))}`,
    ],
  ];
  io.print(lines.map(printableLine).join("\n"));
}

function isSame(a: SignIn, b: SignIn): boolean {
  return a.registryName === b.registryName && a.user === b.user;
}

function signInText({ registryName, user }: SignIn): string {
  return printableLine(`"${registryName}" as ${user}`);
}
