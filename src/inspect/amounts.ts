/**
 * Sizes and ages as a person reads them.
 *
 * @module
 */

const UNITS = ["kB", "MB", "GB", "TB", "PB"];

/** How many bytes there are, e.g. `812 B`, `3.4 kB`, `120 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let size = bytes / 1000;
  let unit = 0;
  // As it is rounded, 999.96 is 1000.
  for (; size >= 999.5 && unit < UNITS.length - 1; unit++) size /= 1000;
  return `${size < 9.95 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** A day, in milliseconds. */
export const DAY: number = 24 * HOUR;

/** How long ago something was, e.g. `3 d`, in the largest unit of which there are two. */
export function ageText(milliseconds: number): string {
  const units: readonly (readonly [number, string])[] = [
    [DAY, "d"],
    [HOUR, "h"],
    [MINUTE, "min"],
  ];
  const [length, name] = units.find(([length]) => milliseconds >= 2 * length) ?? [SECOND, "s"];
  return `${Math.max(0, Math.floor(milliseconds / length))} ${name}`;
}
