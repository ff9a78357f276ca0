import { assert } from "@std/assert";
import { fromFileUrl } from "@std/path";

const SIZES = [200, 400, 800] as const;

Deno.test("the work for twice as much is twice the work", async (t) => {
  for (const [name, [small, middle, large]] of Object.entries(await countWork())) {
    await t.step(name, () => {
      assert(small > SIZES[0], `${small} is no count of work for ${SIZES[0]} tasks`);
      // Differences, so that what is done once does not hide what is done too often.
      const growth = (large - middle) / (middle - small);
      assert(
        growth > 1.99,
        `what grows by ${growth} does not depend on the size: nothing was done`,
      );
      assert(growth < 2.01, `the work grows by ${growth}: ${small}, ${middle}, ${large}`);
    });
  }
});

async function countWork(): Promise<Record<string, [number, number, number]>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--v8-flags=--no-opt,--no-maglev",
      fromFileUrl(new URL("./work.ts", import.meta.url)),
      ...SIZES.map(String),
    ],
    // For work that grows with the paths of a diamond, which would not end.
    signal: AbortSignal.timeout(60_000),
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const found = JSON.parse(new TextDecoder().decode(stdout));
  assert(Object.keys(found).length > 0, "nothing was counted");
  return found;
}
