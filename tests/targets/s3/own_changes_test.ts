import { assertEquals } from "@std/assert";
import { OwnChanges } from "../../../src/targets/s3/own_changes.ts";

Deno.test("OwnChanges tells what has changed since, and of what it has forgotten that it may have", () => {
  const changes = new OwnChanges();
  changes.note("a");
  const since = changes.count;
  changes.note("b");
  const told = () => ["a", "b", "c"].map((uri) => changes.hasChanged(uri, since));
  assertEquals(told(), [false, true, false]);
  for (let i = 0; i < 10_000; i++) changes.note(`${i}`);
  assertEquals(told(), [false, true, false]);
  for (let i = 0; i < 10_000; i++) changes.note(`${i}`);
  assertEquals(told(), [true, true, true]);
  assertEquals(changes.hasChanged("b", changes.count), false);
  assertEquals(changes.hasChanged("9999", changes.count - 2), true);
});

Deno.test("OwnChanges knows the last change of a file that changes often", () => {
  const changes = new OwnChanges();
  for (let i = 0; i < 30_000; i++) changes.note("a");
  assertEquals(changes.hasChanged("b", 0), false);
  assertEquals(changes.hasChanged("a", changes.count - 1), true);
  assertEquals(changes.hasChanged("a", changes.count), false);
});
