/**
 * Of processes that build the same at once, each task is run by one, exactly once; whoever is killed, and however long a
 * task takes.
 */

import { assert, assertEquals } from "@std/assert";
import * as sd from "../../mod.ts";
import { randomOf } from "../support/random.ts";
import { FREE_LENGTH } from "../../src/registries/lock_place.ts";
import { RegistryService } from "../support/registry_service.ts";
import { startS3Server } from "../support/s3_server.ts";
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

/** Runs a race with the locks, which are given as arguments of the program. */
type Locks = (details: Race) => Promise<void>;

async function files(details: Race): Promise<void> {
  await race(details, ["files"], async (root) => {
    // What the dead have left goes away with the next lock.
    const acquisition = await new sd.FileLockManager({ root }).acquire(crypto.randomUUID());
    if (acquisition.status === "acquired") await acquisition.lock.release();
    assertEquals(Array.from(Deno.readDirSync(`${root}/.stardag/locks`)), []);
  });
}

/** Outputs are in S3, too. */
async function s3(details: Race): Promise<void> {
  await using server = await startS3Server();
  const { accessKeyId, secretAccessKey } = server.credentials;
  await race(details, ["s3", server.url, accessKeyId, secretAccessKey], () => {
    const { keys } = server.bucket("bucket").objects;
    const locks = keys.filter((key) => key.endsWith(".lock"));
    assertEquals(locks.length, TASKS);
    const held = locks.filter((key) => server.get("bucket", key)?.length !== FREE_LENGTH);
    assert(held.length <= (details.killed ?? 0) * AT_ONCE);
  });
}

async function service(details: Race): Promise<void> {
  await using service = await RegistryService.start();
  const { url, apiKey } = service.options;
  await race(details, [url, apiKey]);
  // Those of killed processes end by themselves.
  if (details.killed === undefined) assertEquals(service.wire.heldLocks, []);
}

const LOCKS = [["files", files], ["S3", s3], ["a registry service", service]] as const;

for (const [name, locks] of LOCKS) {
  Deno.test(`with locks of ${name}, ${PROCESSES} processes run each task once`, () =>
    locks({ ttl: 60_000, long: 1 }));

  Deno.test(
    `with locks of ${name}, each task is run once though it takes longer than its lock lasts`,
    () => locks({ ttl: 1000, long: 3000 }),
  );

  Deno.test({
    name:
      `with locks of ${name}, what killed processes have begun is run by others, and nothing else is`,
    ignore: Deno.build.os === "windows", // there, only their time to live tells that they are dead
    fn: () => locks({ ttl: 2000, long: 1, killed: KILLED }),
  });
}

async function race(
  { ttl, long, killed = 0 }: Race,
  locks: readonly string[],
  check: (root: string) => void | Promise<void> = () => {},
): Promise<void> {
  await seeded(async (seed) => {
    const random = randomOf(seed);
    const folder = await Deno.makeTempDir({ prefix: "stardag-locks-" });
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(() => Deno.remove(folder, { recursive: true }));
    const root = locks[0] === "s3" ? `s3://bucket/${seed}` : `${folder}/root`;
    const log = `${folder}/log`;
    await Deno.writeTextFile(log, "");
    const processes = Array.from(
      { length: PROCESSES },
      () => cleanUp.use(new Child(CONTENDER, [root, log, `${ttl}`, `${long}`, ...locks])),
    );
    // When so many tasks have begun in all, the next process is killed.
    const moments = Array.from({ length: killed }, () => random() * TASKS / 2).sort((a, b) =>
      b - a
    );
    const toKill = processes.slice(0, killed);
    let begun = 0;
    const ends = processes.map(async (process, i) => {
      while (await process.line() !== undefined) {
        if (++begun <= (moments.at(-1) ?? Infinity)) continue;
        moments.pop();
        assert(await toKill.pop()!.kill());
      }
      assertEquals((await process.ended()).success, i >= killed);
    });
    await Promise.all(ends);

    const noted = (await Deno.readTextFile(log)).trim().split("\n")
      .map((line): Noted => JSON.parse(line));
    const runs = Object.groupBy(noted, ({ id }) => id);
    assertEquals(Object.keys(runs).length, TASKS);
    let cutShort = 0;
    for (const [id, of] of Object.entries(runs)) {
      // One after the other, and only the last one to its end: it may have been killed when the output was there.
      const [last, ...before] = runsOf(of!).toReversed();
      for (const { isWhole } of before) assert(!isWhole, `${id} was run to its end before`);
      cutShort += before.length + (last!.isWhole ? 0 : 1);
    }
    assert(cutShort <= killed * AT_ONCE, `${cutShort} runs were cut short`);
    if (killed === 0) assertEquals(cutShort, 0);
    await check(root);
  });
}

/** The runs of one task, in order. Throws when one begins before another has ended. */
function runsOf(noted: readonly Noted[]): readonly { readonly isWhole: boolean }[] {
  const runs: { pid: number; isWhole: boolean }[] = [];
  for (const { what, id, pid } of noted) {
    if (what === "begin") {
      runs.push({ pid, isWhole: false });
    } else {
      assertEquals(runs.at(-1), { pid, isWhole: false }, `${id} was run by two at once`);
      runs.at(-1)!.isWhole = true;
    }
  }
  return runs;
}
