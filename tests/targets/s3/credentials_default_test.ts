/** Where credentials are found when none are given in code. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ConfigError, StardagError } from "../../../src/errors.ts";
import { defaultCredentials } from "../../../src/targets/s3/default_credentials.ts";
import { CredentialsCache } from "../../../src/targets/s3/credentials.ts";
import { awsSite, faultOf, found, lender, lentJson, stsAnswer } from "./aws_site.ts";

const VARIABLES = { AWS_ACCESS_KEY_ID: "of-variables", AWS_SECRET_ACCESS_KEY: "s" };
const CREDENTIALS = "home/.aws/credentials";
const CONFIG = "home/.aws/config";
const WEB_TOKEN = "eyJhbGciOi.of-the-web";

function section(name: string, settings: Readonly<Record<string, string>>): string {
  return `[${name}]\n${Object.entries(settings).map((pair) => pair.join(" = ")).join("\n")}\n`;
}

function keysIn(name: string, accessKeyId: string): string {
  return section(name, { aws_access_key_id: accessKeyId, aws_secret_access_key: "s" });
}

Deno.test("the variables go before the shared files, with their token", async () => {
  using _ = awsSite({ [CREDENTIALS]: keysIn("default", "of-file") }, {
    ...VARIABLES,
    AWS_SESSION_TOKEN: "t",
  });
  assertEquals(await defaultCredentials({ region: "eu-west-1" }), {
    accessKeyId: "of-variables",
    secretAccessKey: "s",
    sessionToken: "t",
    expiration: undefined,
  });
});

Deno.test("a key without its secret is an error that names the variable", async () => {
  using _ = awsSite({ [CREDENTIALS]: keysIn("default", "of-file") }, { AWS_ACCESS_KEY_ID: "a" });
  assertEquals(
    await faultOf(),
    "Cannot get credentials for S3: AWS_SECRET_ACCESS_KEY, which AWS_ACCESS_KEY_ID needs, is not set. Set it",
  );
});

Deno.test("a profile that is given in code goes before the variables, one of AWS_PROFILE does not", async () => {
  const files = {
    [CREDENTIALS]: keysIn("default", "of-default") + keysIn("dev", "of-dev"),
    [CONFIG]: keysIn("profile prod", "of-prod"),
  };
  {
    using _ = awsSite(files, { ...VARIABLES, AWS_PROFILE: "prod" });
    assertEquals([await found(), await found("dev")], ["of-variables", "of-dev"]);
  }
  {
    using _ = awsSite(files, { AWS_PROFILE: "prod" });
    assertEquals([await found(), await found("default")], ["of-prod", "of-default"]);
  }
  using _ = awsSite(files);
  assertEquals(await found(), "of-default");
});

Deno.test("the file of credentials goes before that of the configuration, and both can be elsewhere", async () => {
  using here = awsSite({
    "home/keys": keysIn("default", "of-keys"),
    "home/settings": keysIn("default", "of-settings"),
  });
  const [keys, settings] = [`${here.home}/keys`, `${here.home}/settings`];
  {
    using _ = awsSite({}, { AWS_SHARED_CREDENTIALS_FILE: keys, AWS_CONFIG_FILE: settings });
    assertEquals(await found(), "of-keys");
  }
  {
    using _ = awsSite({}, { AWS_CONFIG_FILE: settings });
    assertEquals(await found(), "of-settings");
  }
  using _ = awsSite({ "home/mine": keysIn("default", "of-mine") }, {
    AWS_SHARED_CREDENTIALS_FILE: "~/mine",
  });
  assertEquals(await found(), "of-mine");
});

Deno.test("the files are read again when the credentials were refused", async () => {
  using here = awsSite({ [CREDENTIALS]: keysIn("default", "first") });
  const cache = new CredentialsCache(() => defaultCredentials({ region: "eu-west-1" }));
  const first = await cache.get();
  Deno.writeTextFileSync(`${here.home}/.aws/credentials`, keysIn("default", "second"));
  assertEquals([(await cache.get())?.accessKeyId, cache.refuse(first!)], ["first", true]);
  assertEquals((await cache.get())?.accessKeyId, "second");
});

Deno.test("a profile that there is not is an error that names those there are", async () => {
  using here = awsSite({ [CREDENTIALS]: keysIn("a", "a") }, { AWS_PROFILE: "b" });
  const files = `"${here.home}/.aws/credentials" and "${here.home}/.aws/config"`;
  assertEquals(
    await faultOf(),
    `Cannot use the profile "b" for S3: the profiles are "a". Name one of these, or add "b" to ${files}`,
  );
});

Deno.test("a profile's role is asked of STS with the keys of its source", async () => {
  await using sts = lender(({ body }) => {
    const role = new URLSearchParams(body).get("RoleArn")!;
    return stsAnswer("AssumeRole", role.replace("arn:", "key-of-"));
  });
  using _ = awsSite({
    [CREDENTIALS]: keysIn("base", "base"),
    [CONFIG]: section("profile first", { role_arn: "arn:first", source_profile: "base" }) +
      section("profile second", {
        role_arn: "arn:second",
        source_profile: "first",
        external_id: "x y",
        role_session_name: "me",
        duration_seconds: "900",
      }) +
      section("profile own", { role_arn: "arn:own", source_profile: "own" }) +
      section("own", { aws_access_key_id: "ignored" }) + keysIn("profile own", "own"),
  }, { AWS_ENDPOINT_URL_STS: sts.url });
  assertEquals(await defaultCredentials({ profile: "second", region: "eu-west-1" }), {
    accessKeyId: "key-of-second",
    secretAccessKey: "s/+=",
    sessionToken: "t&=",
    expiration: new Date("2100-01-01"),
  });
  const [first, second] = sts.received.map(({ body }) =>
    Object.fromEntries(new URLSearchParams(body))
  );
  assertEquals(second, {
    Action: "AssumeRole",
    Version: "2011-06-15",
    RoleArn: "arn:second",
    RoleSessionName: "me",
    DurationSeconds: "900",
    ExternalId: "x y",
  });
  assertEquals([first?.RoleArn, /^stardag-\d+$/.test(first?.RoleSessionName ?? "")], [
    "arn:first",
    true,
  ]);
  const signatures = sts.received.map(({ headers }) =>
    headers.get("authorization")?.replace(/\/\d{8}\//, "/day/")
  );
  assertStringIncludes(signatures[0]!, "Credential=base/day/eu-west-1/sts/aws4_request");
  assertStringIncludes(signatures[1]!, "Credential=key-of-first/day/eu-west-1/sts/");
  assertEquals(sts.received[1]?.headers.get("x-amz-security-token"), "t&=");
  assertEquals(await found("own"), "key-of-own");
});

Deno.test("a role is asked with keys of the variables or the container where its profile says so", async () => {
  await using sts = lender(({ headers }) =>
    stsAnswer("AssumeRole", `by-${/Credential=(\w+)/.exec(headers.get("authorization")!)?.[1]}`)
  );
  await using container = lender(() => lentJson("container"));
  using _ = awsSite({
    [CONFIG]: section("profile a", { role_arn: "arn:a", credential_source: "Environment" }) +
      section("profile b", { role_arn: "arn:b", credential_source: "EcsContainer" }),
  }, {
    AWS_ACCESS_KEY_ID: "variables",
    AWS_SECRET_ACCESS_KEY: "s",
    AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url,
    AWS_ENDPOINT_URL: sts.url,
  });
  assertEquals([await found("a"), await found("b")], ["by-variables", "by-container"]);
});

for (
  const [name, settings, fault] of [
    ["that leads to itself", { role_arn: "a", source_profile: "p" }, 'in its source_profile "p"'],
    ["without a source", { role_arn: "a" }, "nothing says whose keys to use"],
    [
      "with an unknown source",
      { role_arn: "a", credential_source: "Moon" },
      "or credential_source",
    ],
    [
      "of a source without keys",
      { role_arn: "a", credential_source: "Environment" },
      '"Environment"',
    ],
    ["of a source there is not", { role_arn: "a", source_profile: "x" }, 'the profile "x"'],
    ["with a device", { role_arn: "a", source_profile: "k", mfa_serial: "m" }, "mfa_serial"],
    ["with SSO", { sso_session: "s" }, "aws configure export-credentials --profile p"],
    ["with half a key", { aws_access_key_id: "a" }, "the secret access key is missing"],
  ] as const
) {
  Deno.test(`a profile ${name} is an error that says what to do`, async () => {
    using _ = awsSite({ [CONFIG]: section("profile p", settings) + keysIn("profile k", "k") });
    const message = await faultOf("p");
    assertStringIncludes(message, fault);
    assertStringIncludes(message, 'profile "');
  });
}

Deno.test("a web identity of the variables is exchanged at STS, with the token of the file as it is now", async () => {
  await using sts = lender(() => stsAnswer("AssumeRoleWithWebIdentity", "of-web"));
  using here = awsSite({ "home/token": `${WEB_TOKEN}\n` }, { AWS_ENDPOINT_URL_STS: `${sts.url}/` });
  const path = `${here.home}/token`;
  using _ = awsSite({}, {
    AWS_WEB_IDENTITY_TOKEN_FILE: path,
    AWS_ROLE_ARN: "arn:web",
    AWS_ROLE_SESSION_NAME: "me",
    AWS_ENDPOINT_URL_STS: sts.url,
  });
  assertEquals(await found(), "of-web");
  assertStringIncludes(await faultOf("default"), "there are no credentials in");
  Deno.writeTextFileSync(path, "next");
  await found();
  const [first, second] = sts.received;
  assertEquals(Object.fromEntries(new URLSearchParams(first?.body)), {
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: "arn:web",
    RoleSessionName: "me",
    WebIdentityToken: WEB_TOKEN,
  });
  assertEquals([first?.method, first?.path, first?.headers.has("authorization")], [
    "POST",
    "/",
    false,
  ]);
  assertEquals(new URLSearchParams(second?.body).get("WebIdentityToken"), "next");
});

Deno.test("a profile can be of a web identity, too", async () => {
  await using sts = lender(() => stsAnswer("AssumeRoleWithWebIdentity", "of-web"));
  using here = awsSite({ "home/token": WEB_TOKEN });
  using _ = awsSite({
    [CONFIG]: section("default", {
      role_arn: "arn:web",
      web_identity_token_file: `${here.home}/token`,
    }),
  }, { AWS_ENDPOINT_URL_STS: sts.url });
  assertEquals(await found(), "of-web");
});

Deno.test("a refusal of STS is an error with what it says and without the token", async () => {
  await using sts = lender(() =>
    new Response(
      "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>",
      { status: 403 },
    )
  );
  using here = awsSite({ "home/token": WEB_TOKEN });
  using _ = awsSite({}, {
    AWS_WEB_IDENTITY_TOKEN_FILE: `${here.home}/token`,
    AWS_ROLE_ARN: "arn:web",
    AWS_ENDPOINT_URL_STS: sts.url,
  });
  const error = await assertRejects(() => found(), ConfigError);
  assertEquals(
    error.message,
    `Cannot get credentials for S3: STS at "${sts.url}" answers 403 AccessDenied, "not you". ` +
      'Allow who asks to use the role "arn:web"',
  );
  assert(!Deno.inspect(error).includes(WEB_TOKEN));
  assertEquals(sts.received.length, 1);
});

Deno.test("where nothing lends keys, the error says where was looked and what to set", async () => {
  await using service = lender(() => new Response("", { status: 404 }));
  using here = awsSite({}, {
    AWS_EC2_METADATA_DISABLED: "",
    AWS_EC2_METADATA_SERVICE_ENDPOINT: service.url,
  });
  assertEquals(
    await faultOf(),
    "Cannot sign requests to S3: there are no credentials in the variables AWS_ACCESS_KEY_ID and " +
      `AWS_SECRET_ACCESS_KEY, in the profile "default" of "${here.home}/.aws/credentials" and ` +
      `"${here.home}/.aws/config", of a web identity, of a container, or of an EC2 instance. Set these ` +
      'variables or this profile, or give the option credentials, which is "anonymous" for buckets that anybody may read',
  );
  assertEquals(service.received.length, 1);
});

/** A profile whose credentials a program of Deno gives, that runs this code. */
function programProfile(here: string, code: string): string {
  Deno.writeTextFileSync(here, code);
  const command = `"${Deno.execPath()}" run --quiet '${here}' "a b" c`;
  return section("default", { credential_process: command });
}

