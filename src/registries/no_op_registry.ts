/**
 * The registry of those who have none.
 *
 * @module
 */

import { RegistryError } from "../errors.ts";
import { type Recorded, Registry, type TaskMetadata } from "./registry.ts";

/** Keeps nothing of what it is told. The id of all its builds is `NIL_BUILD_ID`. */
export class NoOpRegistry extends Registry {
  /** Does nothing, as all else. */
  override taskRegister(): Recorded {}

  /** Throws `RegistryError`: it knows of no task. */
  override taskGetMetadata(taskId: string): TaskMetadata {
    throw new RegistryError(
      `Cannot look up the task "${taskId}": there is no registry. Set STARDAG_REGISTRY_URL and STARDAG_API_KEY, ` +
        `or set one with registryProvider.set(), or hand one in`,
      { isOutage: false },
    );
  }
}
