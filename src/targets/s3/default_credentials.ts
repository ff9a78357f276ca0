/**
 * Keys where none are given in code, found as AWS's own libraries find them: in variables, in a profile of the shared files,
 * of a web identity, of a container, of an EC2 instance.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { AwsConfiguration } from "./aws_configuration.ts";
import { processCredentials } from "./credential_process.ts";
import { checkedCredentials, type S3Credentials } from "./credentials.ts";
import {
  containerCredentials,
  instanceCredentials,
  missingInstanceFlag,
} from "./metadata_credentials.ts";
import type { AwsSettings } from "./shared_files.ts";
import { assumeRole } from "./sts.ts";

/** Options of {@linkcode defaultCredentials}. */
export interface DefaultCredentialsOptions {
  /** The profile to use, which then goes before variables; that of `AWS_PROFILE` unless told. */
  readonly profile?: string | undefined;
  /** Where STS is asked. */
  readonly region: string;
}

const KEYS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] as const;

/** The first that there are; everything is read anew. Throws `ConfigError`, and `PermissionError` where it may not look. */
export async function defaultCredentials(
  { profile, region }: DefaultCredentialsOptions,
): Promise<S3Credentials> {
  const look = new Look(new AwsConfiguration(profile), region);
  const found = (profile === undefined ? look.ofVariables() : undefined) ??
    await look.ofProfile(look.configuration.profileName) ??
    (profile === undefined ? await look.ofWebIdentity() : undefined) ??
    await containerCredentials(look.configuration) ??
    await instanceCredentials(look.configuration);
  return found ?? look.fail();
}

/** One look at everything. */
class Look {
  readonly configuration: AwsConfiguration;
  readonly #region: string;

  constructor(configuration: AwsConfiguration, region: string) {
    this.configuration = configuration;
    this.#region = region;
  }

  ofVariables(): S3Credentials | undefined {
    const [id, secret, token] = KEYS;
    const accessKeyId = this.configuration.sources.variable(id);
    if (accessKeyId === undefined) return undefined;
    return checkedCredentials({
      accessKeyId,
      secretAccessKey: this.configuration.requiredVariable(secret, id),
      sessionToken: this.configuration.sources.variable(token),
    }, `the variables ${id} and ${secret}`);
  }

  /** `users` are the profiles that lead to this one, whose keys they use. */
  async ofProfile(name: string, users: readonly string[] = []): Promise<S3Credentials | undefined> {
    const profile = this.configuration.requiredProfile(name);
    const source = `the profile "${name}" in ${this.configuration.places}`;
    const isOwnSource = users.includes(name);
    const role = profile.get("role_arn");
    if (role && !isOwnSource) return await this.#ofRole(name, profile, role, [...users, name]);
    if (profile.has("aws_access_key_id")) {
      return checkedCredentials({
        accessKeyId: profile.get("aws_access_key_id"),
        secretAccessKey: profile.get("aws_secret_access_key"),
        sessionToken: profile.get("aws_session_token"),
      }, source);
    }
    const command = profile.get("credential_process");
    if (command) return await processCredentials(command, source);
    if (profile.has("sso_session") || profile.has("sso_start_url")) {
      throw new ConfigError(
        `Cannot get credentials for S3: ${source} signs in by SSO, which is not supported here. ` +
          `Add a profile with the line "credential_process = aws configure export-credentials --profile ${name}", and use that`,
      );
    }
    return undefined;
  }

  async #ofRole(
    name: string,
    profile: AwsSettings,
    role: string,
    users: readonly string[],
  ): Promise<S3Credentials> {
    const source = `the profile "${name}" in ${this.configuration.places}`;
    const cannot = `Cannot use the role of ${source}`;
    const request = {
      role,
      sessionName: profile.get("role_session_name"),
      duration: profile.get("duration_seconds"),
    };
    const file = profile.get("web_identity_token_file");
    if (file) {
      const webIdentityToken = this.configuration.requiredText(file, source);
      return await assumeRole(this.configuration, this.#region, {
        ...request,
        proof: { webIdentityToken },
      });
    }
    if (profile.has("mfa_serial")) {
      throw new ConfigError(
        `${cannot}: it wants a code of a device (mfa_serial), for which nobody can be asked here. ` +
          `Use a profile without one, or hand in the option credentials`,
      );
    }
    const next = profile.get("source_profile");
    const kind = profile.get("credential_source");
    const credentials = next
      ? await this.ofProfile(next, users)
      : await this.#ofSource(kind, cannot);
    if (credentials === undefined) {
      throw new ConfigError(
        `${cannot}: there are no credentials in its ${
          next ? `source_profile "${next}"` : `credential_source "${kind}"`
        }. Add some there`,
      );
    }
    return await assumeRole(this.configuration, this.#region, {
      ...request,
      externalId: profile.get("external_id"),
      proof: { credentials },
    });
  }

  async #ofSource(kind: string | undefined, cannot: string): Promise<S3Credentials | undefined> {
    switch (kind) {
      case "Environment":
        return this.ofVariables();
      case "EcsContainer":
        return await containerCredentials(this.configuration);
      case "Ec2InstanceMetadata":
        return await instanceCredentials(this.configuration);
      default:
        throw new ConfigError(
          `${cannot}: nothing says whose keys to use for it. Add source_profile, web_identity_token_file, ` +
            `or credential_source, which is Environment, EcsContainer, or Ec2InstanceMetadata`,
        );
    }
  }

  async ofWebIdentity(): Promise<S3Credentials | undefined> {
    const variable = "AWS_WEB_IDENTITY_TOKEN_FILE";
    const { sources } = this.configuration;
    const file = sources.variable(variable);
    if (file === undefined) return undefined;
    return await assumeRole(this.configuration, this.#region, {
      role: this.configuration.requiredVariable("AWS_ROLE_ARN", variable),
      sessionName: sources.variable("AWS_ROLE_SESSION_NAME"),
      proof: { webIdentityToken: this.configuration.requiredText(file, variable) },
    });
  }

  /** Says where was looked. */
  fail(): never {
    const { sources, places, profileName } = this.configuration;
    const flag = missingInstanceFlag(this.configuration);
    const state = "Cannot sign requests to S3: there are no credentials in the variables " +
      `${KEYS[0]} and ${KEYS[1]}, in the profile "${profileName}"${places && ` of ${places}`}, ` +
      "of a web identity, of a container, or of an EC2 instance" +
      (flag === undefined ? "" : ` (which could only be asked with ${flag})`);
    const purpose = "so that all of it can be looked at; for keys in variables, " +
      `--allow-env=${KEYS[0]},${KEYS[1]} is enough`;
    sources.requireAll(state, purpose, KEYS);
    throw new ConfigError(
      `${state}. Set these variables or this profile, or give the option credentials, ` +
        `which is "anonymous" for buckets that anybody may read`,
    );
  }
}
