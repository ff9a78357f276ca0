/**
 * What tasks print while something else is on the terminal. Unaware of what that is.
 *
 * @module
 */

/** Called in place of a write of others to the terminal; does the write. `endsLine` is `undefined` where nobody knows. */
export type AroundWrite = <T>(write: () => T, endsLine: boolean | undefined) => T;

/**
 * Has what others write to the terminal from now on go through `around`, and gives what ends that: the console, `write`
 * and `writeSync` of `Deno.stdout` and `Deno.stderr`, `process.stdout` and `process.stderr`, and the dialogs. What
 * workers, child processes and `Deno.stdout.writable` write is not seen.
 */
export function watchOthers(around: AroundWrite): () => void {
  const undo: (() => void)[] = [];
  for (const [name, methods] of STREAMS) {
    const stream = Deno[name];
    if (!stream.isTerminal()) continue;
    for (const method of methods) undo.push(wrap(console, method, around, () => true));
    undo.push(wrap(stream, "writeSync", around, endsLine));
    undo.push(wrap(stream, "write", around, endsLine));
    undo.push(wrap(processStream(name), "write", around, endsLine));
  }
  // What `assert()` has to say depends.
  undo.push(wrap(console, "assert", around, () => undefined));
  for (const dialog of DIALOGS) undo.push(wrap(globalThis, dialog, around, () => true));
  return () => {
    for (const each of undo) each();
  };
}

/** Node's stream of that name, which on a terminal writes past the one of Deno; not there where it cannot be made. */
function processStream(name: "stdout" | "stderr"): object | undefined {
  try {
    const { process } = globalThis as unknown as { process?: Readonly<Record<string, object>> };
    return process?.[name];
  } catch {
    return undefined;
  }
}

/** The methods of the console that write a line, by where they write it. */
const STREAMS = [
  ["stdout", [
    ...["log", "info", "debug", "dir", "dirxml", "table", "group", "groupCollapsed"],
    ...["count", "timeLog", "timeEnd", "clear"],
  ]],
  ["stderr", ["error", "warn", "trace"]],
] as const;

const DIALOGS = ["alert", "confirm", "prompt"];

function endsLine(written: unknown): boolean {
  if (typeof written === "string") return written.endsWith("\n");
  return written instanceof Uint8Array && written.at(-1) === NEWLINE;
}

const NEWLINE = 10;

function wrap(
  target: object | undefined,
  name: string,
  around: AroundWrite,
  ends: (written: unknown) => boolean | undefined,
): () => void {
  const holder = target as Record<string, unknown> | undefined;
  const original = holder?.[name];
  if (holder === undefined || typeof original !== "function") return () => {};
  const own = Object.getOwnPropertyDescriptor(holder, name);
  const wrapped = (...args: unknown[]): unknown =>
    around(() => Reflect.apply(original, holder, args), ends(args[0]));
  holder[name] = wrapped;
  return () => {
    // Somebody else may have done the same since; then it stays, and only passes on.
    if (holder[name] !== wrapped) return;
    if (own === undefined) delete holder[name];
    else Object.defineProperty(holder, name, own);
  };
}
