/**
 * Tells whether a request is signed as AWS wants it (Signature Version 4, in the `Authorization` header). Written from
 * AWS's description and on its own: shares nothing with the client that is tested with it.
 */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { decoded, encoded, S3Refusal, type S3Request } from "./s3_wire.ts";

/** Who may ask. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** In milliseconds since 1970; never, unless told. */
  readonly expires?: number;
}

/** What a request is held against. */
export interface Admission {
  /** By access key. */
  readonly credentials: ReadonlyMap<string, S3Credentials>;
  /** In which the bucket is. */
  readonly region: string;
  /** Whether who has signed for another region is sent there, instead of being told. */
  readonly redirects: boolean;
  /** By the clock of the server. */
  readonly now: number;
}

const MOST_SKEW = 15 * 60_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([^/, ]+)\/(\d{8})\/([^/, ]+)\/([^/, ]+)\/aws4_request, *SignedHeaders=([^, ]+), *Signature=([0-9a-f]{64})$/;
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

interface Claim {
  readonly accessKeyId: string;
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** Throws what AWS answers to a request that is not signed, or not well. */
export function admit(
  request: S3Request,
  { credentials, region, redirects, now }: Admission,
): void {
  const claim = claimOf(request);
  const known = credentials.get(claim.accessKeyId);
  if (known === undefined) {
    throw new S3Refusal(
      403,
      "InvalidAccessKeyId",
      "The AWS Access Key Id you provided does not exist in our records.",
      { AWSAccessKeyId: claim.accessKeyId },
    );
  }
  checkScope(claim, region, redirects);
  const date = checkDate(request, claim, now);
  checkToken(request, known, now);
  checkSignedHeaders(request, claim);
  checkSignature(request, claim, date, known);
}

function claimOf({ headers }: S3Request): Claim {
  if (headers["x-amz-content-sha256"] === undefined) {
    throw new S3Refusal(
      400,
      "InvalidRequest",
      "Missing required header for this request: x-amz-content-sha256",
    );
  }
  const match = AUTHORIZATION.exec(headers.authorization ?? "");
  if (match === null) {
    throw new S3Refusal(
      400,
      "AuthorizationHeaderMalformed",
      "The authorization header that you provided is not valid.",
    );
  }
  const [, accessKeyId = "", day = "", region = "", service = "", names = "", signature = ""] =
    match;
  return { accessKeyId, day, region, service, signedHeaders: names.split(";"), signature };
}

function checkScope(claim: Claim, region: string, redirects: boolean): void {
  if (claim.service !== "s3") {
    throw new S3Refusal(
      400,
      "AuthorizationHeaderMalformed",
      `The authorization header is malformed; incorrect service "${claim.service}". This endpoint belongs to "s3".`,
    );
  }
  if (claim.region === region) return;
  const hint = { "x-amz-bucket-region": region };
  if (redirects) {
    throw new S3Refusal(
      301,
      "PermanentRedirect",
      "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
      { Endpoint: `s3.${region}.amazonaws.com` },
      hint,
    );
  }
  throw new S3Refusal(
    400,
    "AuthorizationHeaderMalformed",
    `The authorization header is malformed; the region '${claim.region}' is wrong; expecting '${region}'`,
    { Region: region },
    hint,
  );
}

function checkDate({ headers }: S3Request, claim: Claim, now: number): string {
  const date = String(headers["x-amz-date"]);
  const [, year, month, day, hour, minute, second] = DATE.exec(date) ?? [];
  if (second === undefined || `${year}${month}${day}` !== claim.day) {
    throw new S3Refusal(
      403,
      "AccessDenied",
      "AWS authentication requires a valid Date or x-amz-date header",
    );
  }
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Math.abs(time - now) > MOST_SKEW) {
    throw new S3Refusal(
      403,
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large.",
      {
        RequestTime: date,
        ServerTime: new Date(now).toISOString(),
        MaxAllowedSkewMilliseconds: String(MOST_SKEW),
      },
    );
  }
  return date;
}

function checkToken({ headers }: S3Request, known: S3Credentials, now: number): void {
  if (headers["x-amz-security-token"] !== known.sessionToken) {
    throw new S3Refusal(
      400,
      "InvalidToken",
      "The provided token is malformed or otherwise invalid.",
    );
  }
  if (known.expires !== undefined && known.expires <= now) {
    throw new S3Refusal(400, "ExpiredToken", "The provided token has expired.");
  }
}

function checkSignedHeaders({ headers }: S3Request, { signedHeaders }: Claim): void {
  const unsigned = Object.keys(headers).filter((name) =>
    (name === "host" || name === "content-md5" || name.startsWith("x-amz-")) &&
    !signedHeaders.includes(name)
  );
  if (unsigned.length === 0) return;
  throw new S3Refusal(
    403,
    "AccessDenied",
    "There were headers present in the request which were not signed",
    { HeadersNotSigned: unsigned.join(", ") },
  );
}

function checkSignature(
  request: S3Request,
  claim: Claim,
  date: string,
  { secretAccessKey }: S3Credentials,
): void {
  const canonical = canonicalRequest(request, claim.signedHeaders);
  const scope = `${claim.day}/${claim.region}/${claim.service}/aws4_request`;
  const hash = createHash("sha256").update(canonical).digest("hex");
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash}`;
  const signature = hmac(signingKey(secretAccessKey, scope), toSign);
  if (timingSafeEqual(signature, new Uint8Array(Buffer.from(claim.signature, "hex")))) return;
  throw new S3Refusal(
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    {
      AWSAccessKeyId: claim.accessKeyId,
      StringToSign: toSign,
      SignatureProvided: claim.signature,
      CanonicalRequest: canonical,
    },
  );
}

/** The path and the query are read and written anew, so that the way in which they were sent does not matter. */
function canonicalRequest({ method, path, headers }: S3Request, names: readonly string[]): string {
  const [rawPath = "", ...search] = path.split("?");
  const query = search.join("?").split("&").filter((pair) => pair !== "").map((pair) => {
    const [name = "", ...value] = pair.replaceAll("+", " ").split("=");
    return [encoded(decoded(name)), encoded(decoded(value.join("=")))] as const;
  });
  query.sort(([name, value], [other, its]) => order(name, other) || order(value, its));
  return [
    method,
    rawPath.split("/").map((part) => encoded(decoded(part))).join("/"),
    query.map((pair) => pair.join("=")).join("&"),
    ...names.map((name) => `${name}:${String(headers[name]).trim().replace(/\s+/g, " ")}`),
    "",
    names.join(";"),
    String(headers["x-amz-content-sha256"]),
  ].join("\n");
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const keys = new Map<string, Uint8Array>();

/** Made once for each day, region and secret. */
function signingKey(secret: string, scope: string): Uint8Array {
  const id = `${secret} ${scope}`;
  let key = keys.get(id);
  if (key === undefined) {
    key = new TextEncoder().encode(`AWS4${secret}`);
    for (const part of scope.split("/")) key = hmac(key, part);
    keys.set(id, key);
  }
  return key;
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(text).digest());
}
