/**
 * A program that is run with few permissions: it prints the configuration, or a target root, or what was thrown.
 */

import { getTargetRoot, loadConfig } from "../../src/config/config.ts";
import { PermissionError } from "../../src/errors.ts";

if (import.meta.main) {
  const [what, key] = Deno.args;
  try {
    console.log(JSON.stringify(what === "root" ? getTargetRoot(key) : loadConfig()));
  } catch (error) {
    if (!(error instanceof PermissionError)) throw error;
    console.log(JSON.stringify({ flag: error.flag, message: error.message }));
  }
}
