import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/errors.ts";
import {
  apartFlags,
  configFlags,
  inheritedFlags,
  sandboxFlags,
} from "../../src/executors/process_flags.ts";
import { processPlace } from "../../src/executors/worker_process.ts";

const NOTHING = { modules: [], inputs: [], output: undefined };

Deno.test("without permissions there is no flag but those that keep code from being fetched", () => {
  assertEquals(sandboxFlags({}, NOTHING), ["--allow-import=jsr.io:443", "--cached-only"]);
  const none = { read: false, write: [], net: false, env: [], run: false, import: false };
  assertEquals(sandboxFlags(none, NOTHING), ["--allow-import=jsr.io:443", "--cached-only"]);
  assertEquals(sandboxFlags({ import: [] }, NOTHING), sandboxFlags({}, NOTHING));
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

Deno.test("the paths of many inputs are told by several flags, none too long for a system", () => {
  const inputs = Array.from({ length: 1_000 }, (_, n) => `/in/${"x".repeat(100)}/${n}.json`);
  const flags = sandboxFlags({}, { ...NOTHING, inputs }).filter((flag) => /read=/.test(flag));
  const listed = flags.flatMap((flag) => flag.slice("--allow-read=".length).split(","));
  assertEquals(listed.filter((path) => path.endsWith(".json")), inputs);
  for (const flag of flags) assert(flag.length < 33_000, `${flag.length}`);
});

Deno.test("a process that may not read all is not used for modules that it was not started with", () => {
  const keyOf = (flags: string[], module: string): string =>
    processPlace({ flags, modules: [module], isSandbox: false }).key;
  const [some, all] = [["--allow-read=/data"], ["--allow-read"]];
  assertNotEquals(keyOf(some, "file:///a.ts"), keyOf(some, "file:///b.ts"));
  assertEquals(keyOf(some, "file:///a.ts"), keyOf(some, "file:///a.ts"));
  assertEquals(keyOf(all, "file:///a.ts"), keyOf(all, "file:///b.ts"));
});

for (
  const [granted, given] of [
    [[], "none.invalid:443"],
    [["example.com"], "none.invalid:443"],
    [["esm.sh:443", "example.com"], "esm.sh:443"],
  ] as const
) {
  Deno.test({
    name: `a process imports from no other hosts than the program: [${granted}]`,
    permissions: { import: [...granted, "there.invalid"] },
    fn(): void {
      assertEquals(inheritedFlags([], []), [`--allow-import=${given}`]);
    },
  });
}

Deno.test("a process gets to S3 as far as the program does, and only where a root is there", {
  permissions: {
    env: ["AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_S3", "STARDAG_TARGET_S3_CACHE_ROOT", "OTHER"],
    net: ["bucket.localhost:9000", "s3.us-east-1.amazonaws.com:443", "other:443"],
    read: ["/var/cache/copies", "/var/other"],
    import: ["esm.sh:443"],
  },
}, () => {
  Deno.env.set("AWS_ENDPOINT_URL_S3", "http://localhost:9000");
  Deno.env.set("STARDAG_TARGET_S3_CACHE_ROOT", "/var/cache/copies");
  try {
    assertEquals(inheritedFlags(["s3://bucket/prefix/"], []), [
      "--allow-read=/var/cache/copies",
      "--allow-net=bucket.localhost:9000,s3.us-east-1.amazonaws.com:443",
      "--allow-env=AWS_ENDPOINT_URL_S3,STARDAG_TARGET_S3_CACHE_ROOT,AWS_ACCESS_KEY_ID",
      "--allow-import=esm.sh:443",
    ]);
    assertEquals(inheritedFlags(["/data/", "gs://bucket/"], []), ["--allow-import=esm.sh:443"]);
  } finally {
    for (const name of ["AWS_ENDPOINT_URL_S3", "STARDAG_TARGET_S3_CACHE_ROOT"]) {
      Deno.env.delete(name);
    }
  }
});

Deno.test("a process with permissions has an origin of its own, and cannot write a lock file", async () => {
  const path = await Deno.makeTempDir();
  try {
    const config = `--config=${path}/deno.json`;
    const apart = (...flags: string[]): string[] => {
      const found = apartFlags(flags);
      const origins = found.filter((flag) => flag.startsWith("--location="));
      assertEquals(origins.length, 1);
      assertMatch(origins[0]!, /^--location=https:\/\/[0-9a-f-]{36}\.invalid$/);
      return found.filter((flag) => !origins.includes(flag));
    };
    assertEquals(apart(), ["--no-lock"]);
    assertEquals(apart(config), [config, "--no-lock"], "there is none");
    await Deno.writeTextFile(`${path}/deno.lock`, "{}");
    assertEquals(apart(config), [config, "--frozen"]);
    assertEquals(apart(config, "--no-lock"), [config, "--no-lock"]);
    assertEquals(apart("--lock=other.lock"), ["--lock=other.lock", "--frozen"]);
    const loose = ["--frozen=false", "--location=https://example.com"];
    assertEquals(apart(config, ...loose), [config, "--frozen"]);
    assertNotEquals(apartFlags([]), apartFlags([]));
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
