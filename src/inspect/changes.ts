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
import { exactValue } from "./canonical_value.ts";
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

/** The id of the task that may stand where this one stood without being a change of what has it. */
export type TwinOf = (id: string) => string | undefined;

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

/**
 * Where two contents differ. In arrays what is the same at both ends is passed over, so that one more is one change; of sets
 * it does not matter where something is.
 */
export function differences(
  before: unknown,
  after: unknown,
  twinOf: TwinOf,
  isSet: (path: Path) => boolean,
): readonly Difference[] {
  const found: Difference[] = [];
  new Comparison(twinOf, isSet, found).compare(before, after, []);
  return found;
}

class Comparison {
  readonly #twinOf: TwinOf;
  readonly #isSet: (path: Path) => boolean;
  readonly #found: Difference[];

  constructor(twinOf: TwinOf, isSet: (path: Path) => boolean, found: Difference[]) {
    this.#twinOf = twinOf;
    this.#isSet = isSet;
    this.#found = found;
  }

  compare(before: unknown, after: unknown, path: Path): void {
    if (this.#isSame(before, after)) return;
    const [own, other] = [membersOf(before), membersOf(after)];
    if (
      own === undefined || other === undefined || Array.isArray(before) !== Array.isArray(after)
    ) {
      this.#found.push({ path, before, after });
    } else if (Array.isArray(before) && Array.isArray(after)) {
      if (this.#isSet(path)) this.#compareSets(before, after, path);
      else this.#compareArrays(before, after, path);
    } else {
      const members = new Map(other);
      for (const [key, member] of own) {
        this.compare(member, members.get(key), [...path, key]);
        members.delete(key);
      }
      for (const [key, member] of members) this.compare(undefined, member, [...path, key]);
    }
  }

  #compareArrays(before: readonly unknown[], after: readonly unknown[], path: Path): void {
    const shorter = Math.min(before.length, after.length);
    let start = 0;
    while (start < shorter && this.#isSame(before[start], after[start])) start++;
    let end = 0;
    while (end < shorter - start && this.#isSame(before.at(-1 - end), after.at(-1 - end))) end++;
    for (let i = start; i < Math.max(before.length, after.length) - end; i++) {
      const [own, other] = [before, after].map((all) => i < all.length - end ? all[i] : undefined);
      this.compare(own, other, [...path, i]);
    }
  }

  /** What is in one of them only, each beside the next of the other, where it is in the one after if it is there. */
  #compareSets(before: readonly unknown[], after: readonly unknown[], path: Path): void {
    const own = new Map(before.map((member, i) => [this.#twinKeyOf(member), i]));
    const added: number[] = [];
    after.forEach((member, i) => {
      if (!own.delete(keyOf(member))) added.push(i);
    });
    const removed = [...own.values()];
    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
      const [from, to] = [removed[i], added[i]];
      const member = from === undefined ? undefined : before[from];
      const other = to === undefined ? undefined : after[to];
      this.compare(member, other, [...path, (to ?? from)!]);
    }
  }

  #twinKeyOf(member: unknown): string {
    return isTask(member) ? this.#twinOf(member.id) ?? member.id : keyOf(member);
  }

  #isSame(before: unknown, after: unknown): boolean {
    if (before === after) return true;
    if (isTask(before) && isTask(after)) {
      return before.id === after.id || this.#twinOf(before.id) === after.id;
    }
    const [own, other] = [membersOf(before), membersOf(after)];
    if (own === undefined || other === undefined) {
      return !isTask(before) && !isTask(after) && valueText(before) === valueText(after);
    }
    if (own.length !== other.length || Array.isArray(before) !== Array.isArray(after)) return false;
    const members = new Map(other);
    return own.every(([key, member]) => members.has(key) && this.#isSame(member, members.get(key)));
  }
}

function keyOf(member: unknown): string {
  return isTask(member) ? member.id : valueText(member);
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
  return OWN_BODY in task ? { __aliased: { id: task.id } } : exactValue(canonicalTask(task));
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
