/**
 * Marks of writes, by which one whose answer was lost can be told from that of somebody else.
 *
 * @module
 */

import type { RemoteOptions } from "../remote.ts";
import type { S3Address } from "./address.ts";
import type { S3Client } from "./client.ts";

/** The header with the mark, which is kept with the file. */
export const MARK = "x-amz-meta-stardag-write";

/** A mark that no other write has. */
export function newMark(): string {
  return crypto.randomUUID();
}

/** The headers of the file, if that is what the write with the mark has left. */
export async function writtenWith(
  mark: string,
  client: S3Client,
  address: S3Address,
  { signal }: RemoteOptions = {},
): Promise<Headers | undefined> {
  const { headers } = await client.send({
    action: "look for",
    operation: "HeadObject",
    method: "HEAD",
    address,
    accept: ["NotFound"],
    signal,
  });
  return headers.get(MARK) === mark ? headers : undefined;
}
