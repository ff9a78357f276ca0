/**
 * Tasks as text to be sent, in the size of their DAG: a task that many depend on is written once. Unaware of who sends it.
 *
 * @module
 */

import { isPlainObject, parseJson, stringifyJson } from "../json.ts";
import { taskFromJSON } from "../tasks/from_json.ts";
import { tasksInParameters } from "../tasks/parameters.ts";
import { bodyOf } from "../tasks/task_body.ts";
import type { AnyTask, TaskBody } from "../tasks/task.ts";
import { type TaskType, taskTypeOf } from "../tasks/type_registry.ts";

/** Stands in a body for the body of another task. */
const REFERENCE = "__stardag_body";

/** Tasks as text, and of what types they and the tasks in them are, with one task of each. */
export interface WrittenTasks {
  readonly text: string;
  readonly types: ReadonlyMap<TaskType, AnyTask>;
}

/** Writes tasks down, nested ones in full. */
export function writeTasks(tasks: readonly AnyTask[]): WrittenTasks {
  const bodies: TaskBody[] = [];
  const indices = new Map<AnyTask, number>();
  const types = new Map<TaskType, AnyTask>();
  const stack = tasks.toReversed();
  for (let task = stack.at(-1); task !== undefined; task = stack.at(-1)) {
    const before = stack.length;
    if (!indices.has(task)) {
      for (const nested of tasksInParameters(task)) if (!indices.has(nested)) stack.push(nested);
      if (stack.length > before) continue;
      const body = bodyOf(task, (nested) => ({ [REFERENCE]: indices.get(nested as AnyTask) }));
      indices.set(task, bodies.push(body) - 1);
      // An alias is of no type that is declared anywhere.
      if (!("__aliased" in body)) types.set(taskTypeOf(task), task);
    }
    stack.pop();
  }
  const text = stringifyJson({ bodies, roots: tasks.map((task) => indices.get(task)) });
  return { text, types };
}

/** Makes the tasks again. Throws what `taskFromJSON` throws. */
export function readTasks(text: string): readonly AnyTask[] {
  const { bodies, roots } = parseJson(text) as {
    readonly bodies: readonly TaskBody[];
    readonly roots: readonly number[];
  };
  for (const body of bodies) linkReferences(body, bodies);
  return roots.map((index) => taskFromJSON(bodies[index]));
}

function linkReferences(body: TaskBody, bodies: readonly TaskBody[]): void {
  const stack: unknown[] = [body];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const [key, part] of Object.entries(node as object)) {
      if (typeof part !== "object" || part === null) continue;
      const index = isPlainObject(part) ? part[REFERENCE] : undefined;
      if (typeof index === "number") (node as Record<string, unknown>)[key] = bodies[index];
      else stack.push(part);
    }
  }
}
