/**
 * What differs between two tasks of one type: which values, at which path, and whether their ids tell of it. Unaware of
 * the DAGs around them.
 *
 * @module
 */

import { requirementsOf } from "../builders/discovery.ts";
import { stringifyJson } from "../json.ts";
import { type AnyTask, isTask } from "../tasks/task.ts";
import { OWN_BODY } from "../tasks/task_body.ts";
import { canonicalTask } from "../tasks/task_id.ts";
import {
  eachLeaf,
  jsonOf,
  membersOf,
  parametersOf,
  type Path,
  pathText,
  valueText,
} from "./leaves.ts";

/** A value that differs. */
export interface Change {
  /** Where in the task, as in code: `model.layers[2].size`. `version` is that of the code. */
  readonly path: string;
  /** What was there, as JSON; a task as its type and the beginning of its id. `undefined` where nothing was. */
  readonly before: unknown;
  /** What is there. */
  readonly after: unknown;
  /** Whether the id depends on it. */
  readonly significant: boolean;
}

/** A difference that is not told yet. */
export interface Difference {
  readonly path: Path;
  readonly before: unknown;
  readonly after: unknown;
}

/** Whether a task may stand where another one stood without being a change of what has it. */
export type IsMatch = (before: AnyTask, after: AnyTask) => boolean;

/** What a task is made of: its version, its parameters, and after them as `requires` what else it requires. */
export function contentsOf(task: AnyTask): Readonly<Record<string, unknown>> {
  const parameters = parametersOf(task);
  const inParameters = new Set<string>();
  eachLeaf(parameters, (_path, leaf) => {
    if (isTask(leaf)) inParameters.add(leaf.id);
  });
  const requires = requirementsOf(task).filter(({ id }) => !inParameters.has(id));
  return requires.length === 0 ? parameters : { ...parameters, requires };
}

/** Where two contents differ; in arrays what is the same at both ends is passed over, so that one more is one change. */
export function differences(
  before: unknown,
  after: unknown,
  isMatch: IsMatch,
): readonly Difference[] {
  const found: Difference[] = [];
  compare(before, after, [], isMatch, found);
  return found;
}

function compare(
  before: unknown,
  after: unknown,
  path: Path,
  isMatch: IsMatch,
  found: Difference[],
): void {
  if (isSame(before, after, isMatch)) return;
  const [own, other] = [membersOf(before), membersOf(after)];
  if (own === undefined || other === undefined || Array.isArray(before) !== Array.isArray(after)) {
    found.push({ path, before, after });
  } else if (Array.isArray(before) && Array.isArray(after)) {
    compareArrays(before, after, path, isMatch, found);
  } else {
    const members = new Map(other);
    for (const [key, member] of own) {
      compare(member, members.get(key), [...path, key], isMatch, found);
      members.delete(key);
    }
    for (const [key, member] of members) compare(undefined, member, [...path, key], isMatch, found);
  }
}

function compareArrays(
  before: readonly unknown[],
  after: readonly unknown[],
  path: Path,
  isMatch: IsMatch,
  found: Difference[],
): void {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && isSame(before[start], after[start], isMatch)) start++;
  let end = 0;
  while (end < shorter - start && isSame(before.at(-1 - end), after.at(-1 - end), isMatch)) end++;
  for (let i = start; i < Math.max(before.length, after.length) - end; i++) {
    const [own, other] = [before, after].map((all) => i < all.length - end ? all[i] : undefined);
    compare(own, other, [...path, i], isMatch, found);
  }
}

function isSame(before: unknown, after: unknown, isMatch: IsMatch): boolean {
  if (before === after) return true;
  if (isTask(before) && isTask(after)) return before.id === after.id || isMatch(before, after);
  const [own, other] = [membersOf(before), membersOf(after)];
  if (own === undefined || other === undefined) {
    return !isTask(before) && !isTask(after) && valueText(before) === valueText(after);
  }
  if (own.length !== other.length || Array.isArray(before) !== Array.isArray(after)) return false;
  const members = new Map(other);
  return own.every(([key, member]) =>
    members.has(key) && isSame(member, members.get(key), isMatch)
  );
}

/** The differences as they are told, each with whether it is part of the text that is hashed. */
export function changesOf(
  before: AnyTask,
  after: AnyTask,
  found: readonly Difference[],
): readonly Change[] {
  if (found.length === 0) return [];
  const [own, other] = [before, after].map(hashedOf);
  return found.map((difference) => ({
    path: pathText(difference.path),
    before: jsonOf(difference.before),
    after: jsonOf(difference.after),
    significant: hashedAt(own, difference.path) !== hashedAt(other, difference.path),
  }));
}

/** The contents as far as the id tells of them; that of an alias was given. */
function hashedOf(task: AnyTask): unknown {
  return OWN_BODY in task ? { __aliased: { id: task.id } } : JSON.parse(canonicalTask(task));
}

/** What is hashed of what is there, as text; nothing where it is left out. */
function hashedAt(hashed: unknown, path: Path): string | undefined {
  let at = hashed;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Readonly<Record<string | number, unknown>>)[step];
  }
  return stringifyJson(at);
}
