/** Stand-in for `jsr:@std/path/posix`: the same sources, built for npm. */
// @ts-types="./posix.d.ts"
export * from "npm:deno-std@1.4.0/path/posix/mod.js";
