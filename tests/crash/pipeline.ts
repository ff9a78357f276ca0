/**
 * A program that builds 300 tasks of all kinds below a root, for tests that kill it: `pipeline.ts <root> <log> [<option>...]`.
 * It prints a line whenever something has moved, and notes in the log which tasks began. `order=<number>` has the tasks
 * that are ready run in another order. With `signals`, the build stops
 * at SIGINT and SIGTERM; with `stubborn`, there is a task which does not care and never ends, and with `patient`, the
 * build waits long for it. With `list`, it prints what it would build.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";
import { partsOf, textOf } from "./content.ts";

/** A task, as `list` prints it. */
export interface Listed {
  readonly id: string;
  /** The file that is there when it is complete. */
  readonly path: string;
}

const NAMESPACE = "stardag.tests.crash";
const [root = "", log = "", ...options] = Deno.args;

/** Tasks of all kinds under way at the same time, others in each order. */
const order = Number(options.find((option) => option.startsWith("order="))?.slice(6) ?? 0);
function priority({ index }: { readonly index: number }): number {
  return Math.imul(index + 1, 1 + order * 2 ** 31) >>> 0;
}

function moved(): void {
  Deno.stdout.writeSync(new TextEncoder().encode("moved\n"));
}

/** One write to a file opened for appending: lines of several processes do not mix. */
function note(task: sd.AnyTask): void {
  Deno.writeTextFileSync(log, `${task.id}\n`, { append: true });
  moved();
}

async function turn(): Promise<void> {
  await Deno.lstat(log); // others may go on meanwhile
  moved();
}

async function* chunksOf(
  key: string,
  lines: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const [i, part] of partsOf(key, lines).entries()) {
    if (i % 100 === 0) await turn();
    signal.throwIfAborted();
    yield new TextEncoder().encode(part);
  }
}

@sd.register
class Leaf extends sd.AutoTask({
  name: "Leaf",
  namespace: NAMESPACE,
  priority,
  params: { index: z.int(), of: z.string() },
  output: z.string(),
}) {
  override run(): void | Promise<void> {
    note(this);
    return this.save(textOf(`${this.of} ${this.index}`, 20));
  }
}

@sd.register
class Join extends sd.AutoTask({
  name: "Join",
  namespace: NAMESPACE,
  priority,
  params: { index: z.int() },
  output: z.string(),
}) {
  override requires(): sd.TaskStruct {
    return [leaf(this.index), leaf(this.index + 1)];
  }
  override async run(): Promise<void> {
    note(this);
    const parts = await Promise.all([leaf(this.index).load(), leaf(this.index + 1).load()]);
    await this.save(textOf(`join ${parts.join("").length}`, 200));
  }
}

/** Yields its three parts one by one, and then together. */
@sd.register
class Dynamic extends sd.AutoTask({
  name: "Dynamic",
  namespace: NAMESPACE,
  priority,
  params: { index: z.int() },
  output: z.string(),
}) {
  override async *run(): AsyncGenerator<sd.Yieldable, void, unknown> {
    note(this);
    const parts = partsOfDynamic(this.index);
    for (const part of parts) yield part;
    yield parts;
    await this.save(textOf(`dynamic ${(await parts[0]!.load()).length}`, 20));
  }
}

@sd.register
class Streamed extends sd.Task({
  name: "Streamed",
  namespace: NAMESPACE,
  priority,
  params: { index: z.int() },
}) {
  override requires(): sd.TaskStruct {
    return leaf(this.index);
  }
  override output(): sd.FileSystemTarget {
    return sd.getTarget(`streamed/${this.index}.txt`);
  }
  override async run({ signal }: sd.RunContext): Promise<void> {
    note(this);
    await this.output().write(ReadableStream.from(chunksOf(`streamed ${this.index}`, 500, signal)));
    moved();
  }
}

