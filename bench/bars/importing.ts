/**
 * How long a program waits before its first line because it imports the package.
 *
 * @module
 */

import type { Bar } from "../bar.ts";
import { time } from "../clock.ts";

/** Above a program that imports nothing; modules are cached. */
export const importing: Bar = {
  name: "import",
  rounds: 9,
  measures: {
    nothing: { run: () => started("") },
    package: { run: () => started(`import "${new URL("../../mod.ts", import.meta.url)}";`) },
    zod: { run: () => started(`import "zod";`) },
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
async function started(code: string): Promise<number> {
  const script = new URL(`./.import-${crypto.randomUUID()}.ts`, import.meta.url);
  await Deno.writeTextFile(script, code);
  try {
    const run = async (): Promise<void> => {
      const { success } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", script.href],
        stdout: "null",
        stderr: "inherit",
      }).output();
      if (!success) throw new Error(`Cannot run a program with ${JSON.stringify(code)}: see above`);
    };
    await run();
    return await time(run);
  } finally {
    await Deno.remove(script);
  }
}
