/**
 * A registry in the memory of this process: what the registry service does with each call, in short. For tests, and for
 * looking at what a build has done. Unaware of how builds are run.
 *
 * @module
 */

import { uuid7 } from "../uuid.ts";
import { messageOf, RegistryError } from "../errors.ts";
import { describe, isPlainObject } from "../json.ts";
import { type TargetFactory, targetFactoryProvider } from "../targets/factory.ts";
import type { RegistryAsset } from "../tasks/asset.ts";
import type { AnyTask } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { dependencyIdsOf, registeredUriOf } from "./registration.ts";
import {
  type BuildStartOptions,
  Registry,
  type RegistryBuildStatus,
  type RegistryTaskStatus,
  type TaskMetadata,
} from "./registry.ts";

/** A call that an {@linkcode InMemoryRegistry} got, also one that it refused. What does not apply is left out. */
export interface RegistryCall {
  /** What was called. */
  readonly method: keyof Registry;
  /** The build that it is about. */
  readonly buildId?: string;
  /** The task that it is about. */
  readonly taskId?: string;
  /** Message of a failure, reason to exit early, owner of a lock, or description of a build. */
  readonly text?: string;
  /** The assets as they were when uploaded. */
  readonly assets?: readonly RegistryAsset[];
}

/** A build, as an {@linkcode InMemoryRegistry} knows it. */
export interface RegisteredBuild {
  /** Its id, a UUID that sorts by time. */
  readonly id: string;
  /** A name to call it by. */
  readonly name: string;
  /** Its state. */
  readonly status: RegistryBuildStatus;
  /** What it is for, where that was said. */
  readonly description: string | undefined;
  /** Commit of the code that began it, where that was said. */
  readonly commitHash: string | undefined;
  /** The tasks that it was to build. */
  readonly rootTaskIds: readonly string[];
  /** When it began. */
  readonly startedAt: Date;
  /** When it last ended, in whatever way. */
  readonly completedAt: Date | undefined;
}

/** A task, as an {@linkcode InMemoryRegistry} knows it. `body` and `outputUri` are made when they are read. */
export interface RegisteredTask extends TaskMetadata {
  /** When it was first registered. */
  readonly registeredAt: Date;
  /** The build that told its status; `undefined` while none has. */
  readonly statusBuildId: string | undefined;
  /** Whether it could not begin because another build has its lock. */
  readonly isWaitingForLock: boolean;
  /** How many assets it has. */
  readonly assetCount: number;
}

/** An asset that was uploaded, and when that was first. */
export type RegisteredAsset = RegistryAsset & { readonly createdAt: Date };

/** Something that was told of a build or of a task. */
export interface RegistryEvent {
  /** Its number; counts up over all builds, with gaps. */
  readonly id: number;
  /** What happened. */
  readonly type: RegistryEventType;
  /** The build that told it. */
  readonly buildId: string;
  /** The task that it happened to; `undefined` when it happened to the build. */
  readonly taskId: string | undefined;
  /** When it was told. */
  readonly createdAt: Date;
  /** Why it failed or exited early, where that was said. */
  readonly errorMessage: string | undefined;
  /** Who has the lock, where that was said. */
  readonly lockOwner: string | undefined;
}

/** What can happen. A task is `pending` to the build that registers it first, and `referenced` after that. */
export type RegistryEventType =
  | "build_started"
  | "build_completed"
  | "build_failed"
  | "build_cancelled"
  | "build_exit_early"
  | "task_pending"
  | "task_referenced"
  | "task_started"
  | "task_suspended"
  | "task_resumed"
  | "task_completed"
  | "task_failed"
  | "task_cancelled"
  | "task_waiting_for_lock";

/** The tasks of a build, and which of them requires which. */
export interface RegistryGraph {
  /** The tasks, in the order in which the build has named them. */
  readonly nodes: readonly RegisteredTask[];
  /** From the id of a required task to that of the one that requires it. */
  readonly edges: readonly { readonly source: string; readonly target: string }[];
}

