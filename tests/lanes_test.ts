import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { inLanes } from "../src/lanes.ts";

Deno.test("inLanes() runs all, in order, and no more at once than it may", async () => {
  const begun: string[] = [];
  let [underWay, most] = [0, 0];
  const items = Array.from({ length: 20 }, (_, i) => `${i}`);
  await inLanes(items, 3, async (item, index) => {
    begun.push(`${item} at ${index}`);
    most = Math.max(most, ++underWay);
    for (let turns = index % 4; turns > 0; turns--) await undefined;
    underWay--;
  });
  assertEquals(begun, items.map((item) => `${item} at ${item}`));
  assertEquals([underWay, most], [0, 3]);
  await inLanes([], 3, () => Promise.reject(new Error("there is none")));
});

Deno.test("inLanes() begins nothing after an error, and rejects with it when all have ended", async () => {
  const failure = new Error("on purpose");
  const proceed = Promise.withResolvers<void>();
  const begun: number[] = [];
  let ended = 0;
  const running = inLanes([0, 1, 2, 3, 4, 5, 6], 3, async (item) => {
    begun.push(item);
    if (item === 3) {
      proceed.resolve();
      throw failure;
    }
    if (item > 0) await proceed.promise;
    for (let turns = 20; item > 0 && turns > 0; turns--) await undefined;
    ended++;
    if (item === 2) throw new Error("a later one");
  });
  assertStrictEquals(await assertRejects(() => running), failure);
  assertEquals([begun, ended], [[0, 1, 2, 3], 3]);
});
