/**
 * How JSON that is a task looks. Unaware of what is made of it.
 *
 * @module
 */

import { isPlainObject } from "../json.ts";
import type { TaskBody } from "./task.ts";

/** Whether the JSON is that of a task, or of an alias of one. */
export function isBody(json: unknown): json is TaskBody {
  return isPlainObject(json) &&
    ("__aliased" in json ||
      (typeof json.__name === "string" && typeof json.__namespace === "string"));
}
