/**
 * Programs that build in workers: what they load and start, that they end, and what they leave behind.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { isTemporary } from "../../src/targets/temporary.ts";
import { Child } from "../targets/child.ts";
import { filesBelow, KINDS } from "./in_workers.ts";

const PROGRAM = import.meta.resolve("./program.ts");
const REPOSITORY = new URL("../../", import.meta.url);
/** How long a build may take to stop, in milliseconds. */
const MOST = 2_000;

/** A folder that is removed when it is disposed. */
async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "stardag-programs-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** What a program has printed; it has to end well, and by itself. */
async function printed(args: readonly string[], cwd?: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", ...args],
    ...cwd !== undefined && { cwd },
    signal: AbortSignal.timeout(60_000),
  }).output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  return decoder.decode(stdout).trim();
}

for (const kind of KINDS) {
  Deno.test(`${kind}: a program runs its own tasks there, behind the guard, and ends without closing`, async () => {
    await using root = await folder();
    const places = JSON.parse(await printed([PROGRAM, kind, root.path, "own"]));
    const [here, ...there] = places;
    assertEquals([there.length, there.includes(here)], [2, false]);
  });

  Deno.test(`${kind}: Ctrl-C stops a build whose tasks do not listen, and leaves nothing`, async () => {
    await using root = await folder();
    await using child = new Child(PROGRAM, [kind, root.path, "stopped"]);
    const isWriting = (): boolean => filesBelow(root.path).length === 3;
    for (let line = ""; line !== "completed";) line = await child.line() ?? "completed";
    while (!isWriting()) await new Promise((resolve) => setTimeout(resolve, 5));
    const start = performance.now();
    child.signal("SIGINT");
    const { code } = await child.ended();
    assertEquals(code, 130);
    assert(performance.now() - start < MOST);
    assertEquals(filesBelow(root.path).filter((path) => isTemporary(path.split("/").at(-1)!)), []);
    assertEquals(filesBelow(root.path).length, 1, "what was complete is kept");
  });

  Deno.test(`${kind}: tasks import by the deno.json of their program, wherever it was started`, async () => {
    await using project = await folder();
    const imports = {
      ...JSON.parse(await Deno.readTextFile(new URL("deno.json", REPOSITORY))).imports,
      "@/steps": "./src/steps.ts",
      "stardag": new URL("mod.ts", REPOSITORY).href,
      "stardag/hybrid": new URL("src/executors/hybrid.ts", REPOSITORY).href,
    };
    const links = ["fs", "path", "toml", "uuid"].map((name) =>
      fromFileUrl(new URL(`tools/std/${name}`, REPOSITORY))
    );
    await Deno.mkdir(`${project.path}/src`);
    await Deno.mkdir(`${project.path}/elsewhere`);
    const files = {
      "deno.json": JSON.stringify({ imports, links, nodeModulesDir: "none" }),
      "src/steps.ts": `
        import * as sd from "stardag";
        import { z } from "zod";
        export const step = sd.namespace("steps", import.meta.url)
          .task({ name: "step", output: z.string(), run: () => "imported" });`,
      "src/main.ts": `
        import * as sd from "stardag";
        import { HybridConcurrentTaskExecutor } from "stardag/hybrid";
        import { step } from "@/steps";
        if (import.meta.main) {
          sd.targetFactoryProvider.set(new sd.TargetFactory({ targetRoots: { default: "./output" } }));
          const executor = new HybridConcurrentTaskExecutor({ executionModeSelector: () => ${
        JSON.stringify(kind)
      } });
          (await sd.build(step(), { executor })).throwIfFailed();
          console.log(await step().load());
        }`,
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${project.path}/${name}`, text);
    }
    const found = await printed(["../src/main.ts"], `${project.path}/elsewhere`);
    assertEquals(found, "imported");
    // Relative roots are those of where the program was started.
    assertEquals(filesBelow(`${project.path}/elsewhere/output`).length, 1);
  });

  Deno.test(`${kind}: the package may come from a URL`, async () => {
    await using root = await folder();
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      async (request) => {
        const file = new URL(`.${new URL(request.url).pathname}`, REPOSITORY);
        const body = await Deno.readTextFile(file).catch(() => undefined);
        return body === undefined
          ? new Response("not found", { status: 404 })
          : new Response(body, { headers: { "content-type": "application/typescript" } });
      },
    );
    try {
      const program = `http://127.0.0.1:${server.addr.port}/tests/executors/program.ts`;
      const config = fromFileUrl(new URL("deno.json", REPOSITORY));
      const main = `${root.path}/main.ts`;
      await Deno.copyFile(config, `${root.path}/deno.json`);
      const links = JSON.parse(await Deno.readTextFile(config));
      links.links = links.links.map((path: string) => fromFileUrl(new URL(path, REPOSITORY)));
      await Deno.writeTextFile(`${root.path}/deno.json`, JSON.stringify(links));
      await Deno.writeTextFile(
        main,
        `import * as sd from "${new URL("/mod.ts", program)}";
         import { look } from "${new URL("./worker_tasks.ts", program)}";
         import { HybridConcurrentTaskExecutor } from "${new URL(
          "/src/executors/hybrid.ts",
          program,
        )}";
         if (import.meta.main) {
           sd.targetFactoryProvider.set(new sd.TargetFactory({ targetRoots: { default: "${root.path}/output" } }));
           const executor = new HybridConcurrentTaskExecutor({ executionModeSelector: () => "${kind}" });
           (await sd.build(look({ n: 1 }), { executor })).throwIfFailed();
           console.log((await look({ n: 1 }).load()).run);
         }`,
      );
      assertEquals(await printed([main]), "1");
    } finally {
      await server.shutdown();
    }
  });
}

