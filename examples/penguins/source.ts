/**
 * The file that all begins with: 344 penguins measured at Palmer Station, Antarctica, published
 * under CC0 by A. M. Horst, A. P. Hill and K. B. Gorman as "palmerpenguins".
 *
 * An id is made of parameters alone: a task that just reads a file stays complete when the file
 * changes. So the digest of the file is a parameter: other content, other ids, down to the report.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { RawPenguin } from "./schemas.ts";

/** SHA-256 of the file as it is now, in hexadecimal digits. */
export async function sourceDigest(): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await source().bytes());
  return new Uint8Array(digest).toHex();
}

/** The penguins in the file, which must still have the digest. */
export async function readSource(sha256: string): Promise<RawPenguin[]> {
  const actual = await sourceDigest();
  if (actual !== sha256) {
    throw new Error(
      `Cannot read "${source().uri}": its digest is ${actual}, not ${sha256}. Make the task anew`,
    );
  }
  return await new sd.CsvSerializer(RawPenguin).load(source());
}

function source(): sd.FileSystemTarget {
  return sd.getTarget(new URL("penguins.csv", import.meta.url).href);
}
