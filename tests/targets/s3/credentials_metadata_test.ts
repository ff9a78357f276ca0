/** Credentials that a container's service or an EC2 instance lends. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ConfigError } from "../../../src/errors.ts";
import { awsSite, faultOf, found, lender, lentJson } from "./aws_site.ts";

Deno.test("a lender that is out of order is asked again, and given up after the third time", async () => {
  let failures = 2;
  await using service = lender(() =>
    failures-- > 0 ? new Response("", { status: 503 }) : lentJson("k")
  );
  using _ = awsSite({}, { AWS_CONTAINER_CREDENTIALS_FULL_URI: service.url });
  assertEquals([await found(), service.received.length], ["k", 3]);
  failures = 9;
  assertStringIncludes(await faultOf(), "answers 503. Try again later");
  assertEquals(service.received.length, 6);
});

Deno.test("a lender that cannot be reached is an error without the path, which may be as good as a key", async () => {
  const { url, ...gone } = lender(() => lentJson("k"));
  await gone[Symbol.asyncDispose]();
  using _ = awsSite({}, { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/sesame` });
  const message = await faultOf();
  assertStringIncludes(message, `the container's service at "${url}" cannot be reached, `);
  assert(!message.includes("sesame"));
});

Deno.test("a token is not sent on to where a lender points", async () => {
  await using other = lender(() => lentJson("k"));
  await using service = lender(() => Response.redirect(other.url));
  using _ = awsSite({}, { AWS_CONTAINER_CREDENTIALS_FULL_URI: service.url });
  assertStringIncludes(await faultOf(), "answers 302");
  assertEquals(other.received, []);
});

Deno.test("the answer of a lender that is none is an error that does not show it", async () => {
  await using service = lender(() => new Response('{"SecretAccessKey": "sesame'));
  using _ = awsSite({}, { AWS_CONTAINER_CREDENTIALS_FULL_URI: service.url });
  const error = await assertRejects(() => found(), ConfigError, "is no JSON object");
  assert(!Deno.inspect(error).includes("sesame"));
});

Deno.test("a container's service is asked with its token, that of the file first", async () => {
  await using service = lender(() => lentJson("of-container"));
  using here = awsSite({ "home/token": "of-file\n" });
  const uri = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${service.url}/role` };
  const token = { AWS_CONTAINER_AUTHORIZATION_TOKEN: "of-variable" };
  const file = { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: `${here.home}/token` };
  for (const values of [uri, { ...uri, ...token }, { ...uri, ...token, ...file }]) {
    using _ = awsSite({}, values);
    assertEquals(await found(), "of-container");
  }
  assertEquals(
    service.received.map(({ path, headers }) => [path, headers.get("authorization")]),
    [["/role", null], ["/role", "of-variable"], ["/role", "of-file"]],
  );
});

Deno.test("a token is sent to no host over http but those of the container", async () => {
  for (
    const uri of [
      "http://example.com/",
      "http://127.0.0.1.example.com/",
      "http://169.254.170.2.example.com/",
      "ftp://localhost/",
      "role",
    ]
  ) {
    using _ = awsSite({}, { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri });
    assertStringIncludes(await faultOf(), "AWS_CONTAINER_CREDENTIALS_FULL_URI leads neither");
  }
  using _ = awsSite({}, { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "@example.com/role" });
  assertStringIncludes(await faultOf(), "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI leads neither");
});

Deno.test("a token with a line break in it is an error that does not show it", async () => {
  await using service = lender(() => lentJson("k"));
  using _ = awsSite({}, {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: service.url,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "sesame\nhost: evil",
  });
  assert(!(await faultOf()).includes("sesame"));
  assertEquals(service.received, []);
});

Deno.test("an EC2 instance is asked for its role with a token of its own", async () => {
  await using service = lender(({ path, method }) => {
    if (method === "PUT") return new Response("of-instance");
    return path.endsWith("/my-role") ? lentJson("of-instance") : new Response("my-role\n");
  });
  using _ = awsSite({}, {
    AWS_EC2_METADATA_DISABLED: "false",
    AWS_EC2_METADATA_SERVICE_ENDPOINT: service.url,
  });
  assertEquals(await found(), "of-instance");
  const roles = "/latest/meta-data/iam/security-credentials/";
  assertEquals(
    service.received.map(({ method, path, headers }) => [
      method,
      path,
      headers.get("x-aws-ec2-metadata-token-ttl-seconds") ??
        headers.get("x-aws-ec2-metadata-token"),
    ]),
    [
      ["PUT", "/latest/api/token", "300"],
      ["GET", roles, "of-instance"],
      ["GET", `${roles}my-role`, "of-instance"],
    ],
  );
});

Deno.test("an instance that is not to be asked is not", async () => {
  await using service = lender(() => new Response("x"));
  using _ = awsSite({}, { AWS_EC2_METADATA_SERVICE_ENDPOINT: service.url });
  await faultOf();
  assertEquals(service.received, []);
});
