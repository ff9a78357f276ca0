/**
 * Text that is stored as UTF-8, where bytes that are none are an error and not silently replaced.
 *
 * @module
 */

import type { FileSystemTarget } from "../targets/target.ts";
import { cannotLoad, type Place } from "./check.ts";

/** The content of a file as text. */
export async function readUtf8(target: FileSystemTarget): Promise<string> {
  return decodeUtf8(strictDecoder(), await target.bytes(), target);
}

/** A decoder that refuses what is not UTF-8, and keeps a byte order mark as the character it is. */
export function strictDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
}

/** Decodes; `stream` when more is to come, no bytes for the end of it. */
export function decodeUtf8(
  decoder: TextDecoder,
  bytes: Uint8Array | undefined,
  place: Place,
  options?: TextDecodeOptions,
): string {
  try {
    return decoder.decode(bytes, options);
  } catch (error) {
    throw cannotLoad(place, "it is not UTF-8 text", { cause: error });
  }
}
