/**
 * The registry that the configuration tells of, and who asks it. Unaware of how it is asked.
 *
 * @module
 */

import { resolveIds } from "../config/caches.ts";
import type { StardagConfig } from "../config/config.ts";
import { grantOf, readAccessToken, readCredentials } from "../config/credentials.ts";
import { DEFAULT_API_URL } from "../config/registry_url.ts";
import type { Secret } from "../config/secret.ts";
import { Sources } from "../config/sources.ts";
import { ConfigError } from "../errors.ts";
import type { ApiClientOptions, TokenSource } from "./api_client.ts";
import { ApiRegistry } from "./api_registry.ts";
import { NoOpRegistry } from "./no_op_registry.ts";
import type { Registry } from "./registry.ts";

/**
 * The service, or none where none is configured. Throws `ConfigError` for one that nobody has a key for and is signed in
 * to, or whose environment is not known; `PermissionError` when what may not be read could tell that, or its url.
 */
export function configuredRegistry(config: StardagConfig): Registry {
  const options = configuredApi(config);
  return options === undefined ? new NoOpRegistry() : new ApiRegistry(options);
}

/** How the service is reached, and who asks; `undefined` where none is configured. Throws as `configuredRegistry` does. */
export function configuredApi(config: StardagConfig): ApiClientOptions | undefined {
  const { api: { isUsed, url, timeout }, apiKey, context } = config;
  if (!isUsed) return undefined;
  if (apiKey !== undefined) {
    checkUrlIsTold(config, apiKey);
    return { url, timeout, apiKey: apiKey.reveal() };
  }
  checkSignedIn(config);
  checkIds(config);
  return { url, timeout, token: tokenSource(config), environmentId: context.environmentId };
}

/** What it takes to get tokens is loaded when one is needed. */
function tokenSource(config: StardagConfig): TokenSource {
  let source: TokenSource | undefined;
  return async (previous) => {
    source ??= (await import("./sign_in.ts")).signedInToken(config);
    return await source(previous);
  };
}

/** A key that a variable tells goes to no service but the one that the variables beside it tell. */
function checkUrlIsTold({ api: { url }, context }: StardagConfig, apiKey: Secret): void {
  const sources = new Sources();
  const isOfVariable = sources.variable("STARDAG_API_KEY") === apiKey.reveal();
  if (!isOfVariable || url !== DEFAULT_API_URL || context.registryName !== undefined) return;
  const told = ["STARDAG_API_URL", "STARDAG_REGISTRY_URL"].map((name) => sources.variable(name));
  if (told.some((each) => each !== undefined)) return;
  const state = "Cannot use the registry: there is an API key, and no url";
  sources.requireAll(state, "which tells where it is");
}

function checkSignedIn(config: StardagConfig): void {
  const sources = new Sources();
  const { api, context, accessToken } = config;
  const token = readAccessToken(sources, context) ?? accessToken;
  if (token !== undefined || grantOf(readCredentials(sources, context)) !== undefined) return;
  const { user } = context;
  const nobody = user === undefined ? "nobody is signed in" : `"${user}" is not signed in`;
  const state = `Cannot use the registry at "${api.url}": there is no API key, and ${nobody}`;
  sources.variable("STARDAG_API_KEY"); // for the account of what may not be read
  sources.requireAll(state, "which tells who asks it");
  throw new ConfigError(
    `${state}. Set STARDAG_API_KEY, or sign in with "stardag auth login"; ` +
      `with STARDAG_NO_REGISTRY=1 no registry is used`,
  );
}

function checkIds({ api, context, accessToken }: StardagConfig): void {
  const { registryName, workspace, environment, workspaceId, environmentId } = context;
  // A token is for a workspace already.
  const isWorkspaceKnown = workspaceId !== undefined || accessToken !== undefined;
  if (isWorkspaceKnown && environmentId !== undefined) return;
  const [what, slug, variable] = isWorkspaceKnown
    ? ["environment", environment, "STARDAG_ENVIRONMENT_ID"]
    : ["workspace", workspace, "STARDAG_WORKSPACE_ID"];
  const known = slug === undefined ? "none is set" : `of "${slug}" only the name is known`;
  const state = `Cannot use the registry at "${api.url}": who is signed in needs the id of the ` +
    `${what}, and ${known}`;
  const sources = new Sources();
  resolveIds(sources, registryName, workspace, environment); // for the account of what may not be read
  sources.requireAll(state, "which is where ids are kept");
  throw new ConfigError(
    `${state}. Look it up with "stardag auth refresh", or set ${variable} to the id`,
  );
}
