/**
 * What differs between two DAGs: as data, as JSON, and for a person. Unaware of how it is found, and of colours.
 *
 * @module
 */

import { count } from "../builders/summary.ts";
import { shortName } from "../tasks/describe_task.ts";
import type { AnyTask } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import type { Change } from "./changes.ts";
import { changedTexts } from "./leaves.ts";
import { tableText } from "./table_text.ts";

/** A task that is not as it was. */
export interface ChangedTask {
  /** As it was. */
  readonly before: AnyTask;
  /** As it is; of the same id when nothing significant has changed. */
  readonly after: AnyTask;
  /** Where it stands below the tasks given, e.g. `report.benchmark.candidates[2].metrics`. */
  readonly place: string | undefined;
  /** What has changed in itself. */
  readonly changes: readonly Change[];
  /**
   * How many ids it changes: its own, and those of what requires it, up to tasks that have changed in themselves. Several
   * may change the same one.
   */
  readonly moves: number;
}

/** A task that has another id than before. */
export interface MovedTask {
  /** As it was. */
  readonly before: AnyTask;
  /** As it is. */
  readonly after: AnyTask;
  /** The task whose own change this follows from; where there are several, the first. Itself where it has changed. */
  readonly because: AnyTask;
}

/** A diff as JSON. */
export interface DiffJson {
  /** Tasks that have changed in themselves. */
  readonly changed: readonly {
    readonly type: string;
    readonly before: string;
    readonly after: string;
    readonly place?: string | undefined;
    readonly changes: readonly Change[];
    readonly moves: number;
  }[];
  /** Tasks with another id than before, by their ids. */
  readonly moved: readonly {
    readonly type: string;
    readonly before: string;
    readonly after: string;
    readonly because: string;
  }[];
  /** Tasks that are only in the second DAG. */
  readonly added: readonly { readonly type: string; readonly id: string }[];
  /** Tasks that are only in the first DAG. */
  readonly removed: readonly { readonly type: string; readonly id: string }[];
  /** How many tasks have the same id in both. */
  readonly same: number;
}

/** What differs between two DAGs; `String(diff)` is what a person wants to read. */
export class Diff {
  /** Tasks that have changed in themselves: the causes, and those that have changed only in what is not part of the id. */
  readonly changed: readonly ChangedTask[];
  /** Tasks with another id than before, those farthest below the tasks given first. */
  readonly moved: readonly MovedTask[];
  /** Tasks that are only in the second DAG. */
  readonly added: readonly AnyTask[];
  /** Tasks that are only in the first DAG. */
  readonly removed: readonly AnyTask[];
  /** How many tasks have the same id in both. */
  readonly same: number;

  /** Made by `diff()`. */
  constructor(details: Pick<Diff, "changed" | "moved" | "added" | "removed" | "same">) {
    this.changed = details.changed;
    this.moved = details.moved;
    this.added = details.added;
    this.removed = details.removed;
    this.same = details.same;
  }

  /** Whether nothing differs at all. */
  get isEmpty(): boolean {
    return this.changed.length + this.moved.length + this.added.length + this.removed.length === 0;
  }

  /** All of it as plain data. */
  toJSON(): DiffJson {
    const named = (task: AnyTask): { type: string; id: string } => ({
      type: taskTypeOf(task).id,
      id: task.id,
    });
    const both = (
      { before, after }: ChangedTask | MovedTask,
    ): { type: string; before: string; after: string } => ({
      type: taskTypeOf(after).id,
      before: before.id,
      after: after.id,
    });
    return {
      changed: this.changed.map((each) => ({
        ...both(each),
        place: each.place,
        changes: each.changes,
        moves: each.moves,
      })),
      moved: this.moved.map((each) => ({ ...both(each), because: each.because.id })),
      added: this.added.map(named),
      removed: this.removed.map(named),
      same: this.same,
    };
  }

  /** What has changed, then what follows from it. */
  toString(): string {
    return diffText(this);
  }

  /** What the console shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/** How many tasks of a kind are named, and changes of one task. */
const MOST_NAMED = 10;
const MOST_CHARACTERS = 80;

/** What has changed in itself, then the ids that change with it, then what is new and what is gone. */
function diffText(diff: Diff): string {
  if (diff.isEmpty) return `Nothing differs: ${count(diff.same, "task", "tasks")}`;
  const { changed, moved, added, removed, same } = diff;
  const lines = [
    [
      `${count(changed.length, "task has", "tasks have")} changed`,
      `${count(moved.length, "id", "ids")} moved`,
      `${added.length} added`,
      `${removed.length} removed`,
      `${same} the same`,
    ].join(", "),
  ];
  if (changed.length > 0) lines.push("", "Changed", ...upTo(MOST_NAMED, changed, changedLines));
  if (moved.length > 0) lines.push("", "Ids that move with it", ...movedLines(moved));
  if (added.length > 0) lines.push("", "Added", ...upTo(MOST_NAMED, added, taskLines));
  if (removed.length > 0) lines.push("", "Removed", ...upTo(MOST_NAMED, removed, taskLines));
  return lines.join("\n");
}

function changedLines({ before, after, place, changes, moves }: ChangedTask): readonly string[] {
  const ids = before.id === after.id ? "" : ` -> ${after.id.slice(0, 8)}`;
  const others = moves > 1 ? `, moves ${count(moves - 1, "other", "others")}` : "";
  return [
    `  ${shortName(before)}${ids}${place === undefined ? "" : `, at ${place}`}${others}`,
    ...upTo(MOST_NAMED, changes, (change) => [`    ${changeText(change)}`]),
  ];
}

function changeText({ path, before, after, significant }: Change): string {
  const [own, other] = changedTexts(before, after, MOST_CHARACTERS);
  return `${path}: ${own} -> ${other}${significant ? "" : " (not part of the id)"}`;
}

/** How many of each type, and each of the first. */
function movedLines(moved: readonly MovedTask[]): readonly string[] {
  const types = new Map<string, number>();
  for (const { after } of moved) {
    const { id } = taskTypeOf(after);
    types.set(id, (types.get(id) ?? 0) + 1);
  }
  const ids = upTo(MOST_NAMED, moved, ({ before, after, because }) => [
    `  ${shortName(before)} -> ${after.id.slice(0, 8)}${
      because === after ? "" : `  because of ${shortName(because)}`
    }`,
  ]);
  return [...tableText(["type", "moved"], [...types]), "", ...ids];
}

function taskLines(task: AnyTask): readonly string[] {
  return [`  ${task}`];
}

/** The lines of the first ones, and how many more there are. */
function upTo<T>(
  most: number,
  all: readonly T[],
  linesOf: (each: T) => readonly string[],
): readonly string[] {
  const lines = all.slice(0, most).flatMap(linesOf);
  return all.length > most ? [...lines, `  ... and ${all.length - most} more`] : lines;
}
