/**
 * What the registry service answers to requests about builds and tasks, said with an `InMemoryRegistry`: only names,
 * ids and dates are written in another way. Unaware of HTTP, of who asks, and of locks.
 */

import { uuid7 } from "../../src/uuid.ts";
import { RegistryError } from "../../src/errors.ts";
import {
  InMemoryRegistry,
  type RegisteredAsset,
  type RegisteredBuild,
  type RegisteredTask,
  type RegistryEvent,
} from "../../src/registries/in_memory_registry.ts";
import type { RegistryAsset } from "../../src/tasks/asset.ts";
import { type AnyTask, TASK_BRAND, type TaskBody } from "../../src/tasks/task.ts";
import { TASK_TYPE } from "../../src/tasks/type_registry.ts";

/** A request, its path without host and prefix. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** What is answered to it. */
export interface WireResponse {
  readonly status: number;
  readonly body: unknown;
}

/** Answers requests; what it was told is in `registry`. */
export class WireRegistry {
  readonly registry = new InMemoryRegistry();
  readonly #environmentId = uuid7();
  readonly #ids = new Map<string, string>();

  answer({ method, path, body }: WireRequest): WireResponse {
    const { pathname, searchParams } = new URL(path, "http://registry/");
    const [, collection, id = "", part, taskId = "", action = ""] = pathname.split("/");
    try {
      if (method === "GET" && collection === "builds") {
        return ok(this.#readBuilds(id, part, searchParams));
      }
      if (method === "GET") return ok(this.#readTasks(id, part, searchParams));
      if (id === "") return { status: 201, body: this.#begin(body) };
      if (part !== "tasks") return ok(this.#end(id, part, searchParams));
      if (taskId === "") return { status: 201, body: this.#register(id, body) };
      if (action === "assets") return { status: 201, body: this.#upload(id, taskId, body) };
      return ok(this.#tell(id, taskId, action, searchParams));
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const what = error.message.includes(`build "`) ? "Build" : "Task";
      return { status: 404, body: { detail: `${what} not found` } };
    }
  }

  #begin(body: unknown): unknown {
    const { commit_hash, root_task_ids, description } = body as WireBuild;
    const roots = root_task_ids.map((id) => ({ id }));
    return this.#build(
      this.registry.build(
        this.registry.buildStart(roots, {
          description: description ?? undefined,
          commitHash: commit_hash ?? undefined,
        }),
      ),
    );
  }

  #end(buildId: string, action: string | undefined, query: URLSearchParams): unknown {
    const { registry } = this;
    if (action === "complete") registry.buildComplete(buildId);
    else if (action === "cancel") registry.buildCancel(buildId);
    else if (action === "fail") registry.buildFail(buildId, text(query, "error_message"));
    else if (action === "exit-early") registry.buildExitEarly(buildId, text(query, "reason"));
    else throw new Error(`no such action: ${action}`);
    return this.#build(registry.build(buildId));
  }

  #register(buildId: string, body: unknown): unknown {
    const task = wireTask(body as WireTask);
    this.registry.taskRegister(buildId, task);
    return this.#task(this.#taskOf(task.id));
  }

  #tell(buildId: string, id: string, action: string, query: URLSearchParams): unknown {
    const { registry } = this;
    const task = { id };
    if (action === "start") registry.taskStart(buildId, task);
    else if (action === "complete") registry.taskComplete(buildId, task);
    else if (action === "fail") registry.taskFail(buildId, task, text(query, "error_message"));
    else if (action === "suspend") registry.taskSuspend(buildId, task);
    else if (action === "resume") registry.taskResume(buildId, task);
    else if (action === "cancel") registry.taskCancel(buildId, task);
    else if (action === "waiting-for-lock") {
      registry.taskWaitingForLock(buildId, task, text(query, "lock_owner"));
    } else throw new Error(`no such action: ${action}`);
    return { task_id: id, status: registry.taskStatus(buildId, id) };
  }

  #upload(buildId: string, taskId: string, body: unknown): unknown {
    const assets = (body as readonly RegistryAsset[]).map((asset) =>
      asset.type === "markdown"
        ? { ...asset, body: (asset.body as unknown as { content: string }).content }
        : asset
    );
    this.registry.taskUploadAssets(buildId, { id: taskId }, assets);
    const isUploaded = (each: RegistryAsset): boolean =>
      assets.some(({ type, name }) => type === each.type && name === each.name);
    return this.#assets(taskId, this.registry.assets(taskId).filter(isUploaded));
  }

  #readBuilds(id: string, part: string | undefined, query: URLSearchParams): unknown {
    const { registry } = this;
    if (id === "") {
      return paged("builds", registry.builds(), query, (build) => this.#build(build));
    }
    switch (part) {
      case undefined:
        return this.#build(registry.build(id));
      case "tasks":
        return registry.tasks(id).map((task) => ({
          ...this.#task(task),
          status: task.status,
          started_at: date(task.startedAt),
          completed_at: date(task.completedAt),
          error_message: task.errorMessage ?? null,
          asset_count: task.assetCount,
          waiting_for_lock: task.isWaitingForLock,
          status_build_id: task.statusBuildId ?? null,
        }));
      case "events":
        return registry.events(id).map((event) => this.#event(event));
      case "graph": {
        const { nodes, edges } = registry.graph(id);
        return {
          nodes: nodes.map((task) => ({
            id: this.#idOf(task.id),
            task_id: task.id,
            task_name: task.name,
            task_namespace: task.namespace,
            status: task.status,
            asset_count: task.assetCount,
          })),
          edges: edges.map(({ source, target }) => ({
            source: this.#idOf(source),
            target: this.#idOf(target),
          })),
        };
      }
    }
    throw new Error(`no such part of a build: ${part}`);
  }

  #readTasks(id: string, part: string | undefined, query: URLSearchParams): unknown {
    const { registry } = this;
    if (id === "") {
      const [name, namespace] = [text(query, "task_name"), text(query, "task_namespace")];
      const found = registry.allTasks().filter((task) =>
        (name === undefined || task.name === name) &&
        (namespace === undefined || task.namespace === namespace)
      );
      return paged("tasks", found, query, (task) => this.#task(task));
    }
    switch (part) {
      case undefined:
        return this.#task(this.#taskOf(id));
      case "events":
        return registry.taskEvents(id).map((event) => this.#event(event));
      case "assets":
        return this.#assets(id, registry.assets(id));
      case "metadata": {
        const task = registry.taskGetMetadata(id);
        return {
          id: task.id,
          body: task.body,
          name: task.name,
          namespace: task.namespace,
          version: task.version,
          output_uri: task.outputUri ?? null,
          status: task.status,
          registered_at: date(task.registeredAt),
          started_at: date(task.startedAt),
          completed_at: date(task.completedAt),
          error_message: task.errorMessage ?? null,
        };
      }
    }
    throw new Error(`no such part of a task: ${part}`);
  }

  #taskOf(id: string): RegisteredTask {
    return this.registry.allTasks().find((task) => task.id === id)!;
  }

  #build(build: RegisteredBuild): unknown {
    return {
      id: build.id,
      environment_id: this.#environmentId,
      user_id: null,
      name: build.name,
      description: build.description ?? null,
      commit_hash: build.commitHash ?? null,
      root_task_ids: build.rootTaskIds,
      created_at: date(build.startedAt),
      status: build.status,
      started_at: date(build.startedAt),
      completed_at: date(build.completedAt),
      status_triggered_by_user: null,
    };
  }

  #task(task: RegisteredTask): Record<string, unknown> {
    return {
      id: this.#idOf(task.id),
      task_id: task.id,
      environment_id: this.#environmentId,
      task_namespace: task.namespace,
      task_name: task.name,
      task_data: task.body,
      version: task.version,
      output_uri: task.outputUri ?? null,
      created_at: date(task.registeredAt),
    };
  }

