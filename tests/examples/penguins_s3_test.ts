import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { startS3Server } from "../support/s3_server.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

Deno.test("the penguins example runs as it is on S3, once, and then nothing", async () => {
  await using server = await startS3Server();
  const variables = {
    STARDAG_TARGET_ROOTS: '{"default":"s3://bucket/penguins"}',
    AWS_ENDPOINT_URL_S3: server.url,
    AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
  };
  const run = async (): Promise<readonly [found: string, told: string]> => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--allow-read=examples/penguins",
        `--allow-env=${Object.keys(variables).join()}`,
        `--allow-net=${new URL(server.url).host}`,
        "examples/penguins/main.ts",
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1", ...variables },
    }).output();
    const [found, told] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(code, 0, told);
    return [found!, told!];
  };

  const [found, told] = await run();
  assertMatch(told, /^Build succeeded in .*: 37 succeeded \(37 tasks\)\n$/m);
  assertMatch(found, /\n {4}98\.8 % {5}0\.\d{3} {2}logistic regression {2}rate 0\.2, L2 0\.01\n/);
  assertMatch(found, /\n {2}report +s3:\/\/bucket\/penguins\/penguins\/report\/.*\.md\n/);
  const { keys } = server.bucket("bucket").objects;
  assertEquals(keys.filter((key) => !key.includes("/.stardag/")).length, 37);
  const writes = server.requests.get("PutObject");

  const [foundAgain, toldAgain] = await run();
  assertMatch(toldAgain, /^Build .*nothing to run, 3 complete before \(3 tasks\)\n$/);
  assertEquals(foundAgain, `All is complete, 0 tasks have run\n${found}`);
  assertEquals(server.requests.get("PutObject"), writes);
});
