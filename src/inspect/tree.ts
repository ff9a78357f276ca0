/**
 * A DAG as lines of text, from the tasks asked for down to what they require. Unaware of colours.
 *
 * @module
 */

import { count } from "../builders/summary.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import type { AnyTask, TaskStruct } from "../tasks/task.ts";
import type { CheckOptions } from "./checks.ts";
import {
  type Dag,
  DAG_STATES,
  dagOf,
  type DagState,
  FirstReason,
  STATE_WORDS,
  statesOf,
  unknownLines,
} from "./dag.ts";

/** Options of `tree`. */
export interface TreeOptions extends CheckOptions {
  /** Whether to ask which tasks are complete, and to show it; yes unless told. */
  readonly states?: boolean | undefined;
  /** How many levels are shown below the tasks asked for; all unless told. */
  readonly maxDepth?: number | undefined;
  /** How many lines are shown; 1,000 unless told. */
  readonly maxLines?: number | undefined;
}

/** A line of a tree: one task in one place. */
export interface TreeLine {
  /** The task. */
  readonly task: AnyTask;
  /** How many levels it stands below a task that was asked for. */
  readonly depth: number;
  /** What stands before it: the branches. */
  readonly prefix: string;
  /** How it stands; `undefined` when that was not asked for. */
  readonly state: DagState | undefined;
  /** What it requires is not below it: shown above already, or left out because of the depth. */
  readonly cut: "shown_above" | "too_deep" | undefined;
}

/** A tree as JSON. */
export interface TreeJson {
  /** How many tasks there are. */
  readonly tasks: number;
  /** How many tasks there are in each state; empty when the states were not asked for. */
  readonly states: Readonly<Partial<Record<DagState, number>>>;
  /** Why the first of those that are unknown is so; left out where none is. */
  readonly reason?: string | undefined;
  /** The lines, from the top. */
  readonly lines: readonly {
    readonly id: string;
    readonly task: string;
    readonly depth: number;
    readonly state?: DagState | undefined;
    readonly cut?: TreeLine["cut"];
  }[];
  /** Whether lines are left out at the end. */
  readonly isShortened: boolean;
}

/** A DAG as lines; `String(tree)` is what a person wants to read. */
export class Tree {
  /** How many tasks there are, however many lines are shown. */
  readonly tasks: number;
  /** How many tasks are in each state; empty when the states were not asked for. */
  readonly states: Readonly<Partial<Record<DagState, number>>>;
  /** Why it cannot be told of the first `unknown` task whether it is complete; `undefined` where there is none. */
  readonly reason: string | undefined;
  /** The lines, from the top. */
  readonly lines: readonly TreeLine[];
  /** Whether lines are left out at the end. */
  readonly isShortened: boolean;

  /** Made by `tree()`. */
  constructor(details: Pick<Tree, "tasks" | "states" | "reason" | "lines" | "isShortened">) {
    this.tasks = details.tasks;
    this.states = details.states;
    this.reason = details.reason;
    this.lines = details.lines;
    this.isShortened = details.isShortened;
  }

  /** All of it as plain data. */
  toJSON(): TreeJson {
    return {
      tasks: this.tasks,
      states: this.states,
      reason: this.reason,
      lines: this.lines.map(({ task, depth, state, cut }) => ({
        id: task.id,
        task: String(task),
        depth,
        state,
        cut,
      })),
      isShortened: this.isShortened,
    };
  }

  /** The lines, then how many tasks there are in each state, and why where that is unknown. */
  toString(): string {
    const lines = this.lines.map(lineText);
    if (this.isShortened) lines.push("... and more lines");
    const states = DAG_STATES.filter((state) => this.states[state] !== undefined)
      .map((state) => `${MARKS[state]} ${this.states[state]} ${STATE_WORDS[state]}`);
    const counted = states.length === 0 ? "" : `: ${states.join(", ")}`;
    return [
      ...lines,
      "",
      `${count(this.tasks, "task", "tasks")}${counted}`,
      ...unknownLines(this.states.unknown, this.reason),
    ].join("\n");
  }

