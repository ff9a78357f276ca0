import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** The example as a child process, with the permissions it asks for. */
function harvest(output: string, ...args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-net=127.0.0.1",
      `--allow-read=examples/harvest,${output}`,
      `--allow-write=${output}`,
      join("examples", "harvest", "main.ts"),
      `--output=${output}`,
      ...args,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("the harvest example has every ship's position though its service fails", async () => {
  const output = await Deno.makeTempDir();
  try {
    const child = await harvest(output, "--ships=12").output();
    const [out, err] = [child.stdout, child.stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(child.code, 0, err);
    assertEquals(out, "{ ships: 12, northernmost: 12 }\n");
    assertMatch(err!, /retrying harvest\.position\(ship=5\) .*503 Out of order/);
    assertMatch(err!, /^Build succeeded in .*: 13 succeeded, \d+ retries \(13 tasks\)$/m);
    // The service refuses more than it bears, which would be a failure and not tried again.
    assert(!err!.includes("429"));
  } finally {
    await Deno.remove(output, { recursive: true });
  }
});

Deno.test("the harvest example, interrupted, ends with 130 and goes on where it stood", async () => {
  const output = await Deno.makeTempDir();
  try {
    const child = harvest(output, "--json");
    const events: { event: string; taskId?: string }[] = [];
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      const before = events.length;
      events.push(...lines.map((line) => JSON.parse(line)));
      const isSome = (many: number): boolean =>
        events.slice(0, many).some(({ event }) => event === "task_completed");
      if (isSome(events.length) && !isSome(before)) child.kill("SIGINT");
    }
    const error = await new Response(child.stderr).text();
    assertEquals((await child.status).code, 130, error);
    const completed = events.filter(({ event }) => event === "task_completed").map(({ taskId }) =>
      taskId!
    );
    assert(completed.length > 0 && completed.length < 60);

    const again = await harvest(output, "--json").output();
    assertEquals(again.code, 0);
    const lines = new TextDecoder().decode(again.stdout).trimEnd().split("\n");
    const started = lines.filter((line) => JSON.parse(line).event === "task_started");
    assertEquals(started.filter((line) => completed.some((id) => line.includes(id))), []);
    assertStringIncludes(lines.at(-1)!, '"status":"success"');
  } finally {
    await Deno.remove(output, { recursive: true });
  }
});
