/**
 * What is to be done, what is under way and what is done: the DAG as a state machine. Synchronous, holds no promise;
 * unaware of how tasks are checked and run.
 *
 * Work per event is proportional to the edges it touches: nodes are numbers, edges are linked lists in flat arrays, and
 * nothing ever looks at all nodes while the build is under way.
 *
 * @module
 */

import { DependencyCycleError } from "../errors.ts";
import type { AnyTask } from "../tasks/task.ts";
import { Ints } from "./ints.ts";
import type { LimitSet } from "./limits.ts";
import { type Ranks, ReadyQueue } from "./ready_queue.ts";
import type { TaskResult } from "./summary.ts";

/** The states of a task in a build. */
export type TaskState =
  /** Something it requires is not complete, or that is not known yet; or it is not yet time for its next attempt. */
  | "waiting"
  /** It can start, or go on after what it yielded is complete, as soon as there is a slot for it. */
  | "ready"
  /** The executor has it. */
  | "running"
  /** It yielded tasks and goes on when they are complete. */
  | "suspended"
  /** Its output is there. */
  | "complete"
  /** It threw, or its output was not there after it ran. */
  | "failed"
  /** Something it requires has failed. */
  | "skipped"
  /** It was under way when the build was stopped. */
  | "cancelled";

/** How many tasks are in each state. */
export type StateCounts = Record<TaskState, number>;

const NONE = -1;

/** The tasks of one build with their states. A node is the number of a task, counted from 0 in order of discovery. */
export class Schedule {
  readonly counts: StateCounts = {
    waiting: 0,
    ready: 0,
    running: 0,
    suspended: 0,
    complete: 0,
    failed: 0,
    skipped: 0,
    cancelled: 0,
  };
  readonly #nodes = new Map<string, number>();
  readonly #tasks: AnyTask[] = [];
  readonly #states: TaskState[] = [];
  /** How many edges into the node come from tasks that are not complete; one more until it is released. */
  readonly #missing = new Ints();
  /** The task through which it was found, or NONE for a root. */
  readonly #parents = new Ints();
  /** Edges, from what is required to what requires it: the node's first and last one, and `#next` of each. */
  readonly #first = new Ints();
  readonly #last = new Ints();
  readonly #next = new Ints();
  readonly #to = new Ints();
  readonly #priorities: number[] = [];
  /** How many tasks wait for the node, one after the other, along the longest path up to a root. */
  readonly #heights = new Ints();
  /** When the node first became ready, as a count of such events; NONE when it never did. */
  readonly #turns = new Ints();
  /** The limits that count the node, for those that have any. */
  readonly #limits = new Map<number, LimitSet>();
  /** For each skipped node the one that failed. */
  readonly #blame = new Map<number, number>();
  readonly #onSkipped: ((node: number, because: number) => void) | undefined;
  /** What ranks the nodes that are ready. */
  readonly ranks: Ranks = {
    priorities: this.#priorities,
    heights: this.#heights,
    turns: this.#turns,
  };
  readonly #ready = new ReadyQueue(this.ranks);
  /** Those that are ready before it is settled how they rank. */
  #unranked: number[] | undefined = [];
  #turn = 0;
  #previouslyCompleted = 0;

  /** `onSkipped` is called for each node that is skipped. */
  constructor(onSkipped?: (node: number, because: number) => void) {
    this.#onSkipped = onSkipped;
  }

  /** How many tasks there are. */
  get size(): number {
    return this.#tasks.length;
  }

  /** The node of the task with this id. */
  find(id: string): number | undefined {
    return this.#nodes.get(id);
  }

  /** The task of a node. */
  task(node: number): AnyTask {
    return this.#tasks[node]!;
  }

  /** The state of a node. */
  state(node: number): TaskState {
    return this.#states[node]!;
  }

  /** How the node counts when all has ended. */
  result(node: number): TaskResult["state"] {
    const state = this.#states[node]!;
    switch (state) {
      case "complete":
        return this.#turns.get(node) === NONE ? "previouslyCompleted" : "succeeded";
      case "failed":
      case "skipped":
      case "cancelled":
        return state;
      default:
        return "pending";
    }
  }

  /** Adds a task that waits until it is released. */
  add(task: AnyTask, parent: number | undefined): number {
    const node = this.#tasks.length;
    this.#nodes.set(task.id, node);
    this.#tasks.push(task);
    this.#states.push("waiting");
    this.#missing.push(1);
    this.#parents.push(parent ?? NONE);
    this.#first.push(NONE);
    this.#last.push(NONE);
    this.#priorities.push(0);
    this.#heights.push(parent === undefined ? 0 : this.#heights.get(parent) + 1);
    this.#turns.push(NONE);
    this.counts.waiting++;
    return node;
  }

  /** Says how a node that is not yet released wants to be run. */
  setPolicy(node: number, priority: number, limits: LimitSet | undefined): void {
    this.#priorities[node] = priority;
    if (limits !== undefined) this.#limits.set(node, limits);
  }

