/**
 * What S3 and the network answer instead of what was asked for, as errors that say what to do.
 *
 * @module
 */

import { netFlag } from "../../config/registry_url.ts";
import { messageOf, PermissionError, TargetError } from "../../errors.ts";
import { retryAfterOf } from "../../waiting.ts";
import type { S3Address } from "./address.ts";
import { elementText } from "./xml.ts";

/** What a request was for, as far as errors tell it. */
export interface RequestPurpose {
  /** What is done to the file: errors begin with `Cannot` and this. */
  readonly action: string;
  /** Of AWS, e.g. `PutObject`; its permission has the same name unless it is told. */
  readonly operation: string;
  /** The file or files. */
  readonly address: S3Address;
}

/** A refusal: an answer with a status from 300 on, or with an error in its body. */
export interface Refusal {
  /** The status, e.g. 403. */
  readonly status: number;
  /** What S3 calls it, e.g. `AccessDenied`; `""` where it does not say, as in answers to HEAD. */
  readonly code: string;
  /** What it says about it. */
  readonly message: string;
  /** By which the operators of the store find it. */
  readonly requestId: string;
  /** The region in which the bucket is, where it says so. */
  readonly region: string | undefined;
  /** What time it is for the store; NaN where it does not say so. */
  readonly date: number;
  /** For how long the store wants to be left alone, in milliseconds. */
  readonly retryAfter: number;
}

/** The longest text of a store that goes into a message. */
const LONGEST_DETAIL = 300;

/** The codes with which credentials are refused that were good once, or may become good. */
const STALE_CREDENTIALS: ReadonlySet<string> = new Set([
  "ExpiredToken",
  "InvalidToken",
  "TokenRefreshRequired",
  "RequestExpired",
  "InvalidAccessKeyId",
]);
/** The codes of a region that is not that of the bucket. */
const WRONG_REGION: ReadonlySet<string> = new Set([
  "AuthorizationHeaderMalformed",
  "PermanentRedirect",
  "TemporaryRedirect",
  "IllegalLocationConstraintException",
  "IncorrectEndpoint",
]);
/** The codes with which a store asks for fewer requests. */
const SLOW_DOWN: ReadonlySet<string> = new Set(["SlowDown", "TooManyRequests", "Throttling"]);
/** The codes, and the statuses, of what passes. */
const PASSING_CODES: ReadonlySet<string> = new Set([
  "InternalError",
  "ServiceUnavailable",
  "RequestTimeout",
  "OperationAborted",
  "ConditionalRequestConflict",
]);
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
/** Statuses whose meaning is clear without a code. */
const CODES: Readonly<Record<number, string>> = { 404: "NotFound", 416: "InvalidRange" };

const REMEDIES: Readonly<Record<string, string>> = {
  SignatureDoesNotMatch:
    "The secret access key does not fit the access key id, or something on the way changes requests. Check " +
    "AWS_SECRET_ACCESS_KEY, or the profile",
  InvalidAccessKeyId:
    "The store does not know the access key id. Check AWS_ACCESS_KEY_ID or the profile, and that it is of this endpoint",
  RequestTimeTooSkewed: "The clock of this machine is wrong. Set it",
  InvalidObjectState: "It is in an archive. Restore it first",
  NoSuchUpload: "The upload was discarded while it was under way. Write it again",
  NotImplemented: "The store at this endpoint cannot do this. Use another",
  QuotaExceeded: "There is no room left for this bucket. Make some, or use another",
  EntityTooSmall:
    "Its parts are too small for the store. Set the option partSize to at least 5242880",
  EntityTooLarge: "The store takes no file of this size. Split it",
};

/** What an answer says that is none of those that were wanted. */
export function refusalOf(status: number, headers: Headers, body: string): Refusal {
  return {
    status,
    code: elementText(body, "Code") ?? CODES[status] ?? "",
    message: (elementText(body, "Message") ?? "").trim().slice(0, LONGEST_DETAIL),
    requestId: headers.get("x-amz-request-id") ?? elementText(body, "RequestId") ?? "",
    region: headers.get("x-amz-bucket-region") ?? elementText(body, "Region") ?? undefined,
    date: Date.parse(headers.get("date") ?? ""),
    retryAfter: retryAfterOf(headers),
  };
}

/** Whether the store asks for fewer requests. */
export function isSlowDown({ code, status }: Refusal): boolean {
  return SLOW_DOWN.has(code) || status === 429 || (status === 503 && code !== "InternalError");
}

/** Whether the same may be answered otherwise a little later. */
export function isPassing(refusal: Refusal): boolean {
  return PASSING_STATUSES.has(refusal.status) || PASSING_CODES.has(refusal.code) ||
    isSlowDown(refusal);
}

/** Whether other credentials may do. */
export function isStale({ code }: Refusal): boolean {
  return STALE_CREDENTIALS.has(code);
}

/** Whether the store does not know who asks, or does not believe it. */
export function isOfCredentials(refusal: Refusal): boolean {
  return isStale(refusal) || refusal.code === "SignatureDoesNotMatch";
}

/** Whether the bucket is in another region than the one that was asked. */
export function isWrongRegion({ status, code }: Refusal): boolean {
  return WRONG_REGION.has(code) || (status >= 300 && status < 400);
}

/** Where an error comes from. */
export interface ErrorOrigin {
  /** Of the store. */
  readonly endpoint: string;
  /** The variables that say where it is, as far as Deno may not read them. */
  readonly unseen: readonly string[];
}

/** The error for a request that was refused. */
export class RefusalError extends TargetError {
  /** What was answered. */
  readonly refusal: Refusal;
  /** Of users it is a `TargetError`. */
  override readonly name: string = "TargetError";

