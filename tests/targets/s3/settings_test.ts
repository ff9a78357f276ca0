import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { ConfigError } from "../../../src/errors.ts";
import { bucketUrl, resolveS3Settings, type S3Settings } from "../../../src/targets/s3/settings.ts";
import { CredentialsCache } from "../../../src/targets/s3/credentials.ts";
import { parseSharedFile } from "../../../src/targets/s3/shared_files.ts";
import { awsSite } from "./aws_site.ts";

const CREDENTIALS = "home/.aws/credentials";
const CONFIG = "home/.aws/config";

/** Where a bucket is, by code, variables and the text of `~/.aws/config`. */
function urlOf(
  settings: S3Settings,
  values: Readonly<Record<string, string>> = {},
  config = "",
  bucket = "b",
): string {
  using _ = awsSite({ [CONFIG]: config }, values);
  return bucketUrl(resolveS3Settings(settings), bucket).href;
}

Deno.test("a bucket is at AWS in us-east-1 when nothing is said", () => {
  assertEquals(urlOf({}), "https://b.s3.us-east-1.amazonaws.com/");
});

Deno.test("the region is that of the option, of AWS_REGION, of AWS_DEFAULT_REGION, of the profile", () => {
  const config = "[default]\nregion = d\n[profile p]\nregion = p\n";
  const both = { AWS_REGION: "a", AWS_DEFAULT_REGION: "b" };
  const regionOf = (...args: Parameters<typeof urlOf>): string | undefined =>
    /s3\.(.*)\.amazonaws\.com/.exec(urlOf(...args))?.[1];
  assertEquals(regionOf({ region: "o" }, both, config), "o");
  assertEquals(regionOf({}, both, config), "a");
  assertEquals(regionOf({}, { AWS_DEFAULT_REGION: "b" }, config), "b");
  assertEquals(regionOf({}, { AWS_PROFILE: "p" }, config), "p");
  assertEquals(regionOf({ profile: "p" }, { AWS_PROFILE: "default" }, config), "p");
  assertEquals(regionOf({}, {}, config), "d");
  assertEquals(regionOf({}, { AWS_PROFILE: "missing" }, config), "us-east-1");
});

Deno.test("the endpoint is that of the option, of the variables, of the profile's service, of the profile", () => {
  const config = `[default]
endpoint_url = http://all
services = mine
[services mine]
dynamodb =
  endpoint_url = http://dynamo
s3 =
  endpoint_url = http://service
[profile all]
endpoint_url = http://all
[profile none]
ignore_configured_endpoint_urls = true
endpoint_url = http://all
`;
  const both = { AWS_ENDPOINT_URL_S3: "http://s3", AWS_ENDPOINT_URL: "http://every" };
  assertEquals(urlOf({ endpoint: new URL("http://o:9000/") }, both, config), "http://o:9000/b/");
  assertEquals(urlOf({}, both, config), "http://s3/b/");
  assertEquals(urlOf({}, { AWS_ENDPOINT_URL: "http://every/" }, config), "http://every/b/");
  assertEquals(urlOf({}, {}, config), "http://service/b/");
  assertEquals(urlOf({ profile: "all" }, {}, config), "http://all/b/");
  const aws = "https://b.s3.us-east-1.amazonaws.com/";
  assertEquals(urlOf({ profile: "none" }, {}, config), aws);
  const ignored = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
  assertEquals(urlOf({}, { ...both, [ignored]: "true" }, config), aws);
  assertEquals(urlOf({ profile: "none" }, { [ignored]: "false" }, config), "http://all/b/");
});

Deno.test("a bucket is in the host at AWS, and in the path where there is an endpoint or a dot in its name", () => {
  const endpoint = "http://store.example:9000/s3";
  assertEquals(urlOf({}, {}, "", "a.b"), "https://s3.us-east-1.amazonaws.com/a.b/");
  assertEquals(urlOf({ endpoint }), "http://store.example:9000/s3/b/");
  assertEquals(urlOf({ endpoint, forcePathStyle: false }), "http://b.store.example:9000/s3/");
  assertEquals(
    urlOf({ endpoint, forcePathStyle: false }, {}, "", "a.b"),
    "http://a.b.store.example:9000/s3/",
  );
  assertEquals(urlOf({ forcePathStyle: true }), "https://s3.us-east-1.amazonaws.com/b/");
  const path = "[default]\ns3 =\n  addressing_style = path\n";
  assertEquals(urlOf({}, {}, path), "https://s3.us-east-1.amazonaws.com/b/");
  assertEquals(urlOf({ forcePathStyle: false }, {}, path), "https://b.s3.us-east-1.amazonaws.com/");
  const virtual = path.replace("= path", "= virtual");
  assertEquals(urlOf({ endpoint }, {}, virtual), "http://b.store.example:9000/s3/");
});

Deno.test("a bucket is in the path where it could be in no name of a host", () => {
  for (const endpoint of ["http://127.0.0.1:9000", "http://[::1]:9000"]) {
    assertEquals(urlOf({ endpoint, forcePathStyle: false }), `${endpoint}/b/`);
  }
  const endpoint = "http://store";
  assertEquals(urlOf({ endpoint, forcePathStyle: false }, {}, "", "My_b"), "http://store/My_b/");
});

Deno.test("a bucket in China is at AWS's hosts there, and in another region where that is known", () => {
  assertEquals(urlOf({ region: "cn-north-1" }), "https://b.s3.cn-north-1.amazonaws.com.cn/");
  const settings = resolveS3Settings({ region: "eu-west-1", credentials: "anonymous" });
  assertEquals(bucketUrl(settings, "b", "sa-east-1").host, "b.s3.sa-east-1.amazonaws.com");
});

