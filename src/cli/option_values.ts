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

/** A time in milliseconds: a number with the unit `d`, `h`, `min` or `s`, or 0. */
export function ageOf(value: string): number {
  const [, count, unit = "s"] = /^(\d+(?:\.\d+)?)(d|h|min|s)$|^0$/.exec(value) ?? [undefined];
  if (value !== "0" && count === undefined) {
    throw new InvalidArgumentError("Give a number and a unit: d, h, min (minutes) or s, e.g. 7d.");
  }
  return Number(count ?? 0) * UNITS[unit as keyof typeof UNITS];
}

const UNITS = { d: 86_400_000, h: 3_600_000, min: 60_000, s: 1_000 };

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

/** The id of a build. */
export function buildIdOf(value: string): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return value;
  throw new InvalidArgumentError("Give the buildId of a former summary, a UUID.");
}

/** A port; 0 is any that is free. */
export function portOf(value: string): number {
  const port = Number(value);
  if (/^\d{1,5}$/.test(value) && port < 65_536) return port;
  throw new InvalidArgumentError("Give an integer from 0 to 65535.");
}
