/**
 * A program that takes locks, for tests that kill it: `lock_holder.ts <what> <root> <host> <ttl> <log> <task id>...`. It
 * says on its output what it has reached, one word a line. Its host is only told to its locks.
 */

import { FileLockManager } from "../../src/registries/file_lock.ts";
import type { LockHandle } from "../../src/registries/lock.ts";

const [what = "", root = "", host = "", ttl = "", log = "", ...ids] = Deno.args;
const manager = new FileLockManager({ root, host, ttl: Number(ttl) });

/** Waits for the other side to say something; at its end, which is when the other side has died, this one ends, too. */
async function told(): Promise<void> {
  if (await Deno.stdin.read(new Uint8Array(100)) === null) Deno.exit(99);
}

async function take(id: string): Promise<LockHandle | undefined> {
  const acquisition = await manager.acquire(id);
  return acquisition.status === "acquired" ? acquisition.lock : undefined;
}

/** One write to a file opened for appending: lines of several processes do not mix. */
function note(line: string): void {
  Deno.writeTextFileSync(log, `${line}\n`, { append: true });
}

/** Takes the lock `count` times, and notes when it has it, and when it is about to give it back. */
async function hammer(id: string, count: number): Promise<void> {
  for (let had = 0; had < count;) {
    await using lock = await take(id);
    if (lock !== undefined) {
      note(`begin ${Deno.pid}`);
      await Deno.lstat(log); // others may try meanwhile
      note(`end ${Deno.pid}`);
      had++;
    }
    await Deno.lstat(log);
  }
}

async function main(): Promise<void> {
  if (what === "hammer" || what === "hammer on") {
    console.log("ready");
    await told();
    await hammer(ids[0]!, what === "hammer" ? 150 : Infinity);
    return console.log("done");
  }
  if (what === "race") {
    await (await take(crypto.randomUUID()))?.release(); // and sweeps
    console.log("ready");
    await told();
    const won: string[] = [];
    for (const id of ids) if (await take(id) !== undefined) won.push(id);
    console.log(JSON.stringify(won));
    return await told();
  }
  const locks: LockHandle[] = [];
  for (const id of ids) {
    const lock = await take(id);
    if (lock !== undefined) locks.push(lock);
  }
  console.log(`has ${locks.length}`);
  switch (what) {
    case "hold":
      await told();
      for (const lock of locks) await lock.release();
      console.log("done");
      break;
    case "block": {
      const folder = `${root}/.stardag/locks/${ids[0]}.lock`;
      const name = (): string => [...Deno.readDirSync(folder)].map((entry) => entry.name).join();
      const before = name();
      Deno.stdin.readSync(new Uint8Array(100));
      while (locks[0]?.signal.aborted === false && name() === before) await Deno.lstat(root);
      console.log(locks[0]?.signal.aborted ? "lost" : "renewed");
      await told();
      break;
    }
    case "exit":
      Deno.exit(3);
      break;
    case "forget":
  }
}

if (import.meta.main) await main();
