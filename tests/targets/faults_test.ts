/**
 * What goes wrong around a build: a full disk, one that cannot be written to, one that goes away, too many files open.
 * Each is staged as it is, on a small disk in memory where one can be mounted.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { isTemporary } from "../../src/targets/temporary.ts";
import { Disk, whyNotMounting } from "./disk.ts";
import type { ManyOpen } from "./many_open.ts";

const noMounting = await whyNotMounting();
if (noMounting !== undefined) {
  console.log(`Tests that need a disk of their own are ignored: ${noMounting}`);
}

function diskTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, ignore: noMounting !== undefined });
}

/** What a step does, by its key. */
type Act = (target: sd.FileSystemTarget) => void | Promise<void>;

let acts: Readonly<Record<string, Act>> = {};

@sd.register
class Step extends sd.Task({
  name: "Step",
  namespace: "stardag.tests.faults",
  params: { key: z.string(), after: z.string().optional() },
}) {
  override requires(): sd.TaskStruct | undefined {
    return this.after === undefined ? undefined : new Step({ key: this.after });
  }
  override output(): sd.FileSystemTarget {
    return sd.getTarget(
      this.key === "elsewhere" ? "memory://faults/elsewhere" : `steps/${this.key}/out.txt`,
    );
  }
  override async run(): Promise<void> {
    await acts[this.key]!(this.output());
  }
}

@sd.register
class Folder extends sd.Task({
  name: "Folder",
  namespace: "stardag.tests.faults",
  params: { key: z.string(), size: z.int() },
}) {
  override output(): sd.DirectoryTarget {
    return sd.getDirectoryTarget(`folders/${this.key}`);
  }
  override async run(): Promise<void> {
    const folder = this.output();
    await folder.getSubTarget("small.txt").write("small");
    await folder.getSubTarget("sized.bin").write(new Uint8Array(this.size));
    await folder.markDone();
  }
}

function at(root: string): Disposable {
  const stack = new DisposableStack();
  stack.use(sd.inMemoryFileSystemProvider.override(new sd.InMemoryFileSystem()));
  stack.use(
    sd.targetFactoryProvider.override(new sd.TargetFactory({ targetRoots: { default: root } })),
  );
  return stack;
}

function steps(all: Readonly<Record<string, Act>>): Step[] {
  acts = all;
  return Object.keys(all).map((key) => new Step({ key }));
}

/** By key: `complete`, or the message of the target error it failed with. */
function outcomes(summary: sd.BuildSummary): Record<string, string> {
  const messages = new Map(summary.errors.map(({ taskId, cause }) => {
    assert(cause instanceof sd.TargetError, String(cause));
    return [taskId, cause.message];
  }));
  return Object.fromEntries(
    [...summary.tasks()].map(({ task, state }) => [
      (task as Step | Folder).key,
      messages.get(task.id) ??
        (state === "succeeded" || state === "previouslyCompleted" ? "complete" : state),
    ]),
  );
}

function temporariesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => [
    ...isTemporary(name) ? [`${folder}/${name}`] : [],
    ...isDirectory ? temporariesBelow(`${folder}/${name}`) : [],
  ]);
}

const small: Act = (target) => target.write("small");
const large = new Uint8Array(2_000_000);

function streamed(size: number): ReadableStream<Uint8Array> {
  return ReadableStream.from((function* (): Generator<Uint8Array> {
    for (let written = 0; written < size; written += 10_000) yield new Uint8Array(10_000);
  })());
}

