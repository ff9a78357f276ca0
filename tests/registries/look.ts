/** How to look at what an `InMemoryRegistry` keeps, for the suite that all registries pass. */

import type { InMemoryRegistry } from "../../src/registries/in_memory_registry.ts";
import type { RegistryLook } from "../../src/testing/registry_contract.ts";

export const LOOK: RegistryLook<InMemoryRegistry> = {
  buildStatus: (registry, buildId) => registry.build(buildId).status,
  assets: (registry, taskId) => registry.assets(taskId),
  dependencies(registry, buildId) {
    const { nodes, edges } = registry.graph(buildId);
    return Object.fromEntries(
      nodes.map(({ id }) => [id, edges.filter((e) => e.target === id).map((e) => e.source)]),
    );
  },
};
