import { assertEquals, assertThrows } from "@std/assert";
import * as sd from "../../mod.ts";
import { Steps } from "../support/steps.ts";

Deno.test("tasks are listed in order, from arrays and records at any depth", () => {
  const steps = new Steps();
  const [a, b, c] = [steps.step("a"), steps.step("b"), steps.step("c")];
  assertEquals(sd.flattenTaskStruct(a), [a]);
  assertEquals(sd.flattenTaskStruct(undefined), []);
  assertEquals(sd.flattenTaskStruct([]), []);
  assertEquals(sd.flattenTaskStruct({ x: [a, { y: b }], z: [[c], a] }), [a, b, c, a]);
  assertEquals(sd.flattenTaskStruct(Object.assign(Object.create(null), { a })), [a]);
});

Deno.test("a structure of any depth is no problem", () => {
  const a = new Steps().step("a");
  let deep: sd.TaskStruct = a;
  for (let i = 0; i < 100_000; i++) deep = i % 2 === 0 ? [deep] : { k: deep };
  assertEquals(sd.flattenTaskStruct(deep), [a]);
});

Deno.test("what is no task, array or record is refused by its value", () => {
  for (const [bad, shown] of [[5, "5"], ["x", '"x"'], [null, "null"], [undefined, "undefined"]]) {
    assertThrows(() => sd.flattenTaskStruct([bad] as never), TypeError, `Cannot use ${shown} as`);
  }
  for (const bad of [new Map(), new Set(), new Date(0), () => 1, Promise.resolve()]) {
    assertThrows(() => sd.flattenTaskStruct({ x: bad } as never), TypeError, "as a task");
  }
});

Deno.test("an array or record that contains itself is refused; one that stands there twice is not", () => {
  const a = new Steps().step("a");
  const list: unknown[] = [a];
  list.push({ list });
  assertThrows(
    () => sd.flattenTaskStruct(list as never),
    TypeError,
    "an array as tasks: it contains itself",
  );
  const record: Record<string, unknown> = { a };
  record.b = record.c = [record, a];
  assertThrows(
    () => sd.flattenTaskStruct(record as never),
    TypeError,
    "a record as tasks: it contains itself",
  );
  const shared = [a];
  assertEquals(sd.flattenTaskStruct({ x: shared, y: [shared, shared] }), [a, a, a]);
});