@sd.register
class Proxied extends sd.Task({
  name: "Proxied",
  namespace: NAMESPACE,
  priority,
  params: { index: z.int() },
}) {
  override output(): sd.FileSystemTarget {
    return sd.getTarget(`proxied/${this.index % 3}/${this.index}.csv`);
  }
  override async run({ signal }: sd.RunContext): Promise<void> {
    note(this);
    await this.output().proxyPath("w", async (path) => {
      using file = await Deno.open(path, { createNew: true, write: true });
      for await (const chunk of chunksOf(`proxied ${this.index}`, 300, signal)) {
        file.writeSync(chunk);
      }
      moved();
    });
    moved();
  }
}

@sd.register
class Folder extends sd.Task({
  name: "Folder",
  namespace: NAMESPACE,
  priority,
  params: { index: z.int(), byProxy: z.boolean() },
}) {
  override output(): sd.DirectoryTarget {
    return sd.getDirectoryTarget(`folders/${this.byProxy ? "whole" : "parts"}/${this.index}`);
  }
  override async run({ signal }: sd.RunContext): Promise<void> {
    note(this);
    const folder = this.output();
    const names = ["a.txt", "b/c.txt", "b/d.txt"];
    if (this.byProxy) {
      await folder.proxyPath("w", async (path) => {
        await Deno.mkdir(`${path}/b`);
        for (const name of names) {
          await turn();
          await Deno.writeTextFile(`${path}/${name}`, textOf(`${name} ${this.index}`, 50));
        }
      });
    } else {
      for (const name of names) {
        const content = ReadableStream.from(chunksOf(`${name} ${this.index}`, 50, signal));
        await folder.getSubTarget(name).write(content);
      }
      await folder.markDone();
    }
    moved();
  }
}

/** Asks for nothing and heeds nothing: the build has to end without it. */
@sd.register
class Stubborn extends sd.Task({ name: "Stubborn", namespace: NAMESPACE, priority: Infinity }) {
  override output(): sd.FileSystemTarget {
    return sd.getTarget("stubborn.txt");
  }
  override async run(): Promise<void> {
    await this.output().write(ReadableStream.from((async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        await turn();
        yield new TextEncoder().encode("and on");
      }
    })()));
  }
}

function leaf(index: number): Leaf {
  return new Leaf({ index, of: "static" });
}

function partsOfDynamic(index: number): Leaf[] {
  return [0, 1, 2].map((i) => new Leaf({ index: 3 * index + i, of: "dynamic" }));
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** What is built; the leaves are found from here. */
function roots(): sd.OutputTask[] {
  return [
    ...times(99, (index) => new Join({ index })), // and 100 leaves
    ...times(10, (index) => new Dynamic({ index })), // and 30 leaves
    ...times(25, (index) => new Streamed({ index })),
    ...times(16, (index) => new Proxied({ index })),
    ...times(10, (index) => new Folder({ index, byProxy: true })),
    ...times(10, (index) => new Folder({ index, byProxy: false })),
  ];
}

function list(): Listed[] {
  const all: sd.OutputTask[] = [
    ...roots(),
    ...times(100, leaf),
    ...times(10, partsOfDynamic).flat(),
  ];
  return all.map((task) => {
    const { uri } = task.output();
    return { id: task.id, path: uri.endsWith("/") ? `${uri.slice(0, -1)}._DONE` : uri };
  });
}

async function main(): Promise<void> {
  sd.targetFactoryProvider.set(
    new sd.TargetFactory({
      targetRoots: { default: root },
      flush: !options.includes("not flushed"),
    }),
  );
  if (options.includes("list")) return console.log(JSON.stringify(list()));
  const tasks: sd.AnyTask[] = roots();
  if (options.includes("stubborn")) tasks.unshift(new Stubborn());
  const summary = await sd.build(tasks, {
    handleSignals: options.includes("signals"),
    gracePeriod: options.includes("patient") ? 60_000 : undefined,
  });
  if (summary.error !== undefined) throw summary.error;
  console.log(summary.status);
  Deno.exit(summary.exitCode);
}

if (import.meta.main) await main();