for (const [what, how] of [["holding", "is killed"], ["exiting", "ends"]] as const) {
  Deno.test(`a process whose task is ${what === "holding" ? "alive" : "computing"} ends with a program that ${how}`, async () => {
    await using root = await folder();
    await using child = new Child(PROGRAM, ["process", root.path, what]);
    const pid = Number((await child.line())!.split("/")[0]);
    if (what === "holding") child.signal("SIGKILL");
    await child.ended();
    while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  });
}

function isRunning(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    // One that has ended is there until somebody has asked how.
    return Deno.build.os !== "linux" || !/\) Z /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

Deno.test("a process does not have what the program has with exceptions", async () => {
  await using root = await folder();
  const args = (flag: string): string[] => [flag, PROGRAM, "process", root.path, "asking"];
  assertStringIncludes(await printed(args("--deny-net=example.com")), "PermissionError");
  assertEquals(await printed(args("--deny-env=NOTHING")), "undefined");
});

Deno.test("nothing of workers is loaded before a task needs one", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", fromFileUrl(new URL("src/executors/hybrid.ts", REPOSITORY))],
    cwd: fromFileUrl(REPOSITORY),
  }).output();
  interface Module {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly isDynamic?: boolean;
    }[];
  }
  const { roots, modules }: { readonly roots: string[]; readonly modules: readonly Module[] } = JSON
    .parse(new TextDecoder().decode(stdout));
  const reached = new Set(roots);
  for (const url of reached) {
    const { dependencies = [] } = modules.find(({ specifier }) => specifier === url) ?? {};
    for (const { code, isDynamic } of dependencies) {
      if (code?.specifier !== undefined && isDynamic !== true) reached.add(code.specifier);
    }
  }
  const names = [...reached].map((url) => url.slice(url.lastIndexOf("/") + 1));
  assert(names.includes("task_runner.ts"), "it was looked in the right place");
  assertEquals(names.filter((name) => /^worker|^crossing|^node:(?!crypto$)/.test(name)), []);
});
