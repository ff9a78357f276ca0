/**
 * Tasks of former builds, by their ids: made again, or stood for. Unaware of how a registry is reached.
 *
 * @module
 */

import { validate } from "@std/uuid";
import { StardagError, TaskParameterError, TaskTypeError } from "../errors.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import { isSchema, type Output, type Schema } from "../schema.ts";
import { aliasTask } from "../tasks/alias_task.ts";
import type { AutoTask } from "../tasks/auto_task.ts";
import { taskFromJSON } from "../tasks/from_json.ts";
import { type AnyTask, isTask } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import type { Registry, TaskMetadata } from "./registry.ts";
import { registryProvider } from "./registry_provider.ts";

/** Options of {@linkcode fromRegistry}. */
export interface FromRegistryOptions {
  /** The registry that knows the task; that of `registryProvider` unless told. */
  readonly registry?: Pick<Registry, "taskGetMetadata"> | undefined;
}

/** Options of {@linkcode aliasTaskFromRegistry}. */
export interface AliasTaskFromRegistryOptions<O extends Schema> extends FromRegistryOptions {
  /** Id of the task. */
  readonly id: string;
  /** What its output loads. */
  readonly output: O;
}

/** What to do about a task that the code does not make any more. */
const ADVICE = "stand for its output with aliasTaskFromRegistry()";

/**
 * Makes a task again that a registry knows, by its id.
 *
 * The types of it and of the tasks in it must have been declared: import their modules first. Rejects with `RegistryError`
 * when the registry does not know the task, and with `TaskTypeError` or `TaskParameterError` when the code of today makes
 * no such task, or one with another id: `aliasTaskFromRegistry` still gives its output.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const square = sd.task({
 *   name: "square",
 *   params: { n: z.int() },
 *   output: z.int(),
 *   run: ({ n }) => n * n,
 * });
 * const registry = new sd.InMemoryRegistry();
 * registry.taskRegister(registry.buildStart([]), square({ n: 3 }));
 * const task = await sd.fromRegistry(square({ n: 3 }).id, { registry });
 * String(task); // "square(n=3) ..."
 * ```
 */
export async function fromRegistry(
  id: string,
  options: FromRegistryOptions = {},
): Promise<AnyTask> {
  const action = `make the task ${describe(id)} of the registry again`;
  checkOptions(options, ["registry"], action);
  const { body } = await metadataOf(id, options, action);
  let task: AnyTask;
  try {
    task = taskFromJSON(body);
  } catch (error) {
    throw withAdvice(error);
  }
  if (task.id === id.toLowerCase()) return task;
  const { id: typeId } = taskTypeOf(task);
  throw new TaskTypeError(
    `Cannot ${action}: the type "${typeId}" has changed, and what it makes of the same parameters has the id "${task.id}". ` +
      `Change it back, or ${ADVICE}`,
    { typeId },
  );
}

/**
 * A task in place of one that a registry knows and whose output is there, but which cannot be made any more, e.g. after its
 * parameters have changed: `aliasTask` with what the registry knows of it.
 *
 * Rejects with `RegistryError` when the registry does not know the task, with `StardagError` when it does not know where
 * the output is.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * using _ = sd.targetFactoryProvider.override(
 *   new sd.TargetFactory({ targetRoots: { default: "memory://example" } }),
 * );
 * const old = sd.task({ name: "old", output: z.int(), run: () => 42 });
 * const registry = new sd.InMemoryRegistry();
 * await sd.build(old(), { registry });
 *
 * const alias = await sd.aliasTaskFromRegistry({ id: old().id, output: z.int(), registry });
 * await alias.load(); // 42
 * ```
 */
export async function aliasTaskFromRegistry<O extends Schema>(
  options: AliasTaskFromRegistryOptions<O>,
): Promise<AutoTask<Output<O>>> {
  const { id, output } = options;
  const action = `make an alias of the task ${describe(id)} of the registry`;
  checkOptions(options, ["id", "output", "registry"], action);
  if (!isSchema(output)) {
    throw new TypeError(
      `Cannot ${action}: its output is ${describe(output)}. Give a Zod schema of what it loads`,
    );
  }
  const { body, outputUri } = await metadataOf(id, options, action);
  if (outputUri === undefined) {
    throw new StardagError(
      `Cannot ${action}: it knows of no place of the output. Say where it is with aliasTask({ id, uri, output })`,
    );
  }
  // Of a task that is an alias itself.
  const { __aliased: _, ...rest } = body;
  return aliasTask({ id, uri: outputUri, output, body: rest });
}

async function metadataOf(
  id: string,
  { registry = registryProvider.get() }: FromRegistryOptions,
  action: string,
): Promise<TaskMetadata> {
  if (typeof id === "string" && validate(id)) {
    return await registry.taskGetMetadata(id.toLowerCase());
  }
  const what = isTask(id)
    ? "it is a task, not an id: give its .id"
    : "give the id of a task, a UUID";
  throw new TypeError(`Cannot ${action}: ${what}`);
}

/** The error, with what else can be done where the code does not fit the body. */
function withAdvice(error: unknown): unknown {
  if (error instanceof TaskTypeError) {
    return new TaskTypeError(`${error.message}. Or ${ADVICE}`, {
      typeId: error.typeId,
      cause: error,
    });
  }
  if (error instanceof TaskParameterError) {
    const { typeId, path, value } = error;
    return new TaskParameterError(`${error.message}. Or ${ADVICE}`, {
      typeId,
      path,
      value,
      cause: error,
    });
  }
  return error;
}
