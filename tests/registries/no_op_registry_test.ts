import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { RegistryError } from "../../src/errors.ts";
import { NoOpRegistry } from "../../src/registries/no_op_registry.ts";
import { NIL_BUILD_ID } from "../../src/registries/registry.ts";
import { registryProvider } from "../../src/registries/registry_provider.ts";
import { InMemoryRegistry } from "../../src/registries/in_memory_registry.ts";
import { registryContract } from "../../src/testing/registry_contract.ts";

registryContract("NoOpRegistry", () => new NoOpRegistry(), { keeps: false });

Deno.test("NoOpRegistry gives every build the nil id", () => {
  const registry = new NoOpRegistry();
  assertEquals([registry.buildStart([]), registry.buildStart([])], [NIL_BUILD_ID, NIL_BUILD_ID]);
});

Deno.test("NoOpRegistry says what to do when it is asked about a task", () => {
  const error = assertThrows(() => new NoOpRegistry().taskGetMetadata("some-id"), RegistryError);
  assertEquals(
    error.message,
    `Cannot look up the task "some-id": there is no registry. Set STARDAG_REGISTRY_URL and STARDAG_API_KEY, or set one with registryProvider.set(), or hand one in`,
  );
});

Deno.test("there is no registry unless one is set", () => {
  assert(registryProvider.get() instanceof NoOpRegistry);
  assertStrictEquals(registryProvider.get(), registryProvider.get());
  const registry = new InMemoryRegistry();
  {
    using _ = registryProvider.override(registry);
    assertStrictEquals(registryProvider.get(), registry);
  }
  assert(registryProvider.get() instanceof NoOpRegistry);
});
