/**
 * The task types of this program by type id, so that a task can be made again from its JSON. Unaware of how a type is
 * declared and what its tasks do.
 *
 * @module
 */

import { TaskTypeError } from "../errors.ts";
import type { Schema } from "../schema.ts";
import type { FieldMark, SchemaCodec } from "../schema_codec.ts";
import { locationIn, type SourceLocation } from "../stack.ts";
import type { RunPolicy } from "./run_policy.ts";
import type { AnyTask } from "./task.ts";

/** A parameter of a task type. */
export interface Parameter {
  /** Its name. */
  readonly key: string;
  /** What its values are. */
  readonly schema: Schema;
  /** How its values are written. */
  readonly codec: SchemaCodec;
  /** Whether values can have tasks in them. */
  readonly hasReferences: boolean;
  /** Whether a task that loads such a value can stand in its place. */
  readonly orTask: boolean;
  /** What `field()` says of it. */
  readonly mark: FieldMark;
}

/** A kind of task: what it is called, which parameters it has, and how one is made. */
export interface TaskType {
  /** Namespace and name, joined by a dot; only the name where there is no namespace. */
  readonly id: string;
  /** `""` for none. */
  readonly namespace: string;
  /** Name within the namespace. */
  readonly name: string;
  /** Version of the code; `""` for none. */
  readonly version: string;
  /** The parameters, in the order declared. */
  readonly parameters: readonly Parameter[];
  /** What tasks of the type load; `undefined` where the type does not say. */
  readonly output: Schema | undefined;
  /** URL of the module that declares the type, where known. */
  readonly module: string | undefined;
  /** Where in the code the type is declared. */
  readonly declaredAt: SourceLocation;
  /** Whether two tasks of the type with one id can differ: some parameter is not significant. */
  readonly hasInsignificant: boolean;
  /** How its tasks want to be run; `undefined` where the type says nothing. */
  readonly policy: RunPolicy | undefined;
  /** Makes a task of the type. */
  make(params: Readonly<Record<string, unknown>>, version: string): AnyTask;
}

/** Under which a task keeps its type. */
export const TASK_TYPE: unique symbol = Symbol.for("@stardag/core/type") as never;

const types = new Map<string, TaskType>();

/** The type of a task, or of what makes tasks: a task function or a registered class. */
export function taskTypeOf(source: object): TaskType {
  const type = (source as { readonly [TASK_TYPE]?: TaskType })[TASK_TYPE];
  if (type === undefined) {
    throw new TypeError("Cannot tell the task type: give a task, a task function or a task class");
  }
  return type;
}

/** How the task wants to be run; `undefined` where its type says nothing. */
export function policyOf(task: AnyTask): RunPolicy | undefined {
  return (task as { readonly [TASK_TYPE]?: TaskType })[TASK_TYPE]?.policy;
}

/**
 * Makes the type known. The same module loaded again replaces its types; throws `TaskTypeError` when other code has
 * the type id already.
 */
export function registerTaskType(type: TaskType): void {
  const other = types.get(type.id);
  if (other !== undefined && !isSameCode(other.declaredAt, type.declaredAt)) {
    throw new TaskTypeError(
      `Cannot register the task type "${type.id}": it is declared at ${place(other)} and again at ${
        place(type)
      }. Give one of them another name or namespace`,
      { typeId: type.id },
    );
  }
  types.set(type.id, type);
}

/** The type with this type id, or `undefined`. */
export function findTaskType(id: string): TaskType | undefined {
  return types.get(id);
}

/** The type ids known, in the order registered. */
export function taskTypeIds(): readonly string[] {
  return [...types.keys()];
}

/** Type id from its parts. */
export function typeId(namespace: string, name: string): string {
  return namespace === "" ? name : `${namespace}.${name}`;
}

/** Where the code that called into this package stands. */
export function callerLocation(): SourceLocation {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = limit;
  return locationIn(stack) ?? { url: "unknown:", position: "" };
}

/** The same place, or the same file loaded again under another query (as reloading does). */
function isSameCode(a: SourceLocation, b: SourceLocation): boolean {
  if (a.url === b.url) return a.position === b.position;
  return a.url.replace(/[?#].*$/, "") === b.url.replace(/[?#].*$/, "");
}

function place({ declaredAt: { url, position } }: TaskType): string {
  return position === "" ? url : `${url}:${position}`;
}
