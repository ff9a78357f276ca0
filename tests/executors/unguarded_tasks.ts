/**
 * A program that builds whenever it is imported, but by the tests.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import { isElsewhere } from "./elsewhere.ts";

const { task } = sd.namespace("stardag.tests.unguarded", import.meta.url);

export const unguarded = task({ name: "unguarded", output: z.int(), run: () => 1 });
const other = task({ name: "other", output: z.int(), run: () => 2 });

if (isElsewhere) (await sd.build(other())).throwIfFailed();
