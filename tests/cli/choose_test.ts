/** What somebody at a terminal is asked. */

import { assertEquals, assertRejects } from "@std/assert";
import { type Ask, chosen } from "../../src/cli/choose.ts";
import { CliIo } from "../../src/cli/cli_io.ts";
import { UsageError } from "../../src/cli/usage.ts";
import { ConfigError } from "../../src/errors.ts";

const OPTIONS = { action: "test", what: "planet" };
const PLANETS = ["mars", "venus", "earth"].map((slug, i) => ({ slug, id: `id-${i}`, name: slug }));

/** Somebody who answers so, and what they saw. */
function person(...answers: readonly (string | undefined)[]) {
  let seen = "";
  const output = {
    writeSync(bytes: Uint8Array): number {
      seen += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  };
  const left = [...answers];
  const ask: Ask = (question) => {
    seen += question;
    return Promise.resolve(left.shift());
  };
  return { ask, io: new CliIo({ stderr: output }), seen: () => seen, left };
}

Deno.test("a person chooses by number or by name, and is asked until it is one of them", async () => {
  for (const answers of [["2\n"], ["venus\n"], ["0", "4", "pluto", "", " 2 "]]) {
    const { ask, io, seen, left } = person(...answers);
    assertEquals(await chosen(PLANETS, OPTIONS, io, ask), PLANETS[1]);
    assertEquals(left, []);
    assertEquals(
      seen(),
      "  1  mars  mars\n  2  venus  venus\n  3  earth  earth\n" +
        "Which planet? [1-3] ".repeat(answers.length),
    );
  }
});

Deno.test("a person who answers nothing has chosen nothing", async () => {
  const { ask, io } = person(undefined);
  await assertRejects(() => chosen(PLANETS, OPTIONS, io, ask), UsageError, "No planet was chosen");
});

Deno.test("nobody is asked for the only one, the usual one, or the one that is named", async () => {
  const { ask, io, seen } = person();
  const choose = async (options: object, from = PLANETS) =>
    (await chosen(from, { ...OPTIONS, ...options }, io, ask)).slug;
  assertEquals(await choose({}, PLANETS.slice(2)), "earth");
  assertEquals(await choose({ usual: "venus" }), "venus");
  assertEquals(await choose({ usual: "venus", wanted: "id-0" }), "mars");
  assertEquals(seen(), "");
  await assertRejects(() => choose({ wanted: "mras" }), UsageError, 'Did you mean "mars"?');
  await assertRejects(() => choose({}, []), ConfigError, "there is no planet to choose");
});