/**
 * Keeps what it is told in memory, and behaves as the registry service does; all its methods are synchronous.
 *
 * - The first registration of a task decides what it is. Dependencies are kept as far as they were registered before it.
 * - The status of a task is what any build has told last, but `completed` is never taken back.
 * - Nothing is final for a build: it may end again, in another way, and go on after its end.
 * - Unknown builds and tasks are refused with a `RegistryError`, as is an asset whose body is no object.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * using _ = sd.targetFactoryProvider.override(
 *   new sd.TargetFactory({ targetRoots: { default: "memory://example" } }),
 * );
 * const one = sd.task({ name: "one", output: z.int(), run: () => 1 });
 * const registry = new sd.InMemoryRegistry();
 * await sd.build(one(), { registry });
 * registry.builds()[0]?.status; // "completed"
 * registry.calls.map(({ method }) => method);
 * // ["buildStart", "taskRegister", "taskStart", "taskComplete", "buildComplete"]
 * ```
 */
export class InMemoryRegistry extends Registry {
  readonly #builds = new Map<string, BuildRecord>();
  readonly #tasks = new Map<string, TaskRecord>();
  /** Every call; those that were accepted and say that something has happened are the events. */
  readonly #log: Entry[] = [];

  /** Begins a build. Its id sorts by time. */
  override buildStart(
    rootTasks: readonly Pick<AnyTask, "id">[],
    { description, commitHash }: BuildStartOptions & { readonly commitHash?: string | undefined } =
      {},
  ): string {
    const id = uuid7();
    const entry = this.#called("buildStart", id, undefined, description);
    entry.type = "build_started";
    this.#builds.set(id, {
      id,
      name: `build-${this.#builds.size + 1}`,
      status: "running",
      description,
      commitHash,
      rootTaskIds: rootTasks.map((task) => task.id),
      startedAt: entry.at,
      completedAt: undefined,
    });
    return id;
  }

  /** The build is completed. */
  override buildComplete(buildId: string): void {
    this.#endBuild("buildComplete", buildId, "build_completed", "completed");
  }

  /** The build failed; the message is in its events. */
  override buildFail(buildId: string, errorMessage?: string): void {
    this.#endBuild("buildFail", buildId, "build_failed", "failed", errorMessage);
  }

  /** The build is cancelled. */
  override buildCancel(buildId: string): void {
    this.#endBuild("buildCancel", buildId, "build_cancelled", "cancelled");
  }

  /** The build exited early; the reason is in its events. */
  override buildExitEarly(buildId: string, reason?: string): void {
    this.#endBuild("buildExitEarly", buildId, "build_exit_early", "exit_early", reason);
  }

  /** The build names the task, which is kept as it is now unless it was registered before. */
  override taskRegister(buildId: string, task: AnyTask): void {
    const entry = this.#called("taskRegister", buildId, task.id);
    this.#buildOf(entry);
    if (this.#tasks.has(task.id)) {
      entry.type = "task_referenced";
      return;
    }
    entry.type = "task_pending";
    this.#tasks.set(task.id, new TaskRecord(task, this.#tasks.size, entry.at));
  }

  /** The task is running. */
  override taskStart(buildId: string, task: Pick<AnyTask, "id">): void {
    this.#told("taskStart", buildId, task, "task_started", "running");
  }

  /** The task is completed, for good. */
  override taskComplete(buildId: string, task: Pick<AnyTask, "id">): void {
    this.#told("taskComplete", buildId, task, "task_completed", "completed");
  }

  /** The task failed. */
  override taskFail(buildId: string, task: Pick<AnyTask, "id">, errorMessage?: string): void {
    this.#told("taskFail", buildId, task, "task_failed", "failed", errorMessage);
  }

  /** The task is suspended. */
  override taskSuspend(buildId: string, task: Pick<AnyTask, "id">): void {
    this.#told("taskSuspend", buildId, task, "task_suspended", "suspended");
  }

  /** The task is running again. */
  override taskResume(buildId: string, task: Pick<AnyTask, "id">): void {
    this.#told("taskResume", buildId, task, "task_resumed", "running");
  }

  /** The task is cancelled. */
  override taskCancel(buildId: string, task: Pick<AnyTask, "id">): void {
    this.#told("taskCancel", buildId, task, "task_cancelled", "cancelled");
  }

  /** The task waits for its lock. Its status stays as it is. */
  override taskWaitingForLock(
    buildId: string,
    task: Pick<AnyTask, "id">,
    lockOwner?: string,
  ): void {
    const type = "task_waiting_for_lock";
    const record = this.#told("taskWaitingForLock", buildId, task, type, undefined, lockOwner);
    if (record.status === "pending") record.isWaitingForLock = true;
  }

  /** Keeps the assets, all or none, as they are now. */
  override taskUploadAssets(
    buildId: string,
    task: Pick<AnyTask, "id">,
    assets: readonly RegistryAsset[],
  ): void {
    const entry = this.#called("taskUploadAssets", buildId, task.id);
    const copies = assets.map((asset) => copyOfAsset(asset, task.id));
    entry.assets = copies;
    this.#buildOf(entry);
    const record = this.#taskOf(entry);
    for (const asset of copies) {
      const key = `${asset.type} ${asset.name}`;
      const createdAt = record.assets.get(key)?.createdAt ?? new Date(entry.at);
      record.assets.set(key, { ...asset, createdAt });
    }
  }

  /** What is known of the task. */
  override taskGetMetadata(taskId: string): RegisteredTask {
    return this.#taskOf(this.#called("taskGetMetadata", undefined, taskId)).row();
  }

  /** Every call so far, in order; made anew each time, so take it once. What follows here are no calls. */
  get calls(): readonly RegistryCall[] {
    return this.#log.map(({ method, buildId, taskId, text, assets }) => ({
      method,
      ...buildId !== undefined && { buildId },
      ...taskId !== undefined && { taskId },
      ...text !== undefined && { text },
      ...assets !== undefined && { assets },
    }));
  }

  /** All builds, the newest first. */
  builds(): readonly RegisteredBuild[] {
    return [...this.#builds.values()].reverse().map(buildRow);
  }

  /** A build. Throws `RegistryError` when there is none with the id. */
  build(buildId: string): RegisteredBuild {
    return buildRow(this.#knownBuild(buildId, "tell about a build"));
  }

  /** The tasks that the build has named, in that order, with their status across all builds. */
  tasks(buildId: string): readonly RegisteredTask[] {
    return this.#tasksIn(buildId).map((record) => record.row());
  }

  /** A task. Throws `RegistryError` when none with the id was registered. */
  task(taskId: string): RegisteredTask {
    return this.#knownTask(taskId, "tell about a task").row();
  }

  /** The tasks of all builds, the newest first. */
  allTasks(): readonly RegisteredTask[] {
    return [...this.#tasks.values()].reverse().map((record) => record.row());
  }

  /** The state of a task as told by this build alone; `pending` while it has told none. */
  taskStatus(buildId: string, taskId: string): RegistryTaskStatus {
    this.#knownBuild(buildId, "tell the status of a task");
    this.#knownTask(taskId, "tell the status of a task");
    return this.#log.findLast((entry) =>
      entry.taskId === taskId && entry.buildId === buildId && entry.status !== undefined
    )?.status ?? "pending";
  }

  /** What the build was told, the oldest first. */
  events(buildId: string): readonly RegistryEvent[] {
    this.#knownBuild(buildId, "tell the events of a build");
    return this.#eventsWhere((entry) => entry.buildId === buildId);
  }

  /** What all builds have told of a task, the newest first. */
  taskEvents(taskId: string): readonly RegistryEvent[] {
    this.#knownTask(taskId, "tell the events of a task");
    return this.#eventsWhere((entry) => entry.taskId === taskId).reverse();
  }

  /** The tasks of the build, and the dependencies among them that were known when they were registered. */
  graph(buildId: string): RegistryGraph {
    const records = this.#tasksIn(buildId);
    const inBuild = new Set(records);
    const edges: { readonly source: string; readonly target: string }[] = [];
    for (const record of records) {
      for (const source of dependencyIdsOf(record.task)) {
        const other = this.#tasks.get(source);
        if (other === undefined || !inBuild.has(other) || other.order >= record.order) continue;
        edges.push({ source, target: record.task.id });
      }
    }
    return { nodes: records.map((record) => record.row()), edges };
  }

  /** The assets of a task, in the order in which they were first uploaded. */
  assets(taskId: string): readonly RegisteredAsset[] {
    return [...this.#knownTask(taskId, "tell the assets of a task").assets.values()];
  }

  #endBuild(
    method: keyof Registry,
    buildId: string,
    type: RegistryEventType,
    status: RegistryBuildStatus,
    text?: string,
  ): void {
    const entry = this.#called(method, buildId, undefined, text);
    const build = this.#buildOf(entry);
    entry.type = type;
    build.status = status;
    build.completedAt = entry.at;
  }

  /** Something happened to a task, which may change its status. */
  #told(
    method: keyof Registry,
    buildId: string,
    task: Pick<AnyTask, "id">,
    type: RegistryEventType,
    status: RegistryTaskStatus | undefined,
    text?: string,
  ): TaskRecord {
    const entry = this.#called(method, buildId, task.id, text);
    this.#buildOf(entry);
    const record = this.#taskOf(entry);
    entry.type = type;
    entry.status = status;
    if (status !== undefined) record.follow(entry, status);
    return record;
  }

  #called(
    method: keyof Registry,
    buildId: string | undefined,
    taskId: string | undefined,
    text?: string,
  ): Entry {
    const entry = new Entry(method, buildId, taskId, text);
    this.#log.push(entry);
    return entry;
  }

  #buildOf({ method, buildId = "" }: Entry): BuildRecord {
    return this.#builds.get(buildId) ?? this.#knownBuild(buildId, `take the call ${method}()`);
  }

  #taskOf({ method, taskId = "" }: Entry): TaskRecord {
    return this.#tasks.get(taskId) ?? this.#knownTask(taskId, `take the call ${method}()`);
  }

  #knownBuild(buildId: string, action: string): BuildRecord {
    const build = this.#builds.get(buildId);
    if (build !== undefined) return build;
    throw new RegistryError(
      `Cannot ${action}: the build "${buildId}" is not known here. Begin it with buildStart()`,
      { isOutage: false },
    );
  }

  #knownTask(taskId: string, action: string): TaskRecord {
    const task = this.#tasks.get(taskId);
    if (task !== undefined) return task;
    throw new RegistryError(
      `Cannot ${action}: the task "${taskId}" is not known here. Register it with taskRegister()`,
      { isOutage: false },
    );
  }

  #tasksIn(buildId: string): readonly TaskRecord[] {
    this.#knownBuild(buildId, "tell the tasks of a build");
    const records = new Set<TaskRecord>();
    for (const entry of this.#log) {
      if (entry.buildId !== buildId || entry.type === undefined) continue;
      const record = this.#tasks.get(entry.taskId ?? "");
      if (record !== undefined) records.add(record);
    }
    return [...records];
  }

  #eventsWhere(isMeant: (entry: Entry) => boolean): RegistryEvent[] {
    const events: RegistryEvent[] = [];
    for (const [id, entry] of this.#log.entries()) {
      const { type, buildId, taskId, text, at } = entry;
      if (type === undefined || buildId === undefined || !isMeant(entry)) continue;
      const isLock = type === "task_waiting_for_lock";
      const isMessage = !isLock && type !== "build_started";
      events.push({
        id,
        type,
        buildId,
        taskId,
        createdAt: new Date(at),
        errorMessage: isMessage ? text : undefined,
        lockOwner: isLock ? text : undefined,
      });
    }
    return events;
  }
}

