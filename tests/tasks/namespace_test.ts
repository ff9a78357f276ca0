import { assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";
import { taskTypeOf } from "../../src/tasks/type_registry.ts";

Deno.test("every way to declare is bound to the namespace and the module", () => {
  const bound = sd.namespace("stardag.tests.bound", import.meta.url);
  const output = z.int();
  class A extends bound.AutoTask({ name: "A", output }) {
    override run(): void {}
  }
  class T extends bound.Task({ name: "T" }) {
    override output(): sd.Target {
      return { uri: "t://", exists: () => Promise.resolve(true) };
    }
    override run(): void {}
  }
  class B extends bound.BaseTask({ name: "B" }) {
    override complete(): boolean {
      return true;
    }
    override run(): void {}
  }
  for (const type of [A, T, B]) sd.register(type as never);
  for (const type of [bound.task({ name: "f", output, run: () => 1 }), A, T, B]) {
    const { namespace, module, name, id } = taskTypeOf(type);
    assertEquals([namespace, module], ["stardag.tests.bound", import.meta.url]);
    assertEquals(id, `stardag.tests.bound.${name}`);
  }
});

Deno.test("the namespace of a module is its path below the root", () => {
  const of = (module: string, root: string | URL): string =>
    sd.autoNamespace(module, { root }).namespace;
  assertEquals(
    of("file:///home/ada/app/pipelines/daily.ts", "file:///home/ada/app/"),
    "pipelines.daily",
  );
  assertEquals(of("file:///app/daily.ts", new URL("file:///app/")), "daily");
  assertEquals(of("file:///app/a/b/c.test.ts", "file:///app/"), "a.b.c_test");
  assertEquals(of("file:///app/a/daily.ts?v=2#x", "file:///app/"), "a.daily");
  assertEquals(of("https://example.org/x/y.ts", "https://example.org/"), "x.y");
  // A root that is a file stands for its folder.
  assertEquals(of("file:///app/a/daily.ts", "file:///app/deno.json"), "a.daily");
  assertEquals(of("file:///app/%C3%A9t%C3%A9/daily.ts", "file:///app/"), "été.daily");
});

Deno.test("a module outside of the root has no namespace", () => {
  for (const root of ["file:///other/", "file:///app/a/b/", "https://example.org/"]) {
    assertThrows(
      () => sd.autoNamespace("file:///app/a/daily.ts", { root }),
      RangeError,
      "it is not below the root",
    );
  }
});

Deno.test("the namespace does not follow the machine, so that ids are the same on another", () => {
  const make = (module: string, root: string): string =>
    sd.autoNamespace(module, { root }).task({ name: "same", output: z.int(), run: () => 1 })().id;
  assertEquals(
    make("file:///home/ada/app/pipelines/daily.ts", "file:///home/ada/app/"),
    make("file:///srv/deploy-7/pipelines/daily.ts", "file:///srv/deploy-7/"),
  );
});
