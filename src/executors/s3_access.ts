/**
 * What a process may need to get to S3 where this program gets there: by variables, hosts and files. Unaware of which of
 * them are permitted.
 *
 * @module
 */

import { defaultS3CachePath, homeVariable } from "../config/paths.ts";
import { readableVariable } from "../environment.ts";

/** What may be needed. */
export interface S3Access {
  /** Names of variables. */
  readonly variables: readonly string[];
  /** With ports. */
  readonly hosts: readonly string[];
  /** Files that are read. */
  readonly files: readonly string[];
  /** Folders that are read and written. */
  readonly folders: readonly string[];
}

const NONE: S3Access = { variables: [], hosts: [], files: [], folders: [] };

const ENDPOINTS = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
const FILES = [
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];
const CACHE_ROOTS = ["STARDAG_TARGET_S3_CACHE__ROOT", "STARDAG_TARGET_S3_CACHE_ROOT"];
const OTHERS = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_PROFILE",
  "AWS_ROLE_ARN",
  "AWS_ROLE_SESSION_NAME",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
  "AWS_EC2_METADATA_DISABLED",
  "STARDAG_TARGET_S3_USE_CACHE",
];

/** Of containers and of machines at AWS, which lend keys there. */
const LENDERS = ["169.254.170.2:80", "169.254.169.254:80"];

/** What tasks may need whose outputs are below the roots; nothing where none of them is in S3. */
export function s3Access(roots: readonly string[]): S3Access {
  const buckets = roots.flatMap((root) => /^s3:\/\/([^/]+)/.exec(root)?.[1] ?? []);
  if (buckets.length === 0) return NONE;
  const region = valuesOf(["AWS_REGION", "AWS_DEFAULT_REGION"])[0] ?? "us-east-1";
  const servers = [
    ...valuesOf(ENDPOINTS).flatMap(hostOf),
    `s3.${region}.amazonaws.com:443`,
    `sts.${region}.amazonaws.com:443`,
  ];
  const home = valuesOf([homeVariable()]);
  return {
    variables: [...ENDPOINTS, ...FILES, ...CACHE_ROOTS, ...OTHERS, homeVariable()],
    hosts: [
      ...servers.flatMap((host) => [host, ...buckets.map((it) => `${it}.${host}`)]),
      ...LENDERS,
    ],
    files: [
      ...valuesOf(FILES),
      ...home.flatMap((folder) => [`${folder}/.aws/config`, `${folder}/.aws/credentials`]),
    ],
    folders: [...valuesOf(CACHE_ROOTS), ...home.map(defaultS3CachePath)],
  };
}

function valuesOf(variables: readonly string[]): readonly string[] {
  return variables.flatMap((variable) => readableVariable(variable) || []);
}

function hostOf(url: string): readonly string[] {
  if (!URL.canParse(url)) return [];
  const { hostname, port, protocol } = new URL(url);
  return [`${hostname}:${port || (protocol === "http:" ? 80 : 443)}`];
}
