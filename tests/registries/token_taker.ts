/** A program that gets tokens as the configuration says, so many one after the other, and prints them or the error. */

import { loadConfig } from "../../src/config/config.ts";
import { PermissionError, StardagError } from "../../src/errors.ts";
import { signedInToken } from "../../src/registries/sign_in.ts";

if (import.meta.main) {
  const source = signedInToken(loadConfig());
  const tokens: string[] = [];
  try {
    for (let i = 0; i < Number(Deno.args[0]); i++) tokens.push(await source(tokens.at(-1)));
    console.log(JSON.stringify({ tokens }));
  } catch (error) {
    if (!(error instanceof StardagError)) throw error;
    const flag = error instanceof PermissionError ? error.flag : undefined;
    console.log(JSON.stringify({ name: error.name, message: error.message, flag }));
  }
}
