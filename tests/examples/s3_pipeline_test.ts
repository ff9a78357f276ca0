import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type S3Server, startS3Server } from "../support/s3_server.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** What the program says, with the permissions that it asks for. */
async function run(
  { url, credentials }: S3Server,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const variables = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_S3"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      `--allow-env=${variables.join()}`,
      `--allow-net=${new URL(url).host}`,
      "examples/s3_pipeline.ts",
      ...args,
    ],
    cwd: ROOT,
    env: {
      NO_COLOR: "1",
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL_S3: url,
    },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out: out!, err: err! };
}

Deno.test("the S3 example finds the primes, streams them to the bucket, and does so once", async () => {
  await using server = await startS3Server();
  const args = ["s3://bucket/some where", "--limit=200000", "--parts=3"];
  const first = await run(server, ...args);
  assertEquals(first.code, 0, first.err);
  assertEquals(first.out, "17984 primes below 200000; after 155921 the next is 86 away\n");
  assertMatch(first.err, /: 7 succeeded \(7 tasks\)$/m);
  const { keys } = server.buckets.get("bucket")!.objects;
  const lists = keys.filter((key) => key.startsWith("some where/primes/primes/"));
  assertEquals(lists.length, 3);

  const before = server.total;
  const again = await run(server, ...args);
  assertEquals([again.code, again.out], [0, first.out]);
  assertStringIncludes(again.err, "nothing to run");
  // Whether the root is there, and what is in it.
  assertEquals(server.total - before, 2);
});

Deno.test("the S3 example says what is missing", async () => {
  await using server = await startS3Server();
  const none = await run(server);
  assertEquals(none.code, 2);
  assertStringIncludes(none.err, "e.g. s3://my-bucket/primes");
  const wrong = await run(server, "s3://no-such-bucket/x");
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.err, "no-such-bucket");
});
