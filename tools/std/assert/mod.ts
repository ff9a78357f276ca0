/** Stand-in for `jsr:@std/assert`: the same sources, built for npm. */
// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
