/**
 * What the registry service answers, said with an `InMemoryRegistry` and a table of locks: only names, ids and dates are
 * written in another way. Unaware of HTTP, and of who asks.
 */

import { validate } from "@std/uuid";
import { RegistryError } from "../../src/errors.ts";
import { isPlainObject } from "../../src/json.ts";
import { uuid7 } from "../../src/uuid.ts";
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

/** A request, its path from the host on. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  /** `null` for none. */
  readonly body: unknown;
}

/** What is answered to it. */
export interface WireResponse {
  readonly status: number;
  readonly body: unknown;
}

/** An asked-for lock that somebody has, or had until it ended. */
interface Lock {
  readonly name: string;
  readonly ownerId: string;
  readonly acquiredAt: number;
  readonly endsAt: number;
  readonly version: number;
}

/** What a handler gets: the parts of the path that have a name, the query, the body. */
interface Asked {
  readonly part: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

interface Route {
  readonly method: string;
  readonly pattern: URLPattern;
  readonly status: number;
  readonly handle: (asked: Asked) => unknown;
}

/** Answers requests; what it was told is in `registry`. */
export class WireRegistry {
  readonly registry = new InMemoryRegistry();
  readonly environmentId = uuid7();
  /** How many locks can be had at once. */
  lockLimit = Infinity;
  /** What the service hands out as target roots. */
  targetRoots: readonly { readonly name: string; readonly uri_prefix: string }[] = [
    { name: "default", uri_prefix: "/data/root" },
  ];
  readonly #ids = new Map<string, string>();
  readonly #locks = new Map<string, Lock>();
  readonly #routes: readonly Route[] = this.#makeRoutes();

  answer({ method, path, body }: WireRequest): WireResponse {
    const { pathname, searchParams: query } = new URL(path, "http://registry/");
    const routes = this.#routes.filter(({ pattern }) => pattern.test({ pathname }));
    const route = routes.find((each) => each.method === method);
    if (route === undefined) {
      return routes.length === 0
        ? { status: 404, body: { detail: "Not Found" } }
        : { status: 405, body: { detail: "Method Not Allowed" } };
    }
    const part = route.pattern.exec({ pathname })!.pathname.groups as Record<string, string>;
    try {
      for (const [name, value] of Object.entries(part)) {
        part[name] = decodeURIComponent(value);
        if (name === "build_id") checkUuid(part[name], ["path", name]);
      }
      return { status: route.status, body: route.handle({ part, query, body }) };
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, body: { detail: error.detail } };
      if (!(error instanceof RegistryError)) throw error;
      const what = error.message.includes(`build "`) ? "Build" : "Task";
      return { status: 404, body: { detail: `${what} not found` } };
    }
  }

  #makeRoutes(): readonly Route[] {
    const { registry } = this;
    const routes: Route[] = [];
    const on = (
      method: string,
      pathname: string,
      handle: Route["handle"],
      status = 200,
    ): void => {
      const pattern = new URLPattern({ pathname: `/api/v1${pathname}` });
      routes.push({ method, pattern, status, handle });
    };
    const onEnd = (action: string, end: (id: string, query: URLSearchParams) => void): void =>
      on("POST", `/builds/:build_id/${action}`, ({ part, query }) => {
        end(part.build_id!, query);
        return this.#build(registry.build(part.build_id!));
      });
    const onStep = (
      action: string,
      tell: (id: string, task: { readonly id: string }, query: URLSearchParams) => void,
    ): void =>
      on("POST", `/builds/:build_id/tasks/:task_id/${action}`, ({ part, query }) => {
        const { build_id: buildId, task_id: id } = part as { build_id: string; task_id: string };
        tell(buildId, { id }, query);
        return { task_id: id, status: registry.taskStatus(buildId, id) };
      });

