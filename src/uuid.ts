/**
 * UUIDs (RFC 9562). Name-based ones (version 5) are synchronous because ids are made in constructors: `@std/uuid` and
 * `crypto.subtle` only have an asynchronous SHA-1. Those that follow time (version 7) are not in every `@std/uuid`.
 *
 * @module
 */

import { hash } from "node:crypto";

const NAMESPACE_BYTES = 16;
/** Texts up to this size share one buffer. */
const KEPT_BYTES = 1 << 16;
let kept: Uint8Array<ArrayBuffer> | undefined;
let keptNamespace = "";
const encoder = new TextEncoder();

/** The version 5 UUID of `name` in the namespace, itself a UUID. */
export function uuid5(namespace: string, name: string): string {
  // A UTF-16 unit takes at most three bytes of UTF-8.
  const most = NAMESPACE_BYTES + name.length * 3;
  const buffer = most <= KEPT_BYTES ? kept ??= new Uint8Array(KEPT_BYTES) : new Uint8Array(most);
  if (buffer !== kept || keptNamespace !== namespace) {
    buffer.set(Uint8Array.fromHex(namespace.replaceAll("-", "")));
    if (buffer === kept) keptNamespace = namespace;
  }
  const { written } = encoder.encodeInto(name, buffer.subarray(NAMESPACE_BYTES));
  const hex = hash("sha1", buffer.subarray(0, NAMESPACE_BYTES + written), "hex");
  // Version 5 in the seventh byte, variant 10 in the ninth.
  const variant = (Number.parseInt(hex[16]!, 16) & 0x3 | 0x8).toString(16);
  // Joined and not put together by a template: that would keep a tree of its pieces, four times as large.
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join("-");
}

let lastTime = 0;

/** A version 7 UUID: made of the time, or of the next free millisecond, so that one made later is greater. */
export function uuid7(): string {
  lastTime = Math.max(Date.now(), lastTime + 1);
  const time = lastTime.toString(16).padStart(12, "0");
  // A random UUID with its first half replaced: the variant stands where version 7 has it, too.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}
