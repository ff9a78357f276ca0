import { assertEquals } from "@std/assert";
import { z } from "zod";
import { messageOf, TargetError, TaskFailedError } from "../src/errors.ts";

Deno.test("a message says what caused the error, unless it does so already", () => {
  const cause = new Error("ECONNREFUSED");
  assertEquals(
    messageOf(new Error("could not fetch", { cause })),
    "could not fetch (ECONNREFUSED)",
  );
  assertEquals(
    messageOf(new Error("ECONNREFUSED at 1.2.3.4", { cause })),
    "ECONNREFUSED at 1.2.3.4",
  );
  assertEquals(
    messageOf(new Error("outer", { cause: new Error("middle", { cause: "inner" }) })),
    "outer (middle (inner))",
  );
  // Errors of this package say all of it themselves.
  assertEquals(messageOf(new TargetError("Cannot read", { uri: "a", cause })), "Cannot read");
});

Deno.test("a message is never empty, and one line", () => {
  assertEquals(messageOf(new RangeError()), "RangeError");
  assertEquals(
    messageOf(new AggregateError([new Error("a"), new Error("b")])),
    "AggregateError (a; b)",
  );
  assertEquals(messageOf("text"), "text");
  assertEquals(messageOf({ a: 1 }), '{"a":1}');
  assertEquals(
    messageOf(z.object({ n: z.int() }).safeParse({ n: "x" }).error),
    "n: Invalid input: expected number, received string",
  );
});

Deno.test("what cannot be shown is no other error", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assertEquals(messageOf(proxy), "an error that cannot be shown");
  const circle = new Error("round");
  circle.cause = circle;
  assertEquals(messageOf(circle), "round");
});

Deno.test("a failure knows where in the user's code it was thrown, and not where in packages", () => {
  const stackOf = (...frames: readonly string[]): Error =>
    Object.assign(new Error("boom"), {
      stack: ["Error: boom", ...frames.map((frame) => `    at ${frame}`)].join("\n"),
    });
  const locationOf = (cause: unknown): string | undefined =>
    new TaskFailedError("Cannot complete", { taskId: "", path: () => [], cause }).location;
  const own = new URL("../src/json.ts", import.meta.url).href;
  const place = "file:///home/ada/pipeline.ts:12:5";
  assertEquals(
    locationOf(stackOf(
      "parse (ext:core/01_core.js:1:2)",
      "read (file:///x/node_modules/zod/index.js:3:4)",
      `parseJson (${own}:7:8)`,
      `async Object.run (${place})`,
      "async main (file:///home/ada/main.ts:1:1)",
    )),
    place,
  );
  assertEquals(locationOf(stackOf(place)), place);
  assertEquals(locationOf(stackOf("native")), undefined);
  assertEquals(locationOf("no error"), undefined);
  assertEquals(locationOf(new TargetError("Cannot read", { uri: "a" })), undefined);
});
