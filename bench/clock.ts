/**
 * Timing within a process.
 *
 * @module
 */

import { median } from "./bar.ts";

/** How long it takes, in milliseconds. */
export async function time(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The median of several times, for what is too short to be timed once. */
export async function medianTime(times: number, work: () => unknown): Promise<number> {
  const found: number[] = [];
  for (let i = 0; i < times; i++) found.push(await time(work));
  return median(found);
}

/** The shortest of several times, for what is compared with itself: what else the machine does only ever adds. */
export async function fastestTime(times: number, work: () => unknown): Promise<number> {
  let fastest = Infinity;
  for (let i = 0; i < times; i++) fastest = Math.min(fastest, await time(work));
  return fastest;
}

/** Microseconds per task, of milliseconds for all of them. */
export function perTask(milliseconds: number, tasks: number): number {
  return milliseconds * 1000 / tasks;
}

/** A count as it stands in names: `10k`, `1M`. */
export function short(count: number): string {
  if (count >= 1e6) return `${count / 1e6}M`;
  return count >= 1e3 ? `${count / 1e3}k` : String(count);
}
