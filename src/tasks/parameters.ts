/**
 * The parameters of one task type at work: checked when a task is made, walked for the tasks in them, loaded before it
 * runs. Unaware of ids and of JSON.
 *
 * @module
 */

import { z } from "zod";
import { messageOf, SchemaError, TaskParameterError } from "../errors.ts";
import { copyOf, describe, isPlainObject } from "../json.ts";
import { inLanes } from "../lanes.ts";
import { isSchema, type Schema } from "../schema.ts";
import { allPartsOf } from "../schema_parts.ts";
import { fieldMark, hasReferences, schemaCodec } from "../schema_codec.ts";
import { isBody } from "./body.ts";
import { isReservedName, loadsWhatFits, type Shape } from "./fields.ts";
import { schemaName } from "./fit.ts";
import { type AnyTask, isTask, type TaskLoads } from "./task.ts";
import { type Parameter, type TaskType, taskTypeOf } from "./type_registry.ts";

/** A task seen as its parameters. */
export type Bag = Record<string, unknown>;

/** How many inputs of one task are loaded at once. */
const MAX_CONCURRENT_LOADS = 16;

/** The parameters of a shape; `orTask`: whether a task may stand for a plain value. Throws for what cannot be one. */
export function compileParameters(
  typeId: string,
  shape: Shape,
  orTask: boolean,
): readonly Parameter[] {
  return Object.entries(shape).map(([key, schema]): Parameter => {
    const refuse = (why: string, cause?: unknown): never => {
      throw new SchemaError(
        `Cannot declare the task type "${typeId}": parameter "${key}": ${why}`,
        {
          cause,
        },
      );
    };
    if (isReservedName(key)) {
      refuse("the name is reserved for tasks themselves. Call it something else");
    }
    if (!isSchema(schema)) {
      refuse(`${describe(schema)} is no Zod schema`);
    }
    try {
      // The whole schema is compiled now, and so refused here and not when a task is made.
      for (const part of allPartsOf(schema)) schemaCodec(part);
      const withReferences = hasReferences(schema);
      return {
        key,
        schema,
        codec: schemaCodec(schema),
        hasReferences: withReferences,
        orTask: orTask && !withReferences,
        mark: fieldMark(schema),
      };
    } catch (error) {
      return refuse(messageOf(error), error);
    }
  });
}

/** Checks what was given for the parameters and sets it on the task. Throws `TaskParameterError`. */
export function setParameters(task: Bag, type: TaskType, given: unknown): void {
  if (!isPlainObject(given)) {
    throw parameterError(
      type,
      [],
      given,
      `parameters are ${describe(given)}. Give one object with all of them`,
    );
  }
  let used = 0;
  for (const parameter of type.parameters) {
    const { key } = parameter;
    const value = given[key];
    if (value !== undefined || key in given) used++;
    if (parameter.orTask && isTask(value)) {
      if (!loadsWhatFits(parameter.schema, value)) {
        const wanted = schemaName(parameter.schema);
        const actual = schemaName(taskTypeOf(value).output!);
        throw parameterError(
          type,
          [key],
          value,
          `"${key}" is the task ${value}, which loads ${actual}. Give ${wanted}, or a task that loads ${wanted}`,
        );
      }
      task[key] = value;
      continue;
    }
    if (parameter.orTask && isBody(value)) {
      throw parameterError(
        type,
        [key],
        value,
        `"${key}" is ${
          describe(value)
        }, which would be taken for a task when read from JSON. Give the task, or wrap it in an object`,
      );
    }
    const result = checked(type, key, parameter.schema, value);
    if (!result.success) {
      // One that is missing may be there under a misspelt name.
      const misspelt = key in given ? undefined : findUnknown(type, given);
      throw misspelt === undefined
        ? issueError(type, key, value, result.error)
        : unknownParameter(type, given, misspelt);
    }
    if (result.data === undefined) continue;
    try {
      task[key] = parameter.codec.freeze(result.data);
      // What is not part of the id must be fit for JSON, too.
      if (!parameter.mark.significant) parameter.codec.canonical(result.data);
    } catch (error) {
      throw unwritable(type, { [key]: result.data }, error);
    }
  }
  if (used < Object.keys(given).length) {
    throw unknownParameter(type, given, findUnknown(type, given)!);
  }
}

function checked(
  type: TaskType,
  key: string,
  schema: Schema,
  value: unknown,
): ReturnType<Schema["safeParse"]> {
  try {
    return schema.safeParse(value);
  } catch (error) {
    const why = error instanceof z.core.$ZodAsyncError
      ? "a check of its schema is asynchronous. Checks of parameters must be synchronous"
      : messageOf(error);
    throw parameterError(type, [key], value, `"${key}" is ${describe(value)}: ${why}`, error);
  }
}

