/**
 * Runs the tests of `tests/targets/s3/real_servers.ts` with S3 servers that others wrote, which it installs where they are
 * missing, starts, and ends: `deno run -A tools/s3_servers/main.ts`. With `--serve` it tells where they are instead, and
 * ends them with Ctrl-C.
 *
 * A server that is not to be had is a failure, unless `STARDAG_TEST_S3_WITHOUT` names it, e.g. `radosgw,versitygw`.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { startRadosgw } from "./radosgw.ts";
import type { S3TestServer } from "./server.ts";
import { startVersitygw } from "./versitygw.ts";

const STARTS = { versitygw: startVersitygw, radosgw: startRadosgw };
const WITHOUT = "STARDAG_TEST_S3_WITHOUT";

/** Starts all that can be had, and says which cannot. */
async function startAll(programs: AsyncDisposableStack): Promise<{
  readonly started: readonly S3TestServer[];
  readonly isComplete: boolean;
}> {
  const without = (Deno.env.get(WITHOUT) ?? "").split(",").map((name) => name.trim());
  const wanted = Object.entries(STARTS).filter(([name]) => !without.includes(name));
  const servers = await Promise.all(wanted.map(async ([name, start]) => {
    const begun = Date.now();
    try {
      const server = await start(programs);
      console.log(`${name} answers at ${server.url} after ${(Date.now() - begun) / 1000} s`);
      return server;
    } catch (error) {
      console.log(`${name} is not to be had: ${error}\nTo do without it, set ${WITHOUT}=${name}`);
      return undefined;
    }
  }));
  for (const name of without) {
    if (name in STARTS) console.log(`Without ${name}, as ${WITHOUT} says`);
  }
  const started = servers.filter((server) => server !== undefined);
  return { started, isComplete: started.length === wanted.length };
}

/** Whether they succeed. */
async function runTests(servers: readonly S3TestServer[]): Promise<boolean> {
  const tests = fromFileUrl(new URL("../../tests/targets/s3/real_servers.ts", import.meta.url));
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", tests],
    env: { STARDAG_TEST_S3_SERVERS: JSON.stringify(servers), STARDAG_NO_REGISTRY: "1" },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  return success;
}

/** Until Ctrl-C. */
async function serve(servers: readonly S3TestServer[]): Promise<boolean> {
  for (const { url, accessKeyId, secretAccessKey, region } of servers) {
    const credentials = `AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}`;
    console.log(`AWS_ENDPOINT_URL_S3=${url} AWS_REGION=${region} ${credentials}`);
  }
  return await new Promise(() => {});
}

async function main(): Promise<number> {
  await using programs = new AsyncDisposableStack();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => programs.disposeAsync().finally(() => Deno.exit(1)));
  }
  const { started, isComplete } = await startAll(programs);
  const isDone = Deno.args.includes("--serve") ? await serve(started) : await runTests(started);
  return isComplete && isDone ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
