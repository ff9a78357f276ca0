/**
 * Formulas that others have written, each run by a task that may do nothing but compute, for a while, in little memory.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { z } from "zod";

const { task } = sd.namespace("sandboxed", import.meta.url);

/**
 * What a formula gives: the expression is JavaScript, and could be anything. The memory limit is for mistakes: a formula
 * that means harm can fill buffers beyond it, which only a limit of the system would keep it from.
 */
export const evaluate = task({
  name: "evaluate",
  params: { expression: z.string() },
  output: z.number(),
  permissions: {},
  memoryLimit: 64,
  timeout: 2_000,
  run: async ({ expression }) =>
    await new Function(`return (async () => ${expression})()`)() as number,
});
