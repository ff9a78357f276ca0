/**
 * Tasks that do not say which module declares them.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import { place } from "./elsewhere.ts";

export const where = sd.task({
  name: "where",
  namespace: "stardag.tests.undeclared",
  output: z.string(),
  run: () => place,
});
