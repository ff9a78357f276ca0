import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { filesBelow } from "../executors/in_workers.ts";

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

Deno.test({
  name:
    "the bootstrap example is stopped by Ctrl-C while workers compute, and goes on when it is run again",
  ignore: Deno.build.os === "windows",
  async fn() {
    const output = await Deno.makeTempDir();
    try {
      const command = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          `--allow-read=.,${output}`,
          `--allow-write=${output}`,
          "examples/bootstrap/main.ts",
          "--parts=12",
          "--times=20000",
          "--workers=1",
          `--output=${output}`,
        ],
        cwd: ROOT,
        env: { NO_COLOR: "1" },
        stdout: "piped",
        stderr: "piped",
      });
      const child = command.spawn();
      const ended = child.output();
      while (filesIn(`${output}/1`).filter((path) => path.includes("differences")).length < 2) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const start = performance.now();
      child.kill("SIGINT");
      const stopped = await ended;
      const said = new TextDecoder().decode(stopped.stderr);
      assertEquals(stopped.code, 130, said);
      assert(performance.now() - start < 2000);
      assertMatch(said, /^Build cancelled .*succeeded/);
      const before = filesIn(`${output}/1`);
      assertEquals(before.filter((path) => path.endsWith(".tmp")), []);
      const times = before.map((path) => Deno.statSync(path).mtime);

      const again = await command.output();
      assertEquals(again.code, 0, new TextDecoder().decode(again.stderr));
      assertMatch(new TextDecoder().decode(again.stdout), /95 % confidence/);
      assertEquals(
        before.map((path) => Deno.statSync(path).mtime),
        times,
        "what was there was kept",
      );
      assert(filesIn(`${output}/1`).length > before.length);
    } finally {
      await Deno.remove(output, { recursive: true });
    }
  },
});

/** None where there is no folder yet. */
function filesIn(folder: string): string[] {
  try {
    return filesBelow(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

const ANSWER = "Their bills are 0.39 to 2.25 mm longer (95 % confidence)";
