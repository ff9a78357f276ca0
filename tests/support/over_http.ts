/** For tests with a `FakeTime` and real connections: lets waits pass while what is really under way goes on. */

import type { FakeTime } from "@std/testing/time";

/** Lets a little of both times go by. */
export async function advance(time: FakeTime): Promise<void> {
  await time.delay(0);
  time.tick(10);
}

/** Does so until the promise has settled. */
export async function until<T>(time: FakeTime, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = (): void => void (isSettled = true);
  promise.then(settle, settle);
  while (!isSettled) await advance(time);
  return await promise;
}
