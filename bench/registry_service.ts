/**
 * The registry service in a process of its own, where every answer takes a while: `registry_service.ts <milliseconds>` tells
 * how to reach it, and ends with its standard input.
 *
 * @module
 */

import { RegistryService } from "../tests/support/registry_service.ts";

/** What a client needs to be let in. */
export type Access = RegistryService["options"];

if (import.meta.main) {
  const latency = Number(Deno.args[0]);
  await using service = await RegistryService.start();
  service.fault = () => ({
    kind: "wait",
    until: new Promise((resolve) => setTimeout(resolve, latency)),
  });
  console.log(JSON.stringify(service.options satisfies Access));
  await Deno.stdin.readable.pipeTo(new WritableStream());
}
