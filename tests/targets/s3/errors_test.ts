/** What errors of S3 say, and what they keep to themselves. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { PermissionError, TargetError } from "../../../src/errors.ts";
import type { S3Credentials } from "../../../src/targets/s3/credentials.ts";
import { isSlowDown, RefusalError, refusalOf } from "../../../src/targets/s3/errors.ts";
import { fileAddress } from "../../../src/targets/s3/address.ts";
import { type S3Server, startS3Server } from "../../support/s3_server.ts";
import { S3Refusal } from "../../support/s3_wire.ts";
import { always, s3At } from "./scene.ts";

const URI = "s3://bucket/folder/file.txt";

/** The message for a refusal as a store sends it. */
function messageFor(status: number, code: string, operation = "PutObject"): string {
  const xml = `<Error><Code>${code}</Code><Message>It said so.</Message></Error>`;
  const refusal = refusalOf(status, new Headers({ "x-amz-request-id": "R1" }), xml);
  const request = { action: "write", operation, address: fileAddress(URI) };
  return new RefusalError(request, refusal, { endpoint: "http://store", unseen: [] }).message;
}

Deno.test("an error says what could not be done, who says so, and what to do", () => {
  assertEquals(
    messageFor(403, "AccessDenied"),
    `Cannot write "${URI}": S3 at "http://store" answers 403 AccessDenied "It said so." to PutObject ` +
      `(request id R1). Grant s3:PutObject on "arn:aws:s3:::bucket/*"`,
  );
});

Deno.test("an error says for each reason what to do", () => {
  const remedies: readonly (readonly [number, string, string])[] = [
    [403, "SignatureDoesNotMatch", "Check AWS_SECRET_ACCESS_KEY"],
    [403, "InvalidAccessKeyId", "Check AWS_ACCESS_KEY_ID"],
    [403, "RequestTimeTooSkewed", "The clock of this machine is wrong"],
    [400, "ExpiredToken", "Get new ones"],
    [404, "NoSuchBucket", `There is no bucket "bucket" there. Create it`],
    [301, "PermanentRedirect", "Set AWS_REGION"],
    [400, "AuthorizationHeaderMalformed", "Set AWS_REGION"],
    [503, "SlowDown", "lower maxConcurrent"],
    [500, "InternalError", "ask who runs it"],
    [507, "Full", "There is no room left in the store"],
    [403, "InvalidObjectState", "Restore it first"],
    [400, "EntityTooSmall", "Set the option partSize to at least 5242880"],
    [418, "Teapot", "Check that the endpoint is that of a store that speaks S3"],
  ];
  for (const [status, code, remedy] of remedies) {
    const message = messageFor(status, code);
    assert(message.includes(`answers ${status} ${code}`) && message.includes(remedy), message);
  }
});

Deno.test("an error says what to grant for each operation", () => {
  const grants: Readonly<Record<string, string>> = {
    GetObject: `s3:GetObject on "arn:aws:s3:::bucket/*", and s3:ListBucket`,
    HeadObject: `s3:GetObject on "arn:aws:s3:::bucket/*", and s3:ListBucket`,
    ListObjectsV2: `s3:ListBucket on "arn:aws:s3:::bucket"`,
    ListMultipartUploads: `s3:ListBucketMultipartUploads on "arn:aws:s3:::bucket"`,
    DeleteObject: `s3:DeleteObject on "arn:aws:s3:::bucket/*"`,
    AbortMultipartUpload: `s3:AbortMultipartUpload on "arn:aws:s3:::bucket/*"`,
    UploadPart: `s3:PutObject on "arn:aws:s3:::bucket/*"`,
  };
  for (const [operation, grant] of Object.entries(grants)) {
    const message = messageFor(403, "AccessDenied", operation);
    assert(message.endsWith(`Grant ${grant}`) || message.includes(`Grant ${grant} on`), message);
  }
});

Deno.test("an answer that is no error of S3 is told by its status", () => {
  const refusal = refusalOf(404, new Headers(), "<html>Not here</html>");
  assertEquals([refusal.code, refusal.message, refusal.requestId], ["NotFound", "", ""]);
  assertEquals(refusalOf(500, new Headers(), "").retryAfter, 0);
  assertEquals(refusalOf(503, new Headers({ "retry-after": "2" }), "").retryAfter, 2000);
  assert([429, 503].every((status) => isSlowDown(refusalOf(status, new Headers(), ""))));
  assert(!isSlowDown(refusalOf(500, new Headers(), "")));
  const date = new Date(Date.now() + 3_600_000).toUTCString();
  assert(refusalOf(503, new Headers({ "retry-after": date }), "").retryAfter > 3_000_000);
});

