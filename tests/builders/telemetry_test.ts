/**
 * The traces of builds, as a collector receives them: a program is run with Deno's OpenTelemetry on, and off.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import config from "../../deno.json" with { type: "json" };

const PROGRAM = fromFileUrl(new URL("../support/traced_builds.ts", import.meta.url));

/** A span as it is sent, with what is of interest in it. */
interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
  readonly status: { readonly code?: number; readonly message?: string };
}

/** Runs the program and gives what it prints, parsed. */
async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly ids: Readonly<Record<string, string>>; readonly stderr: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", ...args],
    env,
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr);
  return {
    ids: success ? Object.fromEntries(JSON.parse(new TextDecoder().decode(stdout))) : {},
    stderr: text,
  };
}

// deno-lint-ignore no-explicit-any -- as it comes
type Received = any;

function spansOf(received: Received): readonly Span[] {
  return received.resourceSpans.flatMap(({ scopeSpans }: Received) =>
    scopeSpans.flatMap(({ spans }: Received) =>
      spans.map((span: Received): Span => ({
        ...span,
        attributes: attributesOf(span.attributes),
        events: span.events.map((event: Received) =>
          [event.name, ...Object.values(attributesOf(event.attributes))].join(" ").split("\n")[0]
        ),
      }))
    )
  );
}

function attributesOf(received: Received): Record<string, unknown> {
  return Object.fromEntries(
    received.map(({ key, value }: Received) => {
      const [given] = Object.values(value);
      return [key, "intValue" in value ? Number(given) : given];
    }),
  );
}

