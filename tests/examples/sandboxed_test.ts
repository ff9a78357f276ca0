import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** What each of the formulas comes to. */
const TOLD: readonly (readonly [formula: string, told: string])[] = [
  ["6 * 7", "= 42"],
  ["hypot", "= 5"],
  ["/etc/passwd", 'permissions: { read: ["/etc/passwd"] }'],
  ["stolen", 'permissions: { net: ["example.com:443"] }'],
  ["Deno.env", "permissions: { env: true }"],
  ["Deno.Command", 'permissions: { run: ["ls"] }'],
  ["1e5", "more than its memoryLimit of 64 MiB"],
  ["for (;;);", "longer than its timeout of 2000 ms"],
  ["Deno.exit", "called Deno.exit()"],
  ["one + 1", "one is not defined"],
];

Deno.test("the sandboxed example evaluates what is harmless, and says what the rest was up to", async () => {
  const output = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        `--allow-read=.,${output}`,
        `--allow-write=${output}`,
        "--allow-run",
        "examples/sandboxed/main.ts",
        `--output=${output}`,
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals([code, err], [0, ""]);
    const lines = out!.trimEnd().split("\n");
    assertEquals(lines.length, 2 * TOLD.length);
    for (const [index, [formula, told]] of TOLD.entries()) {
      assert(lines[2 * index]!.includes(formula), formula);
      assertStringIncludes(lines[2 * index + 1]!, told);
    }
  } finally {
    await Deno.remove(output, { recursive: true });
  }
});
