/**
 * All bars, in the order of the table.
 *
 * @module
 */

import type { Bar } from "./bar.ts";
import { chain, diamond } from "./bars/deep.ts";
import { construct } from "./bars/construct.ts";
import { explain } from "./bars/explain.ts";
import { growth } from "./bars/growth.ts";
import { importing } from "./bars/importing.ts";
import { inMemory } from "./bars/in_memory.ts";
import { inspect } from "./bars/inspect.ts";
import { localFiles } from "./bars/local_files.ts";
import { locks } from "./bars/locks.ts";
import { memory } from "./bars/memory.ts";
import { registry } from "./bars/registry.ts";
import { s3 } from "./bars/s3.ts";
import { suspended } from "./bars/suspended.ts";
import { watched } from "./bars/watched.ts";
import { workers } from "./bars/workers.ts";

/** The bars that need nothing but this machine. */
export const BARS: readonly Bar[] = [
  importing,
  construct,
  diamond,
  chain,
  inMemory,
  inspect,
  watched,
  ...growth,
  suspended,
  memory,
  ...localFiles,
  explain,
  locks,
  registry,
  ...s3,
  workers,
];
