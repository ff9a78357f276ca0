/**
 * What `auth login` does: has somebody sign in with a browser, and makes a profile of where they work.
 *
 * @module
 */

import { loadConfig, type StardagConfig } from "../config/config.ts";
import { addRegistry } from "../config/config_change.ts";
import { quoted } from "../config/config_file.ts";
import { writeCredentials } from "../config/credentials_change.ts";
import { changeFile } from "../config/file_change.ts";
import { configPath } from "../config/paths.ts";
import { Sources } from "../config/sources.ts";
import { ConfigError, InterruptedError } from "../errors.ts";
import { printableLine } from "../reporters/text_width.ts";
import { Account, signInMethod } from "../registries/account.ts";
import { signedInWithBrowser } from "./browser_sign_in.ts";
import { chosen } from "./choose.ts";
import type { CliIo } from "./cli_io.ts";
import { madeProfile } from "./login_profile.ts";
import { ACTION, type NamedRegistry, registryToSignInTo } from "./login_registry.ts";
import { type ConfigFiles, configFiles } from "./work_place.ts";

/** Options of `auth login`. */
export interface LoginOptions {
  readonly registry?: string | undefined;
  readonly apiUrl?: string | undefined;
  readonly workspace?: string | undefined;
  readonly environment?: string | undefined;
  readonly browser: boolean;
  /** In seconds. */
  readonly timeout: number;
  readonly port: number;
  readonly json?: boolean | undefined;
}

/** Signs in. When it is interrupted it says so, and the exit code is 130. */
export async function login(options: LoginOptions, io: CliIo): Promise<void> {
  try {
    await signInAndSettle(options, io);
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    io.exitCode = 130;
    io.tellError(error.message);
    if (options.json === true) io.json({ error: error.message, exitCode: io.exitCode });
  }
}

async function signInAndSettle(options: LoginOptions, io: CliIo): Promise<void> {
  const files = configFiles(ACTION);
  const config = loadConfig();
  const registry = await registryToSignInTo(options, files, config, io);
  const { account, user } = await signedIn(options, registry, files, config, io);

  const usual = config.context.registryName === registry.name ? config.context : undefined;
  const workspace = await chosen(await account.workspaces(), {
    action: "choose a workspace",
    what: "workspace",
    wanted: options.workspace,
    usual: usual?.workspace,
  }, io);
  const environment = await chosen(await account.environments(workspace.id), {
    action: "choose an environment",
    what: "environment",
    wanted: options.environment,
    usual: usual?.environment,
  }, io);
  const targetRoots = await account.targetRoots(workspace.id, environment.id);
  const made = await madeProfile(
    { registry: registry.name, user, workspace, environment },
    configFiles(ACTION),
  );
  const result = {
    registry: registry.name,
    url: registry.url,
    user,
    workspace: workspace.slug,
    environment: environment.slug,
    ...made,
    targetRoots,
  };
  if (options.json === true) io.json(result);
  else io.print(resultText(result));
  tellWhatGoesBefore(made, io);
}

/** Has somebody sign in, and keeps what that takes. */
async function signedIn(
  options: LoginOptions,
  { name, url }: NamedRegistry,
  { home, own }: ConfigFiles,
  config: StardagConfig,
  io: CliIo,
): Promise<{ readonly account: Account; readonly user: string }> {
  const api = { ...config.api, url };
  const method = await signInMethod(api);
  if (method === undefined) {
    throw new ConfigError(
      `Cannot ${ACTION}: the registry at "${url}" signs people in itself, with a password. ` +
        `Do so with Python's "stardag auth login", whose sign-in is used here, too`,
    );
  }
  // Nobody signs in for nothing.
  await changeFile(configPath(home), (text) => text, { isSecret: false });
  io.tell(`Signing in to "${name}" at ${url}`);
  const request = { action: `${ACTION} to the registry "${name}"`, timeout: api.timeout };
  const { user, identity, refreshToken, tokenEndpoint } = await signedInWithBrowser(
    method,
    request,
    options,
    io,
  );
  if (own?.registries.has(name) !== true) await addRegistry(home, name, url);
  const { clientId } = method;
  await writeCredentials(home, name, user, { refreshToken, tokenEndpoint, clientId });
  io.tell(`Signed in as ${user}`);
  const context = { ...config.context, registryName: name, user };
  return { account: new Account(home, name, { api, context }, identity), user };
}

function resultText(
  { profile, isNew, isDefault, workspace, environment, targetRoots }: {
    readonly profile: string;
    readonly isNew: boolean;
    readonly isDefault: boolean;
    readonly workspace: string;
    readonly environment: string;
    readonly targetRoots: Readonly<Record<string, string>>;
  },
): string {
  const ofProfile = `${isNew ? "a new one" : "as before"}${isDefault ? ", the default" : ""}`;
  return [
    `Profile "${profile}" (${ofProfile})`,
    `Workspace "${workspace}", environment "${environment}"`,
    `Target roots ${quoted(Object.keys(targetRoots))}`,
  ].map(printableLine).join("\n");
}

/** Tells why builds do not use the profile, if that is so. */
function tellWhatGoesBefore(
  { profile, isDefault }: { readonly profile: string; readonly isDefault: boolean },
  io: CliIo,
): void {
  const sources = new Sources();
  if (!loadConfig().api.isUsed) io.tell("STARDAG_NO_REGISTRY is set, and builds use no registry");
  if (sources.variable("STARDAG_API_KEY") !== undefined) {
    io.tell("STARDAG_API_KEY is set and goes before this sign-in. Unset it to build as yourself");
  }
  const named = sources.variable("STARDAG_PROFILE");
  if (named === undefined ? isDefault : named === profile) return;
  io.tell(
    `Another profile is in use. Use this one with STARDAG_PROFILE=${profile}, ` +
      `or "stardag config profile use ${profile}"`,
  );
}
