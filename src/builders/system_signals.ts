/**
 * Ctrl-C and its like. Unaware of what is to be stopped.
 *
 * @module
 */

/** What ends a program from outside, with the exit code that it has by custom. */
const SIGNALS = [["SIGINT", 130], ["SIGTERM", 143]] as const satisfies [Deno.Signal, number][];

/** Calls `onSignal` at the first signal of the system; a second one ends the process. Gives what undoes it. */
export function onSystemSignal(onSignal: (name: Deno.Signal) => void): () => void {
  let count = 0;
  const listening = SIGNALS.map(([name, exitCode]) => {
    const listener = (): void => {
      if (++count > 1) Deno.exit(exitCode);
      onSignal(name);
    };
    // Windows has no other.
    if (name === "SIGINT" || Deno.build.os !== "windows") Deno.addSignalListener(name, listener);
    return { name, listener };
  });
  return () => {
    for (const { name, listener } of listening) Deno.removeSignalListener(name, listener);
  };
}
