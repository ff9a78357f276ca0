/**
 * Asks AWS's security token service, STS, for the keys of a role. Unaware of where it is configured which role that is.
 *
 * @module
 */

import { type AwsConfiguration, domainOf } from "./aws_configuration.ts";
import { checkedCredentials, type S3Credentials } from "./credentials.ts";
import { lent } from "./lent_credentials.ts";
import { sha256, sign } from "./signing.ts";
import { elements, elementText } from "./xml.ts";

/** Which role, and who asks for it. */
export interface RoleRequest {
  /** Its ARN. */
  readonly role: string;
  /** What it is used as; one that tells when it was unless told. */
  readonly sessionName: string | undefined;
  /** Who may use it: a token of an identity provider, or keys that may do so. */
  readonly proof: { readonly webIdentityToken: string } | { readonly credentials: S3Credentials };
  /** For how long, in seconds; what the service takes for usual unless told. */
  readonly duration?: string | undefined;
  /** What the owner of the role wants to be told. */
  readonly externalId?: string | undefined;
}

/** The keys of a role. Throws `ConfigError`, or `PermissionError`. */
export async function assumeRole(
  configuration: AwsConfiguration,
  region: string,
  { role, sessionName = `stardag-${Date.now()}`, proof, duration, externalId }: RoleRequest,
): Promise<S3Credentials> {
  const endpoint = configuration.endpoint("sts") ?? `https://sts.${region}.${domainOf(region)}`;
  const url = new URL(`${endpoint}/`);
  const isWebIdentity = "webIdentityToken" in proof;
  const body = new URLSearchParams({
    Action: isWebIdentity ? "AssumeRoleWithWebIdentity" : "AssumeRole",
    Version: "2011-06-15",
    RoleArn: role,
    RoleSessionName: sessionName,
    ...isWebIdentity && { WebIdentityToken: proof.webIdentityToken },
    ...duration !== undefined && { DurationSeconds: duration },
    ...externalId !== undefined && { ExternalId: externalId },
  }).toString();
  const headers = new Headers({
    "content-type": "application/x-www-form-urlencoded; charset=utf-8",
  });
  const request = { method: "POST", url, headers, payloadHash: sha256(body) } as const;
  const answer = await lent({
    lender: "STS",
    url,
    method: "POST",
    headers: isWebIdentity
      ? headers
      : sign(request, { credentials: proof.credentials, region, service: "sts" }),
    body,
    remedy: `Allow who asks to use the role "${role}"`,
  });
  const [keys = ""] = elements(answer, "Credentials");
  return checkedCredentials({
    accessKeyId: elementText(keys, "AccessKeyId"),
    secretAccessKey: elementText(keys, "SecretAccessKey"),
    sessionToken: elementText(keys, "SessionToken"),
    expiration: elementText(keys, "Expiration"),
  }, `STS at "${url.origin}"`);
}
