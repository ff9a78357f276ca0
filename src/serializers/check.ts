/**
 * Whether a value fits a schema on its way to a file and back, and the errors when it does not. Unaware of formats.
 *
 * @module
 */

import { z } from "zod";
import { messageOf, SerializationError } from "../errors.ts";
import { describe } from "../json.ts";
import type { Output, Schema } from "../schema.ts";

/** Where a value is written or read. A target is one: the whole of its file. */
export interface Place {
  /** The target concerned. */
  readonly uri: string;
  /** Where the value is inside the whole one, e.g. `[3]` for the fourth row. */
  readonly path?: readonly PropertyKey[] | undefined;
  /** Its line in the file, from 1. */
  readonly line?: number | undefined;
}

/** A value that was checked before it is written. */
export interface Checked {
  /** As the schema gives it. */
  readonly value: unknown;
  /** As the schema takes it: every `z.codec` in it encoded. */
  readonly encoded: unknown;
}

/**
 * Checks a value that is to be written. It is taken as what the schema gives, and where it does not fit
 * so, as what the schema takes: without a property that has a default, say.
 */
export function checkSaved(schema: Schema, value: unknown, place: Place): Checked {
  try {
    const encoded = z.safeEncode(schema, value);
    if (encoded.success) return { value, encoded: encoded.data };
    const parsed = z.safeParse(schema, value);
    if (parsed.success) return { value: parsed.data, encoded: z.encode(schema, parsed.data) };
    const [a, b] = [encoded.error, parsed.error];
    throw cannotSave(place, ...misfit(a.issues.length <= b.issues.length ? a : b, value));
  } catch (error) {
    // The schema cannot answer: what it does is asynchronous, or threw.
    if (error instanceof SerializationError) throw error;
    throw cannotSave(place, messageOf(error), { cause: error });
  }
}

/** Checks a value that was read, and gives it as the schema does. */
export function checkLoaded<S extends Schema>(
  schema: S,
  value: unknown,
  place: Place,
): Output<S> {
  try {
    const parsed = z.safeParse(schema, value);
    if (parsed.success) return parsed.data;
    throw cannotLoad(place, ...misfit(parsed.error, value));
  } catch (error) {
    if (error instanceof SerializationError) throw error;
    throw cannotLoad(place, messageOf(error), { cause: error });
  }
}

/** What is wrong with a value. */
export interface Misfit {
  /** Where, from the value at the place on. */
  readonly path?: readonly PropertyKey[] | undefined;
  /** The error it came from. */
  readonly cause?: unknown;
}

/** The error for a value that cannot be written. */
export function cannotSave(place: Place, why: string, misfit: Misfit = {}): SerializationError {
  return new SerializationError(
    `Cannot save "${place.uri}": ${at(place)}${why}. Save what fits the schema of the output`,
    { uri: place.uri, path: [...place.path ?? [], ...misfit.path ?? []], cause: misfit.cause },
  );
}

/** The error for a file that cannot be read. */
export function cannotLoad(place: Place, why: string, misfit: Misfit = {}): SerializationError {
  return new SerializationError(
    `Cannot load "${place.uri}": ${at(place)}${why}. Delete it to have it built again`,
    { uri: place.uri, path: [...place.path ?? [], ...misfit.path ?? []], cause: misfit.cause },
  );
}

/** A path in a message: `, at [3].mean`; nothing for the whole. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.length === 0 ? "" : `, at ${z.core.toDotPath(path)}`;
}

function at({ path = [], line }: Place): string {
  if (line !== undefined) return `line ${line}: `;
  return path.length === 0 ? "" : `${z.core.toDotPath(path)}: `;
}

/** The first of what is wrong; the rest is in the error of Zod. */
function misfit(error: z.ZodError, value: unknown): [why: string, misfit: Misfit] {
  const [issue, ...others] = error.issues;
  if (issue === undefined) return ["it does not fit the schema", { cause: error }];
  const { message, path } = issue;
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  const found = describe(valueAt(value, path));
  return [`${message} (${found})${pathText(path)}${more}`, { path, cause: error }];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let found: unknown = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = found instanceof Map ? found.get(key) : (found as Record<PropertyKey, unknown>)[key];
  }
  return found;
}