    on("POST", "/builds", ({ body }) => this.#begin(body), 201);
    onEnd("complete", (id) => registry.buildComplete(id));
    onEnd("cancel", (id) => registry.buildCancel(id));
    onEnd("fail", (id, query) => registry.buildFail(id, text(query, "error_message")));
    onEnd("exit-early", (id, query) => registry.buildExitEarly(id, text(query, "reason")));
    on("POST", "/builds/:build_id/tasks", ({ part, body }) => this.#register(part, body), 201);
    onStep("start", (id, task) => registry.taskStart(id, task));
    onStep("complete", (id, task) => registry.taskComplete(id, task));
    onStep(
      "fail",
      (id, task, query) => registry.taskFail(id, task, text(query, "error_message")),
    );
    onStep("suspend", (id, task) => registry.taskSuspend(id, task));
    onStep("resume", (id, task) => registry.taskResume(id, task));
    onStep("cancel", (id, task) => registry.taskCancel(id, task));
    onStep(
      "waiting-for-lock",
      (id, task, query) => registry.taskWaitingForLock(id, task, text(query, "lock_owner")),
    );
    on(
      "POST",
      "/builds/:build_id/tasks/:task_id/assets",
      ({ part, body }) => this.#upload(part.build_id!, part.task_id!, body),
      201,
    );

    on(
      "GET",
      "/builds",
      ({ query }) => paged("builds", registry.builds(), query, (build) => this.#build(build)),
    );
    on("GET", "/builds/:build_id", ({ part }) => this.#build(registry.build(part.build_id!)));
    on("GET", "/builds/:build_id/:of", ({ part }) => this.#readBuild(part.build_id!, part.of!));
    on("GET", "/tasks", ({ query }) => this.#readAllTasks(query));
    on("GET", "/tasks/:task_id", ({ part }) => this.#task(registry.task(part.task_id!)));
    on("GET", "/tasks/:task_id/:of", ({ part }) => this.#readTask(part.task_id!, part.of!));
    on("GET", "/target-roots", () => this.targetRoots);

    on("POST", "/locks/:name/acquire", ({ part, body }) => this.#acquire(part.name!, body));
    on("POST", "/locks/:name/renew", ({ part, body }) => {
      this.#hold(part.name!, this.#ownLock(part.name!, body).ownerId, body);
      return { renewed: true };
    });
    on("POST", "/locks/:name/release", ({ part, body }) => {
      this.#ownLock(part.name!, body);
      const { task_completed, build_id } = body as WireRelease;
      // Nothing is said of a task that is not registered.
      if (task_completed === true && typeof build_id === "string" && this.#isKnown(part.name!)) {
        registry.taskComplete(build_id, { id: part.name! });
      }
      this.#locks.delete(part.name!);
      return { released: true };
    });
    on("GET", "/locks/:name", ({ part }) => {
      const lock = this.#lock(part.name!);
      if (lock === undefined) throw new Refusal(404, "Lock not found");
      return this.#lockRow(lock);
    });
    on("GET", "/locks/tasks/:task_id/completion-status", ({ part }) => ({
      task_id: part.task_id,
      is_completed: this.#isCompleted(part.task_id!),
    }));
    return routes;
  }

  #acquire(name: string, body: unknown): unknown {
    const { owner_id, check_task_completion = true } = body as WireAcquire;
    checkUuid(owner_id, ["body", "owner_id"]);
    if (check_task_completion && this.#isCompleted(name)) {
      return { status: "already_completed", acquired: false, lock: null, error_message: null };
    }
    if (this.#locks.get(name)?.ownerId !== owner_id) {
      const held = this.heldLocks;
      if (held.length >= this.lockLimit) {
        throw new Refusal(429, {
          status: "concurrency_limit_reached",
          error_message: `Environment concurrency limit reached (${this.lockLimit})`,
        });
      }
      if (held.includes(name)) {
        throw new Refusal(423, {
          status: "held_by_other",
          error_message: "Lock is held by another owner",
        });
      }
    }
    const lock = this.#hold(name, owner_id, body);
    return { status: "acquired", acquired: true, lock: this.#lockRow(lock), error_message: null };
  }

  #hold(name: string, ownerId: string, body: unknown): Lock {
    const now = Date.now();
    const lock = {
      name,
      ownerId,
      acquiredAt: now,
      endsAt: now + ((body as WireAcquire).ttl_seconds ?? 60) * 1000,
      version: (this.#locks.get(name)?.version ?? -1) + 1,
    };
    this.#locks.set(name, lock);
    return lock;
  }

  /** What is locked now. */
  get heldLocks(): readonly string[] {
    return this.#locks.keys().filter((each) => this.#lock(each) !== undefined).toArray();
  }

  /** The lock while somebody has it. */
  #lock(name: string): Lock | undefined {
    const lock = this.#locks.get(name);
    return lock !== undefined && Date.now() < lock.endsAt ? lock : undefined;
  }

  /** The lock of who asks, also one that has ended when nobody else has it. */
  #ownLock(name: string, body: unknown): Lock {
    const { owner_id } = body as WireAcquire;
    checkUuid(owner_id, ["body", "owner_id"]);
    const lock = this.#locks.get(name);
    if (lock?.ownerId === owner_id) return lock!;
    throw new Refusal(409, "Lock not found or not owned by caller");
  }

  #lockRow(lock: Lock): unknown {
    return {
      name: lock.name,
      environment_id: this.environmentId,
      owner_id: lock.ownerId,
      acquired_at: date(new Date(lock.acquiredAt)),
      expires_at: date(new Date(lock.endsAt)),
      version: lock.version,
    };
  }

  #isCompleted(taskId: string): boolean {
    return this.#isKnown(taskId) && this.registry.task(taskId).status === "completed";
  }

  #isKnown(taskId: string): boolean {
    try {
      this.registry.task(taskId);
      return true;
    } catch {
      return false;
    }
  }

  #begin(body: unknown): unknown {
    const { commit_hash, root_task_ids = [], description } = body as WireBuild;
    if (!Array.isArray(root_task_ids)) {
      const loc = ["body", "root_task_ids"];
      const msg = "Input should be a valid list";
      throw new Refusal(422, [{ type: "list_type", loc, msg, input: root_task_ids }]);
    }
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

  #register(part: Asked["part"], body: unknown): unknown {
    const missing = ["task_id", "task_name", "task_data"].filter((key) => !(key in Object(body)));
    if (missing.length > 0) {
      const msg = "Field required";
      throw new Refusal(
        422,
        missing.map((key) => ({ type: "missing", loc: ["body", key], msg, input: body })),
      );
    }
    const task = wireTask(body as WireTask);
    this.registry.taskRegister(part.build_id!, task);
    return this.#task(this.registry.task(task.id));
  }

  #upload(buildId: string, taskId: string, body: unknown): unknown {
    const wrong = (body as readonly RegistryAsset[]).flatMap(({ body: input }, i) =>
      isPlainObject(input) ? [] : [{
        type: "dict_type",
        loc: ["body", i, "body"],
        msg: "Input should be a valid dictionary",
        input,
      }]
    );
    if (wrong.length > 0) throw new Refusal(422, wrong);
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

  #readBuild(id: string, of: string): unknown {
    const { registry } = this;
    switch (of) {
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
    throw new Refusal(404, "Not Found");
  }

  #readAllTasks(query: URLSearchParams): unknown {
    const [name, namespace] = [text(query, "task_name"), text(query, "task_namespace")];
    const found = this.registry.allTasks().filter((task) =>
      (name === undefined || task.name === name) &&
      (namespace === undefined || task.namespace === namespace)
    );
    return paged("tasks", found, query, (task) => this.#task(task));
  }

  #readTask(id: string, of: string): unknown {
    const { registry } = this;
    switch (of) {
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
    throw new Refusal(404, "Not Found");
  }

  #build(build: RegisteredBuild): unknown {
    return {
      id: build.id,
      environment_id: this.environmentId,
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
      environment_id: this.environmentId,
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
  readonly commit_hash?: string | null;
  readonly root_task_ids?: readonly string[];
  readonly description?: string | null;
}

/** What a lock is asked for with. */
interface WireAcquire {
  readonly owner_id: string;
  readonly ttl_seconds?: number;
  readonly check_task_completion?: boolean;
}

/** What a lock is given back with. */
interface WireRelease {
  readonly task_completed?: boolean;
  readonly build_id?: string | null;
}

/** A task as it is registered over the wire. */
interface WireTask {
  readonly task_id: string;
  readonly task_namespace?: string;
  readonly task_name: string;
  readonly task_data: TaskBody;
  readonly version?: string | null;
  readonly output_uri?: string | null;
  readonly dependency_task_ids?: readonly string[];
}

/** All that a registry looks at in a task. */
function wireTask(wire: WireTask): AnyTask {
  const { task_namespace = "", version, output_uri, dependency_task_ids = [] } = wire;
  return {
    id: wire.task_id,
    version: version ?? "",
    [TASK_BRAND]: true,
    [TASK_TYPE]: { namespace: task_namespace, name: wire.task_name },
    toJSON: () => wire.task_data,
    requires: () => dependency_task_ids.map((id) => ({ id, [TASK_BRAND]: true }) as never),
    output: () => typeof output_uri === "string" ? { uri: output_uri } : undefined,
  } as Partial<AnyTask> as AnyTask;
}

/** What is not done, and why. */
class Refusal extends Error {
  constructor(readonly status: number, readonly detail: unknown) {
    super(JSON.stringify(detail));
  }
}

/** Refuses what is no UUID. */
function checkUuid(input: string, loc: readonly string[]): void {
  if (validate(input)) return;
  const at = [...input].findIndex((character) => !/[0-9a-f-]/i.test(character));
  const error = at >= 0
    ? `invalid character: found \`${input[at]}\` at ${at + 1}`
    : `invalid length: found ${input.length}`;
  const msg = `Input should be a valid UUID, ${error}`;
  throw new Refusal(422, [{ type: "uuid_parsing", loc, msg, input, ctx: { error } }]);
}

function paged<T>(
  key: string,
  rows: readonly T[],
  query: URLSearchParams,
  write: (row: T) => unknown,
): unknown {
  const page = Number(query.get("page") ?? 1);
  const size = Number(query.get("page_size") ?? 20);
  if (size > 100) {
    throw new Refusal(422, [{
      type: "less_than_equal",
      loc: ["query", "page_size"],
      msg: "Input should be less than or equal to 100",
      input: query.get("page_size"),
      ctx: { le: 100 },
    }]);
  }
  const shown = rows.slice((page - 1) * size, page * size);
  return { [key]: shown.map(write), total: rows.length, page, page_size: size };
}

function text(query: URLSearchParams, key: string): string | undefined {
  return query.get(key) ?? undefined;
}

function date(value: Date | undefined): string | null {
  return value?.toISOString() ?? null;
}
