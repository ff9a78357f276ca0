import { assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";

const namespace = "stardag.tests.auto";

function pathOf(name: string, spec: Partial<Parameters<typeof sd.task>[0]>): string {
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://root", other: "memory://other" } }),
  );
  const made = sd.task({ name, namespace, output: z.int(), run: () => 1, ...spec } as never)();
  const { id } = made;
  return made.output().uri
    .replaceAll(id, "<id>").replaceAll(`${id.slice(0, 2)}/${id.slice(2, 4)}/`, "ab/cd/");
}

Deno.test("the path is made of namespace, name, version and id", () => {
  assertEquals(pathOf("plain", {}), "memory://root/stardag/tests/auto/plain/ab/cd/<id>.json");
  assertEquals(pathOf("bare", { namespace: "" }), "memory://root/bare/ab/cd/<id>.json");
  assertEquals(
    pathOf("versioned", { version: "1.2" }),
    "memory://root/stardag/tests/auto/versioned/v1.2/ab/cd/<id>.json",
  );
  assertEquals(
    pathOf("text", { output: z.string() }),
    "memory://root/stardag/tests/auto/text/ab/cd/<id>.txt",
  );
});

Deno.test("relpath gives the whole path, as text or made of the task", () => {
  assertEquals(pathOf("whole", { relpath: "a/b.txt" }), "memory://root/a/b.txt");
  assertEquals(
    pathOf("made", { relpath: (task) => `made/${task.id}.json` }),
    "memory://root/made/<id>.json",
  );
});

Deno.test("relpath gives parts of the path", () => {
  const base = "memory://root";
  const middle = "stardag/tests/auto";
  assertEquals(
    pathOf("p1", { relpath: { base: "b/c" } }),
    `${base}/b/c/${middle}/p1/ab/cd/<id>.json`,
  );
  assertEquals(
    pathOf("p2", { version: "3", relpath: { extra: "2024/01" } }),
    `${base}/${middle}/p2/v3/2024/01/ab/cd/<id>.json`,
  );
  assertEquals(
    pathOf("p3", { relpath: { filename: "report" } }),
    `${base}/${middle}/p3/ab/cd/<id>/report.json`,
  );
  assertEquals(
    pathOf("p4", { relpath: { extension: "geo.json" } }),
    `${base}/${middle}/p4/ab/cd/<id>.geo.json`,
  );
  assertEquals(
    pathOf("p5", { relpath: { extension: ".dotted" } }),
    `${base}/${middle}/p5/ab/cd/<id>.dotted`,
  );
  assertEquals(
    pathOf("p6", { relpath: { extension: "", filename: () => "LICENSE" } }),
    `${base}/${middle}/p6/ab/cd/<id>/LICENSE`,
  );
  assertEquals(
    pathOf("p7", {
      relpath: { base: (task) => task.id.slice(0, 0), extra: (task) => `of-${task.id}` },
    }),
    `${base}/${middle}/p7/of-<id>/ab/cd/<id>.json`,
  );
});

Deno.test("targetRootKey names another root", () => {
  assertEquals(
    pathOf("elsewhere", { targetRootKey: "other" }),
    "memory://other/stardag/tests/auto/elsewhere/ab/cd/<id>.json",
  );
  assertThrows(() => pathOf("nowhere", { targetRootKey: "missing" }), sd.ConfigError, "missing");
});

Deno.test("neither the path nor the root is asked for when a task is made", () => {
  const make = sd.task({
    name: "lazy",
    namespace,
    output: z.int(),
    relpath: () => {
      throw new Error("asked for the path");
    },
    run: () => 1,
  });
  const made = make();
  assertEquals(sd.taskFromJSON(made.toJSON()).id, made.id);
  assertThrows(() => made.output(), Error, "asked for the path");
});

Deno.test("a class saves in run, as often as it likes, and loads what it saved", async () => {
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://auto-saves" } }),
  );

  @sd.register
  class Saves extends sd.AutoTask({ name: "Saves", namespace, output: z.array(z.int()) }) {
    override async run(): Promise<void> {
      await this.save([1]);
      await this.save([...await this.load(), 2]);
    }
  }
  const made = new Saves();
  (await sd.build(made)).throwIfFailed();
  assertEquals(await made.load(), [1, 2]);
});
