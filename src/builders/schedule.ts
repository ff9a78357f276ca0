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

/** The states of a task in a build. */
export type TaskState =
  /** Something it requires is not complete, or that is not known yet. */
  | "waiting"
  /** It can start, or go on after what it yielded is complete. */
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
  readonly #missing: number[] = [];
  /** The task through which it was found, or NONE for a root. */
  readonly #parents: number[] = [];
  /** Edges, from what is required to what requires it: the node's first and last one, and `#next` of each. */
  readonly #first: number[] = [];
  readonly #last: number[] = [];
  readonly #next: number[] = [];
  readonly #to: number[] = [];
  #ready: number[] = [];
  #readyHead = 0;
  #previouslyCompleted = 0;

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
    this.counts.waiting++;
    return node;
  }

  /** Takes back the nodes from this one on, which have no edges yet. */
  forgetFrom(first: number): void {
    for (const task of this.#tasks.splice(first)) {
      this.#nodes.delete(task.id);
      this.counts.waiting--;
    }
    for (const each of [this.#states, this.#missing, this.#parents, this.#first, this.#last]) {
      each.length = first;
    }
  }

  /** From here on the node waits for `required` too. A node that waits for what has failed is skipped when released. */
  require(node: number, required: number): void {
    if (this.#states[required] === "complete") return;
    this.#missing[node]!++;
    const edge = this.#to.push(node) - 1;
    this.#next.push(NONE);
    const last = this.#last[required]!;
    if (last === NONE) this.#first[required] = edge;
    else this.#next[last] = edge;
    this.#last[required] = edge;
  }

  /** All that the node requires is known: it is ready as soon as all of it is complete, skipped when some has failed. */
  release(node: number, required: readonly number[]): void {
    if (!this.#isOpen(node)) return;
    if (required.some((each) => isDead(this.#states[each]!))) {
      this.#moved(node, "skipped");
      this.#skipDependents(node);
    } else if (--this.#missing[node]! === 0) {
      this.#moved(node, "ready");
      this.#ready.push(node);
    }
  }

  /** The next node that can run, in the order in which they became ready. */
  takeReady(): number | undefined {
    const node = this.#ready[this.#readyHead];
    if (node === undefined) return undefined;
    if (++this.#readyHead > 1024 && this.#readyHead * 2 > this.#ready.length) {
      this.#ready = this.#ready.slice(this.#readyHead);
      this.#readyHead = 0;
    }
    this.#moved(node, "running");
    return node;
  }

  /** How many tasks were complete when they were found. */
  get previouslyCompleted(): number {
    return this.#previouslyCompleted;
  }

  /** The output of the node is there; what waited only for it is ready. */
  completed(node: number): void {
    if (this.#states[node] === "waiting") this.#previouslyCompleted++;
    this.#moved(node, "complete");
    for (let edge = this.#first[node]!; edge !== NONE; edge = this.#next[edge]!) {
      const dependent = this.#to[edge]!;
      if (--this.#missing[dependent]! === 0 && this.#isOpen(dependent)) {
        this.#moved(dependent, "ready");
        this.#ready.push(dependent);
      }
    }
  }

  /** The node yielded; it waits until it is released again. */
  suspended(node: number): void {
    this.#moved(node, "suspended");
    this.#missing[node] = 1;
  }

  /** The node cannot be completed, and so nothing that requires it, however far down. */
  failed(node: number): void {
    this.#moved(node, "failed");
    this.#skipDependents(node);
  }

  /** The node was given up when the build was stopped. */
  cancelled(node: number): void {
    this.#moved(node, "cancelled");
  }

  /** The tasks from a root down to the node, as they were first found; only the last ones with `most`. */
  path(node: number, most = Infinity): AnyTask[] {
    const path: AnyTask[] = [];
    for (let at = node; at !== NONE && path.length < most; at = this.#parents[at]!) {
      path.push(this.#tasks[at]!);
    }
    return path.reverse();
  }

  /**
   * A circle among tasks that wait for each other and can never go on, or `undefined`: looks at all nodes, for the end
   * of the discovery and for a build in which nothing moves. Each node of it requires the next one.
   */
  findCycle(): number[] | undefined {
    // Take away what can be completed; every node that is left requires another that is left, so going on leads round.
    const missing = this.#missing.slice();
    const free: number[] = [];
    const left: boolean[] = [];
    for (let node = 0; node < this.size; node++) {
      const open = this.#isOpen(node);
      left.push(open);
      if (this.#states[node] === "ready" || this.#states[node] === "running") free.push(node);
    }
    for (let node = free.pop(); node !== undefined; node = free.pop()) {
      for (let edge = this.#first[node]!; edge !== NONE; edge = this.#next[edge]!) {
        const dependent = this.#to[edge]!;
        if (--missing[dependent]! === 0 && left[dependent]) {
          left[dependent] = false;
          free.push(dependent);
        }
      }
    }
    const start = left.indexOf(true);
    if (start < 0) return undefined;
    // One edge among those that are left, backwards: what each node requires.
    const required: number[] = [];
    for (let node = 0; node < this.size; node++) {
      if (!left[node]) continue;
      for (let edge = this.#first[node]!; edge !== NONE; edge = this.#next[edge]!) {
        required[this.#to[edge]!] = node;
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
        names.join(" -> ")
      }. Have one of them not require the next`,
      { cycle: names },
    );
  }

  /** Whether the node can still become ready. */
  #isOpen(node: number): boolean {
    const state = this.#states[node];
    return state === "waiting" || state === "suspended";
  }

  #skipDependents(node: number): void {
    const stack = [node];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      for (let edge = this.#first[at]!; edge !== NONE; edge = this.#next[edge]!) {
        const dependent = this.#to[edge]!;
        if (!this.#isOpen(dependent)) continue;
        this.#moved(dependent, "skipped");
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
  }
}

const MOVES: Readonly<Record<TaskState, readonly TaskState[]>> = {
  waiting: ["ready", "complete", "failed", "skipped"],
  ready: ["running"],
  running: ["complete", "suspended", "failed", "cancelled"],
  suspended: ["ready", "failed", "skipped", "cancelled"],
  complete: [],
  failed: [],
  skipped: [],
  cancelled: [],
};

function isDead(state: TaskState): boolean {
  return state === "failed" || state === "skipped";
}