  /** Takes back the nodes from this one on, which have no edges yet. */
  forgetFrom(first: number): void {
    for (const task of this.#tasks.splice(first)) {
      this.#nodes.delete(task.id);
      this.counts.waiting--;
    }
    this.#states.length = first;
    this.#priorities.length = first;
    for (
      const each of [
        this.#missing,
        this.#parents,
        this.#first,
        this.#last,
        this.#heights,
        this.#turns,
      ]
    ) each.truncate(first);
  }

  /** From here on the node waits for `required` too. A node that waits for what has failed is skipped when released. */
  require(node: number, required: number): void {
    if (this.#states[required] === "complete") return;
    this.#missing.add(node, 1);
    const edge = this.#to.push(node);
    this.#next.push(NONE);
    const last = this.#last.get(required);
    if (last === NONE) this.#first.set(required, edge);
    else this.#next.set(last, edge);
    this.#last.set(required, edge);
  }

  /** Visits the nodes that were told to wait for this one. */
  eachDependent(node: number, visit: (dependent: number) => void): void {
    for (let edge = this.#first.get(node); edge !== NONE; edge = this.#next.get(edge)) {
      visit(this.#to.get(edge));
    }
  }

  /** All that the node requires is known: it is ready as soon as all of it is complete, skipped when some has failed. */
  release(node: number, required: readonly number[]): void {
    if (!this.#isOpen(node)) return;
    const dead = required.find((each) => isDead(this.#states[each]!));
    if (dead !== undefined) {
      const because = this.#blame.get(dead) ?? dead;
      this.#skip(node, because);
      this.#skipDependents(node, because);
    } else if (this.#missing.add(node, -1) === 0) {
      this.#becomeReady(node);
    }
  }

  /**
   * The next node that can run: the one of the highest priority; of these the one with the most tasks above it that
   * wait for each other; of these the one that became ready first. Takes a slot of each limit that counts it.
   */
  takeReady(): number | undefined {
    for (;;) {
      const node = this.#ready.take();
      if (node === undefined) return undefined;
      const limits = this.#limits.get(node);
      if (limits === undefined || limits.take()) {
        this.#moved(node, "running");
        return node;
      }
      limits.park(node);
    }
  }

  /** How many tasks were complete when they were found, or were completed by others. */
  get previouslyCompleted(): number {
    return this.#previouslyCompleted;
  }

  /** The output of the node is there; what waited only for it is ready. */
  completed(node: number): void {
    if (this.#states[node] === "waiting") this.#previouslyCompleted++;
    this.#moved(node, "complete");
    for (let edge = this.#first.get(node); edge !== NONE; edge = this.#next.get(edge)) {
      const dependent = this.#to.get(edge);
      if (this.#missing.add(dependent, -1) === 0 && this.#isOpen(dependent)) {
        this.#becomeReady(dependent);
      }
    }
  }

  /** Others have completed the node that was to run here. */
  completedByOthers(node: number): void {
    this.#turns.set(node, NONE);
    this.#previouslyCompleted++;
    this.completed(node);
  }

  /** The node yielded; it waits until it is released again. */
  suspended(node: number): void {
    this.#moved(node, "suspended");
    this.#missing.set(node, 1);
  }

  /** The node cannot go on now, or an attempt at it failed; it waits until it is released. */
  backedOff(node: number): void {
    this.#moved(node, "waiting");
    this.#missing.set(node, 1);
  }

  /** The node cannot be completed, and so nothing that requires it, however far down. */
  failed(node: number): void {
    this.#moved(node, "failed");
    this.#skipDependents(node, node);
  }

  /** The failed node because of which this one is skipped. */
  blamed(node: number): number | undefined {
    return this.#blame.get(node);
  }

  /** The node was given up when the build was stopped. */
  cancelled(node: number): void {
    this.#moved(node, "cancelled");
  }

  /** The tasks from a root down to the node, as they were first found; only the last ones with `most`. */
  path(node: number, most = Infinity): AnyTask[] {
    const path: AnyTask[] = [];
    for (let at = node; at !== NONE && path.length < most; at = this.#parents.get(at)) {
      path.push(this.#tasks[at]!);
    }
    return path.reverse();
  }

  /**
   * A circle among tasks that wait for each other and can never go on, or `undefined`: looks at all nodes, for the end
   * of the discovery and for a build in which nothing moves. Each node of it requires the next one.
   */
  findCycle(): number[] | undefined {
    return this.#walk().cycle;
  }

  /**
   * Ends the first discovery: says how many tasks stand above each node, along the longest path. Nodes that come in
   * later count from the one that asked for them. Gives a circle, if there is one.
   */
  settle(): number[] | undefined {
    const { order, cycle } = this.#walk();
    for (let i = order.length - 1; i >= 0; i--) {
      const node = order[i]!;
      let height = 0;
      for (let edge = this.#first.get(node); edge !== NONE; edge = this.#next.get(edge)) {
        const above = this.#heights.get(this.#to.get(edge)) + 1;
        if (above > height) height = above;
      }
      this.#heights.set(node, height);
    }
    for (const node of this.#unranked ?? []) this.#ready.add(node);
    this.#unranked = undefined;
    return cycle;
  }

  /** The nodes that can be completed, each after what it requires; and a circle among the others. */
  #walk(): { readonly order: Int32Array; readonly cycle: number[] | undefined } {
    // Take away what can be completed; every node that is left requires another that is left, so going on leads round.
    const { size } = this;
    const missing = this.#missing.copy();
    const order = new Int32Array(size);
    const left = new Uint8Array(size);
    let count = 0;
    for (let node = 0; node < size; node++) {
      const state = this.#states[node];
      if (state === "ready" || state === "running") order[count++] = node;
      else if (this.#isOpen(node)) left[node] = 1;
    }
    for (let i = 0; i < count; i++) {
      for (let edge = this.#first.get(order[i]!); edge !== NONE; edge = this.#next.get(edge)) {
        const dependent = this.#to.get(edge);
        if (--missing[dependent]! === 0 && left[dependent] === 1) {
          left[dependent] = 0;
          order[count++] = dependent;
        }
      }
    }
    return { order: order.subarray(0, count), cycle: this.#findCycleIn(left) };
  }

  #findCycleIn(left: Uint8Array): number[] | undefined {
    const start = left.indexOf(1);
    if (start < 0) return undefined;
    // One edge among those that are left, backwards: what each node requires.
    const required: number[] = [];
    for (let node = 0; node < this.size; node++) {
      if (left[node] === 0) continue;
      for (let edge = this.#first.get(node); edge !== NONE; edge = this.#next.get(edge)) {
        required[this.#to.get(edge)] = node;
      }
    }
    const seen = new Map<number, number>();
    const walk: number[] = [];
    for (let node = start; !seen.has(node); node = required[node]!) {
      if (required[node] === undefined) return undefined;
      seen.set(node, walk.length);
      walk.push(node);
    }
    return walk.slice(seen.get(required[walk.at(-1)!]!)!);
  }

  /** The error that tells of a circle. */
  cycleError(cycle: readonly number[]): DependencyCycleError {
    const names = [...cycle, cycle[0]!].map((node) => String(this.#tasks[node]));
    return new DependencyCycleError(
      `Cannot build tasks that wait for each other in a circle: ${
        shortened(names).join(" -> ")
      }. Have one of them not require the next`,
      { cycle: names },
    );
  }

  /** Whether the node can still become ready. */
  #isOpen(node: number): boolean {
    const state = this.#states[node];
    return state === "waiting" || state === "suspended";
  }

  #becomeReady(node: number): void {
    this.#moved(node, "ready");
    // One that was suspended, or failed an attempt, keeps its turn: what was begun ends before others begin.
    if (this.#turns.get(node) === NONE) this.#turns.set(node, this.#turn++);
    if (this.#unranked === undefined) this.#ready.add(node);
    else this.#unranked.push(node);
  }

  #skip(node: number, because: number): void {
    this.#moved(node, "skipped");
    this.#blame.set(node, because);
    this.#onSkipped?.(node, because);
  }

  #skipDependents(node: number, because: number): void {
    const stack = [node];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      for (let edge = this.#first.get(at); edge !== NONE; edge = this.#next.get(edge)) {
        const dependent = this.#to.get(edge);
        if (!this.#isOpen(dependent)) continue;
        this.#skip(dependent, because);
        stack.push(dependent);
      }
    }
  }

  /** The one place where states change. */
  #moved(node: number, to: TaskState): void {
    const from = this.#states[node]!;
    if (!MOVES[from].includes(to)) {
      throw new Error(`BUG: ${this.#tasks[node]} cannot go from ${from} to ${to}`);
    }
    this.#states[node] = to;
    this.counts[from]--;
    this.counts[to]++;
    if (from !== "running") return;
    const next = this.#limits.get(node)?.free();
    if (next !== undefined) { for (const each of next) this.#ready.add(each); }
  }
}

const MOVES: Readonly<Record<TaskState, readonly TaskState[]>> = {
  waiting: ["ready", "complete", "failed", "skipped", "cancelled"],
  ready: ["running", "cancelled"],
  running: ["complete", "suspended", "waiting", "failed", "cancelled"],
  suspended: ["ready", "failed", "skipped", "cancelled"],
  complete: [],
  failed: [],
  skipped: [],
  cancelled: [],
};

function isDead(state: TaskState): boolean {
  return state === "failed" || state === "skipped";
}

/** How many tasks of a long path a message names at each end. */
const MOST_NAMED = 10;

/** A path that may be long, for a message. */
export function shortened(path: readonly unknown[]): readonly string[] {
  if (path.length <= 2 * MOST_NAMED) return path.map(String);
  return [
    ...path.slice(0, MOST_NAMED).map(String),
    `... ${path.length - 2 * MOST_NAMED} more ...`,
    ...path.slice(-MOST_NAMED).map(String),
  ];
}