/** A call. Made for each, so it is small: what can be made of it later is. */
class Entry {
  readonly method: keyof Registry;
  readonly buildId: string | undefined;
  readonly taskId: string | undefined;
  readonly text: string | undefined;
  readonly at: number = Date.now();
  /** What has happened; `undefined` when the call was refused, or is none of something that happened. */
  type: RegistryEventType | undefined = undefined;
  /** The status that the build has told with it. */
  status: RegistryTaskStatus | undefined = undefined;
  assets: readonly RegistryAsset[] | undefined = undefined;

  constructor(
    method: keyof Registry,
    buildId: string | undefined,
    taskId: string | undefined,
    text: string | undefined,
  ) {
    this.method = method;
    this.buildId = buildId;
    this.taskId = taskId;
    this.text = text;
  }
}

interface BuildRecord {
  readonly id: string;
  readonly name: string;
  status: RegistryBuildStatus;
  readonly description: string | undefined;
  readonly commitHash: string | undefined;
  readonly rootTaskIds: readonly string[];
  readonly startedAt: number;
  completedAt: number | undefined;
}

function buildRow(build: BuildRecord): RegisteredBuild {
  return {
    ...build,
    startedAt: new Date(build.startedAt),
    completedAt: dateOf(build.completedAt),
  };
}

