/** Files in S3 for tests: a server that does what a test wants, and who uses it. */

import { S3FileSystem, type S3FileSystemOptions } from "../../../src/targets/s3/file_system.ts";
import type { S3Fault, S3FaultHook } from "../../support/s3_faults.ts";
import type { S3Server } from "../../support/s3_server.ts";

/** Who uses the server. */
export function s3At(server: S3Server, options: S3FileSystemOptions = {}): S3FileSystem {
  const { url: endpoint, region, credentials } = server;
  return new S3FileSystem({ endpoint, region, credentials, ...options });
}

/** Lets the first requests of an operation go wrong, one by one in the ways given. */
export function first(operation: string, ...faults: readonly S3Fault[]): S3FaultHook {
  const rest = [...faults];
  return (request) => request.operation === operation ? rest.shift() : undefined;
}

/** Lets all requests of an operation go wrong. */
export function always(operation: string, fault: S3Fault): S3FaultHook {
  return (request) => request.operation === operation ? fault : undefined;
}

/** All that is in the file. */
export function textOf(fileSystem: S3FileSystem, uri: string): Promise<string> {
  return new Response(fileSystem.readable(uri)).text();
}
