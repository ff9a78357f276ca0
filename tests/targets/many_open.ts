/**
 * A program that opens more files than it may: it builds `<count>` tasks at once that write streams below `<root>`, then
 * one that reads all of them at once, and prints as JSON how that ended.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";

/** What the program prints. */
export interface ManyOpen {
  /** How many streams were written, with all tasks at once. */
  readonly succeeded: number;
  /** How many were not. */
  readonly failed: number;
  /** What these failed with, without the paths: each message once. */
  readonly messages: readonly string[];
  /** What there was below the root then. */
  readonly afterFirst: Written;
  /** How building again ended, with few tasks at once. */
  readonly second: string;
  /** What there was below the root then. */
  readonly afterSecond: Written;
  /** What a task failed with that reads all of them at once. */
  readonly reading: string;
  /** How one ended then that reads a few. */
  readonly few: string;
}

/** How many outputs are there, and what else. */
export interface Written {
  readonly whole: number;
  readonly others: readonly string[];
}

let pending = 0;
const allBegun = Promise.withResolvers<void>();

function begun(): void {
  if (--pending === 0) allBegun.resolve();
}

@sd.register
class Streamed extends sd.Task({
  name: "Streamed",
  namespace: "stardag.tests.many_open",
  params: { index: z.int() },
}) {
  override output(): sd.FileSystemTarget {
    return sd.getTarget(`streamed/${this.index}.txt`);
  }
  override async run(): Promise<void> {
    let isOpen = false;
    const content = async function* (): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode("begun");
      isOpen = true;
      begun();
      await allBegun.promise; // all of them are open, or have failed
      yield new TextEncoder().encode(", ended");
    };
    try {
      await this.output().write(ReadableStream.from(content()));
    } finally {
      if (!isOpen) begun();
    }
  }
}

@sd.register
class ReadsAll extends sd.Task({
  name: "ReadsAll",
  namespace: "stardag.tests.many_open",
  params: { count: z.int() },
}) {
  override output(): sd.FileSystemTarget {
    return sd.getTarget(`all-${this.count}.txt`);
  }
  override async run(): Promise<void> {
    const readers = tasks(this.count).map((task) => task.output().readable().getReader());
    try {
      for (const reader of readers) await reader.read();
      await this.output().write("read");
    } finally {
      for (const reader of readers) await reader.cancel().catch(() => {});
    }
  }
}

function tasks(count: number): Streamed[] {
  return Array.from({ length: count }, (_, index) => new Streamed({ index }));
}

function written(root: string): Written {
  const names = [...Deno.readDirSync(`${root}/streamed`)].map(({ name }) => name);
  const isWhole = (name: string): boolean =>
    /^\d+\.txt$/.test(name) &&
    Deno.readTextFileSync(`${root}/streamed/${name}`) === "begun, ended";
  return {
    whole: names.filter(isWhole).length,
    others: names.filter((name) => !isWhole(name)).slice(0, 10),
  };
}

async function main(root: string, count: number): Promise<ManyOpen> {
  sd.targetFactoryProvider.set(
    new sd.TargetFactory({ targetRoots: { default: root }, flush: false }),
  );
  // Deno 2.9 panics when it can open nothing half a second after its start, unless it listens to signals by then.
  const options = { failMode: "continue", handleSignals: true } as const;
  pending = count;
  const executor = new sd.InProcessTaskExecutor({ maxConcurrent: count });
  const first = await sd.build(tasks(count), { ...options, executor });
  const afterFirst = written(root);

  // As many as may be open, one at a time: each waits for nobody.
  pending = Infinity;
  allBegun.resolve();
  const second = await sd.build(tasks(count), options);
  const tooMany = await sd.build(new ReadsAll({ count }), options);
  const few = await sd.build(new ReadsAll({ count: 20 }), options);
  return {
    succeeded: first.taskCount.succeeded,
    failed: first.taskCount.failed,
    messages: [
      ...new Set(first.errors.map(({ cause }) => messageOf(cause).replace(/"[^"]*"/g, '"..."'))),
    ],
    afterFirst,
    second: String(second.status),
    afterSecond: written(root),
    reading: messageOf(tooMany.error?.cause).replace(/"[^"]*"/g, '"..."'),
    few: few.status,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

if (import.meta.main) {
  const [root = "", count = "0"] = Deno.args;
  console.log(JSON.stringify(await main(root, Number(count))));
}
