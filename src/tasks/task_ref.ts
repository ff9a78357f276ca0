/**
 * A short reference to a task, for names of files, logs and messages. Unaware of parameters.
 *
 * @module
 */

import type { AnyTask } from "./task.ts";
import { taskTypeOf } from "./type_registry.ts";

/** Names a task without its parameters. */
export class TaskRef {
  /** Name of the task type. */
  readonly name: string;
  /** Version of the task; `""` for none. */
  readonly version: string;
  /** Id of the task. */
  readonly id: string;

  /** A reference made of its parts. */
  constructor(
    { name, version, id }: { readonly name: string; readonly version: string; readonly id: string },
  ) {
    this.name = name;
    this.version = version;
    this.id = id;
  }

  /** The reference to a task. */
  static fromTask(task: AnyTask): TaskRef {
    return new TaskRef({ name: taskTypeOf(task).name, version: task.version, id: task.id });
  }

  /** Name, version and the beginning of the id, e.g. `TrainedModel-v2-0f3c12ab`. */
  get slug(): string {
    return `${this.name}-${this.version === "" ? "" : `v${this.version}`}-${this.id.slice(0, 8)}`;
  }

  /** The slug. */
  toString(): string {
    return this.slug;
  }
}
