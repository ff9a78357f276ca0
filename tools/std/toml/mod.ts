/** Stand-in for `jsr:@std/toml`: the same sources, built for npm. */
// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/toml/mod.js";