  #event(event: RegistryEvent): unknown {
    return {
      id: this.#idOf(`event ${event.id}`),
      build_id: event.buildId,
      task_id: event.taskId === undefined ? null : this.#idOf(event.taskId),
      event_type: event.type,
      created_at: date(event.createdAt),
      error_message: event.errorMessage ?? null,
      event_metadata: event.lockOwner === undefined ? null : { lock_owner: event.lockOwner },
    };
  }

  #assets(taskId: string, assets: readonly RegisteredAsset[]): unknown {
    return {
      assets: assets.map(({ type, name, body, createdAt }) => ({
        id: this.#idOf(`${taskId} ${type} ${name}`),
        task_id: taskId,
        asset_type: type,
        name,
        body: type === "markdown" ? { content: body } : body,
        created_at: date(createdAt),
      })),
    };
  }

  /** The service has ids for everything. */
  #idOf(key: string): string {
    let id = this.#ids.get(key);
    if (id === undefined) this.#ids.set(key, id = uuid7());
    return id;
  }
}

/** A build as it is begun over the wire. */
interface WireBuild {
  readonly commit_hash: string | null;
  readonly root_task_ids: readonly string[];
  readonly description: string | null;
}

/** A task as it is registered over the wire. */
interface WireTask {
  readonly task_id: string;
  readonly task_namespace: string;
  readonly task_name: string;
  readonly task_data: TaskBody;
  readonly version: string;
  readonly output_uri: string | null;
  readonly dependency_task_ids: readonly string[];
}

/** All that a registry looks at in a task. */
function wireTask(wire: WireTask): AnyTask {
  return {
    id: wire.task_id,
    version: wire.version,
    [TASK_BRAND]: true,
    [TASK_TYPE]: { namespace: wire.task_namespace, name: wire.task_name },
    toJSON: () => wire.task_data,
    requires: () => wire.dependency_task_ids.map((id) => ({ id, [TASK_BRAND]: true }) as never),
    output: () => wire.output_uri === null ? undefined : { uri: wire.output_uri },
  } as Partial<AnyTask> as AnyTask;
}

function paged<T>(
  key: string,
  rows: readonly T[],
  query: URLSearchParams,
  write: (row: T) => unknown,
): unknown {
  const page = Number(query.get("page") ?? 1);
  const size = Number(query.get("page_size") ?? 20);
  const shown = rows.slice((page - 1) * size, page * size);
  return { [key]: shown.map(write), total: rows.length, page, page_size: size };
}

function ok(body: unknown): WireResponse {
  return { status: 200, body };
}

function text(query: URLSearchParams, key: string): string | undefined {
  return query.get(key) ?? undefined;
}

function date(value: Date | undefined): string | null {
  return value?.toISOString() ?? null;
}