/** A task, kept as it is: the bodies of a long chain would take the square of its length. */
class TaskRecord {
  readonly task: AnyTask;
  /** How many tasks were registered before. */
  readonly order: number;
  readonly registeredAt: number;
  status: RegistryTaskStatus = "pending";
  statusBuildId: string | undefined = undefined;
  startedAt: number | undefined = undefined;
  completedAt: number | undefined = undefined;
  errorMessage: string | undefined = undefined;
  isWaitingForLock = false;
  /** The target factory when it was registered. */
  readonly #targets: TargetFactory = targetFactoryProvider.get();
  #assets: Map<string, RegisteredAsset> | undefined = undefined;

  constructor(task: AnyTask, order: number, registeredAt: number) {
    this.task = task;
    this.order = order;
    this.registeredAt = registeredAt;
  }

  get assets(): Map<string, RegisteredAsset> {
    return this.#assets ??= new Map();
  }

  /** Where the output was to be when the task was registered. */
  get outputUri(): string | undefined {
    using _ = targetFactoryProvider.override(this.#targets);
    return registeredUriOf(this.task);
  }

  /** A build has told the status. */
  follow({ buildId, at, text }: Entry, status: RegistryTaskStatus): void {
    if (this.status === "completed" && status !== "completed") return;
    this.status = status;
    this.statusBuildId = buildId;
    this.isWaitingForLock = false;
    if (status === "running") this.startedAt ??= at;
    else if (status !== "suspended") this.completedAt = at;
    if (status === "failed") this.errorMessage = text;
  }

  row(): RegisteredTask {
    // deno-lint-ignore no-this-alias -- the getters below are of another object
    const record = this;
    const { task } = record;
    const { namespace, name } = taskTypeOf(task);
    return {
      id: task.id,
      get body() {
        return task.toJSON();
      },
      name,
      namespace,
      version: task.version,
      get outputUri() {
        return record.outputUri;
      },
      status: record.status,
      registeredAt: new Date(record.registeredAt),
      startedAt: dateOf(record.startedAt),
      completedAt: dateOf(record.completedAt),
      errorMessage: record.errorMessage,
      statusBuildId: record.statusBuildId,
      isWaitingForLock: record.isWaitingForLock,
      assetCount: record.#assets?.size ?? 0,
    };
  }
}

function dateOf(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}

/** The asset as it is now. Throws `RegistryError` for one that the service would refuse. */
function copyOfAsset({ type, name, body }: RegistryAsset, taskId: string): RegistryAsset {
  const refusal = (why: string, cause?: unknown): RegistryError =>
    new RegistryError(`Cannot keep the asset "${name}" of the task "${taskId}": ${why}`, {
      isOutage: false,
      cause,
    });
  switch (type) {
    case "markdown":
      if (typeof body === "string") return { type, name, body };
      throw refusal(`its body is ${describe(body)}. Give a text`);
    case "json": {
      if (!isPlainObject(body)) throw refusal(`its body is ${describe(body)}. Give a plain object`);
      let text: string;
      try {
        text = JSON.stringify(body);
      } catch (error) {
        throw refusal(`its body cannot be written as JSON: ${messageOf(error)}`, error);
      }
      return { type, name, body: JSON.parse(text) as Record<string, unknown> };
    }
    default:
      throw refusal(
        `its type is ${describe(type satisfies never)}. Give "markdown" or "json"`,
      );
  }
}
