/**
 * What a build would run: as data, as JSON, and for a person. Unaware of how it is found, and of colours.
 *
 * @module
 */

import { shortened } from "../builders/schedule.ts";
import { count } from "../builders/summary.ts";
import { visible } from "../json.ts";
import { shortName } from "../tasks/describe_task.ts";
import { outputUriOf } from "../tasks/output_uri.ts";
import type { AnyTask } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import { tableText } from "./table_text.ts";

/** Why a task would run. */
export type PlanReason =
  /** Its output is not there, and all that it requires is. */
  | { readonly kind: "output_missing"; readonly uri: string }
  /** Nor is that of what it requires: `upstream` is the first of so many tasks that run before it. */
  | {
    readonly kind: "upstream_will_run";
    readonly upstream: AnyTask;
    readonly upstreamCount: number;
  }
  /** All that it requires is there, and its own `complete()` says that it is not. */
  | { readonly kind: "not_complete" };

/** A task that would run. */
export interface PlannedTask {
  /** The task. */
  readonly task: AnyTask;
  /** Why it would run. */
  readonly reason: PlanReason;
}

/** How many tasks of one type there are in a plan. */
export interface PlannedType {
  /** Namespace and name. */
  readonly type: string;
  /** Those that would run. */
  readonly toRun: number;
  /** Those that are complete. */
  readonly complete: number;
}

/** A plan as JSON. */
export interface PlanJson {
  /** How many tasks would run. */
  readonly toRun: number;
  /** How many are complete, of those that a build looks at. */
  readonly complete: number;
  /** Types of which some task may yield more tasks when it runs: where there are any, more may run. */
  readonly mayYield: readonly string[];
  /** How many of each type. */
  readonly types: readonly PlannedType[];
  /** Those that would run, in the order of a build. */
  readonly tasks: readonly PlannedTaskJson[];
  /** Ids of the longest row of tasks of which each waits for the one before. */
  readonly longestPath: readonly string[];
}

/** A task that would run, as JSON. */
export interface PlannedTaskJson {
  /** Its id. */
  readonly id: string;
  /** Namespace and name. */
  readonly type: string;
  /** Type, parameters and the beginning of the id. */
  readonly task: string;
  /** Why it would run. */
  readonly reason: PlanReason["kind"];
  /** Where its output will be, where it has a target. */
  readonly uri?: string | undefined;
  /** Id of the first task that runs before it because it requires it. */
  readonly upstream?: string | undefined;
}

/** What a plan is made of. */
export type PlanDetails = Pick<
  Plan,
  "complete" | "mayYield" | "types" | "tasks" | "longestPath"
>;

/** What a build would run; `String(plan)` is what a person wants to read. */
export class Plan {
  /** How many tasks are complete, of those that a build looks at: it does not look below them. */
  readonly complete: number;
  /**
   * Types of which some task to run is a generator and may yield more tasks: the plan is a lower bound where there are
   * any. A plain function that hands back a generator is not seen: whether it does, only its run can tell.
   */
  readonly mayYield: readonly string[];
  /** How many of each type, in the order in which they would first run; types of which all is complete come last. */
  readonly types: readonly PlannedType[];
  /** The tasks that would run, in the order in which a build with one worker runs them. */
  readonly tasks: readonly PlannedTask[];
  /** The longest row of tasks of which each waits for the one before: a build is not shorter, with any number of workers. */
  readonly longestPath: readonly AnyTask[];

  /** Made by `plan()`. */
  constructor(details: PlanDetails) {
    this.complete = details.complete;
    this.mayYield = details.mayYield;
    this.types = details.types;
    this.tasks = details.tasks;
    this.longestPath = details.longestPath;
  }

  /** How many tasks would run. */
  get toRun(): number {
    return this.tasks.length;
  }

  /** Whether more tasks may run than the plan tells. */
  get isLowerBound(): boolean {
    return this.mayYield.length > 0;
  }

  /** All of it as plain data. */
  toJSON(): PlanJson {
    return {
      toRun: this.toRun,
      complete: this.complete,
      mayYield: this.mayYield,
      types: this.types,
      tasks: this.tasks.map(taskJson),
      longestPath: this.longestPath.map(({ id }) => id),
    };
  }

  /** The plan for a person, with the first tasks; all of them with `mostTasks` of `Infinity`. */
  toString(mostTasks = 10): string {
    return planText(this, mostTasks);
  }

  /** What the console shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

function taskJson({ task, reason }: PlannedTask): PlannedTaskJson {
  return {
    id: task.id,
    type: taskTypeOf(task).id,
    task: String(task),
    reason: reason.kind,
    uri: outputUriOf(task),
    upstream: reason.kind === "upstream_will_run" ? reason.upstream.id : undefined,
  };
}

/** How many types are named. */
const MOST_TYPES = 30;

/** Counts, types, the first tasks, the longest path. */
function planText(plan: Plan, mostTasks: number): string {
  if (plan.toRun === 0) {
    return `Plan: nothing to run, ${count(plan.complete, "task", "tasks")} complete`;
  }
  const bound = plan.isLowerBound ? "at least " : "";
  const lines = [
    `Plan: ${bound}${count(plan.toRun, "task", "tasks")} to run, ${plan.complete} complete`,
  ];
  if (plan.isLowerBound) {
    lines.push(`  More may follow, yielded by ${plan.mayYield.join(", ")} when it is known which`);
  }
  lines.push("", ...tableText(["type", "to run", "complete"], typeRows(plan)));
  lines.push("", mostTasks >= plan.toRun ? "In this order" : "First");
  for (const planned of plan.tasks.slice(0, mostTasks)) {
    lines.push(`  ${planned.task}`, `    ${reasonText(planned)}`);
  }
  if (plan.toRun > mostTasks) lines.push(`  ... and ${plan.toRun - mostTasks} more`);
  if (plan.longestPath.length > 1) {
    const path = shortened(plan.longestPath.map(shortName)).join(" -> ");
    lines.push(
      "",
      `Longest path: ${plan.longestPath.length} tasks, one after the other`,
      `  ${path}`,
    );
  }
  return lines.join("\n");
}

function typeRows({ types }: Plan): readonly (readonly (string | number)[])[] {
  const rows = types.slice(0, MOST_TYPES).map(({ type, toRun, complete }) => [
    type,
    toRun,
    complete,
  ]);
  const rest = types.slice(MOST_TYPES);
  if (rest.length === 0) return rows;
  const sum = (key: "toRun" | "complete"): number => rest.reduce((all, each) => all + each[key], 0);
  return [...rows, [
    `... ${count(rest.length, "more type", "more types")}`,
    sum("toRun"),
    sum("complete"),
  ]];
}

function reasonText({ reason }: PlannedTask): string {
  switch (reason.kind) {
    case "output_missing":
      return `output missing: ${visible(reason.uri)}`;
    case "not_complete":
      return `not complete, by its own complete()`;
    case "upstream_will_run": {
      const more = reason.upstreamCount > 1 ? ` and ${reason.upstreamCount - 1} more` : "";
      return `upstream will run: ${shortName(reason.upstream)}${more}`;
    }
    default:
      throw new Error(`BUG: unknown reason ${JSON.stringify(reason satisfies never)}`);
  }
}
