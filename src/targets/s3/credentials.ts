/**
 * Keys for S3: asked for when they are first needed, before they end, and when they were refused. Unaware of where they
 * come from.
 *
 * @module
 */

import { ConfigError, messageOf, StardagError } from "../../errors.ts";
import { isPlainObject } from "../../json.ts";
import { unlessAborted } from "../../waiting.ts";
import { Deadline } from "./deadline.ts";

/** Keys with which requests are signed. */
export interface S3Credentials {
  /** Which key it is; no secret. */
  readonly accessKeyId: string;
  /** What is signed with. */
  readonly secretAccessKey: string;
  /** Comes with keys that are lent for a time. */
  readonly sessionToken?: string | undefined;
  /** When they end; never unless told. */
  readonly expiration?: Date | undefined;
}

/** Hands in credentials, of AWS's own libraries as well. Asked again before they end, and when they were refused. */
export type S3CredentialsProvider = () => S3Credentials | Promise<S3Credentials>;

/** Credentials as they are given in code; with `"anonymous"` nothing is signed. */
export type S3CredentialsSource = S3Credentials | S3CredentialsProvider | "anonymous";

/** How long before they end new ones are asked for, in milliseconds; at half of their time where that is less. */
const AHEAD = 5 * 60_000;
/** When those are asked for again that were refused and came back the same, in milliseconds. */
const REFUSED_PAUSE = 10_000;
/** How long they may take to come, in milliseconds: somebody may have to sign in. */
const LONGEST_WAIT = 120_000;

/** Credentials that are at hand for as long as they are good. */
export class CredentialsCache {
  readonly #provider: S3CredentialsProvider | undefined;
  #current: S3Credentials | undefined;
  #renewAt = Infinity;
  #refused: S3Credentials | undefined;
  #pending: Promise<S3Credentials> | undefined;

  /** Asks for nothing yet. Throws `ConfigError` for credentials that can be none. */
  constructor(source: S3CredentialsSource) {
    if (typeof source === "function") this.#provider = source;
    else if (source !== "anonymous") this.#current = handedIn(source);
  }

  /**
   * Those to sign with now; `undefined` for requests that are not to be signed. However many want them, one asks. Rejects
   * with what the provider rejects with: a `ConfigError`, a `PermissionError`.
   */
  async get(): Promise<S3Credentials | undefined> {
    if (this.#provider === undefined) return this.#current;
    if (this.#current !== undefined && Date.now() < this.#renewAt) return this.#current;
    this.#pending ??= this.#renew(this.#provider).finally(() => this.#pending = undefined);
    return await this.#pending;
  }

  /**
   * The server did not take these. Whether others may do, so that the request is to be sent again with what `get()` gives
   * then: not when they were given once and for all, and not when those that were asked for in their place are the same.
   */
  refuse(credentials: S3Credentials): boolean {
    if (this.#provider === undefined) return false;
    if (credentials !== this.#current) return true; // there are newer ones by now, or they are asked for
    if (areSame(credentials, this.#refused)) return false;
    this.#refused = credentials;
    this.#current = undefined;
    return true;
  }

  async #renew(provider: S3CredentialsProvider): Promise<S3Credentials> {
    try {
      const given = handedIn(await inTime(provider));
      if (leftOf(given) <= 0) {
        throw new ConfigError(
          `Cannot use the credentials for S3: those that were handed in have ended at "${given.expiration?.toISOString()}". ` +
            `Get new ones, or correct the clock of this machine`,
        );
      }
      this.#current = given;
    } catch (error) {
      // These are still good: there is time to try again.
      if (this.#current === undefined || leftOf(this.#current) <= 0) throw withReason(error);
    }
    const left = leftOf(this.#current);
    const pause = areSame(this.#current, this.#refused) ? REFUSED_PAUSE : Infinity;
    this.#renewAt = Date.now() + Math.min(pause, Math.max(left / 2, left - AHEAD));
    return this.#current;
  }
}

async function inTime(provider: S3CredentialsProvider): Promise<S3Credentials> {
  // Nobody may wait for it any more.
  using deadline = new Deadline(LONGEST_WAIT).unref();
  try {
    return await unlessAborted(Promise.resolve(provider()), deadline.signal);
  } catch (error) {
    if (!deadline.isLate) throw error;
    throw new ConfigError(
      `Cannot get credentials for S3: none have come within ${LONGEST_WAIT} ms. ` +
        `Check what the option credentials or the profile hands them in by`,
    );
  }
}

/** How long they are good for, in milliseconds. */
function leftOf({ expiration }: S3Credentials): number {
  return expiration === undefined ? Infinity : expiration.getTime() - Date.now();
}

function areSame(a: S3Credentials, b: S3Credentials | undefined): boolean {
  return a.accessKeyId === b?.accessKeyId && a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken;
}

function handedIn(credentials: unknown): S3Credentials {
  const source = "the option credentials";
  if (typeof credentials === "object" && credentials !== null) {
    return checkedCredentials(credentials, source);
  }
  throw new ConfigError(
    `Cannot use ${source}: it gives ${credentials === null ? "null" : typeof credentials}. ` +
      `Give accessKeyId and secretAccessKey, a function that gives these, or "anonymous"`,
  );
}

/** An error of this package says itself what to do. */
function withReason(error: unknown): StardagError {
  return error instanceof StardagError ? error : new ConfigError(
    `Cannot get credentials for S3: what was handed in as the option credentials fails, ${
      messageOf(error)
    }. Correct that`,
    { cause: error },
  );
}

/** Keys from somewhere, with what they are to be as it came from there. Throws `ConfigError`, which shows none of it. */
export function checkedCredentials(
  { accessKeyId, secretAccessKey, sessionToken, expiration }: {
    readonly [Key in keyof S3Credentials]?: unknown;
  },
  source: string,
): S3Credentials {
  const fault = (fault: string): ConfigError =>
    new ConfigError(`Cannot use the credentials of ${source}: ${fault}. Correct them there`);
  const text = (value: unknown, name: string): string => {
    if (typeof value !== "string" || value === "") throw fault(`${name} is missing`);
    // What could not be in a header.
    if (!/^[\x21-\x7e]+$/.test(value)) throw fault(`${name} has spaces or other signs in it`);
    return value;
  };
  const end = expiration ?? undefined;
  const date = end === undefined || end instanceof Date ? end : new Date(String(end));
  if (Number.isNaN(date?.getTime())) throw fault("the time at which they end is none");
  return {
    accessKeyId: text(accessKeyId, "the access key id"),
    secretAccessKey: text(secretAccessKey, "the secret access key"),
    sessionToken: (sessionToken ?? "") === "" ? undefined : text(sessionToken, "the session token"),
    expiration: date,
  };
}

/** Keys as AWS's services and programs give them, in JSON; `sessionToken` is what the token is called there. */
export function credentialsFromJson(
  json: string,
  sessionToken: "Token" | "SessionToken",
  source: string,
): S3Credentials {
  let content: unknown;
  try {
    content = JSON.parse(json);
  } catch {
    // No cause: it would show what it could not read.
  }
  if (!isPlainObject(content)) {
    throw new ConfigError(
      `Cannot use the credentials of ${source}: what it gives is no JSON object. Correct that`,
    );
  }
  return checkedCredentials({
    accessKeyId: content.AccessKeyId,
    secretAccessKey: content.SecretAccessKey,
    sessionToken: content[sessionToken],
    expiration: content.Expiration,
  }, source);
}
