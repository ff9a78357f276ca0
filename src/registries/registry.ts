/**
 * What a registry is: it is told what builds do, so that people can look at it, and knows the tasks of former builds.
 * Unaware of how a build goes on, and never asked whether a task is complete: that is for its target to say.
 *
 * @module
 */

import type { RegistryAsset } from "../tasks/asset.ts";
import type { AnyTask } from "../tasks/task.ts";

/** The state of a task in a registry. */
export type RegistryTaskStatus =
  | "pending"
  | "running"
  | "suspended"
  | "completed"
  | "failed"
  | "skipped"
  | "cancelled";

/** The state of a build in a registry. */
export type RegistryBuildStatus =
  | "pending"
  | "running"
  | "completed"
  | "failed"
  | "cancelled"
  | "exit_early";

/** What a registry knows of a task. The first build to register it has said what it is; any build, how it goes. */
export interface TaskMetadata {
  /** Id of the task. */
  readonly id: string;
  /** The task as JSON, nested tasks in full; `taskFromJSON` makes it again. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Name of its type. */
  readonly name: string;
  /** Namespace of its type; `""` for none. */
  readonly namespace: string;
  /** Version of the code; `""` for none. */
  readonly version: string;
  /** Where its output is; `undefined` where its output is no target. */
  readonly outputUri: string | undefined;
  /** Its state as last told by any build; but once it was completed it stays so. Only its target knows for sure. */
  readonly status: RegistryTaskStatus;
  /** When it was first registered. */
  readonly registeredAt: Date | undefined;
  /** When it was first started. */
  readonly startedAt: Date | undefined;
  /** When it last ended: was completed, failed or given up. */
  readonly completedAt: Date | undefined;
  /** Why it last failed; still there when it was completed since. */
  readonly errorMessage: string | undefined;
}

/** The build id of a registry that keeps none. */
export const NIL_BUILD_ID = "00000000-0000-0000-0000-000000000000";

/** Options of {@linkcode Registry.buildStart}. */
export interface BuildStartOptions {
  /** What the build is for, in the words of who began it. */
  readonly description?: string | undefined;
}

/** What the methods of a registry give: nothing, at once or later. */
export type Recorded = void | Promise<void>;

/**
 * The base of all registries. Extend it with `taskRegister` and `taskGetMetadata`; all else does nothing unless
 * overridden. One registry serves many builds at once: each call says which build it is about.
 *
 * A method throws `RegistryError`: `isOutage` says that the registry could not be reached, which a build rides out;
 * anything else is a refusal, which stops the build. A registry that keeps what it is told refuses builds that it did
 * not start, and tasks that no build has registered.
 */
export abstract class Registry {
  /** A build begins; gives its id, a UUID. */
  buildStart(
    _rootTasks: readonly AnyTask[],
    _options?: BuildStartOptions,
  ): string | Promise<string> {
    return NIL_BUILD_ID;
  }

  /** All tasks of the build are complete. The last of the four ends counts: a build that is resumed ends again. */
  buildComplete(_buildId: string): Recorded {}

  /** A task of the build failed. */
  buildFail(_buildId: string, _errorMessage?: string): Recorded {}

  /** The build was stopped from outside. */
  buildCancel(_buildId: string): Recorded {}

  /** The build left, for all that was left to do is done by other builds. */
  buildExitEarly(_buildId: string, _reason?: string): Recorded {}

  /**
   * The build has to do with this task. Told once per task and build, after the tasks that it requires: what is not
   * registered by then is not kept as a dependency. A task that is registered already stays as it is.
   */
  abstract taskRegister(buildId: string, task: AnyTask): Recorded;

  /** The task runs; told again for each attempt. */
  taskStart(_buildId: string, _task: AnyTask): Recorded {}

  /** The output of the task is there. */
  taskComplete(_buildId: string, _task: AnyTask): Recorded {}

  /** The task failed, and is not tried again. */
  taskFail(_buildId: string, _task: AnyTask, _errorMessage?: string): Recorded {}

  /** The task waits for tasks that it yielded. */
  taskSuspend(_buildId: string, _task: AnyTask): Recorded {}

  /** What the task yielded is complete, and it goes on. */
  taskResume(_buildId: string, _task: AnyTask): Recorded {}

  /** The task was given up. */
  taskCancel(_buildId: string, _task: AnyTask): Recorded {}

  /** The task waits for another build that has its lock; its status stays as it is. */
  taskWaitingForLock(_buildId: string, _task: AnyTask, _lockOwner?: string): Recorded {}

  /** What the complete task shows of its output. An asset of the same type and name is replaced. */
  taskUploadAssets(
    _buildId: string,
    _task: AnyTask,
    _assets: readonly RegistryAsset[],
  ): Recorded {}

  /** What is known of a task. Throws `RegistryError` when nothing is. */
  abstract taskGetMetadata(taskId: string): TaskMetadata | Promise<TaskMetadata>;
}
