/**
 * A DAG as lines of text.
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as sd from "@stardag/core";
import { SHAPES } from "../../bench/dags.ts";
import { status, tree } from "../../src/inspect/inspect.ts";
import { type Step, Steps } from "../support/steps.ts";
import { inMemory, model, rows, tableOf } from "./pipeline.ts";

/** The lines with only the names of the steps. */
function namesIn(text: string): readonly string[] {
  return text.split("\n").map((line) =>
    line.replace(/stardag\.tests\.Step\(.*?name="([^"]*)"\) \w+/, "$1")
  );
}

function diamond(steps: Steps): Step {
  const deep = steps.step("deep", [steps.step("deepest")]);
  return steps.step("root", [
    steps.step("left", [deep]),
    steps.step("right", [deep, steps.step("leaf")]),
  ]);
}

Deno.test("String(tree) shows each task below what requires it, and what is below it once", async () => {
  const steps = new Steps();
  const root = diamond(steps);
  steps.finish(steps.step("deepest"), steps.step("leaf"));
  assertEquals(namesIn(String(await tree(root))), [
    "○ root",
    "├─ ○ left",
    "│  └─ ○ deep",
    "│     └─ ✓ deepest",
    "└─ ○ right",
    "   ├─ ○ deep  ↑ shown above",
    "   └─ ✓ leaf",
    "",
    "6 tasks: ○ 4 to run, ✓ 2 complete",
  ]);
});

Deno.test("a tree without states asks nothing", async () => {
  const steps = new Steps();
  const shown = await tree(diamond(steps), { states: false });
  assertEquals(steps.asked, []);
  assertEquals(namesIn(String(shown)).at(-4), "   ├─ deep  ↑ shown above");
  assertEquals(shown.states, {});
});

Deno.test("a tree ends at maxDepth and at maxLines, and says so", async () => {
  const root = diamond(new Steps());
  const options = { states: false };
  assertEquals(namesIn(String(await tree(root, { ...options, maxDepth: 1 }))).slice(0, 3), [
    "root",
    "├─ left  ...",
    "└─ right  ...",
  ]);
  const shown = await tree(root, { ...options, maxLines: 2 });
  assertEquals(namesIn(String(shown)), ["root", "├─ left", "... and more lines", "", "6 tasks"]);
  assertEquals([shown.isShortened, shown.tasks], [true, 6]);
});

Deno.test("a tree of several tasks has a line for each, and is plain data as JSON", async () => {
  using _ = inMemory();
  const [one, two] = [
    rows({ count: 1 }),
    model({ rows: rows({ count: 1 }), settings: { rate: 1 } }),
  ];
  await sd.build(one);
  assertEquals(JSON.parse(JSON.stringify(await tree([one, two]))), {
    tasks: 2,
    states: { complete: 1, to_run: 1 },
    lines: [
      { id: one.id, task: String(one), depth: 0, state: "complete" },
      { id: two.id, task: String(two), depth: 0, state: "to_run" },
      { id: one.id, task: String(one), depth: 1, state: "complete" },
    ],
    isShortened: false,
  });
});

Deno.test("a tree shows a circle once", async () => {
  const steps = new Steps();
  const circle: Step = steps.step("a", {
    requires: () => steps.step("b", { requires: () => circle }),
  });
  assertEquals(namesIn(String(await tree(circle, { states: false }))).slice(0, 3), [
    "a",
    "└─ b",
    "   └─ a  ↑ shown above",
  ]);
});

Deno.test("a tree has no more lines than there are requirements, however many paths", async () => {
  const shown = await tree(SHAPES.diamond(36), { states: false });
  assertEquals([shown.tasks, shown.lines.length], [37, 1 + 2 + 17 * 4]);
});

Deno.test("lines of a long chain do not grow with their depth", async () => {
  const shown = await tree(SHAPES.chain(20_000), { maxLines: Infinity });
  assertEquals(shown.lines.length, 20_000);
  assertEquals(Math.max(...shown.lines.map(({ prefix }) => prefix.length)) < 200, true);
  assertStringIncludes(String(shown), " (19999) ");
});

/** Two tasks of which nobody can tell whether they are complete, and one after them. */
function refused(): Step {
  const steps = new Steps();
  const complete = (): boolean => {
    throw new Error("the secret is\nwrong\u009b");
  };
  return steps.step("root", [steps.step("one", { complete }), steps.step("two", { complete })]);
}

Deno.test("trees and statuses tell why states are unknown, once", async () => {
  const shown = await tree(refused());
  assertEquals([shown.states.unknown, shown.reason], [2, "the secret is\nwrong\u009b"]);
  assertEquals(String(shown).split("\n").slice(-2), [
    "3 tasks: ○ 1 to run, ? 2 unknown",
    "2 unknown: the secret is\\nwrong\\u009b",
  ]);
  assertEquals(shown.toJSON().reason, shown.reason);
  assertEquals((await tree(refused(), { states: false })).reason, undefined);
  const counted = await status(refused());
  assertEquals([counted.toJSON().unknown, counted.toJSON().reason], [2, shown.reason]);
  assertEquals(String(counted).split("\n").at(-1), String(shown).split("\n").at(-1));
});

Deno.test("a tree has nothing in it that steers a terminal", async () => {
  const text = String(await tree(new Steps().step("\u009b31m\u202e\n"), { states: false }));
  assertEquals(/[\p{Cc}\p{Cf}]/u.test(text.replaceAll("\n", "")), false);
  assertStringIncludes(text, 'name="\\u009b31m\\u202e\\n"');
});

Deno.test("options of trees that do not exist are refused", async () => {
  const root = tableOf([1]);
  await assertRejects(() => tree(root, { depth: 1 } as never), TypeError, '"depth"');
  await assertRejects(() => tree(root, { maxDepth: -1 }), RangeError, "maxDepth -1");
  await assertRejects(() => tree(root, { maxLines: NaN }), RangeError, "maxLines NaN");
});
