import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/errors.ts";
import { configFlags, sandboxFlags } from "../../src/executors/process_flags.ts";

const NOTHING = { modules: [], inputs: [], output: undefined };

Deno.test("without permissions there is no flag but those that keep code from being fetched", () => {
  assertEquals(sandboxFlags({}, NOTHING), ["--allow-import=jsr.io:443", "--cached-only"]);
  const none = { read: false, write: [], net: false, env: [], run: false, import: false };
  assertEquals(sandboxFlags(none, NOTHING), ["--allow-import=jsr.io:443", "--cached-only"]);
});

Deno.test("each permission is the flag of its kind", () => {
  const lists = { read: ["data", "file:///a%20b"], net: ["a:1", "b"], sys: ["hostname"] };
  assertEquals(sandboxFlags({ ...lists, env: true, import: true }, NOTHING), [
    "--allow-read=data,/a b",
    "--allow-net=a:1,b",
    "--allow-env",
    "--allow-sys=hostname",
    "--allow-import",
  ]);
});

Deno.test("modules may come from where they are", () => {
  const modules = ["https://example.com/a.ts", "http://localhost:8000/b.ts", "file:///c.ts"];
  assertEquals(sandboxFlags({ import: ["c.example"] }, { ...NOTHING, modules }), [
    "--allow-import=c.example,jsr.io:443,example.com:443,localhost:8000",
  ]);
});

Deno.test("inputs may be read, and the output and its temporary names written, as far as they are files", () => {
  const [read, write] = sandboxFlags({}, {
    modules: [],
    inputs: ["/in/a.json", "s3://bucket/b.json"],
    output: "/out/c.json",
  });
  const listed = (flag = ""): string[] => flag.slice(flag.indexOf("=") + 1).split(",");
  assertEquals(listed(read).slice(0, 3), [
    "/in/a.json",
    "/in/a.json._DONE",
    "/in/a.json._SUB_KEYS",
  ]);
  assertEquals(listed(read).slice(3), listed(write));
  assertEquals(listed(write).slice(0, 2), ["/out/c.json", "/out/.c.json.stardag-0.tmp"]);
  assertEquals(listed(write).filter((path) => !path.includes("c.json")), []);
  assertEquals(sandboxFlags({}, { ...NOTHING, output: "s3://bucket/b.json" }).length, 2);
});

Deno.test("a path with a comma cannot be given to Deno, and is refused", () => {
  assertThrows(
    () => sandboxFlags({}, { ...NOTHING, inputs: ["/a,b/c.json"] }),
    ConfigError,
    '"/a,b/c.json"',
  );
});

Deno.test("the deno.json next to or above the program is named", async () => {
  const path = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${path}/a/b`, { recursive: true });
    assertEquals(configFlags(`file://${path}/a/b/main.ts`), []);
    await Deno.writeTextFile(`${path}/deno.jsonc`, "{}");
    assertEquals(configFlags(`file://${path}/a/b/main.ts`), [`--config=${path}/deno.jsonc`]);
    await Deno.writeTextFile(`${path}/a/deno.json`, "{}");
    assertEquals(configFlags(`file://${path}/a/b/main.ts`), [`--config=${path}/a/deno.json`]);
    assertEquals(configFlags("https://example.com/main.ts"), []);
    assertEquals(configFlags(undefined), []);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
