/**
 * Which task of one DAG is which of another: those of the same id; else of the same type, in the same place below tasks
 * that are matched, in arrays those that are most alike. Unaware of what differs between them.
 *
 * Each task is matched once, and its contents are walked once: the work grows as the DAGs do.
 *
 * @module
 */

import { type AnyTask, isTask, type TaskStruct } from "../tasks/task.ts";
import { canonicalTask } from "../tasks/task_id.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { memberSpans } from "./canonical_text.ts";
import { withoutIds } from "./canonical_value.ts";
import { contentsOf } from "./changes.ts";
import { dagOf } from "./dag.ts";
import { eachLeaf, type Path, pathText } from "./leaves.ts";

/** Two tasks of different ids that stand for each other. */
export interface Pair {
  readonly before: AnyTask;
  readonly after: AnyTask;
  /** The pair below which it was found; none where it is of tasks that were given. */
  readonly parent: Pair | undefined;
  /** Where it was found there. */
  readonly path: Path;
  /** The contents of both. */
  readonly contents: readonly [before: unknown, after: unknown];
}

/** What has become of the tasks. */
export interface Matching {
  /** Of the same id in both. */
  readonly same: readonly (readonly [before: AnyTask, after: AnyTask])[];
  /** Those nearest to the tasks given first. */
  readonly pairs: readonly Pair[];
  /** The pair of a task of the DAG before, by its id. */
  readonly pairOf: ReadonlyMap<string, Pair>;
  /** Only in the DAG before. */
  readonly removed: readonly AnyTask[];
  /** Only in the DAG after. */
  readonly added: readonly AnyTask[];
}

/** Matches the tasks of two DAGs. */
export function match(before: TaskStruct, after: TaskStruct): Matching {
  const own = dagOf(before).tasks;
  const other = dagOf(after).tasks;
  const twins = new Map(other.map((task) => [task.id, task]));
  const same = own.flatMap((task): [AnyTask, AnyTask][] => {
    const twin = twins.get(task.id);
    return twin === undefined ? [] : [[task, twin]];
  });
  const taken = new Set(same.map(([{ id }]) => id));
  const pairs: Pair[] = [];
  const pairUp = (contents: Pair["contents"], parent: Pair | undefined): void => {
    for (const [left, right] of twinsIn(contents, taken)) {
      pairs.push({
        before: left.task,
        after: right.task,
        parent,
        // A task that was given alone is named by its type.
        path: right.path.length > 0 ? right.path : [taskTypeOf(right.task).name],
        contents: [contentsOf(left.task), contentsOf(right.task)],
      });
    }
  };
  pairUp([before, after], undefined);
  // It grows as it is walked.
  for (const pair of pairs) pairUp(pair.contents, pair);
  const isLeft = ({ id }: AnyTask): boolean => !taken.has(id);
  return {
    same,
    pairs,
    pairOf: new Map(pairs.map((pair) => [pair.before.id, pair])),
    removed: own.filter(isLeft),
    added: other.filter(isLeft),
  };
}

/** A task in the contents of another, or among those given. */
interface Place {
  readonly path: Path;
  readonly task: AnyTask;
}

/**
 * Tasks of both contents that are not taken yet, and are then: of several of a type in one array first those that differ in
 * the least of what their ids are made of, then those in just the same place, then in their order.
 */
function* twinsIn(contents: Pair["contents"], taken: Set<string>): Generator<[Place, Place]> {
  const isOpen = ({ task }: Place): boolean => !taken.has(task.id);
  const [groups, others] = contents.map((each) =>
    Map.groupBy(placesIn(each).filter(isOpen), groupOf)
  );
  for (const [key, left] of groups!) {
    const right = others!.get(key);
    if (right === undefined) continue;
    const areSeveral = left.length > 1 || right.length > 1;
    for (const keyOf of areSeveral ? likenessesOf(left[0]!.task) : [() => 0]) {
      const open = [left, right].map((places) => eachOnce(places.filter(isOpen)));
      for (const pair of pairedBy(keyOf, open[0]!, open[1]!)) {
        for (const { task } of pair) taken.add(task.id);
        yield pair;
      }
    }
  }
}

/** Those of the same key: the ones in the same place, then the rest in their order. */
function* pairedBy(
  keyOf: (task: AnyTask) => number,
  left: readonly Place[],
  right: readonly Place[],
): Generator<[Place, Place]> {
  const there = new Map(right.map((place) => [pathText(place.path), place]));
  const done = new Set<Place>();
  for (const place of left) {
    const twin = there.get(pathText(place.path));
    if (twin === undefined || keyOf(place.task) !== keyOf(twin.task)) continue;
    done.add(place).add(twin);
    yield [place, twin];
  }
  // A queue for each key: the last one is the next.
  const rest = right.filter((place) => !done.has(place)).reverse();
  const open = Map.groupBy(rest, ({ task }) => keyOf(task));
  for (const place of left) {
    const twin = done.has(place) ? undefined : open.get(keyOf(place.task))?.pop();
    if (twin !== undefined) yield [place, twin];
  }
}

/** The first place of each task. */
function eachOnce(places: readonly Place[]): readonly Place[] {
  const seen = new Set<string>();
  return places.filter(({ task: { id } }) => !seen.has(id) && seen.add(id));
}

/** The same for tasks of a type that are in the same place but for where in an array. */
function groupOf({ path, task }: Place): string {
  return `${taskTypeOf(task).id} ${pathText(path.filter((step) => typeof step === "string"))}`;
}

/**
 * Numbers that are the same for tasks of the type that are alike: in all that their ids are made of but other tasks; then in
 * that but for one parameter, or the version; then in nothing at all.
 */
function* likenessesOf(like: AnyTask): Generator<(task: AnyTask) => number> {
  const names = ["version", ...taskTypeOf(like).parameters.map(({ key }) => key)];
  const numbers = new Map<string, number>();
  const known = new Map<AnyTask, readonly number[]>();
  const codesOf = (task: AnyTask): readonly number[] => {
    let codes = known.get(task);
    if (codes === undefined) known.set(task, codes = memberCodes(task, names, numbers));
    return codes;
  };
  for (let column = -1; column < names.length; column++) {
    yield (task) => {
      const codes = codesOf(task);
      return codes.at(-1)! - (codes[column] ?? 0);
    };
  }
  yield () => 0;
}

/** A number for each member of the text that the id is made of, with no telling which tasks are in it; then one for all. */
function memberCodes(
  task: AnyTask,
  names: readonly string[],
  numbers: Map<string, number>,
): readonly number[] {
  const text = withoutIds(canonicalTask(task));
  const codes: number[] = new Array(names.length).fill(0);
  let all = 0;
  for (const { start, value, end } of memberSpans(new TextEncoder().encode(text))) {
    const column = names.indexOf(JSON.parse(text.slice(start, value - 1)));
    if (column < 0) continue;
    const member = text.slice(start, end);
    let number = numbers.get(member);
    if (number === undefined) numbers.set(member, number = scattered(numbers.size + 1));
    codes[column] = number;
    all += number;
  }
  return [...codes, all];
}

/** An integer of 45 bits, so that sums of some are hardly ever those of others, and exact. */
function scattered(index: number): number {
  return (mixed(index) >>> 0) * 2 ** 13 + (mixed(~index) >>> 19);
}

function mixed(index: number): number {
  let bits = Math.imul(index ^ (index >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

function placesIn(contents: unknown): readonly Place[] {
  const places: Place[] = [];
  eachLeaf(contents, (path, leaf) => {
    if (isTask(leaf)) places.push({ path, task: leaf });
  });
  return places;
}