Deno.test("a file that may not be listed is not taken to be missing", async () => {
  await using server = await startS3Server({ buckets: { bucket: { mayList: false } } });
  const fileSystem = s3At(server);
  const { message } = await assertRejects(() => fileSystem.exists(URI), TargetError);
  assert(message.includes("403 AccessDenied"), message);
  assert(
    message.includes("without the latter, S3 answers 403 also for what is not there"),
    message,
  );
  await fileSystem.write(URI, "content");
  assertEquals(await fileSystem.exists(URI), true);
});

Deno.test("an error of connecting says where to, and what Deno says", async () => {
  const server = await startS3Server();
  const fileSystem = s3At(server, { outageTimeout: 1 });
  await server.down();
  const { message } = await assertRejects(() => fileSystem.exists(URI), TargetError);
  const begin =
    `Cannot look for "${URI}": S3 at "${server.url}" cannot be reached (client error (Connect)`;
  assert(message.startsWith(begin), message);
  assert(message.endsWith("Check the endpoint, and whether it is up"), message);
});

Deno.test({
  name: "an error of a permission names the flag",
  permissions: { net: false, env: true, read: true },
  fn: async () => {
    const endpoint = "https://s3.example.org";
    const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
    const { S3FileSystem } = await import("../../../src/targets/s3/file_system.ts");
    const fileSystem = new S3FileSystem({ endpoint, credentials });
    const error = await assertRejects(() => fileSystem.exists(URI), PermissionError);
    assertEquals(error.flag, "--allow-net=s3.example.org:443");
    assertEquals(
      error.message,
      `Cannot look for "${URI}": Deno may not connect to S3 at "${endpoint}". ` +
        `Run with --allow-net=s3.example.org:443, which lets it reach the files there`,
    );
  },
});

Deno.test({
  name:
    "an error says that the store may be elsewhere, where Deno may not read the variables that tell so",
  permissions: { net: false, env: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], read: true },
  fn: async () => {
    const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
    const { S3FileSystem } = await import("../../../src/targets/s3/file_system.ts");
    const { message } = await assertRejects(
      () => new S3FileSystem({ credentials }).exists(URI),
      PermissionError,
    );
    const names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION"];
    const hint =
      `. Deno may not read ${names.join(", ")}, which may say that the store is elsewhere: ` +
      `to have that read, run with --allow-env=${names.join()}`;
    assert(message.endsWith(hint), message);
  },
});

Deno.test("an error of credentials says that the store may be elsewhere, and others do not", () => {
  const request = { action: "write", operation: "PutObject", address: fileAddress(URI) };
  const origin = { endpoint: "http://store", unseen: ["AWS_ENDPOINT_URL"] };
  const told = (code: string): boolean => {
    const refusal = refusalOf(403, new Headers(), `<Error><Code>${code}</Code></Error>`);
    return new RefusalError(request, refusal, origin).message.includes("may not read");
  };
  assertEquals(
    ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"].map(told),
    [true, true, false],
  );
});

Deno.test("no error tells a secret", async () => {
  await using server = await startS3Server();
  const { secretAccessKey, sessionToken, accessKeyId } = server.issue();
  const credentials = { accessKeyId, secretAccessKey, sessionToken };
  const told = (refusal: S3Refusal): Promise<string> => messageOf(server, refusal, credentials);
  const message = `It has ${sessionToken} and ${secretAccessKey} in it`;
  for (
    const refusal of [
      new S3Refusal(400, "Odd", "Odd", { "Token-0": sessionToken, StringToSign: sessionToken }),
      new S3Refusal(400, "Odd", message),
    ]
  ) {
    const text = await told(refusal);
    assert(text.includes("400 Odd"), text);
    for (const secret of [secretAccessKey, sessionToken]) assert(!text.includes(secret), text);
  }
});

async function messageOf(
  server: S3Server,
  refusal: S3Refusal,
  credentials: S3Credentials,
): Promise<string> {
  server.fault = always("PutObject", { kind: "refuse", refusal });
  const fileSystem = s3At(server, { credentials });
  return (await assertRejects(() => fileSystem.write(URI, "x"), TargetError)).message;
}
