/**
 * How long a program waits before its first line because it imports the package.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import type { Bar } from "../bar.ts";
import { time } from "../clock.ts";

/** Above a program that imports nothing; modules are cached. */
export const importing: Bar = {
  name: "import",
  rounds: 9,
  measures: {
    nothing: { run: (scratch) => started("", scratch) },
    package: {
      run: (scratch) => started(`import "${new URL("../../mod.ts", import.meta.url)}";`, scratch),
    },
    zod: { run: (scratch) => started(`import "zod";`, scratch) },
  },
  claims: [
    {
      what: "start a program that imports mod.ts",
      figure: "package",
      floor: "nothing",
      unit: "ms",
      goals: [{ kind: "above floor", value: 60 }],
    },
    { what: "... only zod", figure: "zod", floor: "nothing", unit: "ms" },
  ],
};

/** Milliseconds for a program to start and end, the second time. */
async function started(code: string, scratch: string): Promise<number> {
  const script = `${scratch}/${crypto.randomUUID()}.ts`;
  await Deno.writeTextFile(script, code);
  const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
  const run = async (): Promise<void> => {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--config", config, script],
      stdout: "null",
      stderr: "inherit",
    }).output();
    if (!success) throw new Error(`Cannot run the program ${JSON.stringify(code)}: see above`);
  };
  await run();
  return await time(run);
}
