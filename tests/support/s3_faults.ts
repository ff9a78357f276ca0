/** What goes wrong with requests to an S3 server when a test wants it to. */

import { S3Refusal, type S3Request } from "./s3_wire.ts";

/** What goes wrong. With `isDone` the request takes effect all the same, which the client is not told. */
export type S3Fault =
  /** Something is refused. */
  | { readonly kind: "refuse"; readonly refusal: S3Refusal; readonly isDone?: boolean }
  /** `CompleteMultipartUpload` answers 200, and with an error, as it does when it goes wrong late. */
  | { readonly kind: "refuse late"; readonly refusal: S3Refusal }
  /** The connection is reset: half-way through the body of the request, instead of the answer, or half-way through that. */
  | {
    readonly kind: "reset";
    readonly during: "request" | "answer" | "body";
    readonly isDone?: boolean;
  }
  /** The connection is closed half-way through the body of the answer. */
  | { readonly kind: "truncate" }
  /** The body of the answer comes in pieces, with a pause before each. */
  | { readonly kind: "slow"; readonly pieces: number; readonly pause: number }
  /** Nothing happens until then. */
  | { readonly kind: "wait"; readonly until: Promise<unknown> };

/** Says what goes wrong with a request, if anything. */
export type S3FaultHook = (request: S3Request) => S3Fault | undefined;

/** What servers say on a bad day. */
export const S3_REFUSALS = {
  internalError: () =>
    new S3Refusal(500, "InternalError", "We encountered an internal error. Please try again."),
  slowDown: () => new S3Refusal(503, "SlowDown", "Please reduce your request rate."),
  conflict: () =>
    new S3Refusal(
      409,
      "ConditionalRequestConflict",
      "A conflicting operation occurred. If using PutObject you can retry the request.",
    ),
} as const;

/** What can go wrong with any request, each of it anew. */
export const S3_FAULTS: readonly (() => S3Fault)[] = [
  () => ({ kind: "refuse", refusal: S3_REFUSALS.internalError() }),
  () => ({ kind: "refuse", refusal: S3_REFUSALS.slowDown() }),
  () => ({ kind: "reset", during: "request" }),
  () => ({ kind: "reset", during: "answer" }),
  () => ({ kind: "reset", during: "answer", isDone: true }),
  () => ({ kind: "reset", during: "body" }),
  () => ({ kind: "truncate" }),
  () => ({ kind: "slow", pieces: 4, pause: 5 }),
];

/** Lets a share of all requests go wrong, in a way that follows from the random numbers. */
export function faultsAtRate(
  rate: number,
  random: () => number,
  faults: readonly (() => S3Fault)[] = S3_FAULTS,
): S3FaultHook {
  return () => random() < rate ? faults[Math.floor(random() * faults.length)]?.() : undefined;
}

/** Refuses with SlowDown what goes beyond so many requests in any second. */
export function atMostPerSecond(most: number): S3FaultHook {
  const times: number[] = [];
  return () => {
    const now = performance.now();
    while ((times[0] ?? now) < now - 1000) times.shift();
    if (times.length >= most) return { kind: "refuse", refusal: S3_REFUSALS.slowDown() };
    times.push(now);
    return undefined;
  };
}
