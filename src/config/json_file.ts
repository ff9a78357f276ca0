/**
 * Files of JSON that the command lines write. No error shows what is in one: some hold secrets, which the messages of a
 * parser would quote.
 *
 * @module
 */

import { z } from "zod";
import { ConfigError, messageOf } from "../errors.ts";
import type { Sources } from "./sources.ts";

/**
 * What is in a file, checked; `undefined` when it is not there or may not be read. Throws `ConfigError` with `remedy` at
 * its end. The schema is made only when there is something to check.
 */
export function readJsonFile<T>(
  sources: Sources,
  path: string,
  schema: () => z.ZodType<T>,
  remedy: string,
): T | undefined {
  const text = sources.text(path);
  return text === undefined ? undefined : parseJsonFile(path, text, schema, remedy);
}

/** A schema of objects with any keys as maps, which have no keys but their own. */
export function mapOf<T>(value: z.ZodType<T>): z.ZodType<ReadonlyMap<string, T>> {
  return z.record(z.string(), value).transform((record) => new Map(Object.entries(record)));
}

/** The same of its text. */
export function parseJsonFile<T>(
  path: string,
  text: string,
  schema: () => z.ZodType<T>,
  remedy: string,
): T {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    const line = /\(line (\d+) column \d+\)$/.exec(messageOf(error))?.[1];
    const place = `"${path}"${line === undefined ? "" : `, line ${line}`}`;
    throw new ConfigError(`Cannot read ${place}: it is not JSON. ${remedy}`);
  }
  const checked = schema().safeParse(content);
  if (checked.success) return checked.data;
  throw new ConfigError(`Cannot read "${path}": ${messageOf(checked.error)}. ${remedy}`);
}
