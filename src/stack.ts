/**
 * Where in the code of others something was called or thrown. Unaware of why that is asked.
 *
 * @module
 */

/** A place in the code. */
export interface SourceLocation {
  /** URL of the file as loaded. */
  readonly url: string;
  /** Line and column, e.g. `12:14`. */
  readonly position: string;
}

/** The first place in a stack that is neither in this package nor in one from npm. */
export function locationIn(stack: string): SourceLocation | undefined {
  const own = new URL("./", import.meta.url).href;
  for (const line of stack.split("\n")) {
    const match = FRAME.exec(line.trim());
    if (match === null) continue;
    const [, url = "", position = ""] = match;
    if (!url.startsWith(own) && !FOREIGN.test(url)) return { url, position };
  }
  return undefined;
}

const FRAME = /^at .*?\(?((?:file|https?|data|blob|jsr):.*?):(\d+:\d+)\)?$/;
const FOREIGN = /\/node_modules\/|\/npm\/registry\.npmjs\.org\//;