Deno.test("with OTEL_DENO=true a build and every attempt at a task have spans", async (t) => {
  const spans: Span[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname !== "/v1/traces") return new Response(pathname.slice(1));
      spans.push(...spansOf(await request.json()));
      return Response.json({});
    },
  );
  const address = `http://127.0.0.1:${server.addr.port}`;
  const { ids, stderr } = await run(
    [`--allow-net=127.0.0.1:${server.addr.port}`, PROGRAM, address],
    {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: address,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_DENO_CONSOLE: "ignore",
    },
  );
  assertEquals(stderr, "");
  const outer = spans.find(({ name }) => name === "outer");
  const builds = spans.filter(({ name }) => name === "stardag.build");
  const named = (name: string): readonly Span[] => spans.filter((span) => span.name === name);
  const one = (name: string): Span => {
    assertEquals([name, named(name).length], [name, 1]);
    return named(name)[0]!;
  };

  await t.step("each build is below the span that is active, with its counts", () => {
    assert(outer !== undefined);
    assertEquals(builds.map(({ parentSpanId }) => parentSpanId), Array(4).fill(outer.spanId));
    const [first, second, , last] = builds;
    const { "stardag.build.id": id, ...attributes } = first!.attributes;
    assertMatch(String(id), /^[0-9a-f]{8}-/);
    assertEquals(attributes, {
      "stardag.build.status": "failure",
      "stardag.build.tasks.discovered": 8,
      "stardag.build.tasks.previously_completed": 1,
      "stardag.build.tasks.succeeded": 4,
      "stardag.build.tasks.failed": 2,
      "stardag.build.tasks.skipped": 1,
      "stardag.build.tasks.cancelled": 0,
      "stardag.build.tasks.pending": 0,
    });
    assertEquals(first!.status.code, 2);
    assertStringIncludes(first!.status.message ?? "", "boom");
    assertEquals(second!.attributes["stardag.build.status"], "cancelled");
    assertEquals(second!.attributes["stardag.build.tasks.cancelled"], 1);
    assertEquals(second!.status.code ?? 0, 0);
    assertEquals("stardag.build.id" in second!.attributes, false);
    assertEquals(last!.status.code, 2);
    assertStringIncludes(last!.events.join(), "DependencyCycleError");
  });

  await t.step("each task is below its build, with its id and how it ended", () => {
    for (const [name, state] of Object.entries({ part: "complete", quick: "complete" })) {
      const span = one(`traced.${name}`);
      assertEquals(span.parentSpanId, builds[0]!.spanId);
      assertEquals(span.traceId, outer!.traceId);
      assertEquals(span.attributes, {
        "stardag.task.id": ids[name],
        "stardag.task.type": `traced.${name}`,
        "stardag.task.attempt": 1,
        "stardag.task.state": state,
      });
      assertEquals(span.status.code ?? 0, 0);
    }
  });

  await t.step("a failure is in the status and as an exception", () => {
    const { attributes, status, events } = one("traced.bad");
    assertEquals(attributes["stardag.task.state"], "failed");
    assertEquals([status.code, status.message], [2, "boom"]);
    assertEquals(events, ["exception TypeError boom TypeError: boom"]);
  });

  await t.step("one that goes on after its timeout has failed", () => {
    const { attributes, status } = one("traced.late");
    assertEquals(attributes["stardag.task.state"], "failed");
    assertEquals(status.code, 2);
    assertStringIncludes(status.message ?? "", "timeout of 1 ms");
  });

  await t.step("each attempt has a span", () => {
    const attempts = (name: string): readonly unknown[] =>
      named(name).map(({ attributes, status: { message = "" } }) => [
        attributes["stardag.task.attempt"],
        attributes["stardag.task.state"],
        message.slice(0, 14),
      ]);
    assertEquals(attempts("traced.shaky"), [[1, "failed", "not yet"], [2, "complete", ""]]);
    assertEquals(attempts("traced.again"), [[1, "failed", "It took longer"], [2, "complete", ""]]);
  });

  await t.step("a task that waits for what it yielded has one span all along", () => {
    const { attributes, events } = one("traced.whole");
    assertEquals(attributes["stardag.task.state"], "complete");
    assertEquals(events, ["suspended 1", "resumed"]);
  });

  await t.step("one that is given up is cancelled, and so is one that was stopped", () => {
    const given = one("traced.given");
    assertEquals(given.attributes["stardag.task.state"], "cancelled");
    assertEquals(given.events, ["suspended 1"]);
    const { attributes, status, events, parentSpanId } = one("traced.stopped");
    assertEquals(parentSpanId, builds[1]!.spanId);
    assertEquals(attributes["stardag.task.state"], "cancelled");
    assertEquals([status.code ?? 0, events], [0, []]);
  });

  await t.step(
    "requests are below the span of their task, also after it was suspended, or of the build",
    () => {
      const requests = spans.filter(({ name }) => name === "GET");
      const parents = requests.map(({ attributes, parentSpanId }) => [
        String(attributes["url.full"]).replace(`${address}/`, ""),
        spans.find(({ spanId }) => spanId === parentSpanId)?.name,
      ]);
      assertEquals(parents.toSorted(), [
        ["known", "stardag.build"],
        ["part", "traced.part"],
        ["whole", "traced.whole"],
      ]);
    },
  );
});

Deno.test("OpenTelemetry is loaded where it is on, and nothing is asked for where it is not", async () => {
  const trap = `data:text/javascript,throw new Error("it was loaded")`;
  const importMap = await Deno.makeTempFile({ suffix: ".json" });
  const root = new URL("../../", import.meta.url).href;
  await Deno.writeTextFile(
    importMap,
    JSON.stringify({ imports: { ...config.imports, "@opentelemetry/api": trap } }).replaceAll(
      `"./`,
      `"${root}`,
    ),
  );
  try {
    const args = [`--import-map=${importMap}`, PROGRAM];
    const off = await run(args, { OTEL_DENO: "false" });
    assertEquals([off.stderr, Object.keys(off.ids).length], ["", 10]);
    const on = await run(args, {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
    });
    assertStringIncludes(on.stderr, "it was loaded");
  } finally {
    await Deno.remove(importMap);
  }
});
