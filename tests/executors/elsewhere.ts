/**
 * Where this code runs.
 */

import { isMainThread, threadId } from "node:worker_threads";

/** Whether this is a worker, be it a thread or a process. */
export const isElsewhere: boolean = !isMainThread || `${Deno.mainModule}`.startsWith("data:");

/** Tells this thread of this process from all others. */
export const place: string = `${Deno.pid}/${threadId}`;
