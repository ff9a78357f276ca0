/**
 * A module that cannot be imported by workers.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import { isElsewhere } from "./elsewhere.ts";

if (isElsewhere) throw new Error("this is no place for me");

export const unimportable = sd.namespace("stardag.tests.unimportable", import.meta.url).task({
  name: "unimportable",
  output: z.int(),
  run: () => 1,
});
