/**
 * What may be done without being asked: nothing is touched at import, outputs in memory need no permission, and one that
 * is missing is named with the flag that grants it.
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { z } from "zod";
import * as sd from "../mod.ts";

const square = sd.task({
  name: "square",
  namespace: "stardag.tests.permissions",
  params: { n: z.int() },
  output: z.int(),
  run: ({ n }) => n * n,
});
const sum = sd.task({
  name: "sum",
  namespace: "stardag.tests.permissions",
  params: { of: z.array(sd.depends(z.int())) },
  output: z.int(),
  run: ({ of }) => of.reduce((a, b) => a + b, 0),
});

/** A folder made before permissions are taken away; whoever may write to it removes it. */
const root = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

function at(targetRoot: string): Disposable {
  return sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: targetRoot } }),
  );
}

Deno.test({
  name: "a DAG in memory is built without any permission",
  permissions: "none",
  async fn() {
    using _ = at("memory://permissions");
    const task = sum({ of: [square({ n: 2 }), square({ n: 3 })] });
    const summary = await sd.build(task);
    summary.throwIfFailed();
    assertEquals(summary.taskCount.succeeded, 3);
    assertEquals(await task.load(), 13);
  },
});

Deno.test({
  name: "tasks that say themselves whether they are complete are built without any permission",
  permissions: "none",
  async fn() {
    const done = new Set<string>();

    @sd.register
    class Mark extends sd.BaseTask({
      name: "Mark",
      namespace: "stardag.tests.permissions",
      params: { n: z.int() },
    }) {
      override complete(): boolean {
        return done.has(this.id);
      }
      override run(): void {
        done.add(this.id);
      }
    }
    const summary = await sd.build([1, 2, 3].map((n) => new Mark({ n })));
    assertEquals(summary.taskCount.succeeded, 3);
    assertEquals((await sd.build(new Mark({ n: 2 }))).taskCount.previouslyCompleted, 1);
  },
});

Deno.test({
  name: "a DAG on the disk is built with permission for its root and nothing else",
  permissions: { read: [root], write: [root] },
  async fn() {
    using _ = at(`${root}/whole`);
    const task = sum({ of: [square({ n: 2 }), square({ n: 3 })] });
    (await sd.build(task)).throwIfFailed();
    assertEquals(await task.load(), 13);
    assertEquals((await sd.build(task)).taskCount.succeeded, 0);
    const text = sd.getTarget("tool.txt");
    await text.proxyPath("w", (path) => Deno.writeTextFile(path, "by a tool"));
    assertEquals(await text.proxyPath("r", (path) => Deno.readTextFile(path)), "by a tool");
    const folder = sd.getDirectoryTarget("folder");
    await folder.getSubTarget("a.txt").write("a");
    await folder.markDone();
    assertEquals(await folder.exists(), true);
  },
});

Deno.test({
  name: "a root that may not be read is named with its flag before anything runs",
  permissions: { write: [root] },
  async fn() {
    using _ = at(`${root}/unread`);
    const error = await assertRejects(() => sd.build(square({ n: 2 })), sd.PermissionError);
    assertStringIncludes(error.flag, "--allow-read");
    assertStringIncludes(error.flag, root);
    assertStringIncludes(error.message, error.flag);
    assert(error.cause instanceof Deno.errors.NotCapable);
  },
});

Deno.test({
  name: "a root that may not be written to is named with its flag, as the failure of the task",
  permissions: { read: [root] },
  async fn() {
    using _ = at(`${root}/unwritten`);
    const summary = await sd.build(square({ n: 2 }));
    const error = summary.error?.cause;
    assert(error instanceof sd.PermissionError);
    assertStringIncludes(error.flag, "--allow-write");
    assertStringIncludes(error.flag, root);
    assertStringIncludes(String(summary), error.flag);
  },
});

Deno.test({
  name: "roots that may not be looked up in the environment are named with their flag",
  permissions: "none",
  async fn() {
    const error = assertThrows(() => sd.getTarget("a.txt"), sd.PermissionError);
    assertStringIncludes(error.flag, "--allow-env=STARDAG_TARGET_ROOTS");
    assertStringIncludes(error.message, error.flag);
    // Neither making a task nor asking for its id needs to know where its output is.
    assertEquals(square({ n: 2 }).id.length, 36);
    await assertRejects(() => sd.build(square({ n: 2 })), sd.PermissionError, "--allow-env");
  },
});

/** Runs a program without any permission, and without anybody who could be asked for one. */
async function run(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...args],
    cwd: fromFileUrl(new URL("../", import.meta.url)),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

Deno.test("importing the package does nothing: no permission, no output, nothing left to do", async () => {
  const mod = import.meta.resolve("../mod.ts");
  const testing = import.meta.resolve("../src/testing/mod.ts");
  for (const url of [mod, testing]) {
    assertEquals(await run([fromFileUrl(url)]), { code: 0, out: "", err: "" });
  }
});

Deno.test("a program on targets in memory runs without any flag", async () => {
  const program = fromFileUrl(import.meta.resolve("./support/without_permissions.ts"));
  const { code, out, err } = await run([program]);
  assertEquals([code, err], [0, ""]);
  assertEquals(JSON.parse(out).value, 8);
});
