/**
 * Keys of the machine on which this runs: of a container, or of an EC2 instance.
 *
 * @module
 */

import { netFlag } from "../../config/registry_url.ts";
import { ConfigError } from "../../errors.ts";
import { type AwsConfiguration, checkedEndpoint } from "./aws_configuration.ts";
import { credentialsFromJson, type S3Credentials } from "./credentials.ts";
import { lent } from "./lent_credentials.ts";

const RELATIVE_URI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const CONTAINER_HOST = "http://169.254.170.2";
/** Besides this machine: those of ECS and of EKS. */
const CONTAINER_HOSTS: ReadonlySet<string> = new Set([
  "169.254.170.2",
  "169.254.170.23",
  "[fd00:ec2::23]",
  "localhost",
  "[::1]",
]);
const INSTANCE_HOST = "http://169.254.169.254";
/** An instance answers at once; elsewhere nobody does. In milliseconds. */
const INSTANCE_TIMEOUT = 1_000;

/** Those of the container; `undefined` when there is none that lends keys. Throws `ConfigError`, `PermissionError`. */
export async function containerCredentials(
  configuration: AwsConfiguration,
): Promise<S3Credentials | undefined> {
  const { sources } = configuration;
  const path = sources.variable(RELATIVE_URI);
  const full = path === undefined ? sources.variable(FULL_URI) : CONTAINER_HOST + path;
  if (full === undefined) return undefined;
  const url = URL.parse(full);
  if (url === null || !isTrusted(url)) {
    throw new ConfigError(
      `Cannot get credentials for S3: ${path === undefined ? FULL_URI : RELATIVE_URI} leads ` +
        `neither to an https url nor to this machine. Correct it`,
    );
  }
  const token = containerToken(configuration);
  const answer = await lent({
    lender: "the container's service",
    url,
    headers: new Headers(token === undefined ? {} : { authorization: token }),
    remedy: "Check the role of the container, and AWS_CONTAINER_AUTHORIZATION_TOKEN",
  });
  return credentialsFromJson(answer, "Token", `the container's service at "${url.origin}"`);
}

/** Whether a token may be sent there. */
function isTrusted({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" &&
    (CONTAINER_HOSTS.has(hostname) || /^127(?:\.\d+){3}$/.test(hostname)));
}

function containerToken(configuration: AwsConfiguration): string | undefined {
  const variable = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
  const path = configuration.sources.variable(variable);
  const token = path === undefined
    ? configuration.sources.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    : configuration.requiredText(path, variable);
  if (token !== undefined && /[^\x20-\x7e]/.test(token)) {
    throw new ConfigError(
      `Cannot get credentials for S3: the token for the container's service has line breaks or other signs in it. ` +
        `Correct AWS_CONTAINER_AUTHORIZATION_TOKEN, or its file`,
    );
  }
  return token;
}

/** The flag without which an instance cannot be asked; `undefined` when it can, or is not to be. */
export function missingInstanceFlag(configuration: AwsConfiguration): string | undefined {
  if (isInstanceDisabled(configuration)) return undefined;
  const flag = netFlag(instanceUrl(configuration));
  const host = flag.replace("--allow-net=", "");
  return Deno.permissions.querySync({ name: "net", host }).state === "granted" ? undefined : flag;
}

/** Those of the EC2 instance; `undefined` when this is none, may not be asked, or has no role. Throws `ConfigError`. */
export async function instanceCredentials(
  configuration: AwsConfiguration,
): Promise<S3Credentials | undefined> {
  if (isInstanceDisabled(configuration) || missingInstanceFlag(configuration)) return undefined;
  const latest = `${instanceUrl(configuration)}/latest`;
  const token = await asked(`${latest}/api/token`, "PUT", {
    "x-aws-ec2-metadata-token-ttl-seconds": "300",
  });
  if (token === undefined) return undefined;
  const headers = { "x-aws-ec2-metadata-token": token };
  const roles = `${latest}/meta-data/iam/security-credentials/`;
  const [role = ""] = (await asked(roles, "GET", headers))?.trim().split("\n") ?? [];
  const answer = role === "" ? undefined : await asked(roles + role, "GET", headers);
  return answer === undefined
    ? undefined
    : credentialsFromJson(answer, "Token", `the EC2 instance for the role "${role}"`);
}

function isInstanceDisabled({ sources }: AwsConfiguration): boolean {
  return sources.variable("AWS_EC2_METADATA_DISABLED")?.toLowerCase() === "true";
}

function instanceUrl({ sources }: AwsConfiguration): string {
  const name = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
  return checkedEndpoint(sources.variable(name) ?? INSTANCE_HOST, name);
}

/** What an instance answers; `undefined` when there is none, or nothing there. */
async function asked(
  url: string,
  method: "GET" | "PUT",
  headers: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  try {
    const response = await fetch(url, {
      method,
      headers,
      redirect: "manual",
      signal: AbortSignal.timeout(INSTANCE_TIMEOUT),
    });
    const text = await response.text();
    return response.ok ? text : undefined;
  } catch {
    return undefined;
  }
}
