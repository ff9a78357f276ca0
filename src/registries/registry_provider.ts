/**
 * The registry that is used where none is handed in. Unaware of what it is used for.
 *
 * @module
 */

import { configProvider, type StardagConfig } from "../config/config.ts";
import { type Provider, provider } from "../provider.ts";
import { configuredRegistry } from "./configured_registry.ts";
import type { Registry } from "./registry.ts";

/** What was set in code, if anything was. */
const given: Provider<Registry | undefined> = provider<Registry | undefined>(() => undefined);

/** By the configuration that tells of it. */
const configured = new WeakMap<StardagConfig, Registry>();

/**
 * The registry in force: the one that is set, or else the one that the configuration in force tells of.
 *
 * That is an `ApiRegistry` when a key, the url of a registry, or a profile is configured, and a `NoOpRegistry` when nothing
 * is or STARDAG_NO_REGISTRY is. `get()` throws `ConfigError` and `PermissionError` as `loadConfig()` does, and for a registry
 * that nobody has a key for or is signed in to.
 */
export const registryProvider: Provider<Registry> = {
  get(): Registry {
    return given.get() ?? ofConfig(configProvider.get());
  },
  set(registry: Registry | undefined): void {
    given.set(registry);
  },
  override(registry: Registry): Disposable {
    return given.override(registry);
  },
};

function ofConfig(config: StardagConfig): Registry {
  const registry = configured.get(config) ?? configuredRegistry(config);
  configured.set(config, registry);
  return registry;
}
