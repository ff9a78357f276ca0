/**
 * How far apart are prime numbers? Outputs are on S3, or on whatever else speaks its language, such as Ceph, MinIO or R2:
 * lists of primes are streamed to the bucket, and from there to what goes through them.
 *
 *     AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... AWS_REGION=eu-central-1 \
 *       deno run --allow-env=AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_REGION \
 *       --allow-net=my-bucket.s3.eu-central-1.amazonaws.com examples/s3_pipeline.ts s3://my-bucket/primes
 *
 * Another service has `AWS_ENDPOINT_URL_S3` say where it is, e.g. `http://127.0.0.1:9000`, and `--allow-net` let it be
 * reached. `--limit` says up to where primes are looked for, `--parts` in how many parts.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { parseArgs } from "node:util";
import { z } from "zod";

const { task } = sd.namespace("primes", import.meta.url);

const Prime = z.object({ prime: z.int() });

/** The primes from `from` on and before `to`. */
const primes = task({
  name: "primes",
  params: { from: z.int().min(2), to: z.int() },
  output: sd.jsonLines(Prime),
  run: ({ from, to }) => sieve(from, to),
});

const Gap = z.object({ after: z.int(), gap: z.int() });

/** How many there are, and the first and widest gap between two that follow each other. */
const Findings = z.object({ count: z.int(), first: z.int(), last: z.int(), widest: Gap });

const findings = task({
  name: "findings",
  params: { rows: sd.depends(sd.jsonLines(Prime)) },
  output: Findings,
  async run({ rows }) {
    let [count, first, last] = [0, 0, 0];
    let widest = { after: 0, gap: 0 };
    for await (const { prime } of rows) {
      if (count++ === 0) first = prime;
      else if (prime - last > widest.gap) widest = { after: last, gap: prime - last };
      last = prime;
    }
    return { count, first, last, widest };
  },
});

const together = task({
  name: "together",
  params: { parts: z.array(sd.depends(Findings)) },
  output: Findings,
  run: ({ parts }) =>
    parts.filter(({ count }) => count > 0).reduce((left, right) => {
      const between = { after: left.last, gap: right.first - left.last };
      const gaps = [left.widest, between, right.widest];
      return {
        count: left.count + right.count,
        first: left.first,
        last: right.last,
        widest: gaps.reduce((a, b) => b.gap > a.gap ? b : a),
      };
    }),
});

/** Strikes out the multiples of all numbers up to the root of the last. */
function* sieve(from: number, to: number): Generator<z.infer<typeof Prime>> {
  const isStruck = new Uint8Array(to - from);
  for (let n = 2; n * n < to; n++) {
    const multiple = Math.max(n * n, Math.ceil(from / n) * n);
    for (let at = multiple - from; at < isStruck.length; at += n) isStruck[at] = 1;
  }
  for (let at = 0; at < isStruck.length; at++) if (isStruck[at] === 0) yield { prime: from + at };
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: {
      limit: { type: "string", default: "1000000" },
      parts: { type: "string", default: "16" },
    },
    allowPositionals: true,
  });
  const root = positionals[0];
  if (root === undefined) {
    console.error("Say where outputs are to be kept, e.g. s3://my-bucket/primes");
    Deno.exit(2);
  }
  sd.targetFactoryProvider.set(new sd.TargetFactory({ targetRoots: { default: root } }));

  const [limit, count] = [Number(values.limit), Number(values.parts)];
  const ends = Array.from(
    { length: count + 1 },
    (_, i) => Math.max(2, Math.ceil(i * limit / count)),
  );
  const all = together({
    parts: ends.slice(1).map((to, i) => findings({ rows: primes({ from: ends[i]!, to }) })),
  });
  const summary = await sd.build(all, { reporter: sd.consoleReporter(), handleSignals: true });
  if (summary.status !== "success") Deno.exit(summary.exitCode);
  const found = await all.load();
  console.log(
    `${found.count} primes below ${limit}; after ${found.widest.after} the next is ${found.widest.gap} away`,
  );
}
