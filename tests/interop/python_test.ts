/**
 * One DAG, two languages: what the one has built the other takes as it is.
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { pythonTest, runPython } from "./python.ts";
import { cases } from "./tasks.ts";

/** What tasks.py tells of a task. */
interface Told {
  readonly id: string;
  readonly uri: string;
  readonly complete: boolean;
  readonly same: boolean;
  readonly loaded: string;
}

const NAMES = Object.keys(cases());

/** Hands `prove` an empty folder, which is the target root here and, by the variable, in Python. */
async function withRoot(
  prove: (
    root: string,
    python: (what: "build" | "check") => Promise<Record<string, Told>>,
  ) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    using _ = sd.targetFactoryProvider.override(
      new sd.TargetFactory({ targetRoots: { default: root } }),
    );
    const env = { STARDAG_TARGET_ROOTS: JSON.stringify({ default: root }), HOME: root };
    await prove(
      root,
      async (what) => await runPython("tasks.py", { args: [what], env }) as Record<string, Told>,
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

pythonTest(
  "the same tasks have the same ids and places in Python",
  () =>
    withRoot(async (_root, python) => {
      const told = await python("check");
      assertEquals(Object.keys(told), NAMES);
      for (const [name, { task }] of Object.entries(cases())) {
        assertEquals(told[name]?.id, task.id, name);
        assertEquals(told[name]?.uri, task.output().uri, name);
        assertEquals(told[name]?.complete, false, name);
      }
    }),
);

pythonTest(
  "what is built here is complete in Python and loads the same values",
  () =>
    withRoot(async (_root, python) => {
      const tasks = Object.values(cases()).map(({ task }) => task);
      const summary = await sd.build(tasks);
      summary.throwIfFailed();
      assertEquals(summary.taskCount.succeeded, tasks.length);
      const told = await python("check");
      const wrong = Object.entries(told).filter(([, { complete, same }]) => !complete || !same);
      assertEquals(wrong, []);
      assertEquals(Object.keys(told).length, tasks.length);
    }),
);

pythonTest(
  "what Python has built is complete here and loads the same values",
  () =>
    withRoot(async (_root, python) => {
      await python("build");
      const table = Object.entries(cases());
      const summary = await sd.build(table.map(([, { task }]) => task));
      assertEquals(summary.status, "success");
      assertEquals(summary.taskCount.previouslyCompleted, table.length);
      assertEquals(summary.taskCount.succeeded, 0);
      for (const [name, { task, value }] of table) assertEquals(await task.load(), value, name);
      const floats = await cases()["floats"]?.task.load() as number[];
      assert(Object.is(floats[4], -0));
    }),
);

pythonTest(
  "a build here goes on where Python has stopped",
  () =>
    withRoot(async (_root, python) => {
      await python("build");
      const { sum, range, join } = cases();
      assert(sum !== undefined && range !== undefined && join !== undefined);
      await Deno.remove(sum.task.output().uri);
      await Deno.remove(join.task.output().uri);
      const summary = await sd.build(join.task);
      // The range is complete and the sum is not; the sum's other input is not looked at.
      assertEquals(summary.taskCount.succeeded, 2);
      assertEquals(summary.taskCount.previouslyCompleted, 2);
      const told = await python("check");
      assertEquals(Object.values(told).filter(({ same }) => !same), []);
    }),
);

// ---- files that Python wrote once, which need no Python ----

const FIXTURES = new URL("../fixtures/outputs/", import.meta.url);

interface Fixture {
  readonly name: string;
  readonly id: string;
  readonly relpath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

Deno.test("outputs that Python wrote are those of the same tasks here, so that nothing is run", async () => {
  const fixtures: readonly Fixture[] = JSON.parse(
    await Deno.readTextFile(new URL("manifest.json", FIXTURES)),
  );
  const run = (): never => {
    throw new Error("nothing is to be run");
  };
  sd.task({ name: "greet", params: { name: z.string() }, output: z.string(), run });
  sd.task({
    name: "stats",
    params: { scale: z.number() },
    output: z.object({ mean: z.number(), n: z.number(), big: z.number(), tiny: z.number() }),
    run,
  });
  sd.task({
    name: "rows",
    params: { n: z.int() },
    output: z.array(z.object({ i: z.int(), s: z.string(), x: z.number().nullable() })),
    run,
  });
  sd.task({
    name: "maybe",
    params: { present: z.boolean() },
    output: z.int().nullable(),
    run,
  });
  cases(); // get_range and get_sum
  const root = fromFileUrl(FIXTURES);
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: root } }),
  );
  const tasks = fixtures.map(({ params }) => sd.taskFromJSON(params) as sd.AutoTask<unknown>);
  const summary = await sd.build(tasks);
  summary.throwIfFailed();
  assertEquals(summary.taskCount.succeeded, 0);
  assertEquals(summary.taskCount.previouslyCompleted, fixtures.length);
  for (const [i, { id, relpath, value }] of fixtures.entries()) {
    assertEquals(tasks[i]?.id, id);
    assertEquals(tasks[i]?.output().uri, root + relpath);
    assertEquals(await tasks[i]?.load(), value);
  }
});
