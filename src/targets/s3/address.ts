/**
 * What a uri such as `s3://bucket/key` names. Unaware of how it is asked for.
 *
 * @module
 */

import { TargetError } from "../../errors.ts";

/** The prefix of all uris of files in S3. */
const SCHEME = "s3://";

/** The longest key, in bytes. */
const LONGEST_KEY = 1024;

/** What a uri names. */
export interface S3Address {
  /** The uri. */
  readonly uri: string;
  /** The bucket. */
  readonly bucket: string;
  /** What comes after it and a slash, as it is; `""` for all of the bucket. */
  readonly key: string;
}

/** The address of a file. Throws a `TargetError` for what cannot be one. */
export function fileAddress(uri: string): S3Address {
  const address = prefixAddress(uri);
  const { key } = address;
  if (key === "") {
    throw unusable(uri, `has no key after the bucket. Give one such as "${SCHEME}bucket/key"`);
  }
  if (key.length * 3 > LONGEST_KEY && new TextEncoder().encode(key).length > LONGEST_KEY) {
    throw unusable(
      uri,
      `has a key of more than ${LONGEST_KEY} bytes, which S3 does not take. Use a shorter one`,
    );
  }
  if (/(?:^|\/)\.{1,2}(?:\/|$)/.test(key)) {
    throw unusable(
      uri,
      `has a part "." or ".." in its key, which no url can carry. Use another key`,
    );
  }
  return address;
}

/** The address of all files whose uris start alike. Throws a `TargetError` for what names no bucket. */
export function prefixAddress(uri: string): S3Address {
  const [, bucket, key = ""] = /^s3:\/\/([^/]*)(?:\/(.*))?$/s.exec(uri) ?? [];
  // What else could lead to another host than the one that is meant.
  if (bucket === undefined || !/^[\w.-]+$/.test(bucket) || /^\.|\.\.|\.$/.test(bucket)) {
    throw unusable(uri, `names no bucket. Give a uri such as "${SCHEME}bucket/key"`);
  }
  if (!key.isWellFormed()) throw unusable(uri, "has half a character in its key. Use another key");
  return { uri, bucket, key };
}

/** The uri of a key in a bucket. */
export function uriOf(bucket: string, key: string): string {
  return `${SCHEME}${bucket}/${key}`;
}

function unusable(uri: string, fault: string): TargetError {
  return new TargetError(`Cannot use "${uri}": it ${fault}`, { uri });
}
