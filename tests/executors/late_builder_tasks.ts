/**
 * A program that builds some time after it was imported, and does not care what comes of it.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import { isElsewhere } from "./elsewhere.ts";

const { task } = sd.namespace("stardag.tests.late_builder", import.meta.url);

const other = task({ name: "other", output: z.int(), run: () => 2 });

/** What a nested build is for. */
export const nested = task({
  name: "nested",
  output: z.int(),
  async run() {
    (await sd.build(other())).throwIfFailed();
    return await other().load() + 1;
  },
});

/** Begins once the module is imported, and ends without anybody waiting for it. */
const lateBuild = !isElsewhere ? undefined : new Promise<void>((resolve) => {
  setTimeout(async () => {
    const summary = await sd.build(other(), { failMode: "continue" }).catch((error) => ({ error }));
    console.log(String(summary.error));
    resolve();
  });
});

/** Goes on until that build has ended. */
export const patient = task({
  name: "patient",
  output: z.int(),
  async run() {
    await lateBuild;
    return 1;
  },
});
