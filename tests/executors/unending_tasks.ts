/**
 * A module that does not end to load in workers.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import { isElsewhere } from "./elsewhere.ts";

if (isElsewhere) await new Promise(() => {});

export const unending = sd.namespace("stardag.tests.unending", import.meta.url).task({
  name: "unending",
  output: z.int(),
  run: () => 1,
});
