/** Stand-in for `jsr:@std/uuid/v5`: the same sources, built for npm. */
// @ts-types="./v5.d.ts"
export * from "npm:deno-std@1.4.0/uuid/v5.js";
