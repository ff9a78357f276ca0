import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import exchanges from "../fixtures/wire.json" with { type: "json" };
import { RegistryService } from "../support/registry_service.ts";
import { WireRegistry, type WireRequest, type WireResponse } from "./wire.ts";

interface Exchange {
  readonly scenario: string;
  readonly request: WireRequest & { readonly headers: Readonly<Record<string, string>> };
  readonly response: WireResponse & { readonly headers: Readonly<Record<string, string>> };
}

const EXCHANGES = exchanges as readonly Exchange[];

Deno.test("InMemoryRegistry answers as the registry service has answered Python stardag", async () => {
  using time = new FakeTime("2026-11-21T17:00:00Z");
  const wire = new WireRegistry();
  // Who asks is not looked at here.
  const replayed = EXCHANGES.filter(({ response }) => response.status !== 401);
  assertEquals(replayed.length, 114);
  await replay(replayed, (request) => {
    time.tick(1);
    return JSON.parse(JSON.stringify(wire.answer(request)));
  });
});

Deno.test("the service of the tests answers over HTTP as the registry service has", async () => {
  await using service = await RegistryService.start();
  assertEquals(EXCHANGES.length, 117);
  await replay(EXCHANGES, async ({ method, path, body, headers }, recorded) => {
    const isInvalid = JSON.stringify(recorded.body).includes("Invalid API key");
    const response = await fetch(service.url + path, {
      method,
      headers: Object.entries(headers).map((
        [name, value],
      ) => [name, value === "<key>" && !isInvalid ? service.apiKey : value]),
      ...body !== null && { body: JSON.stringify(body) },
    });
    for (const [name, value] of Object.entries(recorded.headers)) {
      assertEquals(response.headers.get(name), value);
    }
    // Dates are in milliseconds here, and must differ where they do there.
    for (const now = Date.now(); Date.now() === now;) await Promise.resolve();
    return { status: response.status, body: await response.json() };
  });
});

/** Sends each request, with ids made there in place of those of the recording, and compares what is answered. */
async function replay(
  exchanges: readonly Exchange[],
  answer: (
    request: Exchange["request"],
    recorded: Exchange["response"],
  ) => WireResponse | Promise<WireResponse>,
): Promise<void> {
  const [theirs, ours] = [new Labels(), new Labels()];
  for (const { scenario, request, response } of exchanges) {
    const path = request.path.replace(MADE_ID, (id) => ours.at(theirs.of(id)) ?? id);
    const { status, body } = await answer({ ...request, path }, response);
    assertEquals(
      { status, body: ours.read(body) },
      { status: response.status, body: theirs.read(response.body) },
      `${scenario}: ${request.method} ${request.path}`,
    );
  }
  assertSameOrder(theirs.dates, ours.dates);
}
/** Made by the service, where those of tasks are made of their parameters. */
const MADE_ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Gives made ids and names their number in order of appearance, and puts dates aside. */
class Labels {
  readonly dates: number[] = [];
  readonly #seen: string[] = [];

  of(made: string): number {
    const at = this.#seen.indexOf(made);
    return at >= 0 ? at : this.#seen.push(made) - 1;
  }

  at(label: number): string | undefined {
    return this.#seen[label];
  }

  /** Members in order of their names, so that labels are the same where they stand in another order. */
  read(body: unknown): unknown {
    if (Array.isArray(body)) return body.map((each) => this.read(each));
    if (typeof body === "string") return body.replace(MADE_ID, (id) => `#${this.of(id)}`);
    if (typeof body !== "object" || body === null) return body;
    const isBuild = "commit_hash" in body;
    return Object.fromEntries(
      Object.entries(body).sort(([a], [b]) => a < b ? -1 : 1).map(([key, value]) => {
        if (key.endsWith("_at") && typeof value === "string") {
          this.dates.push(Date.parse(value));
          return [key, "date"];
        }
        return [key, isBuild && key === "name" ? `#${this.of(value)}` : this.read(value)];
      }),
    );
  }
}

/** Whether dates were taken at the same calls; those of one call may differ by a few milliseconds on their side. */
function assertSameOrder(theirs: readonly number[], ours: readonly number[]): void {
  assertEquals(theirs.length, ours.length);
  const order = theirs.map((_, i) => i).sort((a, b) => theirs[a]! - theirs[b]!);
  for (const [at, i] of order.entries()) {
    const before = order[at - 1];
    if (before === undefined) continue;
    const apart = theirs[i]! - theirs[before]!;
    assert(
      apart === 0 ? ours[i] === ours[before] : apart < 50 || ours[i]! > ours[before]!,
      `dates ${before} and ${i} are ${apart} ms apart, and ${ours[i]! - ours[before]!} here`,
    );
  }
}
