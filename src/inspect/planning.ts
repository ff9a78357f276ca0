/**
 * Finds what a build would run, as a build does, and lets a schedule go through it as one worker would. Runs nothing;
 * unaware of how tasks are run.
 *
 * @module
 */

import { discover, reserve } from "../builders/discovery.ts";
import { Schedule } from "../builders/schedule.ts";
import { TimeSlice } from "../builders/time_slice.ts";
import { checkOptions } from "../options.ts";
import { isCompleteByTarget } from "../tasks/base_task.ts";
import { mayYield } from "../tasks/define_task.ts";
import type { AnyTask, TaskStruct } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { type CheckOptions, checksOf, rootsOf } from "./checks.ts";
import { Plan, type PlanReason } from "./plan.ts";

/** Options of `plan`. */
export interface PlanOptions extends CheckOptions {}

/** What a build of the tasks would run. */
export async function plan(struct: TaskStruct, options: PlanOptions): Promise<Plan> {
  checkOptions(options, ["maxConcurrentDiscover", "signal"], "plan");
  const checks = checksOf(options);
  const schedule = new Schedule();
  const roots = reserve(schedule, rootsOf(struct), undefined).fresh;
  await discover(schedule, roots, {
    ...checks,
    limits: undefined,
    slice: new TimeSlice(1),
    onError(_node, error) {
      throw error;
    },
  });
  const cycle = schedule.settle();
  if (cycle !== undefined) throw schedule.cycleError(cycle);
  const complete = schedule.counts.complete;
  const order: number[] = [];
  for (let node = schedule.takeReady(); node !== undefined; node = schedule.takeReady()) {
    order.push(node);
    schedule.completed(node);
  }
  const waits = waitsOf(schedule, order);
  return new Plan({
    complete,
    tasks: order.map((node) => ({
      task: schedule.task(node),
      reason: reasonOf(schedule, node, waits),
    })),
    longestPath: longestPath(schedule, order, waits),
    ...typesOf(schedule, order),
  });
}

/** What each node waits for, by node. */
interface Waits {
  /** The first to run of what it requires; NONE where nothing of it runs. */
  readonly first: Int32Array;
  /** Of what it requires, the one on the longest path to it; NONE where nothing of it runs. */
  readonly longest: Int32Array;
  /** How many it requires that run before it. */
  readonly count: Int32Array;
  /** How many tasks run one after the other before it. */
  readonly depth: Int32Array;
}

const NONE = -1;

/** `order` has each node after what it requires. */
function waitsOf(schedule: Schedule, order: readonly number[]): Waits {
  const numbers = (): Int32Array => new Int32Array(schedule.size);
  const waits: Waits = {
    first: numbers().fill(NONE),
    longest: numbers().fill(NONE),
    count: numbers(),
    depth: numbers(),
  };
  const { first, longest, count, depth } = waits;
  for (const node of order) {
    let last = NONE;
    schedule.eachDependent(node, (dependent) => {
      // Where it is required twice by one, that is told at once.
      if (dependent === last) return;
      last = dependent;
      count[dependent]!++;
      if (first[dependent] === NONE) first[dependent] = node;
      if (depth[dependent]! <= depth[node]!) {
        depth[dependent] = depth[node]! + 1;
        longest[dependent] = node;
      }
    });
  }
  return waits;
}

function reasonOf(schedule: Schedule, node: number, { first, count }: Waits): PlanReason {
  const task = schedule.task(node);
  if (first[node] !== NONE) {
    const upstream = schedule.task(first[node]!);
    return { kind: "upstream_will_run", upstream, upstreamCount: count[node]! };
  }
  return isCompleteByTarget(task)
    ? { kind: "output_missing", uri: task.output().uri }
    : { kind: "not_complete" };
}

/** From what runs first to what waits for all of it. */
function longestPath(
  schedule: Schedule,
  order: readonly number[],
  { longest, depth }: Waits,
): readonly AnyTask[] {
  let end = order[0] ?? NONE;
  for (const node of order) if (depth[node]! > depth[end]!) end = node;
  const path: AnyTask[] = [];
  for (let node = end; node !== NONE; node = longest[node]!) path.push(schedule.task(node));
  return path.reverse();
}

/** How many of each type, and which of them may yield. */
function typesOf(
  schedule: Schedule,
  order: readonly number[],
): Pick<Plan, "types" | "mayYield"> {
  const counts = new Map<string, { toRun: number; complete: number }>();
  const countOf = (id: string): { toRun: number; complete: number } => {
    let count = counts.get(id);
    if (count === undefined) counts.set(id, count = { toRun: 0, complete: 0 });
    return count;
  };
  const yielding: string[] = [];
  for (const node of order) {
    const task = schedule.task(node);
    const { id } = taskTypeOf(task);
    // All tasks of a type run the same code.
    if (!counts.has(id) && mayYield(task) === true) yielding.push(id);
    countOf(id).toRun++;
  }
  for (let node = 0; node < schedule.size; node++) {
    if (schedule.result(node) !== "previouslyCompleted") continue;
    countOf(taskTypeOf(schedule.task(node)).id).complete++;
  }
  const types = Array.from(counts, ([type, count]) => ({ type, ...count }));
  return { types, mayYield: yielding };
}
