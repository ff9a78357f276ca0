import { assertEquals, assertStringIncludes } from "@std/assert";
import { ensureDir } from "@std/fs";
import { dirname, fromFileUrl, join } from "@std/path";
import { checkCycles } from "../../tools/check_cycles.ts";

Deno.test("checkCycles() finds nothing in imports that point one way", async () => {
  await using files = await packageOf({
    "mod.ts": `export { a } from "./src/tasks/a.ts";\nexport type { B } from "./src/b.ts";`,
    "src/b.ts": `/** \`import "./missing.ts"\` */\nexport interface B { readonly b: number }`,
    "src/tasks/a.ts": `import type { B } from "../b.ts";\nexport const a: B = { b: 1 };`,
    "src/testing/mod.ts": `export * from "../../mod.ts";`,
  });
  assertEquals(await checkCycles(files.root), { edges: 4, cycles: [], violations: [] });
});

Deno.test("checkCycles() finds a cycle through a re-export, a type and an import at run time", async () => {
  await using files = await packageOf({
    "mod.ts": `export { a } from "./src/tasks/a.ts";`,
    "src/tasks/a.ts": `export type { B } from "./b.ts";\nexport const a = 1;`,
    "src/tasks/b.ts": `import type { C } from "./c.ts";\nexport type B = C;`,
    "src/tasks/c.ts": `export type C = number;\nexport const a = () => import("./a.ts");`,
  });
  const { cycles, violations } = await checkCycles(files.root);
  assertEquals(cycles, [["src/tasks/a.ts", "src/tasks/b.ts", "src/tasks/c.ts", "src/tasks/a.ts"]]);
  assertEquals(violations, []);
});

Deno.test("checkCycles() finds imports that reach up, sideways, to nothing, or from no level", async () => {
  await using files = await packageOf({
    "mod.ts": "",
    "src/b.ts": `import "./config/c.ts";`,
    "src/config/c.ts": `import "../../mod.ts";`,
    "src/executors/e.ts": `import type {\n  R,\n} from "../registries/r.ts";`,
    "src/registries/r.ts": `export type R = import("../tasks/gone.ts").R;`,
    "src/utils/u.ts": "",
  });
  assertEquals((await checkCycles(files.root)).violations, [
    `"src/b.ts" must not import "src/config/c.ts"`,
    `"src/config/c.ts" must not import "mod.ts"`,
    `"src/executors/e.ts" must not import "src/registries/r.ts"`,
    `"src/registries/r.ts" imports "src/tasks/gone.ts", which is not there`,
    `"src/utils/u.ts" is in a folder without a level`,
  ]);
});

Deno.test("the cycle check prints what is wrong and exits with 1", async () => {
  await using files = await packageOf({
    "mod.ts": `export * from "./src/a.ts";`,
    "src/a.ts": `import "./b.ts";`,
    "src/b.ts": `import "./a.ts";\nimport "./tasks/t.ts";`,
    "src/tasks/t.ts": "",
  });
  const script = fromFileUrl(new URL("../../tools/check_cycles.ts", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", script, files.root],
  }).output();
  assertEquals(code, 1);
  const problems = new TextDecoder().decode(stderr);
  assertStringIncludes(problems, "cycle: src/a.ts -> src/b.ts -> src/a.ts\n");
  assertStringIncludes(problems, `violation: "src/b.ts" must not import "src/tasks/t.ts"\n`);
  assertEquals(new TextDecoder().decode(stdout), "4 import edges, 1 cycles, 1 violations\n");
});

interface PackageFiles extends AsyncDisposable {
  readonly root: string;
}

async function packageOf(files: Readonly<Record<string, string>>): Promise<PackageFiles> {
  const root = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) {
    await ensureDir(dirname(join(root, name)));
    await Deno.writeTextFile(join(root, name), text);
  }
  return { root, [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}
