import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Pace, type Permit } from "../../../src/targets/s3/pace.ts";

/** Asks for places, and notes who has got one. */
function ask(pace: Pace, count: number, signal?: AbortSignal): Permit[] {
  const permits: Permit[] = [];
  for (let i = 0; i < count; i++) pace.permit(signal).then((permit) => permits.push(permit));
  return permits;
}

/** Lets all go on who can. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("Pace admits as many as the bound, and one more for each that ends", async () => {
  const pace = new Pace(3);
  const permits = ask(pace, 5);
  await settle();
  assertEquals(permits.length, 3);
  permits[0]?.release(false);
  await settle();
  assertEquals(permits.length, 4);
  permits[1]?.release(false);
  permits[2]?.release(false);
  await settle();
  assertEquals(permits.length, 5);
});

Deno.test("Pace halves the bound once for all that were sent before", async () => {
  const pace = new Pace(16);
  const permits = ask(pace, 16);
  await settle();
  for (const permit of permits) permit.release(true);
  assertEquals(pace.bound, 8);
  const later = ask(pace, 1);
  await settle();
  later[0]?.release(true);
  assertEquals(pace.bound, 4);
});

Deno.test("Pace keeps one under way however often it is slowed", async () => {
  const pace = new Pace(2);
  for (let i = 0; i < 5; i++) (await pace.permit()).release(true);
  assertEquals(pace.bound, 1);
});

Deno.test("Pace grows by one for as many successes as there are at once, up to the first bound", async () => {
  const pace = new Pace(8);
  (await pace.permit()).release(true);
  assertEquals(pace.bound, 4);
  for (let i = 0; i < 5; i++) (await pace.permit()).release(false);
  assertEquals(pace.bound, 5);
  for (let i = 0; i < 100; i++) (await pace.permit()).release(false);
  assertEquals(pace.bound, 8);
});

Deno.test("Pace lets those leave the queue who have given up", async () => {
  const pace = new Pace(1);
  const holder = await pace.permit();
  const reason = new Error("on purpose");
  const controller = new AbortController();
  const left = assertRejects(() => pace.permit(controller.signal));
  const next = ask(pace, 1);
  controller.abort(reason);
  assertStrictEquals(await left, reason);
  await settle();
  assertEquals(next.length, 0);
  holder.release(false);
  await settle();
  assertEquals(next.length, 1);
  assertStrictEquals(await assertRejects(() => pace.permit(controller.signal)), reason);
});
