/**
 * Where S3 is and who asks: what is given in code, then AWS's variables, then its shared files. Unaware of requests.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { AwsConfiguration, checkedEndpoint, domainOf } from "./aws_configuration.ts";
import { CredentialsCache, type S3CredentialsSource } from "./credentials.ts";

/** Where S3 is and who asks. What is not given comes from AWS's variables and shared files. */
export interface S3Settings {
  /** E.g. `eu-west-1`; unless told `AWS_REGION`, `AWS_DEFAULT_REGION`, that of the profile, and else `us-east-1`. */
  readonly region?: string | undefined;
  /**
   * A server that is not AWS's, e.g. `http://localhost:9000`; unless told `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, that of
   * the profile, and else AWS.
   */
  readonly endpoint?: string | URL | undefined;
  /**
   * Whether the bucket is in the path, and not in the name of the host; unless told so with an endpoint, and for buckets that
   * have a dot in their name. Where the two make no name of a host, it is in the path in any case.
   */
  readonly forcePathStyle?: boolean | undefined;
  /** Keys, or what hands them in, or `"anonymous"`; unless told what AWS's variables and shared files lead to. */
  readonly credentials?: S3CredentialsSource | undefined;
  /** The profile in the shared files; unless told `AWS_PROFILE`, and else `default`. */
  readonly profile?: string | undefined;
}

/** What {@linkcode S3Settings} come to. */
export interface ResolvedS3Settings {
  /** E.g. `eu-west-1`. */
  readonly region: string;
  /** Without a slash at its end; `undefined` for AWS's own. */
  readonly endpoint: string | undefined;
  /** `undefined` when it depends on the bucket. */
  readonly forcePathStyle: boolean | undefined;
  /** Whose requests they are. */
  readonly credentials: CredentialsCache;
  /** The variables that may say where it is, as far as Deno may not read them. */
  readonly unseen: readonly string[];
}

const DEFAULT_REGION = "us-east-1";
const PLACES = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION"];

/** Reads what is not given, and asks nobody. Throws `ConfigError` for what cannot be used. */
export function resolveS3Settings(settings: S3Settings = {}): ResolvedS3Settings {
  const { endpoint, profile } = settings;
  const configuration = new AwsConfiguration(profile);
  const region = checkedRegion(settings.region ?? configuration.region() ?? DEFAULT_REGION);
  const url = endpoint === undefined
    ? configuration.endpoint("s3")
    : checkedEndpoint(String(endpoint), "the option endpoint");
  return {
    region,
    endpoint: url,
    // A region that is not seen does no harm where the place is known.
    unseen: url === undefined ? PLACES.filter((name) => configuration.sources.isUnseen(name)) : [],
    forcePathStyle: settings.forcePathStyle ?? configuration.pathStyle(),
    credentials: new CredentialsCache(
      settings.credentials ?? (async () => {
        // Programs that are given keys need none of it.
        const { defaultCredentials } = await import("./default_credentials.ts");
        return await defaultCredentials({ profile, region });
      }),
    ),
  };
}

/** It becomes part of a host's name, and of what is signed. */
function checkedRegion(region: string): string {
  if (isRegion(region)) return region;
  throw new ConfigError(
    `Cannot use the region ${
      JSON.stringify(region)
    }: its name has other signs than letters, digits and "-". ` +
      `Correct AWS_REGION, the profile, or the option region`,
  );
}

/** Whether it can be the name of a region. */
export function isRegion(text: string): boolean {
  return /^[a-z0-9-]+$/i.test(text);
}

/**
 * Where a bucket is, with a slash at its end: `https://bucket.s3.eu-west-1.amazonaws.com/`, `http://localhost:9000/bucket/`.
 * `region` is that of the bucket, where it is known to be another one.
 */
export function bucketUrl(
  { endpoint, region: usual, forcePathStyle }: ResolvedS3Settings,
  bucket: string,
  region: string = usual,
): URL {
  const url = new URL(endpoint ?? `https://s3.${region}.${domainOf(region)}`);
  const canBeInHost = /^[a-z0-9.-]+$/.test(bucket) && !/^\[|^[\d.]+$/.test(url.hostname);
  // A certificate does not hold for a name with one dot more.
  const isWanted = canBeInHost &&
    !(forcePathStyle ?? (endpoint !== undefined || bucket.includes(".")));
  const host = `${bucket}.${url.host}`;
  if (isWanted) url.host = host;
  // What is no host, e.g. one that begins with "xn--" and goes on as no name does, changes nothing.
  const isInPath = url.host !== host;
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${isInPath ? `${bucket}/` : ""}`;
  return url;
}