  /** What the console shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/** The DAG as lines. */
export async function tree(struct: TaskStruct, options: TreeOptions): Promise<Tree> {
  checkOptions(options, OPTIONS, "show a tree");
  const { states: wanted = true, maxDepth = Infinity, maxLines = 1000 } = options;
  for (const [name, value] of Object.entries({ maxDepth, maxLines })) {
    if (typeof value !== "number" || !(value >= 0)) {
      throw new RangeError(
        `Cannot show a tree with ${name} ${describe(value)}: give a number from 0`,
      );
    }
  }
  const dag = dagOf(struct);
  const reason = new FirstReason();
  const states = wanted ? await statesOf(dag, options, reason.add) : undefined;
  const counts: Partial<Record<DagState, number>> = {};
  for (const state of states ?? []) counts[state] = (counts[state] ?? 0) + 1;
  const lines: TreeLine[] = [];
  let isShortened = false;
  for (const line of linesOf(dag, states, maxDepth)) {
    isShortened = lines.length >= maxLines;
    if (isShortened) break;
    lines.push(line);
  }
  return new Tree({
    tasks: dag.tasks.length,
    states: counts,
    reason: reason.text,
    lines,
    isShortened,
  });
}

const OPTIONS = [
  "states",
  "maxDepth",
  "maxLines",
  "maxConcurrentDiscover",
  "signal",
] as const satisfies readonly (keyof TreeOptions)[];

/** By state, a mark that says the same without colours. */
const MARKS: Readonly<Record<DagState, string>> = {
  complete: "✓",
  to_run: "○",
  not_needed: "-",
  unknown: "?",
};

/** A deeper chain is told by numbers in place of branches: its lines would grow with their depth. */
const MOST_BRANCHES = 40;

/** A place in the tree that is still to be shown. */
interface Place {
  readonly node: number;
  readonly depth: number;
  /** The branches before it, and before what is below it. */
  readonly prefix: string;
  readonly below: string;
}

/** Depth first, each task with what it requires once; no more lines than there are roots and requirements. */
function* linesOf(
  { roots, tasks, requires }: Dag,
  states: readonly DagState[] | undefined,
  maxDepth: number,
): Generator<TreeLine> {
  const shown = new Set<number>();
  const rest: Place[] = roots.toReversed().map((node) => ({
    node,
    depth: 0,
    prefix: "",
    below: "",
  }));
  for (let place = rest.pop(); place !== undefined; place = rest.pop()) {
    const { node, depth, prefix, below } = place;
    const required = requires[node]!;
    const isLeaf = required.length === 0;
    const cut = isLeaf
      ? undefined
      : shown.has(node)
      ? "shown_above"
      : depth >= maxDepth
      ? "too_deep"
      : undefined;
    yield { task: tasks[node]!, depth, prefix, state: states?.[node], cut };
    if (cut !== undefined || isLeaf) continue;
    shown.add(node);
    for (let i = required.length - 1; i >= 0; i--) {
      rest.push({
        node: required[i]!,
        depth: depth + 1,
        ...branch(below, depth, i === required.length - 1),
      });
    }
  }
}

function branch(above: string, depth: number, isLast: boolean): Pick<Place, "prefix" | "below"> {
  if (depth >= MOST_BRANCHES) {
    const numbered = above.replace(/ *\(\d+\) $/, "");
    const prefix = `${numbered} (${depth + 1}) `;
    return { prefix, below: prefix };
  }
  return {
    prefix: `${above}${isLast ? "└─ " : "├─ "}`,
    below: `${above}${isLast ? "   " : "│  "}`,
  };
}

function lineText({ task, prefix, state, cut }: TreeLine): string {
  const mark = state === undefined ? "" : `${MARKS[state]} `;
  return `${prefix}${mark}${task}${cut === undefined ? "" : `  ${CUTS[cut]}`}`;
}

const CUTS: Readonly<Record<NonNullable<TreeLine["cut"]>, string>> = {
  shown_above: "↑ shown above",
  too_deep: "...",
};
