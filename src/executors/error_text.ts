/**
 * Errors as plain data and back, so that what a task threw elsewhere is what its build sees. Unaware of how it got there.
 *
 * @module
 */

import { z } from "zod";
import * as errors from "../errors.ts";
import { describe } from "../json.ts";
import { WorkerError } from "./worker_error.ts";
import type { ErrorText } from "./worker_protocol.ts";

/** How far causes are followed. */
const MOST_CAUSES = 8;

/** How many of the errors that others are made of are told, at all depths together. */
const MOST_ERRORS = 100;

/** The error as plain data; what was thrown and is no error becomes one that shows it. */
export function errorToText(thrown: unknown): ErrorText {
  return toText(thrown, 0, { left: MOST_ERRORS });
}

function toText(thrown: unknown, depth: number, room: { left: number }): ErrorText {
  const error = thrown instanceof Error ? thrown : new Error(describe(thrown));
  const inner = (each: unknown): ErrorText => toText(each, depth + 1, room);
  const { cause } = error;
  const hasErrors = error instanceof AggregateError && Array.isArray(error.errors);
  const errors = hasErrors && depth < MOST_CAUSES ? error.errors.slice(0, room.left) : undefined;
  room.left -= errors?.length ?? 0;
  return {
    type: typeOf(error),
    name: String(error.name),
    message: String(error.message),
    stack: typeof error.stack === "string" ? error.stack : undefined,
    cause: cause === undefined || depth >= MOST_CAUSES ? undefined : inner(cause),
    errors: errors?.map(inner),
    fields: fieldsOf(error),
  };
}

/** The error again: an instance of the same class where that is one of JavaScript, Deno or this package. */
export function errorFromText(text: ErrorText): Error {
  const { type, name, message, stack, fields } = text;
  const cause = text.cause === undefined ? undefined : errorFromText(text.cause);
  const error = emptyError(text);
  const set = (key: string, value: unknown): void => {
    Object.defineProperty(error, key, { value, configurable: true, writable: true });
  };
  if (stack !== undefined) set("stack", stack);
  if (cause !== undefined) set("cause", cause);
  // These say the rest themselves.
  if (error instanceof z.core.$ZodError || type === "DOMException") return error;
  set("message", message);
  if (error.name !== name) set("name", name);
  for (const [key, value] of Object.entries(fields)) {
    Object.defineProperty(error, key, {
      value,
      configurable: true,
      writable: true,
      enumerable: true,
    });
  }
  return error;
}

type ErrorClass = { readonly prototype: Error };

/** Those that can be told by the name of their class; `TaskFailedError` has a path that cannot be sent. */
function classesByName(): ReadonlyMap<string, ErrorClass> {
  const own = Object.values(errors).filter((each) =>
    typeof each === "function" && each.prototype instanceof errors.StardagError &&
    each.prototype !== errors.TaskFailedError.prototype
  ) as unknown as readonly (ErrorClass & { readonly name: string })[];
  const ofLanguage = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
  const ofDeno = Object.values(Deno.errors);
  const all = [...ofDeno, ...ofLanguage, ...own, errors.StardagError, WorkerError];
  return new Map(all.map((each) => [each.name, each as ErrorClass]));
}

let classes: ReadonlyMap<string, ErrorClass> | undefined;

function knownClass(name: string): ErrorClass | undefined {
  return (classes ??= classesByName()).get(name);
}

function typeOf(error: Error): string {
  if (error instanceof z.core.$ZodError) return "ZodError";
  if (error instanceof DOMException) return "DOMException";
  const name = String(error.constructor?.name);
  const isKnown = knownClass(name)?.prototype === Object.getPrototypeOf(error);
  return isKnown ? name : "Error";
}

function emptyError({ type, name, message, errors, fields }: ErrorText): Error {
  if (type === "DOMException") return new DOMException(message, name);
  if (type === "ZodError" && Array.isArray(fields.issues)) {
    return new z.ZodRealError(fields.issues as z.core.$ZodIssue[]);
  }
  if (errors !== undefined) return new AggregateError(errors.map(errorFromText));
  const error = new Error();
  const known = knownClass(type);
  return known === undefined ? error : Object.setPrototypeOf(error, known.prototype);
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** What JSON can hold of an error's own fields, but for those that all errors have. */
function fieldsOf(error: Error): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const all = error instanceof z.core.$ZodError ? { issues: error.issues } : { ...error };
  for (const [key, value] of Object.entries(all)) {
    if (["name", "message", "stack", "cause", "errors"].includes(key)) continue;
    try {
      const json = JSON.stringify(value, bigintAsText);
      if (json !== undefined) fields[key] = JSON.parse(json);
    } catch {
      // It has no form in JSON.
    }
  }
  return fields;
}
