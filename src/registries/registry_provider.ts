/**
 * The registry that is used where none is handed in. Unaware of what it is used for.
 *
 * @module
 */

import { type Provider, provider } from "../provider.ts";
import { NoOpRegistry } from "./no_op_registry.ts";
import type { Registry } from "./registry.ts";

/** The registry in force: none, that is a `NoOpRegistry`, unless one is set. */
export const registryProvider: Provider<Registry> = provider<Registry>(() => new NoOpRegistry());
