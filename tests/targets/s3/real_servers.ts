/**
 * The tests of files in S3 with servers that others wrote. Not found by `deno test` on its own: run by
 * `tools/s3_servers/main.ts`, which says where the servers are.
 */

import { z } from "zod";
import { factsOf } from "../../support/contract_failures.ts";
import { askS3, type S3Place } from "../../support/s3_client.ts";
import { S3_BUCKET, s3Suite } from "./s3_suite.ts";

const Servers = z.array(z.object({
  name: z.string(),
  url: z.string(),
  region: z.string(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  lacks: z.array(z.string()),
}));

for (const server of Servers.parse(JSON.parse(Deno.env.get("STARDAG_TEST_S3_SERVERS") ?? "[]"))) {
  const { name, lacks, url, region, ...credentials } = server;
  const place = { url, region, credentials };
  let isReady: Promise<void> | undefined;
  const facts = factsOf(() =>
    s3Suite(name, async () => {
      await (isReady ??= makeBucket(place));
      return { ...place, [Symbol.asyncDispose]: () => Promise.resolve() };
    })
  );
  const left = new Set(lacks.map((fact) => `${name} ${fact}`));
  for (const { name, prove } of facts) Deno.test({ name, ignore: left.delete(name), fn: prove });
  if (left.size > 0) throw new Error(`There are no such tests: ${[...left].join(", ")}`);
}

async function makeBucket(place: S3Place): Promise<void> {
  const response = await askS3(place, "PUT", `/${S3_BUCKET}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`There is no bucket: ${response.status} ${text}`);
}
