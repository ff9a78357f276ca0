/**
 * Where are the ships? Asks a service that is slow, fails now and then, and bears three requests at once. Stop it with
 * Ctrl-C and run it again: it goes on where it stood.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=examples/harvest --allow-write=examples/harvest/output \
 *       examples/harvest/main.ts
 *
 * `--output` says where outputs are kept, `--ships` how many ships there are, `--json` reports as JSON Lines.
 *
 * @module
 */

import * as sd from "@stardag/core";
import { parseArgs } from "node:util";
import { z } from "zod";
import { startService } from "./service.ts";

const { values } = parseArgs({
  options: {
    output: { type: "string", default: new URL("output", import.meta.url).href },
    ships: { type: "string", default: "60" },
    json: { type: "boolean", default: false },
  },
});
sd.targetFactoryProvider.set(new sd.TargetFactory({ targetRoots: { default: values.output } }));
await using service = startService();

const { task } = sd.namespace("harvest", import.meta.url);
const Position = z.object({ ship: z.int(), latitude: z.number(), longitude: z.number() });

/** What may have passed when one asks again. */
class OutOfOrder extends Error {}

const position = task({
  name: "position",
  params: { ship: z.int() },
  output: Position,
  concurrencyKeys: ["positions-service"],
  timeout: 5_000,
  retries: { maxAttempts: 5, minTimeout: 100, isRetriable: (error) => error instanceof OutOfOrder },
  async run({ ship }, { signal }) {
    const response = await fetch(`${service.url}/${ship}`, { signal });
    if (response.ok) return Position.parse(await response.json());
    const text = `${response.status} ${await response.text()}`;
    throw response.status >= 500 ? new OutOfOrder(text) : new Error(text);
  },
});

const fleet = task({
  name: "fleet",
  params: { positions: z.array(sd.depends(Position)) },
  output: z.object({ ships: z.int(), northernmost: z.int() }),
  run: ({ positions }) => ({
    ships: positions.length,
    northernmost: positions.toSorted((a, b) => b.latitude - a.latitude)[0]!.ship,
  }),
});

const ships = Array.from({ length: Number(values.ships) }, (_, i) => i + 1);
const all = fleet({ positions: ships.map((ship) => position({ ship })) });

const summary = await sd.build(all, {
  concurrencyLimits: { "positions-service": 3 },
  handleSignals: true,
  reporter: values.json ? sd.jsonReporter() : sd.consoleReporter(),
});
if (summary.status !== "success") Deno.exit(summary.exitCode);
if (!values.json) console.log(await all.load());
