/**
 * A build that is told to stop by the system does so in time, leaves nothing behind, and is completed by building again.
 */

import { assert, assertEquals } from "@std/assert";
import { randomOf } from "../support/random.ts";
import { movesOfWhole, seeded, Site } from "./site.ts";

const INTERRUPTIONS = 20;
/** How long a build may take to stop, in milliseconds. */
const MOST = 2_000;

Deno.test(`Ctrl-C stops a build at ${INTERRUPTIONS} random moments, and building again completes it`, () =>
  seeded(async (seed) => {
    const random = randomOf(seed);
    const listed = await Site.list();
    const moves = await movesOfWhole(listed);
    let [runs, interruptions] = [0, 0];
    while (interruptions < INTERRUPTIONS) {
      await using site = await Site.make(listed);
      for (let isOver = false; !isOver;) {
        assert(runs++ < 4 * INTERRUPTIONS, `only ${interruptions} were stopped`);
        const [before, logged] = [site.present(), site.logged];
        await using run = site.run("signals", `order=${random()}`);
        const rest = moves * (1 - before.size / listed.length);
        const isStopped = interruptions < INTERRUPTIONS;
        // It listens from before the first task on.
        if (await run.moved(isStopped ? 1 + Math.floor(random() * rest) : Infinity)) {
          await new Promise((resolve) => setTimeout(resolve, random() * 3));
          run.signal("SIGINT");
          const code = await run.endsWithin(MOST);
          assert(code === 130 || code === 0, `it ended with ${code}`);
          if (code === 130) interruptions++;
        } else {
          assertEquals((await run.ended()).code, 0);
          isOver = true;
        }
        assertEquals(site.temporaries(), []);
        const after = site.present();
        for (const id of before) assert(after.has(id), `the output of ${id} is gone`);
        const again = site.begun(logged).filter((id) => before.has(id));
        assertEquals(again, [], "what was complete did not begin again");
      }
      assertEquals(site.present().size, listed.length);
    }
  }));

for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test({
    name: `${signal} stops a build with a task that does not care`,
    ignore: Deno.build.os === "windows" && signal === "SIGTERM",
    async fn() {
      await using site = await Site.make(await Site.list());
      await using run = site.run("signals", "stubborn");
      assert(await run.moved(50));
      run.signal(signal);
      assertEquals(await run.endsWithin(MOST), exitCode);
      assertEquals(site.temporaries(), []);
      site.present();
    },
  });

  Deno.test({
    name: `a second ${signal} ends the program at once`,
    ignore: Deno.build.os === "windows" && signal === "SIGTERM",
    async fn() {
      await using site = await Site.make(await Site.list());
      await using run = site.run("signals", "stubborn", "patient");
      assert(await run.moved(50));
      run.signal(signal);
      // All that heeds it is over soon, and the stubborn one goes on for as long as the build is patient.
      do assert(await run.moved(1_000)); while (site.temporaries().length > 1);
      assertEquals(site.temporaries(), [`${site.root}/.stubborn.txt.stardag-0.tmp`]);
      run.signal(signal);
      assertEquals(await run.endsWithin(MOST), exitCode);
      assertEquals(site.temporaries(), []);
      site.present();
    },
  });
}
