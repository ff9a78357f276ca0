/** What comes and goes over a connection of an S3 server, as far as it is let. Unaware of what it means. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { S3Fault } from "./s3_faults.ts";
import { sizeOf, sliceOf } from "./s3_store.ts";
import type { Chunks, S3Answer } from "./s3_wire.ts";

/** All of the body; `undefined` when it did not come, or the connection is to be reset after so many bytes. */
export async function contentOf(
  incoming: IncomingMessage,
  stopAt: number,
): Promise<Chunks | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    if (stopAt === 0) return undefined;
    for await (const chunk of incoming) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= stopAt) return undefined;
    }
    return chunks;
  } catch {
    return undefined;
  }
}

/** Ends the connection at once, as nobody does who means well. */
export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

/** Sends an answer, or what a fault leaves of it. */
export async function send(
  response: ServerResponse,
  { status, headers, body = [] }: S3Answer,
  method: string,
  fault: S3Fault | undefined,
): Promise<void> {
  const chunks = typeof body === "string" ? [new TextEncoder().encode(body)] : body;
  const size = sizeOf(chunks);
  response.writeHead(status, {
    ...(status === 204 || status === 304 ? {} : { "content-length": size }),
    ...headers,
  });
  const isCut = fault?.kind === "truncate" || fault?.kind === "reset";
  if (method === "HEAD" || size === 0) return isCut ? reset(response) : void response.end();
  const pieces = isCut
    ? [sliceOf(chunks, 0, size >> 1)]
    : fault?.kind === "slow"
    ? inPieces(chunks, size, fault.pieces)
    : [chunks];
  for (const piece of pieces) {
    if (fault?.kind === "slow") await new Promise((resolve) => setTimeout(resolve, fault.pause));
    for (const chunk of piece) {
      await new Promise((resolve) => response.write(chunk, resolve));
    }
  }
  if (!isCut) response.end();
  else if (fault.kind === "reset") reset(response);
  else response.socket?.end();
}

function inPieces(chunks: Chunks, size: number, count: number): readonly Chunks[] {
  const length = Math.ceil(size / count);
  return Array.from(
    { length: count },
    (_, index) => sliceOf(chunks, index * length, (index + 1) * length),
  );
}
