import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { errorFromText, errorToText } from "../../src/executors/error_text.ts";

/** The error after it has crossed. */
function crossed(error: unknown): Error {
  return errorFromText(JSON.parse(JSON.stringify(errorToText(error))));
}

Deno.test("errors of JavaScript, Deno and this package keep their class", () => {
  for (
    const error of [new RangeError("a"), new Deno.errors.NotFound("b"), new sd.ConfigError("c")]
  ) {
    const { constructor, message } = crossed(error);
    assertEquals([constructor, message], [error.constructor, error.message]);
  }
});

Deno.test("a class of the same name is not taken for one of them", () => {
  class ConfigError extends Error {}
  class NotFound extends Error {}
  assertEquals(crossed(new ConfigError("a")).constructor, Error);
  assertEquals(crossed(new NotFound("b")).constructor, Error);
});

Deno.test("a refused bigint is told", () => {
  const { error } = z.bigint().max(5n).safeParse(7n);
  const there = crossed(error);
  assertInstanceOf(there, z.ZodError);
  assertEquals(there.message, error!.message);
});

Deno.test("an error whose issues cannot be sent keeps its message", () => {
  const { error } = z.number().safeParse("7");
  const { message } = error!;
  Object.assign(error!.issues[0]!, { self: error!.issues });
  Object.defineProperty(error, "message", { value: message });
  const there = crossed(error);
  assertEquals([there.name, there.message], ["ZodError", message]);
});

Deno.test("of an error made of very many, or of itself, some are told", () => {
  const many = crossed(new AggregateError(new Array(10_000).fill(new Error("one")), "many"));
  assertInstanceOf(many, AggregateError);
  assertEquals([many.message, many.errors.length], ["many", 100]);
  const own = new AggregateError([], "own");
  own.errors.push(...new Array(100).fill(own));
  assert(JSON.stringify(errorToText(own)).length < 1e6);
});

Deno.test("an error with something odd in place of its errors is told all the same", () => {
  const odd = Object.assign(new AggregateError([], "odd"), { errors: 5 });
  assertEquals(crossed(odd).message, "odd");
});
