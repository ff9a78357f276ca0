/**
 * What has changed since an output of the same type was built: down into nested tasks, by what the index tells of those
 * of that time. Unaware of which outputs are looked at, and how often.
 *
 * @module
 */

import type { AnyTask } from "../tasks/task.ts";
import type { IndexedOutput } from "./index_reader.ts";
import { type Place, placeText } from "./leaves.ts";
import type { PastDifference, PastOutputs } from "./past_outputs.ts";

/** How many changes are told of one output, and how many tasks are compared. */
const MOST_CHANGES = 1_000;
const MOST_COMPARED = 10_000;

/** A value that differs from what it was. */
export interface PastChange {
  /**
   * Where, through nested tasks too, as in code: `model.dataset.limit`; of a long way the end, behind `... `. `version` is
   * that of the code.
   */
  readonly path: string;
  /** What it was, as JSON; a task as its type and the beginning of its id. `undefined` where it was left out. */
  readonly before: unknown;
  /** What it is. */
  readonly after: unknown;
}

/** What has changed since an output was built. */
export interface PastChanges {
  /** Those nearest to the task first. */
  readonly changes: readonly PastChange[];
  /** How many more there are: very many are not told one by one. */
  readonly more: number;
  /** Whether there was too much to look at: some changes are told as those of nested tasks, and not what changed in them. */
  readonly isCut: boolean;
}

/** Nested tasks that are still to be compared, or values. */
interface Found extends Place {
  readonly difference: PastDifference;
  /** The task that has it. */
  readonly owner: AnyTask;
}

/** Finds out, task by task, what has changed since an output was built. */
export class PastComparison {
  /** The output. */
  readonly output: IndexedOutput;
  readonly #past: PastOutputs;
  readonly #open: Found[] = [];
  readonly #seen = new Set<string>();
  readonly #changes: Found[] = [];
  #next = 0;
  #more = 0;
  #unknown = 0;
  #isCut = false;

  /** Compares the task itself, and none below it. */
  constructor(past: PastOutputs, output: IndexedOutput, task: AnyTask) {
    this.#past = past;
    this.output = output;
    this.#compare(output, task, undefined);
  }

  /** Whether all is compared. */
  get isDone(): boolean {
    return this.#next >= this.#open.length;
  }

  /** Whether the output is nearer, by what is known up to now: what is open has one change at least. */
  isNearerThan(other: PastComparison): boolean {
    return this.#unknown === other.#unknown
      ? this.#bound < other.#bound
      : this.#unknown < other.#unknown;
  }

  get #bound(): number {
    return this.#changes.length + this.#more + (this.isDone ? 0 : 1);
  }

  /** Compares the next of the nested tasks, those nearest to the task first. */
  async compareNext(): Promise<void> {
    if (this.#next >= MOST_COMPARED || this.#changes.length === MOST_CHANGES) return this.cut();
    const next = this.#open[this.#next++]!;
    const { before, after } = next.difference.nested!;
    const past = await this.#past.find(before, after);
    if (past !== undefined) return this.#compare(past, after, next);
    this.#unknown++;
    this.#add(next);
  }

  /** Compares no more: what is open is told as it is. */
  cut(): void {
    const open = this.#open.splice(this.#next);
    // Of very many changes the rest is only counted.
    if (this.#changes.length < MOST_CHANGES && open.length > 0) {
      this.#isCut = true;
      this.#unknown += open.length;
    }
    for (const each of open) this.#add(each);
  }

  /** What is found. */
  changes(): PastChanges {
    const changes = this.#changes.map((found): PastChange => ({
      path: placeText(found),
      ...this.#past.shown(found.difference, found.owner),
    }));
    return { changes, more: this.#more, isCut: this.#isCut };
  }

  #compare(before: IndexedOutput, owner: AnyTask, parent: Place | undefined): void {
    for (const difference of this.#past.differences(before, owner)) {
      const { nested, path } = difference;
      const found: Found = { difference, owner, path, parent };
      if (nested === undefined || this.#changes.length === MOST_CHANGES) {
        this.#add(found);
        continue;
      }
      const key = `${nested.before} ${nested.after.id}`;
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      this.#open.push(found);
    }
  }

  #add(found: Found): void {
    if (this.#changes.length === MOST_CHANGES) this.#more++;
    else this.#changes.push(found);
  }
}
