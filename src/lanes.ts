/**
 * Doing the same with many things, some of them at a time.
 *
 * @module
 */

/**
 * Runs `act` for each item, in order, for at most `most` of them at once. When one fails, no other is begun; it rejects with
 * the first error once none is under way any more.
 */
export async function inLanes<T>(
  items: readonly T[],
  most: number,
  act: (item: T, index: number) => Promise<unknown>,
): Promise<void> {
  const rest = items.entries();
  const errors: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (const [index, item] of rest) {
      try {
        await act(item, index);
      } catch (error) {
        errors.push(error);
      }
      if (errors.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
  if (errors.length > 0) throw errors[0];
}
