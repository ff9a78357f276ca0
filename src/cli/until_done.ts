/**
 * What code of the user does to the process while a command is at work: ends it, throws where nobody catches, waits for
 * what never comes. Unaware of what the command does.
 *
 * @module
 */

/**
 * Waits for the command. Rejects also with what is thrown in a timer or a promise that nobody awaits, and when all that is
 * left is to wait for what never comes. When the process ends before the command, `onExit` is called: it must not wait.
 */
export async function untilDone(
  command: () => Promise<void>,
  onExit: () => void,
): Promise<void> {
  const failure = Promise.withResolvers<never>();
  const fail = (event: Event, error: unknown): void => {
    event.preventDefault(); // else Deno ends the process, in its own words
    failure.reject(error);
  };
  const listeners: readonly (readonly [string, (event: Event) => void])[] = [
    ["error", (event) => fail(event, (event as ErrorEvent).error)],
    ["unhandledrejection", (event) => fail(event, (event as PromiseRejectionEvent).reason)],
    ["beforeunload", (event) => fail(event, new Error(NEVER))],
    ["unload", onExit],
  ];
  for (const [name, listener] of listeners) addEventListener(name, listener);
  try {
    await Promise.race([command(), failure.promise]);
  } finally {
    for (const [name, listener] of listeners) removeEventListener(name, listener);
  }
}

const NEVER = "Cannot go on: a promise that code of a module or a task waits for is never settled";
