/**
 * A task as JSON, nested tasks in full, without recursion: a chain of any length, a task shared by many only once.
 * Unaware of how it is read back.
 *
 * @module
 */

import type { MapReference } from "../schema_codec.ts";
import { type Bag, tasksInParameters } from "./parameters.ts";
import { type AnyTask, isTask, type TaskBody } from "./task.ts";
import { taskTypeOf } from "./type_registry.ts";

/** Under which a task keeps a body that is not made of its parameters (an alias of a task that is no longer there). */
export const OWN_BODY: unique symbol = Symbol("own body");

/** The full body of a task. Nested bodies are shared objects, so its size is that of the DAG and not of the text. */
export function taskBody(root: AnyTask): TaskBody {
  const bodies = new Map<AnyTask, TaskBody>();
  const stack: AnyTask[] = [root];
  for (let task = stack.at(-1); task !== undefined; task = stack.at(-1)) {
    const before = stack.length;
    if (!bodies.has(task)) {
      for (const nested of tasksInParameters(task)) if (!bodies.has(nested)) stack.push(nested);
      if (stack.length > before) continue;
      bodies.set(task, bodyOf(task, (reference) => bodies.get(reference as AnyTask)));
    }
    stack.pop();
  }
  return bodies.get(root)!;
}

/** The body of one task, with what `nested` gives in place of the tasks in it. */
export function bodyOf(task: AnyTask, nested: MapReference): TaskBody {
  const own = (task as { readonly [OWN_BODY]?: TaskBody })[OWN_BODY];
  if (own !== undefined) return own;
  const { namespace, name, parameters } = taskTypeOf(task);
  const body: Bag = { __namespace: namespace, __name: name, version: task.version };
  for (const { key, codec, orTask } of parameters) {
    const value = (task as unknown as Bag)[key];
    if (value === undefined) continue;
    body[key] = orTask && isTask(value)
      ? nested(value, { canonical: String, loaded: true, output: undefined })
      : codec.toJson(value, nested);
  }
  return Object.freeze(body);
}
