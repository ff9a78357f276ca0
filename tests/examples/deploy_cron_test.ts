import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type S3Server, startS3Server } from "../support/s3_server.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

interface Rates extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly string[];
}

/** A service with rates that counts how often it is asked for a day. */
function startRates(): Rates {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const date = new URL(request.url).pathname.slice(1);
    asked.push(date);
    return Response.json({ date, base: "EUR", rates: { USD: 1 + Number(date.slice(-2)) / 100 } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Runs a program next to the two services, as the example asks for. */
async function run(
  s3: S3Server,
  source: Rates,
  args: readonly string[],
  stdin = "",
): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-env",
      `--allow-net=${new URL(s3.url).host},${new URL(source.url).host}`,
      ...args,
    ],
    cwd: ROOT,
    env: {
      NO_COLOR: "1",
      RATES_URL: source.url,
      STARDAG_NO_REGISTRY: "1",
      STARDAG_TARGET_ROOTS: '{"default":"s3://bucket/rates"}',
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("the cron example builds the month before and the days so far, and fetches each day once", async () => {
  await using s3 = await startS3Server();
  await using source = startRates();
  // Two runs at once, then one on the next day.
  const out = await run(
    s3,
    source,
    ["-"],
    `
    const { run } = await import("./examples/deploy_cron.ts");
    const now = new Date("2026-03-04T10:07:00Z");
    const both = await Promise.all([run(now), run(now)]);
    const later = await run(new Date("2026-03-05T00:07:00Z"));
    console.log(JSON.stringify([...both, later].map(({ status }) => status)));
    `,
  );
  const statuses: string[] = JSON.parse(out.trimEnd().split("\n").at(-1)!);
  assertEquals(statuses, ["success", "success", "success"], out);
  // February, and the first four days of March.
  assertEquals(source.asked.length, 28 + 4);
  assertEquals(new Set(source.asked).size, 32);
  assertEquals(outputs(s3, "rates/month/").length, 1);
});

Deno.test("the cron example has its pipeline run every hour", async () => {
  await using s3 = await startS3Server();
  await using source = startRates();
  const out = await run(s3, source, [
    "--unstable-cron",
    "--preload=tests/examples/cron_now.ts",
    "examples/deploy_cron.ts",
  ]);
  assertMatch(out, /^exchange rates: 7 \* \* \* \*\nBuild succeeded/);
  assertEquals(outputs(s3, "rates/month/").length, 1);
});

function outputs(s3: S3Server, type: string): readonly string[] {
  return s3.buckets.get("bucket")!.objects.keys.filter((key) => key.startsWith(`rates/${type}`));
}
