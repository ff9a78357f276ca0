/**
 * A canonical text as a value that can be compared: numbers as they are written, and what stands in it for a task told from
 * what does not. Unaware of what it is compared for.
 *
 * @module
 */

import { rawJson } from "../json.ts";

/** What stands for a nested task, or is a record of an id: in no string of JSON, for there the quotes are escaped. */
const NESTED = /\{"id":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"\}/g;
/** Nobody's string begins so. */
const MARK = `${crypto.randomUUID().slice(0, 13)} `;
const LONG = 2 ** 16;

/** The value with a mark in place of each `{"id": ...}`, for `markedId`; very long texts have plain numbers, which is faster. */
export function markedValue(canonical: string): unknown {
  const marked = canonical.replaceAll(NESTED, `"${MARK}$1"`);
  return marked.length > LONG ? JSON.parse(marked) : exactValue(marked);
}

/** The id in a mark; `undefined` of anything else. */
export function markedId(value: unknown): string | undefined {
  return typeof value === "string" && value.startsWith(MARK) ? value.slice(MARK.length) : undefined;
}

/** The value with each number as it is written: `1` and `1.0` make two ids, and so do integers that `number` cannot hold. */
export function exactValue(canonical: string): unknown {
  return MAY_CHANGE.test(canonical) ? JSON.parse(canonical, keepNumber) : JSON.parse(canonical);
}

/** Before a number that is written otherwise than JavaScript writes it; not always, but never not. */
const MAY_CHANGE = /[:,[](?:-0|-?\d+[.eE]|-?\d{16})/;

/** The ids of what stands in the text for tasks. */
export function nestedIds(canonical: string): ReadonlySet<string> {
  return new Set(Array.from(canonical.matchAll(NESTED), ([, id]) => id!));
}

/** The text with nothing that tells which tasks are in it. */
export function withoutIds(canonical: string): string {
  return canonical.replaceAll(NESTED, "{}");
}

function keepNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" ? rawJson(context?.source ?? String(value)) : value;
}
