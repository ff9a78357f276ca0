/**
 * Declares tasks on behalf of others, and none of its own.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";

/** A task that runs the function. */
export function made(name: string, run: () => string): () => sd.AutoTask<string> {
  return sd.task({ name, namespace: "stardag.tests.made", output: z.string(), run });
}
