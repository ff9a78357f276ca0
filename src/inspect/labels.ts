/**
 * What tells tasks of one type apart, in a few words. Unaware of where that is written.
 *
 * @module
 */

import { visible } from "../json.ts";
import type { AnyTask } from "../tasks/task.ts";
import { isTask } from "../tasks/task.ts";
import { type TaskType, taskTypeOf } from "../tasks/type_registry.ts";
import { eachLeaf, parametersOf, type Path, pathText, shortenedText, valueText } from "./leaves.ts";

/** How many values are shown of one task, and how many characters of each line. */
const MOST_LINES = 3;
const MOST_CHARACTERS = 32;

/** For each task, a line for each value in which it differs from others of its type. */
export function labelsOf(tasks: readonly AnyTask[]): readonly (readonly string[])[] {
  const values = tasks.map(valuesOf);
  const byType = new Map<TaskType, number[]>();
  for (const [i, task] of tasks.entries()) {
    const type = taskTypeOf(task);
    const known = byType.get(type);
    if (known === undefined) byType.set(type, [i]);
    else known.push(i);
  }
  const labels: (readonly string[])[] = [];
  for (const members of byType.values()) {
    const paths = distinguishing(members.map((i) => values[i]!));
    for (const i of members) {
      const own = paths.filter(({ key }) => values[i]!.has(key));
      const lines = own.slice(0, MOST_LINES).map(({ key, name }) => {
        const { value } = values[i]!.get(key)!;
        const isWord = typeof value === "string" && /^[\p{L}\p{N}_.-]+$/u.test(value);
        return shortenedText(`${name}=${isWord ? value : valueText(value)}`, MOST_CHARACTERS);
      });
      labels[i] = own.length > MOST_LINES ? [...lines, "..."] : lines;
    }
  }
  return labels;
}

/** The values of a task by the text of their path; other tasks are none: they have boxes of their own. */
type Values = ReadonlyMap<string, { readonly path: Path; readonly value: unknown }>;

function valuesOf(task: AnyTask): Values {
  const values = new Map<string, { readonly path: Path; readonly value: unknown }>();
  eachLeaf(parametersOf(task), (path, value) => {
    if (!isTask(value)) values.set(pathText(path), { path, value });
  });
  return values;
}

/** The paths at which not all have the same, each with the shortest name that tells it from the others. */
function distinguishing(
  tasks: readonly Values[],
): readonly { readonly key: string; readonly name: string }[] {
  const first = tasks[0]!;
  const all = new Map<string, Path>();
  const differing = new Set<string>();
  for (const values of tasks) {
    for (const [key, { path, value }] of values) {
      all.set(key, path);
      const other = first.get(key);
      if (other === undefined || valueText(other.value) !== valueText(value)) differing.add(key);
    }
    for (const key of first.keys()) if (!values.has(key)) differing.add(key);
  }
  const paths = [...all].filter(([key]) => differing.has(key));
  const times = new Map<Path[number] | undefined, number>();
  for (const [, path] of paths) {
    times.set(path.at(-1), (times.get(path.at(-1)) ?? 0) + 1);
  }
  return paths.map(([key, path]) => {
    const last = path.at(-1);
    return { key, name: typeof last === "string" && times.get(last) === 1 ? visible(last) : key };
  });
}
