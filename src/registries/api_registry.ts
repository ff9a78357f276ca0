/**
 * The registry that is a service: what a build tells is sent there, call by call. Unaware of HTTP, and of how a build
 * deals with what fails.
 *
 * @module
 */

import { z } from "zod";
import { ApiError, RegistryError } from "../errors.ts";
import { rawJson, stringifyJson } from "../json.ts";
import type { RegistryAsset } from "../tasks/asset.ts";
import type { AnyTask } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { ApiClient, type ApiClientOptions, type ApiRequest } from "./api_client.ts";
import { commitHash } from "./commit_hash.ts";
import { dependencyIdsOf, registeredUriOf } from "./registration.ts";
import { type BuildStartOptions, Registry, type TaskMetadata } from "./registry.ts";

/** For how long a service that is out of order is left alone by what builds tell of tasks, in milliseconds. */
const REST = 5000;

/** What can be said of a task, as in an address and as in a message. */
const STEPS = {
  "start": "has started",
  "complete": "is complete",
  "fail": "has failed",
  "suspend": "is suspended",
  "resume": "goes on",
  "cancel": "is cancelled",
  "waiting-for-lock": "waits for its lock",
} as const;

/** How a build can end, as in an address and as in a message. */
const ENDS = {
  "complete": "is complete",
  "fail": "has failed",
  "cancel": "is cancelled",
  "exit-early": "has exited early",
} as const;

/** What the registry asks the service with, for those that ask it for more. */
export let clientOf: (registry: ApiRegistry) => ApiClient;

/**
 * Tells the registry service what builds do, over HTTP, where people see it.
 *
 * Calls reject with `ApiError`, or one of its kinds such as `NotFoundError`, when the service refuses; with
 * `RegistryError` when it cannot be reached, after a few more tries where these may help; and with `PermissionError` when
 * Deno may not connect. When the service is out of order, what is told of tasks fails at once for a while, with one call at a
 * time to find out whether it is back: a build is not held up by it.
 *
 * Nothing must be closed; `close()` is for giving up what is still under way.
 *
 * @example
 * ```ts ignore
 * import * as sd from "@stardag/core";
 *
 * const registry = new sd.ApiRegistry({ url: "http://localhost:8000", apiKey: Deno.env.get("STARDAG_API_KEY") });
 * await sd.build(task, { registry });
 * ```
 */
export class ApiRegistry extends Registry implements AsyncDisposable {
  static {
    clientOf = (registry) => registry.#client;
  }

  readonly #client: ApiClient;
  /** The commit of the code, once it was looked for. */
  #commitHash: Promise<string | null> | undefined;
  /** With what and when the last call has failed, while the service is out of order; and whether one finds out now. */
  #outage: { readonly error: RegistryError; readonly since: number; isTried: boolean } | undefined;

  /** Checks the options and connects to nothing. Throws `TypeError` and `RangeError`. */
  constructor(options: ApiClientOptions) {
    super();
    if (options.token !== undefined && options.environmentId === undefined) {
      throw new TypeError(
        "Cannot reach a registry: there is a token and no environmentId. Say for which environment it is",
      );
    }
    this.#client = new ApiClient(options);
  }

  /** Where the service is. */
  get url(): string {
    return this.#client.url;
  }