diskTest("a full disk fails the tasks that do not fit, and only these", async () => {
  await using disk = await Disk.mounted("size=1m");
  using _ = at(`${disk.path}/root`);
  const tasks: sd.AnyTask[] = [
    ...steps({
      first: small,
      bytes: (target) => target.write(large),
      stream: (target) => target.write(streamed(large.length)),
      last: small,
    }),
    new Folder({ key: "whole", size: 1_000 }),
    new Folder({ key: "half", size: large.length }),
  ];
  // One after the other: while one fills the disk, another one may not find room for a single byte.
  const summary = await sd.buildSequential(tasks, { failMode: "continue" });
  const { bytes, stream, half, ...others } = outcomes(summary);
  assertEquals(others, { first: "complete", last: "complete", whole: "complete" });
  assertStringIncludes(bytes!, `Cannot write "${disk.path}/root/steps/bytes/out.txt"`);
  assertStringIncludes(stream!, `Cannot write "${disk.path}/root/steps/stream/out.txt"`);
  assertStringIncludes(half!, `Cannot write "${disk.path}/root/folders/half/sized.bin"`);
  for (const message of [bytes, stream, half]) {
    assertStringIncludes(message!, "no space is left on the device. Free some");
  }
  assertEquals(temporariesBelow(disk.path), []);
  const complete = await Promise.all(tasks.map((task) => task.complete()));
  assertEquals(complete, [true, false, false, true, true, false]);
  assertEquals(await new Step({ key: "first" }).output().text(), "small");

  await disk.remount("size=16m");
  const again = await sd.build(tasks);
  again.throwIfFailed();
  assertEquals(again.taskCount.succeeded, 3);
  assertEquals((await new Step({ key: "stream" }).output().bytes()).length, large.length);
});

diskTest("a disk without room for one more file says so", async () => {
  await using disk = await Disk.mounted("size=1m,nr_inodes=12");
  using _ = at(`${disk.path}/root`);
  const all = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`${i}`, small]));
  all["tool"] = (target) => target.proxyPath("w", (path) => Deno.writeTextFile(path, "x"));
  const summary = await sd.buildSequential(steps(all), { failMode: "continue" });
  const messages = Object.values(outcomes(summary)).filter((each) => each !== "complete");
  assert(summary.taskCount.succeeded > 2 && messages.length > 2, String(summary));
  for (const message of messages) assertStringIncludes(message, "no space is left on the device");
  assertEquals(temporariesBelow(disk.path), []);
});

for (const hasFolders of [true, false]) {
  diskTest(
    `a disk that cannot be written to serves what is there, and fails the rest (folders ${
      hasFolders ? "there" : "missing"
    })`,
    async () => {
      await using disk = await Disk.mounted("size=1m");
      using _ = at(disk.path);
      (await sd.build(steps({ old: small }))).throwIfFailed();
      for (const folder of hasFolders ? ["steps/bytes", "steps/tool", "folders/x"] : []) {
        await Deno.mkdir(`${disk.path}/${folder}`, { recursive: true });
      }
      await disk.remount("ro");
      const tasks = [
        ...steps({
          old: small,
          bytes: (target) => target.write("new"),
          tool: (target) => target.proxyPath("w", () => {}),
        }),
        new Folder({ key: "x", size: 1 }),
      ];
      const summary = await sd.build(tasks, { failMode: "continue" });
      const { old, ...others } = outcomes(summary);
      assertEquals(old, "complete");
      assertEquals(Object.keys(others), ["bytes", "tool", "x"]);
      for (const message of Object.values(others)) {
        assertStringIncludes(message, `Cannot write "${disk.path}/`);
        assertStringIncludes(message, "the file system is read-only. Set a target root that can");
      }
      assertEquals(await new Step({ key: "old" }).output().text(), "small");
    },
  );
}

for (const folder of ["", "/stardag"]) {
  diskTest(
    `a root whose disk is unmounted is not made anew below it (root: the disk${folder})`,
    async () => {
      await using disk = await Disk.mounted("size=1m");
      const root = `${disk.path}${folder}`;
      await Deno.mkdir(root, { recursive: true });
      using _ = at(root);
      const tasks = steps({
        // Nothing was written before: the root is known from looking for outputs in it.
        bytes: async (target) => {
          await disk.unmount();
          await target.write("x");
        },
        stream: (target) => target.write(streamed(100_000)),
        tool: (target) => target.proxyPath("w", (path) => Deno.writeTextFile(path, "tool")),
        elsewhere: small,
      });
      const summary = await sd.buildSequential(
        [...tasks, new Folder({ key: "x", size: 1 })],
        { failMode: "continue" },
      );
      const { elsewhere, ...others } = outcomes(summary);
      assertEquals(elsewhere, "complete");
      assertEquals(Object.keys(others), ["bytes", "stream", "tool", "x"]);
      for (const message of Object.values(others)) {
        assertStringIncludes(message, `Cannot write "${root}/`);
        assertStringIncludes(message, `the target root "${root}/" is on another file system`);
      }
      assertEquals([...Deno.readDirSync(disk.path)], []);
    },
  );
}

