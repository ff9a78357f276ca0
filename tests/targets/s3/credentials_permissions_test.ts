/**
 * What is not permitted is not read, and nobody is asked: programs run with just the flags that a test gives them.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { homeVariable } from "../../../src/config/paths.ts";
import { awsSite, lender, lentJson, stsAnswer } from "./aws_site.ts";

const CHILD = fromFileUrl(import.meta.resolve("./credentials_child.ts"));
const CONFIG = fromFileUrl(import.meta.resolve("../../../deno.json"));
const HOME = homeVariable();
const KEYS = "[default]\naws_access_key_id = of-file\naws_secret_access_key = s\n";

interface Outcome {
  readonly accessKeyId?: string;
  readonly flag?: string;
  readonly message?: string;
}

/** Runs the program with the variables of this process. */
async function run(flags: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", `--config=${CONFIG}`, ...flags, CHILD],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assertEquals([code, text.decode(stderr)], [0, ""]);
  return JSON.parse(text.decode(stdout));
}

Deno.test("the two variables of the keys are all that has to be read", async () => {
  using _ = awsSite({ "home/.aws/credentials": KEYS }, {
    AWS_ACCESS_KEY_ID: "of-variables",
    AWS_SECRET_ACCESS_KEY: "s",
  });
  const id = "--allow-env=AWS_ACCESS_KEY_ID";
  assertEquals(await run([`${id},AWS_SECRET_ACCESS_KEY`]), { accessKeyId: "of-variables" });
  assertEquals(await run([id]), {
    flag: "--allow-env=AWS_SECRET_ACCESS_KEY",
    message: "Cannot get credentials for S3: Deno may not read AWS_SECRET_ACCESS_KEY, which " +
      "AWS_ACCESS_KEY_ID needs. Run with --allow-env=AWS_SECRET_ACCESS_KEY",
  });
});

Deno.test("without any permission, the error names the flags that lead to the credentials in the end", async () => {
  using here = awsSite({ "home/.aws/credentials": KEYS });
  const variables = await run([]);
  const { flag = "", message = "" } = variables;
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", HOME]) {
    assert(new Set(flag.replace("--allow-env=", "").split(",")).has(name), flag);
  }
  assertStringIncludes(message, "Cannot sign requests to S3: there are no credentials in ");
  assertStringIncludes(message, "(which could only be asked with --allow-net=169.254.169.254:80)");
  const disabled = await run(["--allow-env=AWS_EC2_METADATA_DISABLED"]);
  assert(!disabled.message?.includes("--allow-net"));
  const files = await run([flag]);
  assertEquals(
    files.flag?.replace(/^--allow-env=\S+ /, ""),
    `--allow-read=${here.home}/.aws/config,${here.home}/.aws/credentials`,
  );
  assertEquals(await run([flag, `--allow-read=${here.home}/.aws`]), { accessKeyId: "of-file" });
});

Deno.test("the file of a web identity, and STS, may be missing, which is said one after the other", async () => {
  await using sts = lender(() => stsAnswer("AssumeRoleWithWebIdentity", "of-web"));
  using here = awsSite({ "home/token": "t" }, { AWS_ROLE_ARN: "arn:web" });
  using _ = awsSite({}, {
    AWS_WEB_IDENTITY_TOKEN_FILE: `${here.home}/token`,
    AWS_ROLE_ARN: "arn:web",
    AWS_ENDPOINT_URL_STS: sts.url,
  });
  const flags = ["--allow-env=AWS_WEB_IDENTITY_TOKEN_FILE,AWS_ENDPOINT_URL_STS"];
  for (
    const flag of [
      "--allow-env=AWS_ROLE_ARN",
      `--allow-read=${here.home}/token`,
      `--allow-net=${new URL(sts.url).host}`,
    ]
  ) {
    assertEquals((await run(flags)).flag, flag);
    flags.push(flag);
  }
  assertEquals(await run(flags), { accessKeyId: "of-web" });
});

Deno.test("a program is only run when it may be", async () => {
  using here = awsSite({
    "home/.aws/config": "[default]\ncredential_process = /no/such/program --now\n",
  });
  const read = ["--allow-env", `--allow-read=${here.home}/.aws`];
  assertEquals(await run(read), {
    flag: "--allow-run=/no/such/program",
    message: 'Cannot get credentials for S3: Deno may not run "/no/such/program". ' +
      "Run with --allow-run=/no/such/program",
  });
});

Deno.test("an EC2 instance is only asked when it may be", async () => {
  await using service = lender(({ path }) =>
    path.endsWith("/role") ? lentJson("of-instance") : new Response("role")
  );
  using here = awsSite({}, {
    AWS_EC2_METADATA_DISABLED: "",
    AWS_EC2_METADATA_SERVICE_ENDPOINT: service.url,
  });
  const env = "--allow-env=AWS_EC2_METADATA_SERVICE_ENDPOINT";
  const { message = "" } = await run([env]);
  const flag = `--allow-net=${new URL(service.url).host}`;
  assertStringIncludes(message, `(which could only be asked with ${flag})`);
  assertEquals(service.received.length, 0);
  assertEquals(await run([env, flag, `--allow-read=${here.home}`]), { accessKeyId: "of-instance" });
});
