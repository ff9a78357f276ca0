/**
 * Seeing into a DAG, without running anything of it. These are the doors: each function loads what it needs when it is
 * first called, so that a program that never asks does not wait for it.
 *
 * @module
 */

import type { AnyTask, TaskStruct } from "../tasks/task.ts";
import type { CheckOptions } from "./checks.ts";
import type { Diff } from "./diff.ts";
import type { Explanation } from "./explanation.ts";
import type { Garbage, Removal } from "./garbage.ts";
import type { GcOptions } from "./gc.ts";
import type { GraphOptions } from "./graph.ts";
import type { ListOutputsOptions } from "./list_outputs.ts";
import type { OutputList } from "./outputs.ts";
import type { Plan } from "./plan.ts";
import type { PlanOptions } from "./planning.ts";
import type { RemoveOutputsOptions } from "./remove_outputs.ts";
import type { Status } from "./status.ts";
import type { Tree, TreeOptions } from "./tree.ts";

/**
 * What a build would run, and why: nothing is run and nothing is written.
 *
 * It looks at what a build looks at, so what is complete is not looked below. What tasks yield when they run cannot be
 * known: `plan.mayYield` names the types that may yield more, those whose `run` is a generator function. One that hands
 * back the generator of another function is not seen. Rejects where a build does: `DependencyCycleError`,
 * `InstanceConflictError`, `DiscoveryError`, `ConfigError`, `PermissionError`.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * using _ = sd.targetFactoryProvider.override(
 *   new sd.TargetFactory({ targetRoots: { default: "memory://docs" } }),
 * );
 * const two = sd.task({ name: "two", output: z.int(), run: () => 2 });
 * const plan = await sd.plan(two());
 * console.log(plan.toRun); // 1
 * console.log(String(plan)); // the same for a person
 * ```
 */
export async function plan(tasks: TaskStruct, options: PlanOptions = {}): Promise<Plan> {
  return await (await import("./planning.ts")).plan(tasks, options);
}

/**
 * Why the task has the id it has, where its output is, and why what was built before is not reused: the nearest outputs of
 * its type that are there, and exactly which parameters differ, down into nested tasks.
 *
 * What was built before is known from the index that builds keep below the target root (`.stardag/index`): it does not tell
 * of what was built with `outputIndex: false`, or by Python. `String(explanation)` is what a person wants to read.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * using _ = sd.targetFactoryProvider.override(
 *   new sd.TargetFactory({ targetRoots: { default: "memory://docs" } }),
 * );
 * const train = sd.task({
 *   name: "train",
 *   params: { rate: z.number() },
 *   output: z.number(),
 *   run: ({ rate }) => rate,
 * });
 * const explanation = await sd.explain(train({ rate: 0.1 }));
 * console.log(explanation.fields.map(({ name }) => name)); // [ "__name", "__namespace", "rate", "version" ]
 * ```
 */
export async function explain(task: AnyTask): Promise<Explanation> {
  return await (await import("./explain.ts")).explain(task);
}

/**
 * What differs between two tasks, or two DAGs: which parameters and versions, and which ids downstream change with them.
 *
 * Tasks of both are matched by id, else by type and by their place below the tasks given; in arrays, those that are most
 * alike. Throws `DiscoveryError` when it cannot tell what a task requires.
 */
export async function diff(before: TaskStruct, after: TaskStruct): Promise<Diff> {
  return (await import("./comparing.ts")).diff(before, after);
}

/** The DAG from the tasks down as a text: what is shown once is not shown again, only named. */
export async function tree(tasks: TaskStruct, options: TreeOptions = {}): Promise<Tree> {
  return await (await import("./tree.ts")).tree(tasks, options);
}

/** The DAG as a Mermaid flowchart, as Markdown takes it; arrows point to what requires. */
export async function toMermaid(tasks: TaskStruct, options: GraphOptions = {}): Promise<string> {
  return await (await import("./mermaid.ts")).toMermaid(tasks, options);
}

/** The DAG in the language of Graphviz; arrows point to what requires. */
export async function toDot(tasks: TaskStruct, options: GraphOptions = {}): Promise<string> {
  return await (await import("./dot.ts")).toDot(tasks, options);
}

/** The DAG as a picture. It is laid out by Graphviz as WebAssembly, which is loaded then: no program, no permission. */
export async function toSvg(tasks: TaskStruct, options: GraphOptions = {}): Promise<string> {
  return await (await import("./svg.ts")).toSvg(tasks, options);
}

/** How the tasks of a DAG stand, counted by type: also those below what is complete. */
export async function status(tasks: TaskStruct, options: CheckOptions = {}): Promise<Status> {
  return await (await import("./status.ts")).status(tasks, options);
}

/**
 * The outputs that are there, by type. What is stored tells which there are, the index tells their types and parameters:
 * for what is not in it, such as outputs of Python, the type is the folder that they are in.
 */
export async function listOutputs(options: ListOutputsOptions = {}): Promise<OutputList> {
  return await (await import("./list_outputs.ts")).listOutputs(options);
}

/**
 * Removes the outputs below target roots that none of the tasks reaches, and what dead writers have left there. It only
 * tells what it would remove unless `dryRun` is `false`.
 *
 * Kept is what the tasks require, down through what is complete, by today's code; and what they have yielded when they
 * ran, by the index that builds keep. Rejects with a `StardagError` when that is not known of a task that may have yielded
 * others: one whose `run` is a generator function, and any one that is complete without the index telling of it, or of its
 * last run. Other pipelines that share the root are none of the tasks': name tasks of theirs, too.
 *
 * Only removed is what is named like an output, `.../ab/cd/<id>...`, or what the index knows as one, and what is older
 * than `minAge`. So a build that runs meanwhile keeps what it makes; what it only reads, and was made before, may go away,
 * if it is no task of the ones named. What cannot be removed is in `errors`, and the rest is removed all the same.
 *
 * @example
 * ```ts
 * import * as sd from "@stardag/core";
 * import { z } from "zod";
 *
 * const root = await Deno.makeTempDir();
 * using _ = sd.targetFactoryProvider.override(
 *   new sd.TargetFactory({ targetRoots: { default: root } }),
 * );
 * const count = sd.task({ name: "count", params: { to: z.int() }, output: z.int(), run: ({ to }) => to });
 * await sd.build([count({ to: 1 }), count({ to: 2 })]);
 * const garbage = await sd.gc(count({ to: 2 }), { minAge: 0 });
 * console.log(garbage.outputs.length); // 1
 * console.log(String(garbage)); // the same for a person
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function gc(tasks: TaskStruct, options: GcOptions = {}): Promise<Garbage> {
  return await (await import("./gc.ts")).gc(tasks, options);
}

/**
 * Removes the outputs of the tasks, so that a build makes them again; with `downstream` also those of what depends on
 * them. It only tells what it would remove unless `dryRun` is `false`.
 */
export async function removeOutputs(
  tasks: TaskStruct,
  options: RemoveOutputsOptions = {},
): Promise<Removal> {
  return await (await import("./remove_outputs.ts")).removeOutputs(tasks, options);
}
