/**
 * What is known of a task: as data, as JSON, and for a person. Unaware of how it is found, and of colours.
 *
 * @module
 */

import { INDEX } from "../builders/output_index_writer.ts";
import { visible } from "../json.ts";
import type { AnyTask } from "../tasks/task.ts";
import { taskTypeOf } from "../tasks/type_registry.ts";
import type { IndexedOutput } from "./index_reader.ts";
import { changedTexts, jsonOf, shortenedText, valueText } from "./leaves.ts";
import type { PastChange } from "./past_changes.ts";

const MOST_CHARACTERS = 80;
/** How many changes are named of one output, and how many members of a long list. */
const MOST_CHANGES = 10;
const MOST_MEMBERS = 20;

const LEFT_OUT: Readonly<Record<NonNullable<ExplainedField["leftOut"]>, string>> = {
  not_given: "no value",
  not_significant: "not part of the id",
  compat_default: "the default that is not part of the id",
};

/** A part of what a task is made of. */
export interface ExplainedField {
  /** Name of the parameter, or `version`, `__name`, `__namespace`. */
  readonly name: string;
  /** Its value as JSON, with the tasks in it as they are; `undefined` where there is none. */
  readonly value: unknown;
  /** Its value in the text that is hashed; `undefined` where it is left out. */
  readonly hashed: string | undefined;
  /** Why it is left out of that: no value, not part of the id, or the value at which it is not part of the id. */
  readonly leftOut: "not_given" | "not_significant" | "compat_default" | undefined;
}

/** An output of the same type that is there, and what differs. */
export interface NearestOutput {
  /** The output. */
  readonly output: IndexedOutput;
  /** What makes the task another one, those nearest to it first. */
  readonly changes: readonly PastChange[];
  /** How many more there are: very many are not told one by one. */
  readonly more: number;
  /** Whether there was too much to look at: some changes are told as those of nested tasks, and not what changed in them. */
  readonly isCut: boolean;
}

/** Why a task would run, or would not. */
export type ReuseReason =
  /** It is complete; `built` where the index tells when. */
  | { readonly kind: "complete"; readonly built: IndexedOutput | undefined }
  /** It was built, and its output is not there any more. */
  | { readonly kind: "output_gone"; readonly built: IndexedOutput }
  /** It was never built, but others of its type were: the nearest of those whose outputs are there, best first. */
  | { readonly kind: "different"; readonly nearest: readonly NearestOutput[] }
  /** Others of its type were built, but their outputs are not there any more, as far as one has looked. */
  | { readonly kind: "all_gone" }
  /** The index tells of nothing of its type; `hasOthers`: but there are files where its outputs are kept. */
  | { readonly kind: "not_in_index"; readonly hasOthers: boolean }
  /** No index is kept of where its output would be: in memory, or below no target root. */
  | { readonly kind: "no_index" }
  /** Its own `complete()` says that it is not. */
  | { readonly kind: "not_complete" };

/** An explanation as JSON. */
export interface ExplanationJson {
  /** Id of the task. */
  readonly id: string;
  /** Namespace and name of its type. */
  readonly type: string;
  /** What it is made of; tasks as type and beginning of the id. */
  readonly fields: readonly ExplainedField[];
  /** Where its output is, or would be; left out where it has no target. */
  readonly uri?: string | undefined;
  /** Whether it is complete. */
  readonly complete: boolean;
  /** Why it would run, or would not. */
  readonly reason: ReuseReason;
}

/** What is known of a task; `String(explanation)` is what a person wants to read. */
export class Explanation {
  /** The task. */
  readonly task: AnyTask;
  /** The text whose hash is the id; `undefined` for an alias, whose id was told. */
  readonly canonical: string | undefined;
  /** What the task is made of, in the order of that text, then what is left out. */
  readonly fields: readonly ExplainedField[];
  /** Where its output is, or would be; `undefined` where it has no target. */
  readonly uri: string | undefined;
  /** Why it would run, or would not. */
  readonly reason: ReuseReason;

  /** Made by `explain()`. */
  constructor(
    details: Pick<Explanation, "task" | "canonical" | "fields" | "uri" | "reason">,
  ) {
    this.task = details.task;
    this.canonical = details.canonical;
    this.fields = details.fields;
    this.uri = details.uri;
    this.reason = details.reason;
  }

  /** Whether a build would not run the task. */
  get isComplete(): boolean {
    return this.reason.kind === "complete";
  }

