/**
 * A pipeline that keeps itself up to date, for Deno Deploy: every hour it fetches the exchange rates of the days that are
 * missing, and sums up each month that is over. Outputs are on S3, for there is no disk; a run that comes too late, is cut
 * short or runs into another one costs nothing, for the next one builds what is missing.
 *
 * On Deno Deploy, set these variables; elsewhere it runs as it is:
 *
 *     STARDAG_TARGET_ROOTS='{"default":"s3://my-bucket/rates"}' AWS_REGION=eu-central-1 \
 *       AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... \
 *       deno run --unstable-cron --allow-env \
 *       --allow-net=my-bucket.s3.eu-central-1.amazonaws.com,api.frankfurter.dev examples/deploy_cron.ts
 *
 * @module
 */

import * as sd from "@stardag/core";
import { z } from "zod";

const { task } = sd.namespace("rates", import.meta.url);

const Rates = z.object({ date: z.iso.date(), rates: z.record(z.string(), z.number()) });

/** What one euro cost on a day, by the European Central Bank; on a day without trade, on the last one before. */
const rates = task({
  name: "rates",
  params: { date: z.iso.date() },
  output: Rates,
  timeout: 20_000,
  retries: { maxAttempts: 3, minTimeout: 1_000 },
  concurrencyKeys: ["source"],
  async run({ date }, { signal }) {
    const source = Deno.env.get("RATES_URL") ?? "https://api.frankfurter.dev/v1";
    const response = await fetch(`${source}/${date}`, { signal });
    if (response.ok) return Rates.parse(await response.json());
    throw new Error(`${response.status} ${await response.text()}`);
  },
});

/** The mean of each currency in a month. */
const month = task({
  name: "month",
  params: { days: z.array(sd.depends(Rates)).min(1) },
  output: z.record(z.string(), z.number()),
  run({ days }) {
    const byCurrency: Record<string, number[]> = {};
    for (const { rates } of days) {
      for (const [currency, rate] of Object.entries(rates)) {
        (byCurrency[currency] ??= []).push(rate);
      }
    }
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value) / values.length;
    return Object.fromEntries(
      Object.entries(byCurrency).map(([currency, values]) => [currency, mean(values)]),
    );
  },
});

const DAY = 86_400_000;

/** All days of the month before, as a month; and the days of this one that are over. */
export function wanted(now: Date): sd.TaskStruct {
  const [year, index] = [now.getUTCFullYear(), now.getUTCMonth()];
  const days = (from: number, to: number): ReturnType<typeof rates>[] =>
    Array.from(
      { length: Math.round((to - from) / DAY) },
      (_, i) => rates({ date: new Date(from + i * DAY).toISOString().slice(0, 10) }),
    );
  const begin = Date.UTC(year, index);
  return {
    before: month({ days: days(Date.UTC(year, index - 1), begin) }),
    current: days(begin, Date.UTC(year, index, now.getUTCDate())),
  };
}

/** Builds what is missing, for ten minutes at most; what another run is at is waited for. */
export async function run(now: Date = new Date()): Promise<sd.BuildSummary> {
  const summary = await sd.build(wanted(now), {
    signal: AbortSignal.timeout(600_000),
    concurrencyLimits: { source: 4 },
    failMode: "continue",
    globalLockManager: new sd.FileLockManager(),
  });
  console.log(String(summary));
  return summary;
}

if (import.meta.main) {
  Deno.cron("exchange rates", "7 * * * *", async () => {
    (await run()).throwIfFailed(); // so that the run counts as failed
  });
}
