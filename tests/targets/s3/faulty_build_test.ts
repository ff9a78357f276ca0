/** Builds whose store has bad days. */

import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import * as sd from "../../../mod.ts";
import type { S3Credentials } from "../../../src/targets/s3/credentials.ts";
import { randomOf } from "../../support/random.ts";
import { faultsAtRate } from "../../support/s3_faults.ts";
import { startS3Server } from "../../support/s3_server.ts";
import { S3Refusal } from "../../support/s3_wire.ts";
import { s3At } from "./scene.ts";

const NAMESPACE = "stardag.tests.s3.faulty_build";

const square = sd.task({
  name: "square",
  namespace: NAMESPACE,
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => n * n,
});

const total = sd.task({
  name: "total",
  namespace: NAMESPACE,
  params: { parts: z.array(sd.depends(z.int())) },
  output: z.int(),
  run: ({ parts }) => parts.reduce((sum, part) => sum + part, 0),
});

const TASKS = 2000;
/** After so many requests no credentials are good any more that were given before. */
const REQUESTS_PER_CREDENTIALS = 700;

Deno.test("a build of 2,000 tasks ends correct when 5 % of all requests go wrong, and credentials expire", async () => {
  await using server = await startS3Server();
  const goesWrong = faultsAtRate(0.05, randomOf(1));
  let [token, lasts, given] = ["", 0, 0];
  server.fault = (request) => {
    if (lasts-- === 0) token = "";
    if (request.headers["x-amz-security-token"] === token) return goesWrong(request);
    return { kind: "refuse", refusal: new S3Refusal(400, "ExpiredToken", "It has expired.") };
  };
  const credentials = (): S3Credentials => {
    const { expires: _, ...issued } = server.issue();
    [token, lasts] = [issued.sessionToken, REQUESTS_PER_CREDENTIALS];
    given++;
    return issued;
  };
  const parts = Array.from({ length: TASKS - 1 }, (_, n) => square({ n }));
  const root = total({ parts });
  const build = async (): Promise<sd.BuildSummary> => {
    using _ = sd.targetFactoryProvider.override(
      new sd.TargetFactory({
        targetRoots: { default: "s3://bucket/outputs" },
        fileSystems: { "s3://": s3At(server, { credentials }) },
      }),
    );
    const summary = await sd.build([root]);
    if (summary.status === "success") {
      assertEquals(await root.load(), parts.reduce((sum, _, n) => sum + n * n, 0));
    }
    return summary;
  };

  const first = await build();
  first.throwIfFailed();
  assertEquals(first.taskCount.succeeded, TASKS);
  const outputs = server.bucket("bucket").objects.keys.filter((key) => key.endsWith(".json"));
  assertEquals(outputs.length, TASKS);
  assertEquals(server.bucket("bucket").uploads.size, 0);
  assert(given > TASKS / REQUESTS_PER_CREDENTIALS, `credentials were given ${given} times`);
  const second = await build();
  assertEquals([second.status, second.taskCount.succeeded], ["success", 0]);
});

Deno.test("a build of 2,000 tasks ends when the store is down for two seconds of it", async () => {
  await using server = await startS3Server();
  server.latency = 5;
  const outage = Promise.withResolvers<void>();
  let writes = 0;
  server.fault = ({ operation }) => {
    if (operation === "PutObject" && ++writes === TASKS / 2) outage.resolve();
    return undefined;
  };
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({
      targetRoots: { default: "s3://bucket/outputs" },
      fileSystems: { "s3://": s3At(server) },
    }),
  );
  const root = total({ parts: Array.from({ length: TASKS - 1 }, (_, n) => square({ n })) });
  const building = sd.build([root], {
    executor: new sd.InProcessTaskExecutor({ maxConcurrent: 64 }),
  });
  await outage.promise;
  await server.down();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await server.up();
  const summary = await building;
  summary.throwIfFailed();
  assertEquals(summary.taskCount.succeeded, TASKS);
});
