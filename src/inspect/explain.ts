/**
 * Finds out why a task has the id it has, and why what was built before is not reused. Runs nothing; unaware of how the
 * index is kept.
 *
 * @module
 */

import { usualPlace } from "../builders/output_index_writer.ts";
import { describe } from "../json.ts";
import { listUris } from "../targets/listing.ts";
import type { Target } from "../targets/target.ts";
import { isCompleteByTarget } from "../tasks/base_task.ts";
import type { Bag } from "../tasks/parameters.ts";
import { type AnyTask, isTask } from "../tasks/task.ts";
import { OWN_BODY } from "../tasks/task_body.ts";
import { canonicalTask } from "../tasks/task_id.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { memberSpans } from "./canonical_text.ts";
import { isComplete } from "./dag.ts";
import { type ExplainedField, Explanation, type ReuseReason } from "./explanation.ts";
import { parametersOf } from "./leaves.ts";
import { nearestOutputs } from "./nearest_outputs.ts";
import { PastOutputs } from "./past_outputs.ts";

/** How many of those that differ in the fewest parameters are looked for. */
const MOST_LOOKED_FOR = 2_000;

/** What is known of a task. */
export async function explain(task: AnyTask): Promise<Explanation> {
  if (!isTask(task)) {
    throw new TypeError(`Cannot explain ${describe(task)}: give one task`);
  }
  const isAlias = OWN_BODY in task;
  const canonical = isAlias ? undefined : canonicalTask(task);
  const isBuilt = await isComplete(task);
  const target = (task as { readonly output?: () => Target }).output?.();
  return new Explanation({
    task,
    canonical,
    fields: canonical === undefined ? [] : fieldsOf(task, canonical),
    uri: target?.uri,
    reason: await reasonOf(task, target, canonical, isBuilt),
  });
}

function fieldsOf(task: AnyTask, canonical: string): readonly ExplainedField[] {
  const values = parametersOf(task);
  const hashed = memberSpans(new TextEncoder().encode(canonical)).map(
    ({ start, value, end }): ExplainedField => {
      const name: string = JSON.parse(canonical.slice(start, value - 1));
      const text = canonical.slice(value, end);
      const isType = name === "__name" || name === "__namespace";
      return {
        name,
        value: isType ? JSON.parse(text) : values[name],
        hashed: text,
        leftOut: undefined,
      };
    },
  );
  const names = new Set(hashed.map(({ name }) => name));
  const leftOut = taskTypeOf(task).parameters.filter(({ key }) => !names.has(key));
  return [
    ...hashed,
    ...leftOut.map(({ key, mark }): ExplainedField => ({
      name: key,
      value: values[key],
      hashed: undefined,
      leftOut: (task as unknown as Bag)[key] === undefined
        ? "not_given"
        : mark.significant
        ? "compat_default"
        : "not_significant",
    })),
  ];
}

async function reasonOf(
  task: AnyTask,
  target: Target | undefined,
  canonical: string | undefined,
  isBuilt: boolean,
): Promise<ReuseReason> {
  const past = new PastOutputs();
  const outputs = past.ofTypeOf(task);
  const built = await outputs?.find(task.id);
  if (isBuilt) return { kind: "complete", built };
  if (target === undefined || (!isCompleteByTarget(task) && await target.exists())) {
    return { kind: "not_complete" };
  }
  if (built !== undefined) return { kind: "output_gone", built };
  if (outputs === undefined || canonical === undefined) return { kind: "no_index" };
  const nearest = await nearestOutputs(
    task,
    await outputs.nearest(canonical, MOST_LOOKED_FOR),
    past,
  );
  if (nearest === undefined) {
    return { kind: "not_in_index", hasOthers: await hasOthers(task, target.uri) };
  }
  return nearest.length === 0 ? { kind: "all_gone" } : { kind: "different", nearest };
}

/** Whether there are files where outputs of the type are usually kept. */
async function hasOthers({ id }: AnyTask, uri: string): Promise<boolean> {
  const at = uri.indexOf(`/${usualPlace(id)}`);
  if (at < 0) return false;
  for await (const _ of listUris(uri.slice(0, at + 1))) return true;
  return false;
}
