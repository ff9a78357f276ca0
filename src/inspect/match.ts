/**
 * Which task of one DAG is which of another: those of the same id; else of the same type, in the same place below tasks
 * that are matched. Unaware of what differs between them.
 *
 * Each task is matched once, and its contents are walked once: the work grows as the DAGs do.
 *
 * @module
 */

import { type AnyTask, isTask, type TaskStruct } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
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
        path: right.path,
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

/** Tasks of both contents that are not taken yet, and are then: first those in just the same place. */
function* twinsIn(contents: Pair["contents"], taken: Set<string>): Generator<[Place, Place]> {
  const left = placesIn(contents[0]);
  const right = placesIn(contents[1]);
  for (const keyOf of [exactly, roughly]) {
    // A queue for each key: the last one is the next.
    const open = new Map<string, Place[]>();
    for (const place of right.toReversed()) {
      const others = open.get(keyOf(place));
      if (others === undefined) open.set(keyOf(place), [place]);
      else others.push(place);
    }
    for (const place of left) {
      const others = open.get(keyOf(place));
      while (others !== undefined && others.length > 0 && !taken.has(place.task.id)) {
        const twin = others.pop()!;
        if (taken.has(twin.task.id)) continue;
        taken.add(place.task.id).add(twin.task.id);
        yield [place, twin];
      }
    }
  }
}

function placesIn(contents: unknown): readonly Place[] {
  const places: Place[] = [];
  eachLeaf(contents, (path, leaf) => {
    if (isTask(leaf)) places.push({ path, task: leaf });
  });
  return places;
}

function exactly({ path, task }: Place): string {
  return `${taskTypeOf(task).id} ${pathText(path)}`;
}

/** The same in each place of an array, so that those that have moved there are matched in their order. */
function roughly({ path, task }: Place): string {
  return `${taskTypeOf(task).id} ${pathText(path.filter((step) => typeof step === "string"))}`;
}
