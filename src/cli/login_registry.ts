/**
 * The registry that somebody signs in to: told by name or by url, that of the profile in use, or the only one there is.
 *
 * @module
 */

import type { StardagConfig } from "../config/config.ts";
import { registryUrl } from "../config/registry_url.ts";
import { Sources } from "../config/sources.ts";
import { checkNewName, chosen } from "./choose.ts";
import type { CliIo } from "./cli_io.ts";
import { UsageError } from "./usage.ts";
import { choosableRegistries, type ConfigFiles, registriesIn } from "./work_place.ts";

/** Errors begin with `Cannot` and this. */
export const ACTION = "sign in";

/** Where nobody has said what it is to be called. */
const USUAL_NAME = "default";

/** A registry as it is called. */
export interface NamedRegistry {
  readonly name: string;
  readonly url: string;
}

/** What was told of it. */
export interface ToldRegistry {
  readonly registry?: string | undefined;
  readonly apiUrl?: string | undefined;
}

/**
 * Rejects with `UsageError` when it is not told which one, when its name is that of another one, and when only a project
 * tells it, which may be of anybody.
 */
export async function registryToSignInTo(
  told: ToldRegistry,
  { files, own }: ConfigFiles,
  config: StardagConfig,
  io: CliIo,
): Promise<NamedRegistry> {
  const registries = registriesIn(files);
  const url = toldUrl(told, config);
  const registry = url === undefined
    ? await configuredRegistry(told, registries, config, io)
    : { name: told.registry ?? nameOf(url, registries) ?? USUAL_NAME, url };
  const before = own?.registries.get(registry.name);
  if (before === undefined) checkNewName(ACTION, "registry", registry.name);
  if (before !== undefined && before !== registry.url) {
    throw new UsageError(
      `Cannot ${ACTION}: the registry "${registry.name}" is at ${before}, and not at ${registry.url}. ` +
        `Give another name with --registry, or change its url with "stardag config registry add"`,
    );
  }
  if (before === undefined && url === undefined && told.registry === undefined) {
    throw new UsageError(
      `Cannot ${ACTION}: only the project says that there is a registry "${registry.name}" at ${registry.url}. ` +
        `If you trust it, name it with --registry`,
    );
  }
  return registry;
}

/** The url that an option or a variable tells. */
function toldUrl(
  { registry, apiUrl }: ToldRegistry,
  { api, context }: StardagConfig,
): string | undefined {
  if (apiUrl !== undefined) return registryUrl(apiUrl, () => "--api-url");
  const isOfVariable = api.isUsed && context.registryName === undefined &&
    ["STARDAG_API_URL", "STARDAG_REGISTRY_URL"].some((each) => new Sources().variable(each));
  return isOfVariable && registry === undefined ? api.url : undefined;
}

async function configuredRegistry(
  { registry: wanted }: ToldRegistry,
  registries: ReadonlyMap<string, string>,
  { context }: StardagConfig,
  io: CliIo,
): Promise<NamedRegistry> {
  if (registries.size === 0) {
    throw new UsageError(
      `Cannot ${ACTION}: no registry is configured. Name one with --api-url <url>`,
    );
  }
  const { slug, name } = await chosen(
    choosableRegistries(registries),
    { action: ACTION, what: "registry", wanted, usual: context.registryName },
    io,
  );
  return { name: slug, url: name };
}

function nameOf(url: string, registries: ReadonlyMap<string, string>): string | undefined {
  return [...registries].find(([, each]) => each === url)?.[0];
}