  /** Gives up what is under way, which rejects, and resolves when that has ended. Nothing can be told after it. */
  close(): Promise<void> {
    return this.#client.close();
  }

  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Begins a build and gives its id. The commit is SHORT_SHA or COMMIT_HASH of the environment, or what git says of the
   * current folder, as far as Deno may read them; otherwise the build has none.
   */
  override async buildStart(
    rootTasks: readonly Pick<AnyTask, "id">[],
    { description }: BuildStartOptions = {},
  ): Promise<string> {
    const answer = await this.#client.request({
      action: "begin a build",
      method: "POST",
      path: "/builds",
      json: JSON.stringify({
        commit_hash: await (this.#commitHash ??= commitHash()),
        root_task_ids: rootTasks.map(({ id }) => id),
        description: description ?? null,
      }),
      // A second time makes a second build.
      isIdempotent: false,
    });
    return answer.as(z.object({ id: z.string() })).id;
  }

  /** The build is complete. */
  override buildComplete(buildId: string): Promise<void> {
    return this.#end(buildId, "complete");
  }

  /** The build failed. A very long message is cut. */
  override buildFail(buildId: string, errorMessage?: string): Promise<void> {
    return this.#end(buildId, "fail", { error_message: errorMessage });
  }

  /** The build is cancelled. */
  override buildCancel(buildId: string): Promise<void> {
    return this.#end(buildId, "cancel");
  }

  /** The build exited early. */
  override buildExitEarly(buildId: string, reason?: string): Promise<void> {
    return this.#end(buildId, "exit-early", { reason });
  }

  /** The build names the task, which the service keeps as it is now unless it knows it. */
  override async taskRegister(buildId: string, task: AnyTask): Promise<void> {
    const { namespace, name } = taskTypeOf(task);
    await this.#tell({
      action: `register the task "${task.id}" in the build "${buildId}"`,
      method: "POST",
      path: `/builds/${encodeURIComponent(buildId)}/tasks`,
      json: stringifyJson({
        task_id: task.id,
        task_namespace: namespace,
        task_name: name,
        task_data: task.toJSON(),
        version: task.version,
        output_uri: registeredUriOf(task) ?? null,
        dependency_task_ids: dependencyIdsOf(task),
      }),
      canCollide: true,
    });
  }

  /** The task runs. */
  override taskStart(buildId: string, task: Pick<AnyTask, "id">): Promise<void> {
    return this.#step(buildId, task, "start");
  }

  /** The task is complete. */
  override taskComplete(buildId: string, task: Pick<AnyTask, "id">): Promise<void> {
    return this.#step(buildId, task, "complete");
  }

  /** The task failed. A very long message is cut. */
  override taskFail(
    buildId: string,
    task: Pick<AnyTask, "id">,
    errorMessage?: string,
  ): Promise<void> {
    return this.#step(buildId, task, "fail", { error_message: errorMessage });
  }

  /** The task is suspended. */
  override taskSuspend(buildId: string, task: Pick<AnyTask, "id">): Promise<void> {
    return this.#step(buildId, task, "suspend");
  }

  /** The task goes on. */
  override taskResume(buildId: string, task: Pick<AnyTask, "id">): Promise<void> {
    return this.#step(buildId, task, "resume");
  }

  /** The task is cancelled. */
  override taskCancel(buildId: string, task: Pick<AnyTask, "id">): Promise<void> {
    return this.#step(buildId, task, "cancel");
  }

  /** The task waits for its lock. */
  override taskWaitingForLock(
    buildId: string,
    task: Pick<AnyTask, "id">,
    lockOwner?: string,
  ): Promise<void> {
    return this.#step(buildId, task, "waiting-for-lock", { lock_owner: lockOwner });
  }

  /** Uploads the assets, as they are now. Nothing is sent when there are none. */
  override async taskUploadAssets(
    buildId: string,
    task: Pick<AnyTask, "id">,
    assets: readonly RegistryAsset[],
  ): Promise<void> {
    if (assets.length === 0) return;
    await this.#tell({
      action: `upload assets of the task "${task.id}" in the build "${buildId}"`,
      method: "POST",
      path: `${pathOf(buildId, task)}/assets`,
      json: JSON.stringify(assets.map(({ type, name, body }) => ({
        type,
        name,
        body: type === "markdown" ? { content: body } : body,
      }))),
    });
  }

  /** What the service knows of the task. Rejects with `NotFoundError` when that is nothing. */
  override async taskGetMetadata(taskId: string): Promise<TaskMetadata> {
    const answer = await this.#client.request({
      action: `look up the task "${taskId}"`,
      method: "GET",
      path: `/tasks/${encodeURIComponent(taskId)}/metadata`,
    });
    const row = answer.as(metadataSchema());
    return {
      id: row.id,
      body: asWritten(row.body),
      name: row.name,
      namespace: row.namespace,
      version: row.version ?? "",
      outputUri: row.output_uri ?? undefined,
      status: row.status,
      registeredAt: row.registered_at ?? undefined,
      startedAt: row.started_at ?? undefined,
      completedAt: row.completed_at ?? undefined,
      errorMessage: row.error_message ?? undefined,
    };
  }

  async #end(
    buildId: string,
    end: keyof typeof ENDS,
    query?: ApiRequest["query"],
  ): Promise<void> {
    await this.#client.request({
      action: `record that the build "${buildId}" ${ENDS[end]}`,
      method: "POST",
      path: `/builds/${encodeURIComponent(buildId)}/${end}`,
      query,
    });
  }

  #step(
    buildId: string,
    task: Pick<AnyTask, "id">,
    step: keyof typeof STEPS,
    query?: ApiRequest["query"],
  ): Promise<void> {
    return this.#tell({
      action: `record that the task "${task.id}" of the build "${buildId}" ${STEPS[step]}`,
      method: "POST",
      path: `${pathOf(buildId, task)}/${step}`,
      query,
    });
  }

  /** Sends what is told of a task, unless the service is out of order and left alone. */
  async #tell(request: ApiRequest): Promise<void> {
    if (this.#outage !== undefined) {
      const { error, since, isTried } = this.#outage;
      const rested = Date.now() - since;
      // Negative when the clock was set back.
      if (isTried || rested >= 0 && rested < REST) throw error;
      this.#outage.isTried = true;
    }
    try {
      await this.#client.request(request);
      this.#outage = undefined;
    } catch (error) {
      this.#outage = isDown(error) ? { error, since: Date.now(), isTried: false } : undefined;
      throw error;
    }
  }
}

function pathOf(buildId: string, task: Pick<AnyTask, "id">): string {
  return `/builds/${encodeURIComponent(buildId)}/tasks/${encodeURIComponent(task.id)}`;
}

/** Whether nothing else can be told either. A 500 may be about this one call. */
function isDown(error: unknown): error is RegistryError {
  return error instanceof RegistryError && error.isOutage &&
    !(error instanceof ApiError && error.status === 500);
}

/** The body with long integers as `toJSON()` of a task has them. Not recursive: a chain can be of any length. */
function asWritten(body: Record<string, unknown>): Record<string, unknown> {
  const stack: object[] = [body];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const [key, value] of Object.entries(node)) {
      if (typeof value === "object" && value !== null) stack.push(value);
      if (typeof value === "bigint") Reflect.set(node, key, rawJson(String(value)));
    }
  }
  return body;
}

/** What the service tells of a task; made when it is needed, and not at import. */
function metadataSchema() {
  const date = z.string().transform((text) => new Date(text)).pipe(z.date()).nullish();
  return z.object({
    id: z.string(),
    body: z.record(z.string(), z.unknown()),
    name: z.string(),
    namespace: z.string(),
    version: z.string().nullish(),
    output_uri: z.string().nullish(),
    status: z.enum([
      "pending",
      "running",
      "suspended",
      "completed",
      "failed",
      "skipped",
      "cancelled",
    ]),
    registered_at: date,
    started_at: date,
    completed_at: date,
    error_message: z.string().nullish(),
  });
}