function issueError(
  type: TaskType,
  key: string,
  value: unknown,
  error: z.ZodError,
): TaskParameterError {
  const issue = error.issues[0]!;
  const path = [key, ...issue.path];
  let at: unknown = value;
  for (const step of issue.path) at = (at as Record<PropertyKey, unknown> | undefined)?.[step];
  const what = at === undefined && issue.path.length === 0
    ? `"${key}" is missing`
    : `"${path.join(".")}" is ${isTask(at) ? `the task ${at}` : describe(at)}`;
  return parameterError(type, path, at, `${what}: ${issue.message}`, error);
}

/** The error for values that the schema takes but JSON has no form for; `error` is what was thrown for one of them. */
export function unwritable(type: TaskType, values: Bag, error: unknown): unknown {
  for (const { key, codec } of type.parameters) {
    const value = values[key];
    if (value === undefined || isTask(value)) continue;
    try {
      codec.canonical(value);
    } catch (cause) {
      return parameterError(
        type,
        [key],
        value,
        `"${key}" is ${describe(value)}: ${messageOf(cause)}`,
        cause,
      );
    }
  }
  return error;
}

function findUnknown(type: TaskType, given: Bag): string | undefined {
  return Object.keys(given).find((key) => !type.parameters.some((each) => each.key === key));
}

function unknownParameter(type: TaskType, given: Bag, unknown: string): TaskParameterError {
  const names = type.parameters.map(({ key }) => `"${key}"`).join(", ");
  const known = names === "" ? "It takes none" : `It takes ${names}`;
  return parameterError(
    type,
    [unknown],
    given[unknown],
    `there is no parameter "${unknown}". ${known}`,
  );
}

/** An error about a parameter: what is wrong, with the type in front. */
export function parameterError(
  { id }: TaskType,
  path: readonly PropertyKey[],
  value: unknown,
  problem: string,
  cause?: unknown,
): TaskParameterError {
  return new TaskParameterError(`Cannot make a task "${id}": ${problem}`, {
    typeId: id,
    path,
    value,
    cause,
  });
}

/** Every task in the parameters, in order; one that stands there twice comes twice. */
export function tasksInParameters(task: AnyTask): AnyTask[] {
  const found: AnyTask[] = [];
  for (const { key, codec, hasReferences } of taskTypeOf(task).parameters) {
    const value = (task as unknown as Bag)[key];
    if (isTask(value)) {
      found.push(value);
    } else if (hasReferences && value !== undefined) {
      codec.mapReferences(value, (reference) => (found.push(reference as AnyTask), reference));
    }
  }
  return found;
}

/** The parameters with each task that is to be loaded replaced by what it loads; a promise only when there are any. */
export function loadParameters(task: AnyTask): Bag | Promise<Bag> {
  const { parameters } = taskTypeOf(task);
  const values: Bag = {};
  let inputs: Map<AnyTask, unknown> | undefined;
  for (const { key, codec, orTask, hasReferences } of parameters) {
    const value = (task as unknown as Bag)[key];
    if (value === undefined) continue;
    // What is kept is frozen; what is handed out may be changed, as its type says.
    values[key] = copyOf(value);
    if (orTask && isTask(value)) {
      (inputs ??= new Map()).set(value, undefined);
    } else if (hasReferences) {
      codec.mapReferences(value, (reference, { loaded }) => {
        if (loaded) (inputs ??= new Map()).set(reference as AnyTask, undefined);
        return reference;
      });
    }
  }
  return inputs === undefined ? values : loadInto(values, parameters, inputs);
}

async function loadInto(
  values: Bag,
  parameters: readonly Parameter[],
  inputs: Map<AnyTask, unknown>,
): Promise<Bag> {
  await inLanes([...inputs.keys()], MAX_CONCURRENT_LOADS, async (task) => {
    inputs.set(task, await (task as TaskLoads<unknown>).load());
  });
  for (const { key, codec, orTask, hasReferences } of parameters) {
    const value = values[key];
    if (value === undefined) continue;
    if (orTask) {
      if (isTask(value)) values[key] = inputs.get(value);
    } else if (hasReferences) {
      values[key] = codec.mapReferences(
        value,
        (reference, { loaded }) => loaded ? inputs.get(reference as AnyTask) : reference,
      );
    }
  }
  return values;
}
