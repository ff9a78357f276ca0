/**
 * A build that is killed at any moment shows nothing that is not whole, loses nothing that is, and is completed by
 * building again.
 */

import { assert, assertEquals } from "@std/assert";
import { randomOf } from "../support/random.ts";
import type { Listed } from "./pipeline.ts";
import { movesOfWhole, seeded, Site } from "./site.ts";

const KILLS = 50;
/** How often the build of a root is killed. */
const KILLS_OF_ROOT = 6;
/** So many roots are built, and their builds killed, at the same time. */
const LANES = 2;

Deno.test({
  name: `a build that is killed at ${KILLS} random moments is completed by building again`,
  ignore: Deno.build.os === "windows", // what a crash leaves stays there
  fn: () =>
    seeded(async (seed) => {
      const listed = await Site.list();
      assertEquals(listed.length, 300);
      const moves = await movesOfWhole(listed);
      const lanes = Array.from({ length: LANES }, (_, i) => killedOver(listed, moves, seed + i));
      const left = (await Promise.all(lanes)).flat();
      assertEquals(left.length, KILLS);
      // That they were killed while they wrote, in most of the ways to write.
      const kinds = ["Leaf", "Join", "Dynamic", "streamed", "proxied", "whole", "parts"];
      const hit = kinds.filter((kind) => left.flat().some((path) => path.includes(`/${kind}/`)));
      assert(hit.length >= 4, `only ${hit} have left something`);
    }),
});

/**
 * Builds one root after the other, each by one process after the other until all is there, and kills its share of them.
 * Gives the temporary files that each has left.
 */
async function killedOver(
  listed: readonly Listed[],
  moves: number,
  seed: number,
): Promise<string[][]> {
  const random = randomOf(seed);
  const left: string[][] = [];
  let runs = 0;
  while (left.length < KILLS / LANES) {
    await using site = await Site.make(listed);
    const options = random() < 0.5 ? ["not flushed"] : [];
    // Any moments between the beginning and the end, as shares of the whole.
    const count = Math.min(KILLS_OF_ROOT, KILLS / LANES - left.length);
    const moments = Array.from({ length: count }, random).sort();
    for (let isOver = false; !isOver;) {
      assert(runs++ < 4 * KILLS, `only ${left.length} were killed`);
      const [before, logged] = [site.present(), site.logged];
      await using run = site.run(`order=${random()}`, ...options);
      const moment = moments.shift() ?? Infinity;
      const until = Math.max(random() * 0.05, moment - before.size / listed.length) * moves;
      if (await run.moved(until)) {
        // The moment is not bound to the line that was printed.
        await new Promise((resolve) => setTimeout(resolve, random() * 3));
        if (await run.kill()) left.push(site.temporaries());
        else moments.unshift(random());
      } else {
        assertEquals((await run.ended()).code, 0);
        isOver = true;
      }
      const after = site.present();
      for (const id of before) assert(after.has(id), `the output of ${id} is gone`);
      const again = site.begun(logged).filter((id) => before.has(id));
      assertEquals(again, [], "what was complete did not begin again");
    }
    assertEquals(site.present().size, listed.length);
    assertEquals(site.temporaries(), []);
  }
  return left;
}
