import { assertEquals } from "@std/assert";
import { z } from "zod";
import { messageOf, TargetError } from "../src/errors.ts";

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