  /** All of it as plain data. */
  toJSON(): ExplanationJson {
    return {
      id: this.task.id,
      type: taskTypeOf(this.task).id,
      fields: this.fields.map((field) => ({ ...field, value: jsonOf(field.value) })),
      uri: this.uri,
      complete: this.isComplete,
      reason: this.reason,
    };
  }

  /** The id taken apart, where the output is, and why nothing is reused. */
  toString(): string {
    return explanationText(this);
  }

  /** What the console shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/** The id, what it is made of and what it is not, the output, and the reason. */
function explanationText(explanation: Explanation): string {
  const { task, canonical, fields, uri } = explanation;
  const lines = [`${taskTypeOf(task).id} ${task.id}`];
  if (canonical === undefined) {
    lines.push(`  ${task} stands for the output of another task, which has this id`);
  } else {
    const leftOut = fields.filter((field) => field.leftOut !== undefined);
    const hashed = fields.filter((field) => field.leftOut === undefined);
    lines.push("", "The id is made of", ...fieldLines(hashed));
    if (leftOut.length > 0) lines.push("", "and not of", ...fieldLines(leftOut));
  }
  lines.push("", ...reasonLines(explanation));
  if (uri !== undefined && !explanation.isComplete) {
    lines.push("", "Its output will be", `  ${uri}`);
  }
  return lines.join("\n");
}

function fieldLines(fields: readonly ExplainedField[]): readonly string[] {
  const names = fields.map(({ name }) => visible(name));
  const width = Math.max(...names.map((name) => name.length));
  return fields.map(({ value, leftOut }, i) => {
    const members = Array.isArray(value) && value.length > MOST_MEMBERS
      ? `${value.length} values, the first of them ${valueText(value.slice(0, MOST_MEMBERS))}`
      : valueText(value);
    const why = leftOut === undefined ? "" : `  (${LEFT_OUT[leftOut]})`;
    const shown = leftOut === "not_given" ? "" : shortenedText(members, MOST_CHARACTERS);
    return `  ${names[i]!.padEnd(width)}  ${shown}${why}`.trimEnd();
  });
}

function reasonLines({ task, reason, uri }: Explanation): readonly string[] {
  const { id: typeId } = taskTypeOf(task);
  switch (reason.kind) {
    case "complete": {
      const when = reason.built === undefined ? "" : `, ${whenBuilt(reason.built)}`;
      return [`It is complete${when}`, ...uri === undefined ? [] : [`  ${uri}`]];
    }
    case "output_gone":
      return [`It was ${whenBuilt(reason.built)}; its output is gone`];
    case "different": {
      const [first, ...others] = reason.nearest;
      const lines = [
        "It was not built yet. The nearest output that is there",
        ...nearestLines(first!),
      ];
      if (others.length > 0) lines.push("Others", ...others.flatMap(nearestLines));
      return lines;
    }
    case "all_gone":
      return [`It was not built yet, and the outputs of "${typeId}" that are nearest are gone`];
    case "not_in_index":
      return reason.hasOthers
        ? [
          `It is not there, and the index (${INDEX}) tells nothing of "${typeId}", though it has outputs:`,
          "they were built before there was an index, without it, or by Python",
        ]
        : [`Nothing of "${typeId}" was ever built here, as far as the index (${INDEX}) tells`];
    case "no_index":
      return ["It is not there, and there is no index of what was built there before"];
    case "not_complete":
      return ["It is not complete: that is what its own complete() says"];
    default:
      throw new Error(`BUG: unknown reason ${JSON.stringify(reason satisfies never)}`);
  }
}

function nearestLines({ output, changes, more, isCut }: NearestOutput): readonly string[] {
  const lines = changes.slice(0, MOST_CHANGES).map(({ path, before, after }) => {
    const [was, is] = changedTexts(before, after, MOST_CHARACTERS);
    return `    ${path}: ${was} -> ${is}`;
  });
  const rest = changes.length + more - lines.length;
  if (rest > 0) lines.push(`    ... and ${rest} more`);
  if (isCut) {
    lines.push("    Not all of it: too many tasks differ to look at all of them");
  }
  return [`  ${output.id.slice(0, 8)}, ${whenBuilt(output)}, differs in`, ...lines];
}

function whenBuilt({ builtAt, buildId }: IndexedOutput): string {
  const time = `${builtAt.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return `built ${time}${buildId === undefined ? "" : ` by the build ${buildId}`}`;
}
