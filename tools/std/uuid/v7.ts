/** Stand-in for `jsr:@std/uuid/v7`: the same sources, built for npm. */
// @ts-types="./v7.d.ts"
export * from "npm:deno-std@1.4.0/uuid/v7.js";
