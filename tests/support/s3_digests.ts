/** Hashes of a body, held against what the headers of its request say. */

import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { type Chunks, S3Refusal } from "./s3_wire.ts";

/** What is known of a body. */
export interface Digests {
  /** In hex. */
  readonly md5: string;
  /** By name of the header. */
  readonly checksums: Readonly<Record<string, string>>;
}

const CHECKSUM_HEADER = /^x-amz-checksum-(?!algorithm$|type$|mode$)(.+)$/;

/** The checksums that are known, by the end of the name of their header. */
const CHECKSUMS: Readonly<Record<string, (content: Chunks) => Uint8Array>> = {
  crc32: (content) => crcOf(content, 0xedb88320),
  crc32c: (content) => crcOf(content, 0x82f63b78),
  sha1: (content) => hashOf(content, "sha1"),
  sha256: (content) => hashOf(content, "sha256"),
};

/** Throws what AWS answers when the body is not what the headers say. */
export function digestsOf(content: Chunks, headers: IncomingHttpHeaders): Digests {
  checkHash(content, String(headers["x-amz-content-sha256"] ?? UNSIGNED));
  const md5 = hashOf(content, "md5");
  checkDigest("content-md5", md5.toBase64(), headers);
  const checksums: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const algorithm = CHECKSUM_HEADER.exec(name)?.[1];
    if (algorithm === undefined) continue;
    const checksum = CHECKSUMS[algorithm]?.(content).toBase64();
    if (checksum === undefined) {
      throw new S3Refusal(501, "NotImplemented", `Checksums by ${algorithm} are not known here.`);
    }
    checkDigest(name, checksum, headers);
    checksums[name] = checksum;
  }
  return { md5: md5.toHex(), checksums };
}

/** What stands for a hash where the body is not signed. */
const UNSIGNED = "UNSIGNED-PAYLOAD";

function checkHash(content: Chunks, claimed: string): void {
  if (claimed === UNSIGNED) return;
  if (claimed.startsWith("STREAMING-")) {
    throw new S3Refusal(501, "NotImplemented", "Bodies signed in chunks are not known here.");
  }
  const computed = hashOf(content, "sha256").toHex();
  if (computed === claimed) return;
  throw new S3Refusal(
    400,
    "XAmzContentSHA256Mismatch",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    { ClientComputedContentSHA256: claimed, S3ComputedContentSHA256: computed },
  );
}

function checkDigest(name: string, computed: string, headers: IncomingHttpHeaders): void {
  const claimed = headers[name];
  if (claimed === undefined || claimed === computed) return;
  throw new S3Refusal(
    400,
    "BadDigest",
    `The ${name} you specified did not match the calculated checksum.`,
  );
}

/** A hash of content. */
export function hashOf(content: Chunks, algorithm: string): Uint8Array {
  const hash = createHash(algorithm);
  for (const chunk of content) hash.update(chunk);
  return new Uint8Array(hash.digest());
}

/** With the polynomial, its bits in reverse. */
function crcOf(content: Chunks, polynomial: number): Uint8Array {
  const table = tableOf(polynomial);
  let crc = 0xffffffff;
  for (const chunk of content) {
    for (const byte of chunk) crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, (crc ^ 0xffffffff) >>> 0);
  return bytes;
}

const tables = new Map<number, Uint32Array>();

function tableOf(polynomial: number): Uint32Array {
  let table = tables.get(polynomial);
  if (table === undefined) {
    table = Uint32Array.from({ length: 256 }, (_, byte) => {
      let crc = byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
      return crc;
    });
    tables.set(polynomial, table);
  }
  return table;
}
