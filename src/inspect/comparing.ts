/**
 * Finds what differs between two DAGs, and what follows from it. Unaware of targets: nothing is asked whether it is
 * complete.
 *
 * @module
 */

import { isTask, type TaskStruct } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { type Change, changesOf, contentsOf, differences, type IsMatch } from "./changes.ts";
import { type ChangedTask, Diff } from "./diff.ts";
import { eachLeaf, pathText } from "./leaves.ts";
import { match, type Matching, type Pair } from "./match.ts";

/** What differs between two DAGs. */
export function diff(before: TaskStruct, after: TaskStruct): Diff {
  const matching = match(before, after);
  const isMatch: IsMatch = (own, other) => matching.pairOf.get(own.id)?.after.id === other.id;
  const changes = new Map<Pair, readonly Change[]>();
  for (const pair of matching.pairs) {
    const found = differences(...pair.contents, isMatch);
    changes.set(pair, changesOf(pair.before, pair.after, found));
  }
  const causes = causesOf(
    matching,
    (pair) => changes.get(pair)!.some(({ significant }) => significant),
  );
  const moves = new Map<Pair, number>();
  for (const cause of causes.values()) moves.set(cause, (moves.get(cause) ?? 0) + 1);
  const changed: ChangedTask[] = [];
  for (const [pair, own] of changes) {
    if (own.length === 0) continue;
    const { before, after } = pair;
    changed.push({
      before,
      after,
      place: placeOf(pair),
      changes: own,
      moves: moves.get(pair) ?? 0,
    });
  }
  return new Diff({
    changed: [...changed, ...changedInside(matching)],
    // Found from the top down.
    moved: Array.from(
      causes,
      ([{ before, after }, cause]) => ({ before, after, because: cause.after }),
    ).reverse(),
    added: matching.added,
    removed: matching.removed,
    same: matching.same.length,
  });
}

/** Tasks of the same id that differ in what is not part of it. */
function changedInside({ same }: Matching): readonly ChangedTask[] {
  const isMatch: IsMatch = (own, other) => own.id === other.id;
  return same.flatMap(([before, after]): ChangedTask[] => {
    if (before === after || !taskTypeOf(before).hasInsignificant) return [];
    const found = differences(contentsOf(before), contentsOf(after), isMatch);
    const changes = changesOf(before, after, found);
    return changes.length === 0 ? [] : [{ before, after, place: undefined, changes, moves: 0 }];
  });
}

/** For each pair the one whose own change it follows from: itself, or that of the first below it. */
function causesOf(
  { pairs, pairOf }: Matching,
  hasChanged: (pair: Pair) => boolean,
): ReadonlyMap<Pair, Pair> {
  const causes = new Map<Pair, Pair>();
  for (const pair of pairs) {
    const row: Pair[] = [];
    let at: Pair = pair;
    while (!causes.has(at)) {
      row.push(at);
      const below = hasChanged(at) ? undefined : firstBelow(at, pairOf);
      if (below === undefined) break;
      at = below;
    }
    const cause = causes.get(at) ?? at;
    for (const each of row) causes.set(each, cause);
  }
  return new Map(pairs.map((pair) => [pair, causes.get(pair)!]));
}

/** The first pair in its parameters: there is one where the id has changed and nothing else there has. */
function firstBelow({ contents }: Pair, pairOf: Matching["pairOf"]): Pair | undefined {
  let first: Pair | undefined;
  eachLeaf(contents[0], (_path, leaf) => {
    if (isTask(leaf)) first ??= pairOf.get(leaf.id);
  });
  return first;
}

/** How many steps of a long place are told. */
const MOST_STEPS = 8;

/** From a task that was given down to the pair, by the parameters that lead there. */
function placeOf(pair: Pair): string {
  const steps: string[] = [];
  let at = pair;
  for (; at.parent !== undefined && steps.length < MOST_STEPS; at = at.parent) {
    steps.push(pathText(at.path));
  }
  if (at.parent === undefined) {
    steps.push(at.path.length > 0 ? pathText(at.path) : taskTypeOf(at.after).name);
  }
  const place = steps.reverse().join(".").replaceAll(".[", "[");
  return at.parent === undefined ? place : `... ${place}`;
}