Deno.test("an endpoint that is none, and a region that can be no name, are errors that say where they are set", () => {
  for (
    const [settings, values, fault] of [
      [{ endpoint: "localhost:9000" }, {}, "Cannot use the option endpoint: it is"],
      [{}, { AWS_ENDPOINT_URL_S3: "s3.example" }, "Cannot use AWS_ENDPOINT_URL_S3: it is"],
      [
        {},
        { AWS_ENDPOINT_URL: "http://me:sesame@x" },
        "Cannot use AWS_ENDPOINT_URL: it has a user",
      ],
      [{ region: "evil.example/" }, {}, 'Cannot use the region "evil.example/"'],
    ] as const
  ) {
    const error = assertThrows(() => urlOf(settings, values), ConfigError, fault);
    assert(!error.message.includes("sesame"));
  }
  const config = "[profile p]\nendpoint_url = x\n";
  const fault = 'Cannot use endpoint_url of the profile "p": it is "x"';
  assertThrows(() => urlOf({ profile: "p" }, {}, config), ConfigError, fault);
});

Deno.test("credentials that are given in code are used, and cannot be seen in the settings", async () => {
  using _ = awsSite({}, { AWS_ACCESS_KEY_ID: "v", AWS_SECRET_ACCESS_KEY: "v" });
  const credentials = { accessKeyId: "o", secretAccessKey: "sesame" };
  const settings = resolveS3Settings({ credentials });
  assertEquals((await settings.credentials.get())?.accessKeyId, "o");
  assert(!Deno.inspect(settings, { showHidden: true, depth: 9 }).includes("sesame"));
  const anonymous = resolveS3Settings({ credentials: "anonymous" });
  assertEquals(await anonymous.credentials.get(), undefined);
  assertEquals((await resolveS3Settings().credentials.get())?.accessKeyId, "v");
});

Deno.test("settings are read once, when they are resolved", () => {
  using _ = awsSite({ [CONFIG]: "[default]\nregion = eu-west-1\n" });
  const settings = resolveS3Settings();
  Deno.env.set("AWS_REGION", "us-west-2");
  Deno.env.set("AWS_ENDPOINT_URL", "http://x");
  assertEquals(bucketUrl(settings, "b").href, "https://b.s3.eu-west-1.amazonaws.com/");
});

Deno.test("a profile is what both files say of it, the file of credentials first", () => {
  using _ = awsSite({
    [CREDENTIALS]: "[default]\nregion=ca-west-1\n",
    [CONFIG]: "[default]\nregion = eu-west-1\nendpoint_url = http://x\n",
  });
  assertEquals(resolveS3Settings().region, "ca-west-1");
  assertEquals(resolveS3Settings().endpoint, "http://x");
});

Deno.test("the shared files are read as AWS writes them", () => {
  const text = `# a comment
stray = line
[default] ; the usual
region=eu-west-1 # here
Output = json
aws_secret_access_key = a=b/c#d;e==
not a setting
s3 =
    max_concurrent_requests = 20
    ; between
\tendpoint_url= http://x/?a=b
cli_pager =
  region.of.it = x

[ profile "my dev" ]\r
  region = one\r
[profile a.b]
region = here
  output = indented
[services  mine]
s3 =
  endpoint_url = http://y
[profile my dev]
output = text
`;
  const sections = [...parseSharedFile(text)].map(([name, settings]) =>
    [name, Object.fromEntries(settings)] as const
  );
  assertEquals(Object.fromEntries(sections), {
    default: {
      region: "eu-west-1",
      output: "json",
      aws_secret_access_key: "a=b/c#d;e==",
      s3: "",
      "s3.max_concurrent_requests": "20",
      "s3.endpoint_url": "http://x/?a=b",
      cli_pager: "",
      "cli_pager.region.of.it": "x",
    },
    "profile my dev": { region: "one", output: "text" },
    "profile a.b": { region: "here", output: "indented" },
    "services mine": { s3: "", "s3.endpoint_url": "http://y" },
  });
  assertEquals([...parseSharedFile("\ufeff[a]\nb=c").keys()], ["a"]);
});

Deno.test("of two sections for the usual profile, the one called a profile counts; others are no profiles", () => {
  using _ = awsSite({
    [CONFIG]: "[profile default]\nregion = one\n[default]\nregion = two\n[other]\nregion = three\n",
  });
  assertEquals(resolveS3Settings().region, "one");
  assertEquals(resolveS3Settings({ profile: "other" }).region, "us-east-1");
});

Deno.test("a bucket whose name would make no host is in the path", () => {
  using _ = awsSite({});
  const settings = resolveS3Settings({ region: "eu-west-1" });
  for (const bucket of ["xn--", "xn--a", "xn--zz-top9"]) {
    const { host, pathname } = bucketUrl(settings, bucket);
    const isInHost = host === `${bucket}.s3.eu-west-1.amazonaws.com`;
    assert(isInHost || pathname === `/${bucket}/`, `${host}${pathname}`);
  }
  assertEquals(bucketUrl(settings, "xn--").href, "https://s3.eu-west-1.amazonaws.com/xn--/");
});

Deno.test("credentials that never come are given up, and asked for again when they are needed again", async () => {
  using time = new FakeTime();
  let asked = 0;
  const never = new Promise<never>(() => {});
  const cache = new CredentialsCache(() => {
    asked++;
    return never;
  });
  for (let i = 1; i <= 2; i++) {
    const rejected = assertRejects(
      () => cache.get(),
      ConfigError,
      "none have come within 120000 ms",
    );
    await time.tickAsync(120_001);
    await rejected;
    assertEquals(asked, i);
  }
});
