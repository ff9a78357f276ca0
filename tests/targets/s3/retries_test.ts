import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Attempts, RetryBudget } from "../../../src/targets/s3/retries.ts";

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
  const lengths = await waits(new Attempts(new RetryBudget(100), undefined));
  assertEquals(lengths.length, 7);
  for (const [index, length] of lengths.entries()) {
    const longest = 50 * 2 ** index;
    assert(length >= longest / 2 - 1 && length <= longest + 1, `wait ${index} took ${length} ms`);
  }
});

Deno.test("Attempts waits for as long as the store wants, but not for ever", async () => {
  const lengths = await waits(new Attempts(new RetryBudget(100), undefined), { retryAfter: 5000 });
  assert(lengths.every((length) => length >= 5000), lengths.join());
  const tooLong = new Attempts(new RetryBudget(100), undefined);
  assertEquals(await tooLong.again({ retryAfter: 61_000 }), false);
});

Deno.test("Attempts gives up sooner what takes all the time it has", async () => {
  const lengths = await waits(new Attempts(new RetryBudget(100), undefined), { isLate: true });
  assertEquals(lengths.length, 2);
});

Deno.test("Attempts ends when the budget is used up by others, and goes on when it is given back", async () => {
  const budget = new RetryBudget(3);
  const first = new Attempts(budget, undefined);
  assertEquals((await waits(first)).length, 3);
  assertEquals((await waits(new Attempts(budget, undefined))).length, 0);
  first.succeeded();
  assertEquals((await waits(new Attempts(budget, undefined))).length, 3);
  for (let i = 0; i < 20; i++) new Attempts(budget, undefined).succeeded();
  assertEquals((await waits(new Attempts(budget, undefined))).length, 2);
});

Deno.test("Attempts stops waiting when the signal is aborted", async () => {
  using time = new FakeTime();
  const reason = new Error("on purpose");
  const controller = new AbortController();
  const again = new Attempts(new RetryBudget(1), controller.signal).again({ retryAfter: 1000 });
  const rejected = assertRejects(() => again);
  await time.tickAsync(500);
  controller.abort(reason);
  assertStrictEquals(await rejected, reason);
});
