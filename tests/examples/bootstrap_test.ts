import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

Deno.test("the bootstrap example finds the same with one worker and with two, and times both", async () => {
  const output = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        `--allow-read=.,${output}`,
        `--allow-write=${output}`,
        "examples/bootstrap/main.ts",
        "--parts=4",
        "--times=500",
        "--workers=2",
        `--output=${output}`,
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(code, 0, err);
    const [heading, one, two, answer] = out!.trimEnd().split("\n");
    assertEquals(heading, "workers   seconds   speed-up");
    assertMatch(one!, /^ +1 +\d+\.\d\d +1\.00$/);
    assertMatch(two!, /^ +2 +\d+\.\d\d +\d+\.\d\d$/);
    // Drawn by seeded random numbers: the same on every machine.
    assertEquals(answer, ANSWER);
  } finally {
    await Deno.remove(output, { recursive: true });
  }
});

const ANSWER = "Their bills are 0.39 to 2.25 mm longer (95 % confidence)";
