/** Asks an S3 server as others do, signed by a library that shares nothing with this package and with the server. */

// deno-lint-ignore no-import-prefix -- nothing else needs it
import { AwsV4Signer } from "npm:aws4fetch@^1";
import type { S3Credentials } from "./s3_signature.ts";
import { hashOf } from "./s3_digests.ts";

/** Whom to ask, and as whom. */
export interface S3Place {
  readonly url: string;
  readonly region: string;
  readonly credentials: S3Credentials;
}

/** What is sent besides. */
export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** When it is signed; now, unless told. */
  readonly date?: Date;
}

/** Asks for a path, e.g. `/bucket/key?uploads`, in which everything is encoded as it is to be. */
export async function askS3(
  { url, region, credentials }: S3Place,
  method: string,
  path: string,
  { headers = {}, body, date = new Date() }: AskOptions = {},
): Promise<Response> {
  const bytes = new TextEncoder().encode(body);
  const signer = new AwsV4Signer({
    ...credentials,
    method,
    url: `${url}${path}`,
    service: "s3",
    region,
    headers: { "x-amz-content-sha256": hashOf([bytes], "sha256").toHex(), ...headers },
    datetime: date.toISOString().replace(/[-:]|\.\d+/g, ""),
  });
  const signed = await signer.sign();
  return await fetch(signed.url, {
    method,
    headers: signed.headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body: bytes }),
  });
}