Deno.test("a program's credentials are taken, its words kept together by quotes", async () => {
  using here = awsSite();
  const profile = programProfile(
    `${here.home}/my program.js`,
    `console.log(JSON.stringify({ Version: 1, AccessKeyId: Deno.args.join("_").replace(" ", "-"),
       SecretAccessKey: "s", SessionToken: "t", Expiration: "2100-01-01T00:00:00+00:00" }));`,
  );
  using _ = awsSite({ [CONFIG]: profile });
  assertEquals(await defaultCredentials({ region: "eu-west-1" }), {
    accessKeyId: "a-b_c",
    secretAccessKey: "s",
    sessionToken: "t",
    expiration: new Date("2100-01-01"),
  });
});

Deno.test("a program that fails is an error with what it says, one that is missing as well", async () => {
  using here = awsSite();
  const profile = programProfile(
    `${here.home}/my program.js`,
    `console.error("sign in first"); Deno.exit(3);`,
  );
  {
    using _ = awsSite({ [CONFIG]: profile });
    assertStringIncludes(await faultOf(), 'ended with code 3 and "sign in first". Correct that');
  }
  using _ = awsSite({ [CONFIG]: section("default", { credential_process: "/no/such x" }) });
  const error = await assertRejects(() => found(), StardagError);
  assertStringIncludes(error.message, 'the program "/no/such" of the profile "default" in ');
  assertStringIncludes(error.message, "could not be started");
});
