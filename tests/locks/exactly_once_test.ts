/**
 * Of processes that build the same at once, each task is run by one, exactly once; whoever is killed, and however long a
 * task takes.
 */

import { assert, assertEquals } from "@std/assert";
import { randomOf } from "../support/interleaving_executor.ts";
import { RegistryService } from "../support/registry_service.ts";
import { seeded } from "../crash/site.ts";
import { Child } from "../targets/child.ts";
import type { Noted } from "./contender.ts";

const CONTENDER = import.meta.resolve("./contender.ts");
const TASKS = 200;
const PROCESSES = 8;
const KILLED = 3;
/** How many tasks a process runs at once. */
const AT_ONCE = 4;

interface Race {
  /** How long a lock lasts without being renewed, and how long some of the tasks take, in milliseconds. */
  readonly ttl: number;
  readonly long: number;
  readonly killed?: number;
}

/** Where the locks are, as arguments of the program. */
type Locks = (use: (args: readonly string[]) => Promise<void>) => Promise<void>;

const files: Locks = (use) => use(["files"]);

async function service(use: (args: readonly string[]) => Promise<void>): Promise<void> {
  await using service = await RegistryService.start();
  const { url, apiKey } = service.options;
  await use([url, apiKey]);
  assertEquals(service.wire.heldLocks, []);
}

for (const [name, locks] of [["files", files], ["a registry service", service]] as const) {
  Deno.test(`with locks of ${name}, ${PROCESSES} processes run each task once`, () =>
    locks((args) => race({ ttl: 60_000, long: 1 }, args)));

  Deno.test(
    `with locks of ${name}, each task is run once though it takes longer than its lock lasts`,
    () => locks((args) => race({ ttl: 1000, long: 3000 }, args)),
  );

  Deno.test({
    name:
      `with locks of ${name}, what killed processes have begun is run by others, and nothing else is`,
    ignore: Deno.build.os === "windows", // there, only their time to live tells that they are dead
    fn: () => locks((args) => race({ ttl: 2000, long: 1, killed: KILLED }, args)),
  });
}

async function race({ ttl, long, killed = 0 }: Race, locks: readonly string[]): Promise<void> {
  await seeded(async (seed) => {
    const random = randomOf(seed);
    const folder = await Deno.makeTempDir({ prefix: "stardag-locks-" });
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(() => Deno.remove(folder, { recursive: true }));
    const [root, log] = [`${folder}/root`, `${folder}/log`];
    await Deno.writeTextFile(log, "");
    const processes = Array.from(
      { length: PROCESSES },
      () => cleanUp.use(new Child(CONTENDER, [root, log, `${ttl}`, `${long}`, ...locks])),
    );
    const ends = processes.map(async (process, i) => {
      if (i < killed) {
        // After that many tasks that it has begun itself.
        for (let left = 1 + random() * (TASKS / PROCESSES / 2); left > 0; left--) {
          await process.line();
        }
        if (await process.kill()) return true;
      }
      assertEquals((await process.ended()).code, 0);
      return false;
    });
    const wereKilled = (await Promise.all(ends)).filter(Boolean).length;
    assertEquals(wereKilled, killed);

    const noted = (await Deno.readTextFile(log)).trim().split("\n")
      .map((line): Noted => JSON.parse(line));
    const runs = Object.groupBy(noted, ({ id }) => id);
    assertEquals(Object.keys(runs).length, TASKS);
    let cutShort = 0;
    for (const [id, of] of Object.entries(runs)) {
      // One after the other, and all but the last cut short.
      const last = of!.slice(-2);
      assertEquals(last.map(({ what }) => what), ["begin", "end"], id);
      assertEquals(last[0]!.pid, last[1]!.pid, id);
      for (const { what } of of!.slice(0, -2)) {
        assertEquals(what, "begin", `${id} has run to its end more than once`);
        cutShort++;
      }
    }
    assert(cutShort <= killed * AT_ONCE, `${cutShort} runs were cut short`);
    if (killed === 0) assertEquals(cutShort, 0);
    assertEquals(leftIn(`${root}/.stardag/locks`), []);
  });
}

/** What is left in the folder of the locks, if there is one. */
function leftIn(folder: string): readonly string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    assert(error instanceof Deno.errors.NotFound);
    return [];
  }
}
