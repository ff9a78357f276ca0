/** Stand-in for `jsr:@std/uuid`: the same sources, built for npm, without what needs its WebAssembly hash. */
import * as v5Module from "./v5.ts";

// @ts-types="./common.d.ts"
export * from "npm:deno-std@1.4.0/uuid/common.js";
// @ts-types="./constants.d.ts"
export * from "npm:deno-std@1.4.0/uuid/constants.js";

/** UUIDs made from a name. */
export const v5: Pick<typeof v5Module, "generate" | "validate"> = v5Module;
