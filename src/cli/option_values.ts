/**
 * Values of options, checked while they are parsed.
 *
 * @module
 */

import { InvalidArgumentError } from "commander";

/** A count from 1. */
export function countOf(value: string): number {
  const count = Number(value);
  if (!/^\d+$/.test(value) || !(count >= 1 && Number.isSafeInteger(count))) {
    throw new InvalidArgumentError("Give an integer from 1.");
  }
  return count;
}

/** Counts by name, of an option that may be given several times. */
export function limitsOf(
  value: string,
  before: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const [, name, count] = /^(.+)=(\d+)$/s.exec(value) ?? [];
  if (name === undefined || count === undefined) {
    throw new InvalidArgumentError("Give name=count, e.g. external-api=2.");
  }
  return { ...before, [name]: countOf(count) };
}

/** A port; 0 is any that is free. */
export function portOf(value: string): number {
  const port = Number(value);
  if (/^\d{1,5}$/.test(value) && port < 65_536) return port;
  throw new InvalidArgumentError("Give an integer from 0 to 65535.");
}
