/** Which export of a module is meant, whatever else it exports. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { moduleArgument } from "../../src/cli/module_argument.ts";
import { findExport, type Module, structOf } from "../../src/cli/module_exports.ts";
import { UsageError } from "../../src/cli/usage.ts";
import { Steps } from "../support/steps.ts";
import { folderWith, PIPELINE, stardag } from "./command_line.ts";

const task = new Steps().step("a");

/** Each level twice in the next. */
function levels(count: number, inmost: unknown): unknown {
  let level = inmost;
  for (let i = 0; i < count; i++) level = { a: level, b: level };
  return level;
}

Deno.test("an export that contains itself, or is large, is no hindrance for others", async () => {
  await using folder = await folderWith({
    "pipeline.ts": `${PIPELINE}
      export const circle = { list: [] }; circle.list.push(circle, root);
      export let levels = 1;
      for (let i = 0; i < 60; i++) levels = { a: levels, b: levels };`,
  });
  const named = await stardag(["plan", "pipeline.ts:root"], { cwd: folder.path });
  assertEquals(named.code, 0, named.stderr);
  const unnamed = await stardag(["plan", "pipeline.ts"], { cwd: folder.path });
  assertEquals(unnamed.code, 0, unnamed.stderr);
  const circle = await stardag(["plan", "pipeline.ts:circle"], { cwd: folder.path });
  assertEquals(circle.code, 2);
  assertStringIncludes(circle.stderr, "neither a task nor what makes tasks");
});

Deno.test("only the export that is named is looked at", () => {
  const module: Module = Object.defineProperty({ root: task }, "other", {
    enumerable: true,
    get: () => {
      throw new Error("looked at");
    },
  });
  const found = findExport(moduleArgument("p.ts:root"), module);
  assertEquals(found?.name, "root");
  assertThrows(() => findExport(moduleArgument("p.ts:toString"), { root: task }), UsageError);
});

Deno.test("tasks in arrays and records are told from other things", () => {
  const tasks = { x: [task, { y: task }], none: [] };
  assertEquals(structOf(tasks), tasks);
  for (const other of [[], { x: [] }, [task, 1], [task, , task], new Map(), undefined, "x"]) {
    assertEquals(structOf(other), undefined);
  }
  const circle: unknown[] = [task];
  circle.push([circle]);
  assertEquals(structOf(circle), undefined);
  assertEquals(structOf(levels(60, 1)), undefined);
  assertEquals(structOf(levels(60, task)) === undefined, false);
});
