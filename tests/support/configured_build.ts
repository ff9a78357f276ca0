/** A program that builds a task in memory and tells the registry that is configured; it prints the id of the build, or the error. */

import * as sd from "../../mod.ts";
import { z } from "zod";

if (import.meta.main) {
  sd.targetFactoryProvider.set(
    new sd.TargetFactory({ targetRoots: { default: "memory://configured" } }),
  );
  const one = sd.task({ name: "one", output: z.int(), run: () => 1 });
  try {
    const { buildId, warnings } = await sd.build(one());
    console.log(JSON.stringify({ buildId, warnings }));
  } catch (error) {
    if (!(error instanceof sd.StardagError)) throw error;
    const flag = error instanceof sd.PermissionError ? error.flag : undefined;
    console.log(JSON.stringify({ name: error.name, message: error.message, flag }));
  }
}
