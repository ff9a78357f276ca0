/**
 * What a task is made of, value by value: each with the path to it. Unaware of what is done with them.
 *
 * @module
 */

import { escapedUnit, isPlainObject, isRawJson, stringifyJson, visible } from "../json.ts";
import { shortName } from "../tasks/describe_task.ts";
import { type AnyTask, isTask } from "../tasks/task.ts";
import { bodyOf } from "../tasks/task_body.ts";

/** From a value to a part of it: names of members, places in arrays. */
export type Path = readonly (string | number)[];

/** The JSON body of a task, less its type, with the tasks in it as they are. */
export function parametersOf(task: AnyTask): Readonly<Record<string, unknown>> {
  const { __namespace, __name, ...parameters } = bodyOf(task, (nested) => nested);
  return parameters;
}

/** Calls `visit` for each value that has no parts, in order: what is no array and no object, or an empty one; a task. */
export function eachLeaf(
  value: unknown,
  visit: (path: Path, leaf: unknown) => void,
  path: Path = [],
): void {
  const members = membersOf(value);
  if (members === undefined || members.length === 0) return visit(path, value);
  for (const [key, member] of members) eachLeaf(member, visit, [...path, key]);
}

/** The members of an array or an object of JSON; `undefined` of anything else. */
export function membersOf(
  value: unknown,
): readonly (readonly [string | number, unknown])[] | undefined {
  if (Array.isArray(value)) return value.map((member: unknown, i) => [i, member] as const);
  return isPlainObject(value) && !isTask(value) && !isRawJson(value)
    ? Object.entries(value)
    : undefined;
}

/** The path as in code: `model.layers[2].size`. */
export function pathText(path: Path): string {
  const text = path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(step)) {
      return `${text}[${JSON.stringify(step)}]`;
    }
    return text === "" ? step : `${text}.${step}`;
  }, "");
  return visible(text);
}

/** Something below others: the way to it from its parent. */
export interface Place {
  readonly path: Path;
  readonly parent: Place | undefined;
}

/** How many steps of a long way are told. */
const MOST_STEPS = 8;

/** The whole way as in code; of a long one only its end. */
export function placeText(place: Place): string {
  const steps: Path[] = [];
  let at: Place | undefined = place;
  for (; at !== undefined && steps.length < MOST_STEPS; at = at.parent) steps.push(at.path);
  const text = pathText(steps.reverse().flat());
  return at === undefined ? text : `... ${text}`;
}

/** Tells of a place in the task whether what is an array in JSON is a set there. */
export function setsOf(task: AnyTask): (path: Path) => boolean {
  return (path) => {
    let at: unknown = task;
    for (const step of path) {
      if (typeof at !== "object" || at === null || at instanceof Map) return false;
      at = (at as Readonly<Record<string | number, unknown>>)[step];
    }
    return at instanceof Set;
  };
}

/** A value as text; `undefined` is what is not there. */
export function valueText(value: unknown): string {
  if (isTask(value)) return shortName(value);
  return value === undefined ? "(none)" : visible(stringifyJson(jsonOf(value)));
}

/** Two values as short texts: where those look alike, what is not ASCII is told as escapes. */
export function changedTexts(
  before: unknown,
  after: unknown,
  most: number,
): readonly [before: string, after: string] {
  let [own, other] = [valueText(before), valueText(after)];
  if (own !== other && own.normalize("NFKC") === other.normalize("NFKC")) {
    [own, other] = [escapedNonAscii(own), escapedNonAscii(other)];
  }
  return [shortenedText(own, most), shortenedText(other, most)];
}

function escapedNonAscii(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, escapedUnit);
}

/** The text, or its beginning where it has more characters. */
export function shortenedText(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}

/** The value as JSON, with each task in it as its type and the beginning of its id. */
export function jsonOf(value: unknown): unknown {
  if (isTask(value)) return shortName(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  const members = membersOf(value);
  if (members === undefined) return value;
  return Object.fromEntries(members.map(([key, member]) => [key, jsonOf(member)]));
}