  /** Says what to do. */
  constructor(
    { action, operation, address: { uri, bucket } }: RequestPurpose,
    refusal: Refusal,
    { endpoint, unseen }: ErrorOrigin,
  ) {
    const { status, code, message, requestId } = refusal;
    const said = [
      `${status}`,
      code,
      message === "" ? "" : `"${message}"`,
      `to ${operation}`,
      requestId === "" ? "" : `(request id ${requestId})`,
    ].filter((part) => part !== "").join(" ");
    super(
      `Cannot ${action} "${uri}": S3 at "${endpoint}" answers ${said}. ` +
        remedyOf(refusal, operation, bucket) + (isOfCredentials(refusal) ? hintAt(unseen) : ""),
      { uri },
    );
    this.refusal = refusal;
  }
}

/** That the store may be elsewhere, where variables that say so may not be read; else nothing. */
function hintAt(unseen: readonly string[]): string {
  if (unseen.length === 0) return "";
  const names = unseen.join(", ");
  return `. Deno may not read ${names}, which may say that the store is elsewhere: to have that read, run with ` +
    `--allow-env=${unseen.join(",")}`;
}

function remedyOf(refusal: Refusal, operation: string, bucket: string): string {
  const { status, code, region } = refusal;
  const known = REMEDIES[code];
  if (known !== undefined) return known;
  if (code === "NoSuchBucket") {
    return `There is no bucket "${bucket}" there. Create it, or set another target root or endpoint`;
  }
  if (isStale(refusal)) {
    return "The credentials have expired. Get new ones, e.g. by signing in again";
  }
  if (isWrongRegion(refusal)) {
    const where = region === undefined ? "another region" : `the region "${region}"`;
    return `The bucket "${bucket}" is in ${where}, or at another endpoint. Set AWS_REGION, or the option region`;
  }
  if (isSlowDown(refusal)) {
    return "The store wants fewer requests. Try again later, or lower maxConcurrent";
  }
  if (status === 507) return "There is no room left in the store. Make some, or use another";
  if (isPassing(refusal)) {
    return "The store is out of order. Try again later; if that does not help, ask who runs it";
  }
  if (status === 401 || status === 403) return permissionsFor(operation, bucket);
  return "Check that the endpoint is that of a store that speaks S3, and what it supports";
}

function permissionsFor(operation: string, bucket: string): string {
  const files = `on "arn:aws:s3:::${bucket}/*"`;
  const listing = `s3:ListBucket on "arn:aws:s3:::${bucket}"`;
  switch (operation) {
    case "HeadObject":
    case "GetObject":
      return `Grant s3:GetObject ${files}, and ${listing}: without the latter, S3 answers 403 also for what is not there`;
    case "ListObjectsV2":
      return `Grant ${listing}`;
    case "ListMultipartUploads":
      return `Grant s3:ListBucketMultipartUploads on "arn:aws:s3:::${bucket}"`;
    case "DeleteObject":
    case "AbortMultipartUpload":
      return `Grant s3:${operation} ${files}`;
    default:
      return `Grant s3:PutObject ${files}`;
  }
}

/** A request without an answer: why, and whether another may have one. */
export interface Loss {
  /** What to throw for a request that failed for the same reason. */
  readonly errorFor: (request: RequestPurpose) => TargetError | PermissionError;
  /** Whether to try again. */
  readonly isRetriable: boolean;
  /** Whether it has taken all the time it had. */
  readonly isLate: boolean;
}

/** What a `fetch` that failed says. */
export function lossOf(cause: unknown, { endpoint, unseen }: ErrorOrigin): Loss {
  const hint = hintAt(unseen);
  if (cause instanceof Deno.errors.NotCapable) {
    const flag = netFlag(endpoint);
    const errorFor: Loss["errorFor"] = ({ action, address: { uri } }) =>
      new PermissionError(
        `Cannot ${action} "${uri}": Deno may not connect to S3 at "${endpoint}". ` +
          `Run with ${flag}, which lets it reach the files there${hint}`,
        { flag, cause },
      );
    return { errorFor, isRetriable: false, isLate: false };
  }
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  // The address is told already.
  const why = messageOf(inner).replace(/^error sending request .*?(?=client error \()/s, "");
  const [state, remedy] = /certificate/i.test(why)
    ? [
      `has a certificate that is not trusted (${why})`,
      "Check the endpoint, or name who has signed it: DENO_CERT, or DENO_TLS_CA_STORE=system",
    ]
    : /ports? .*blocked/i.test(why)
    ? [`is at a port that is never connected to (${why})`, "Use another port"]
    : [`cannot be reached (${why})`, "Check the endpoint, and whether it is up"];
  const errorFor: Loss["errorFor"] = ({ action, address: { uri } }) =>
    new TargetError(
      `Cannot ${action} "${uri}": S3 at "${endpoint}" ${state}. ${remedy}${hint}`,
      { uri, cause },
    );
  return { errorFor, isRetriable: state.startsWith("cannot be reached"), isLate: false };
}

/** What a request says to which nothing has come within the time, or no more of what comes. */
export function lateLoss(timeout: number, { endpoint, unseen }: ErrorOrigin): Loss {
  const errorFor: Loss["errorFor"] = ({ action, address: { uri } }) =>
    new TargetError(
      `Cannot ${action} "${uri}": S3 at "${endpoint}" has not answered within ${timeout} ms. ` +
        `Check whether it is up, or give it more time by the option timeout${hintAt(unseen)}`,
      { uri },
    );
  return { errorFor, isRetriable: true, isLate: true };
}
