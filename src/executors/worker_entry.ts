/**
 * The code with which workers begin. Unaware of who starts them.
 *
 * @module
 */

/** Where the code is that runs in workers. */
export const WORKER_MAIN: string = new URL("./worker_main.ts", import.meta.url).href;

/** A module in a URL, which needs no file, and can import from anywhere. */
export function moduleUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