diskTest("what is being written when its disk is unmounted is not there afterwards", async () => {
  await using disk = await Disk.mounted("size=1m");
  using _ = at(disk.path);
  const tasks = steps({
    stream: (target) => {
      const content = (async function* (): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(10);
        await disk.unmount();
        yield new Uint8Array(10);
      })();
      return target.write(ReadableStream.from(content));
    },
  });
  const summary = await sd.build(tasks);
  assertStringIncludes(outcomes(summary)["stream"]!, `Cannot write "${disk.path}/steps/stream/`);
  assertEquals([...Deno.readDirSync(disk.path)], []);
});

Deno.test("a root that is removed in mid-build is made anew, and what was lost with it is named", async () => {
  const parent = await Deno.makeTempDir();
  try {
    using _ = at(`${parent}/root`);
    acts = {
      input: small,
      remover: async (target) => {
        await Deno.remove(`${parent}/root`, { recursive: true });
        await target.write("after");
      },
      reader: async (target) => target.write(await new Step({ key: "input" }).output().text()),
      stream: async (target) => {
        const content = (async function* (): AsyncGenerator<Uint8Array> {
          yield new Uint8Array(10);
          await Deno.remove(`${parent}/root`, { recursive: true });
          yield new Uint8Array(10);
        })();
        await target.write(ReadableStream.from(content));
      },
      last: small,
    };
    const step = (key: string, after?: string): Step => new Step({ key, after });
    const tasks = [step("remover", "input"), step("reader", "remover"), step("last", "remover")];
    const summary = await sd.buildSequential(
      [...tasks, step("stream", "last")],
      { failMode: "continue" },
    );
    const { reader, stream, ...others } = outcomes(summary);
    assertEquals(others, { input: "complete", remover: "complete", last: "complete" });
    assertStringIncludes(reader!, `Cannot read "${parent}/root/steps/input/out.txt"`);
    assertStringIncludes(stream!, `Cannot write "${parent}/root/steps/stream/out.txt"`);
    assertStringIncludes(stream!, "which holds it until it is whole, is gone");

    acts = { ...acts, remover: small };
    (await sd.buildSequential(tasks)).throwIfFailed();
    assertEquals(await step("reader", "remover").output().text(), "small");
    assertEquals(temporariesBelow(parent), []);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test({
  name: "too many open files fail the tasks that open them, and no others",
  ignore: Deno.build.os === "windows", // which has no such limit
  async fn() {
    const root = await Deno.makeTempDir();
    const count = 10_000;
    try {
      const program = fromFileUrl(import.meta.resolve("./many_open.ts"));
      const command = `ulimit -n 128; exec "$0" run -A --no-check --quiet "$1" "$2" "$3"`;
      const { code, stdout, stderr } = await new Deno.Command("sh", {
        args: ["-c", command, Deno.execPath(), program, root, `${count}`],
        env: { NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder();
      assertEquals(code, 0, text.decode(stderr));
      const result: ManyOpen = JSON.parse(text.decode(stdout));
      const { succeeded, failed, afterFirst } = result;
      assert(succeeded > 50, `${succeeded} were written`);
      assertEquals(succeeded + failed, count);
      assertEquals(afterFirst, { whole: succeeded, others: [] });
      const remedy = "this process has too many files open. Raise its limit (ulimit -n), or have " +
        "fewer open: run fewer tasks at once (maxConcurrent), read streams to their end or cancel";
      assertEquals(result.messages, [`TargetError: Cannot write "...": ${remedy} them`]);
      assertEquals(result.second, "success");
      assertEquals(result.afterSecond, { whole: count, others: [] });
      assertEquals(result.reading, `TargetError: Cannot read "...": ${remedy} them`);
      assertEquals(result.few, "success");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
