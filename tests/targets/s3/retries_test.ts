import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Attempts } from "../../../src/targets/s3/retries.ts";

/** How long it waits each time that an attempt fails, until there is none left. */
async function waits(attempts: Attempts, options?: Parameters<Attempts["again"]>[0]) {
  using time = new FakeTime();
  const lengths: number[] = [];
  for (;;) {
    const begun = Date.now();
    const again = attempts.again(options);
    await time.runAllAsync();
    if (!(await again)) return lengths;
    lengths.push(Date.now() - begun);
  }
}

Deno.test("Attempts waits up to twice as long each time, and gives up", async () => {
  const lengths = await waits(new Attempts());
  assertEquals(lengths.length, 7);
  for (const [index, length] of lengths.entries()) {
    const longest = 50 * 2 ** index;
    assert(length >= longest / 2 - 1 && length <= longest + 1, `wait ${index} took ${length} ms`);
  }
});

Deno.test("Attempts waits for as long as the store wants, but not for ever", async () => {
  const lengths = await waits(new Attempts(), { retryAfter: 5000 });
  assert(lengths.every((length) => length >= 5000), lengths.join());
  const tooLong = new Attempts();
  assertEquals(await tooLong.again({ retryAfter: 61_000 }), false);
});

Deno.test("Attempts gives up sooner what takes all the time it has", async () => {
  const lengths = await waits(new Attempts(), { isLate: true });
  assertEquals(lengths.length, 2);
});

Deno.test("Attempts begins anew when something has succeeded", async () => {
  const attempts = new Attempts({ most: 3 });
  assertEquals((await waits(attempts)).length, 2);
  attempts.succeeded();
  assertEquals((await waits(attempts)).length, 2);
});

Deno.test("Attempts stops waiting when the signal is aborted", async () => {
  using time = new FakeTime();
  const reason = new Error("on purpose");
  const controller = new AbortController();
  const again = new Attempts({ signal: controller.signal }).again({ retryAfter: 1000 });
  const rejected = assertRejects(() => again);
  await time.tickAsync(500);
  controller.abort(reason);
  assertStrictEquals(await rejected, reason);
});
