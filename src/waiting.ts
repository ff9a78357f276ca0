/**
 * Waiting: before a request is sent again, and for what a signal may cut short.
 *
 * @module
 */

/** Resolves after so many milliseconds, or when one of the signals is aborted. */
export async function passed(
  milliseconds: number,
  signals: readonly (AbortSignal | undefined)[],
): Promise<void> {
  if (signals.some((signal) => signal?.aborted)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const onAbort = (): void => resolve();
  for (const signal of signals) signal?.addEventListener("abort", onAbort);
  await promise;
  clearTimeout(timer);
  for (const signal of signals) signal?.removeEventListener("abort", onAbort);
}

/** How long the header `Retry-After`, seconds or a date, asks to wait, in milliseconds; 0 without one. */
export function retryAfterOf(headers: Headers): number {
  const text = headers.get("Retry-After");
  if (text === null) return 0;
  const seconds = Number(text);
  const milliseconds = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1000;
  return milliseconds > 0 ? milliseconds : 0;
}

/** What the promise gives, unless the signal is aborted before: then it rejects with the reason, and the promise is left alone. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
