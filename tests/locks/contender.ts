/**
 * A program that builds 200 tasks, as several do at once: `contender.ts <root> <log> <ttl> <long> <locks>`. The locks are
 * `files`, `<url> <key>` of a registry service, or `s3 <url> <key> <secret>` of an S3 server. Of each run of a task it notes beginning and end; `long` is how long some
 * of the tasks take, in milliseconds. It prints a line for each task that it has begun.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";

const [root = "", log = "", ttlText = "", longText = "", locks = "", ...how] = Deno.args;
const ttl = Number(ttlText);
const long = Number(longText);

/** A run of a task, as it is noted. */
export interface Noted {
  readonly what: "begin" | "end";
  readonly id: string;
  readonly pid: number;
}

/** One write to a file opened for appending: lines of several processes do not mix. */
function note(what: Noted["what"], id: string): void {
  const noted: Noted = { what, id, pid: Deno.pid };
  Deno.writeTextFileSync(log, `${JSON.stringify(noted)}\n`, { append: true });
}

function wait(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration));
}

/** Takes about a millisecond, or `long`; where locks are files, it keeps the event loop to itself for half of that. */
@sd.register
class Work extends sd.AutoTask({
  name: "Work",
  namespace: "stardag.tests.locks",
  params: { n: z.int(), after: z.array(sd.taskLoads(z.int())).default([]) },
  output: z.int(),
}) {
  override async run() {
    note("begin", this.id);
    Deno.stdout.writeSync(new TextEncoder().encode("begun\n"));
    if (this.n % 50 === 7) {
      const busy = locks === "files" ? long / 2 : 0;
      await wait(long - busy);
      const until = performance.now() + busy;
      while (performance.now() < until);
    } else {
      await wait(this.n % 3);
    }
    await this.save(this.n);
    note("end", this.id);
  }
}

/** Five layers of 40, each task after three of the layer before. */
function tasks(): readonly sd.AnyTask[] {
  let layer: Work[] = [];
  for (let depth = 0; depth < 5; depth++) {
    const below = layer;
    layer = Array.from({ length: 40 }, (_, i) => {
      const after = below.length === 0 ? [] : [0, 7, 19].map((step) => below[(i + step) % 40]!);
      return new Work({ n: 40 * depth + i, after });
    });
  }
  return layer;
}

function manager(): sd.GlobalConcurrencyLockManager {
  if (locks === "files" || locks === "s3") return new sd.FileLockManager({ ttl });
  const registry = new sd.ApiRegistry({ url: locks, apiKey: how[0] ?? "" });
  return new sd.RegistryGlobalConcurrencyLockManager({ registry, ttl });
}

if (import.meta.main) {
  if (locks === "s3") {
    const [endpoint = "", accessKeyId = "", secretAccessKey = ""] = how;
    const credentials = { accessKeyId, secretAccessKey };
    sd.s3FileSystemProvider.set(new sd.S3FileSystem({ endpoint, credentials }));
  }
  sd.targetFactoryProvider.set(
    new sd.TargetFactory({ targetRoots: { default: root }, flush: false }),
  );
  const globalLockManager = manager();
  const summary = await sd.build(tasks(), {
    executor: new sd.InProcessTaskExecutor({ maxConcurrent: 4 }),
    ...globalLockManager.registry !== undefined && { registry: globalLockManager.registry },
    globalLockManager,
    globalLockConfig: { lockWaitInitialInterval: 10, lockWaitMaxInterval: 100 },
  });
  console.error(String(summary));
  Deno.exit(summary.exitCode);
}
