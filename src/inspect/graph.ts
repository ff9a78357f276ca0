/**
 * A DAG as boxes and arrows: what is written in each box, and when boxes are put together. Unaware of the languages in
 * which it is written down.
 *
 * @module
 */

import { count } from "../builders/summary.ts";
import type { DiscoveryError } from "../errors.ts";
import { describe } from "../json.ts";
import { checkOptions } from "../options.ts";
import type { AnyTask, TaskStruct } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import type { CheckOptions } from "./checks.ts";
import { type Dag, DAG_STATES, dagOf, type DagState, STATE_WORDS, statesOf } from "./dag.ts";
import { labelsOf } from "./labels.ts";

/** Where the arrows of a graph lead: down, up, right, left. */
export type GraphDirection = "TB" | "BT" | "LR" | "RL";

/** Options of `toDot`, `toMermaid` and `toSvg`. */
export interface GraphOptions extends CheckOptions {
  /** Whether to ask which tasks are complete, and to show it; yes unless told. */
  readonly states?: boolean | undefined;
  /** Where the arrows lead; down (`"TB"`) unless told. */
  readonly direction?: GraphDirection | undefined;
  /**
   * A DAG of more tasks than this is shown by type, with counts; 300 unless told. `Infinity` shows each task, 0 the types
   * only.
   */
  readonly groupAbove?: number | undefined;
  /**
   * Is told why, for each task of which it cannot be told whether it is complete: a drawing has no place for it. Often it is
   * the same for all of them.
   */
  readonly onUnknown?: ((error: DiscoveryError) => void) | undefined;
}

/** A DAG to be drawn. */
export interface Graph {
  readonly direction: GraphDirection;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
  /** The states that there are, each with the number of tasks in it; none when they were not asked for. */
  readonly states: readonly (readonly [DagState, number])[];
}

/** One task, or all of a type. */
export interface Box {
  /** Names the box: id of the task, or the type. */
  readonly key: string;
  /** What it is: the name of the type. */
  readonly title: string;
  /** What tells it from others, a line each. */
  readonly lines: readonly string[];
  /** The beginning of the id, or how many tasks it stands for. */
  readonly foot: string;
  readonly state: DagState | undefined;
  /** Everything about it. */
  readonly tip: string;
}

/** From what is required to what requires it, by their places among the boxes. */
export interface Arrow {
  readonly from: number;
  readonly to: number;
  /** How many times, where boxes stand for several tasks. */
  readonly times: number | undefined;
}

const DIRECTIONS: readonly GraphDirection[] = ["TB", "BT", "LR", "RL"];
const OPTIONS = [
  "states",
  "direction",
  "groupAbove",
  "onUnknown",
  "maxConcurrentDiscover",
  "signal",
] as const satisfies readonly (keyof GraphOptions)[];

/** The DAG as boxes and arrows; the same for the same DAG and states. */
export async function graphOf(struct: TaskStruct, options: GraphOptions): Promise<Graph> {
  checkOptions(options, OPTIONS, "draw a graph");
  const { states: wanted = true, direction = "TB", groupAbove = 300, onUnknown } = options;
  if (!DIRECTIONS.includes(direction)) {
    throw new RangeError(
      `Cannot draw a graph with direction ${describe(direction)}: give one of ${
        DIRECTIONS.join(", ")
      }`,
    );
  }
  if (typeof groupAbove !== "number" || !(groupAbove >= 0)) {
    throw new RangeError(
      `Cannot draw a graph with groupAbove ${describe(groupAbove)}: give a number from 0`,
    );
  }
  const dag = dagOf(struct);
  const states = wanted ? await statesOf(dag, options, (error) => onUnknown?.(error)) : undefined;
  const draw = dag.tasks.length > groupAbove ? drawTypes : drawTasks;
  return { direction, ...draw(dag, states), states: countsOf(states) };
}

type States = readonly DagState[] | undefined;
type Drawn = Pick<Graph, "boxes" | "arrows">;

function countsOf(states: States = []): Graph["states"] {
  const counts = new Map<DagState, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return DAG_STATES.flatMap((state) => {
    const count = counts.get(state);
    return count === undefined ? [] : [[state, count] as const];
  });
}

function drawTasks({ tasks, requires }: Dag, states: States): Drawn {
  const titles = titlesOf(tasks);
  const labels = labelsOf(tasks);
  const boxes = tasks.map((task, node): Box => {
    const state = states?.[node];
    const id = task.id.slice(0, 8);
    return {
      key: task.id,
      title: titles.get(taskTypeOf(task).id)!,
      lines: labels[node]!,
      foot: state === undefined ? id : `${id} · ${STATE_WORDS[state]}`,
      state,
      tip: String(task),
    };
  });
  const arrows = requires.flatMap((required, to) =>
    required.map((from): Arrow => ({ from, to, times: undefined }))
  );
  return { boxes, arrows };
}

function drawTypes({ tasks, requires }: Dag, states: States): Drawn {
  const groups = new Map<string, { readonly at: number; readonly nodes: number[] }>();
  const groupOf = tasks.map((task, node) => {
    const { id } = taskTypeOf(task);
    let group = groups.get(id);
    if (group === undefined) groups.set(id, group = { at: groups.size, nodes: [] });
    group.nodes.push(node);
    return group.at;
  });
  const titles = titlesOf(tasks);
  const boxes = Array.from(groups, ([type, { nodes }]): Box => {
    const counts = countsOf(states && nodes.map((node) => states[node]!));
    return {
      key: type,
      title: titles.get(type)!,
      lines: [],
      foot: counts.length === 0
        ? count(nodes.length, "task", "tasks")
        : counts.map(([state, count]) => `${count} ${STATE_WORDS[state]}`).join(", "),
      // The one that asks for attention.
      state: counts[0]?.[0],
      tip: `${type}: ${count(nodes.length, "task", "tasks")}`,
    };
  });
  const times = new Map<number, number>();
  for (const [node, required] of requires.entries()) {
    for (const each of required) {
      const arrow = groupOf[each]! * groups.size + groupOf[node]!;
      times.set(arrow, (times.get(arrow) ?? 0) + 1);
    }
  }
  const arrows = Array.from(times, ([arrow, times]): Arrow => ({
    from: Math.floor(arrow / groups.size),
    to: arrow % groups.size,
    times,
  }));
  return { boxes, arrows };
}

/** The names of the types by type id: without their namespace where that leaves them apart. */
function titlesOf(tasks: readonly AnyTask[]): ReadonlyMap<string, string> {
  const ids = new Map(tasks.map((task) => [taskTypeOf(task).id, taskTypeOf(task).name]));
  const times = new Map<string, number>();
  for (const name of ids.values()) times.set(name, (times.get(name) ?? 0) + 1);
  return new Map(Array.from(ids, ([id, name]) => [id, times.get(name) === 1 ? name : id]));
}
