import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { PermissionError, TargetNotFoundError } from "../../src/errors.ts";
import {
  InMemoryFileSystem,
  inMemoryFileSystemProvider,
  InMemoryFileSystemTarget,
  InMemoryStore,
  inMemoryStoreProvider,
  InMemoryTarget,
} from "../../src/targets/memory.ts";
import { targetContract } from "../../src/testing/target_contract.ts";

targetContract("InMemoryFileSystemTarget", () => {
  const files = new InMemoryFileSystem();
  return {
    target: (name) => new InMemoryFileSystemTarget(`memory://${name}`, files),
    async [Symbol.asyncDispose]() {},
  };
});

Deno.test("InMemoryTarget keeps the very value that is saved, until another is", async () => {
  const store = new InMemoryStore();
  const target = new InMemoryTarget<{ n: number }>("a", store);
  const value = { n: 1 };
  assert(!await target.exists());
  await target.save(value);
  assert(await new InMemoryTarget("a", store).exists());
  assertStrictEquals(await new InMemoryTarget("a", store).load(), value);
  await target.save({ n: 2 });
  assertEquals(await target.load(), { n: 2 });
});

Deno.test("InMemoryTarget holds undefined as any other value", async () => {
  const target = new InMemoryTarget<undefined>("a", new InMemoryStore());
  await target.save(undefined);
  assert(await target.exists());
  assertEquals(await target.load(), undefined);
});

Deno.test("InMemoryTarget rejects when there is nothing to load", async () => {
  const target = new InMemoryTarget("a", new InMemoryStore());
  const error = await assertRejects(() => target.load(), TargetNotFoundError, "memory-value://a");
  assertEquals(error.uri, target.uri);
});

Deno.test("InMemoryTarget is asked for together with others of its store", async () => {
  const store = new InMemoryStore();
  const targets = ["a", "b", "c"].map((key) => new InMemoryTarget(key, store));
  await targets[1]?.save(1);
  assert(targets.every((target) => target.probe.store === store));
  assertEquals(await store.existsMany(targets.map((target) => target.probe.uri)), [
    false,
    true,
    false,
  ]);
});

Deno.test("Targets in memory are in the store in force when none is handed to them", async () => {
  const [store, files] = [new InMemoryStore(), new InMemoryFileSystem()];
  {
    using _store = inMemoryStoreProvider.override(store);
    using _files = inMemoryFileSystemProvider.override(files);
    await new InMemoryTarget("only here").save(1);
    await new InMemoryFileSystemTarget("memory://only here").write("1");
  }
  assertEquals([...store], [["only here", 1]]);
  assertEquals([...files.keys()], ["memory://only here"]);
  assert(!await new InMemoryTarget("only here").exists());
  assert(!await new InMemoryFileSystemTarget("memory://only here").exists());
});

Deno.test("Targets in memory need no permission", { permissions: "none" }, async () => {
  const value = new InMemoryTarget<number>("a", new InMemoryStore());
  await value.save(1);
  assertEquals(await value.load(), 1);
  const file = new InMemoryFileSystemTarget("memory://a", new InMemoryFileSystem());
  await file.write(new Blob(["abc"]));
  assertEquals(await file.text(), "abc");
  assertEquals(await new Response(file.readable()).text(), "abc");
  assertEquals(await file.probe.store.existsMany([file.uri]), [true]);
});

Deno.test(
  "InMemoryFileSystemTarget names the flag that proxyPath() needs",
  { permissions: "none" },
  async () => {
    const file = new InMemoryFileSystemTarget("memory://a", new InMemoryFileSystem());
    const error = await assertRejects(() => file.proxyPath("w", () => {}), PermissionError);
    assertEquals(error.flag, "--allow-write");
    assert(error.message.includes("Run with --allow-write,"), error.message);
  },
);
