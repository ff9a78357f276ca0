/**
 * Finds what differs between two DAGs, and what follows from it. Unaware of targets: nothing is asked whether it is
 * complete.
 *
 * @module
 */

import { isTask, type TaskStruct } from "../tasks/task.ts";
import { canonicalTask } from "../tasks/task_id.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { nestedIds } from "./canonical_value.ts";
import { type Change, changesOf, contentsOf, differences, type TwinOf } from "./changes.ts";
import { type ChangedTask, Diff } from "./diff.ts";
import { eachLeaf, placeText, setsOf } from "./leaves.ts";
import { match, type Matching, type Pair } from "./match.ts";

/** What differs between two DAGs. */
export function diff(before: TaskStruct, after: TaskStruct): Diff {
  const matching = match(before, after);
  const twinOf: TwinOf = (id) => matching.pairOf.get(id)?.after.id;
  const changes = new Map<Pair, readonly Change[]>();
  for (const pair of matching.pairs) {
    const found = differences(...pair.contents, twinOf, setsOf(pair.after));
    changes.set(pair, changesOf(pair.before, pair.after, found));
  }
  const below = new Map(matching.pairs.map((pair) => {
    const isCause = changes.get(pair)!.some(({ significant }) => significant);
    return [pair, isCause ? [] : pairsBelow(pair, matching.pairOf)];
  }));
  const causes = causesOf(below);
  const moves = new Moves(below);
  const changed: ChangedTask[] = [];
  for (const [pair, own] of changes) {
    if (own.length === 0) continue;
    const { before, after } = pair;
    changed.push({
      before,
      after,
      place: placeText(pair),
      changes: own,
      moves: causes.get(pair) === pair ? moves.of(pair) : 0,
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
  return same.flatMap(([before, after]): ChangedTask[] => {
    if (before === after || !taskTypeOf(before).hasInsignificant) return [];
    const found = differences(contentsOf(before), contentsOf(after), (id) => id, setsOf(after));
    const changes = changesOf(before, after, found);
    return changes.length === 0 ? [] : [{ before, after, place: undefined, changes, moves: 0 }];
  });
}

/** The pairs that the id of one is made of, in order. */
function pairsBelow({ before, contents }: Pair, pairOf: Matching["pairOf"]): readonly Pair[] {
  const hashed = nestedIds(canonicalTask(before));
  const below = new Set<Pair>();
  eachLeaf(contents[0], (_path, leaf) => {
    const pair = isTask(leaf) && hashed.has(leaf.id) ? pairOf.get(leaf.id) : undefined;
    if (pair !== undefined) below.add(pair);
  });
  return [...below];
}

/** For each pair, with those it follows from, the one whose own change it follows from: itself, or that of the first. */
function causesOf(below: ReadonlyMap<Pair, readonly Pair[]>): ReadonlyMap<Pair, Pair> {
  const causes = new Map<Pair, Pair>();
  for (const pair of below.keys()) {
    const row = new Set<Pair>();
    let at: Pair = pair;
    while (!causes.has(at) && !row.has(at)) {
      row.add(at);
      at = below.get(at)![0] ?? at;
    }
    const cause = causes.get(at) ?? at;
    for (const each of row) causes.set(each, cause);
  }
  return new Map(Array.from(below.keys(), (pair) => [pair, causes.get(pair)!]));
}

/** How many ids each change moves: those of all above it, up to what has changed itself. */
class Moves {
  readonly #above = new Map<Pair, Pair[]>();
  /** Pairs are told apart by number; those with the same above them move as many. */
  readonly #numbers = new Map<Pair, number>();
  readonly #known = new Map<string, number>();

  constructor(below: ReadonlyMap<Pair, readonly Pair[]>) {
    for (const [pair, others] of below) {
      this.#numbers.set(pair, this.#numbers.size);
      for (const other of others) {
        const above = this.#above.get(other);
        if (above === undefined) this.#above.set(other, [pair]);
        else above.push(pair);
      }
    }
  }

  /** With that of the pair itself. */
  of(pair: Pair): number {
    const above = this.#above.get(pair) ?? [];
    const key = above.map((each) => this.#numbers.get(each)).join();
    let count = this.#known.get(key);
    if (count === undefined) {
      const all = new Set(above);
      for (const each of all) for (const next of this.#above.get(each) ?? []) all.add(next);
      this.#known.set(key, count = all.size);
    }
    return count + 1;
  }
}
