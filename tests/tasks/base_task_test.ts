import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";

const { task, Task, BaseTask } = sd.namespace("stardag.tests.base", import.meta.url);

const num = task({ name: "num", params: { n: z.int() }, output: z.int(), run: ({ n }) => n });

Deno.test("a task is shown by type, parameters and the beginning of its id", () => {
  const shown = task({
    name: "shown",
    params: {
      n: z.int(),
      text: z.string(),
      of: sd.depends(z.int()),
      list: z.array(z.int()).default([]),
      big: z.bigint(),
    },
    output: z.int(),
    run: () => 1,
  });
  const of = num({ n: 1 });
  const made = shown({ n: 4, text: 'a"b', of, big: 5n });
  const short = `stardag.tests.base.num ${of.id.slice(0, 8)}`;
  assertEquals(
    String(made),
    `stardag.tests.base.shown(n=4, text="a\\"b", of=${short}, list=[], big=5n) ${
      made.id.slice(0, 8)
    }`,
  );
  assertEquals(Deno.inspect(made), String(made));
  assertEquals(`${num({ n: num({ n: 1 }) })}`.includes(short), true);
});

Deno.test("long parameters are cut, so that a task fits on a line", () => {
  const shown = task({
    name: "long",
    params: { a: z.string(), b: z.string(), c: z.string(), d: z.array(z.int()) },
    output: z.int(),
    run: () => 1,
  });
  const long = "x".repeat(1000);
  const made = shown({ a: long, b: long, c: long, d: Array.from({ length: 1000 }, () => 1) });
  assert(String(made).length < 200);
  assertMatch(String(made), /\.\.\.\) [0-9a-f]{8}$/);
});

Deno.test("tasks inside a parameter are shown by name, however much is below them", () => {
  const list = task({
    name: "list",
    params: { parts: z.array(sd.depends(z.int())), n: z.int() },
    output: z.int(),
    run: () => 1,
  });
  let top = list({ parts: [], n: 0 });
  const [below] = [top];
  for (let n = 1; n <= 18; n++) top = list({ parts: [top, top], n });
  const one = String(list({ parts: [below], n: 1 }));
  assert(one.includes(`stardag.tests.base.list ${below.id.slice(0, 4)}`), one);
  assert(!String(top).includes("__name"), String(top));
});

Deno.test("requires() of a class is what it says, and may be nothing at all", async () => {
  const done = new Set<string>();

  @sd.register
  class Chooses extends BaseTask({
    name: "Chooses",
    params: { a: sd.taskLoads(z.int()), b: sd.taskLoads(z.int()), only: z.enum(["a", "none"]) },
  }) {
    override requires(): sd.TaskStruct | undefined {
      return this.only === "a" ? { a: this.a } : undefined;
    }
    override complete(): boolean {
      return done.has(this.id);
    }
    override run(): void {
      done.add(this.id);
    }
  }
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://base" } }),
  );
  const [a, b] = [num({ n: 1 }), num({ n: 2 })];
  (await sd.build(new Chooses({ a, b, only: "none" }))).throwIfFailed();
  assertEquals([await a.complete(), await b.complete()], [false, false]);
  (await sd.build(new Chooses({ a, b, only: "a" }))).throwIfFailed();
  assertEquals([await a.complete(), await b.complete()], [true, false]);
});

Deno.test("Task is complete when its own target exists, and loads where that can", async () => {
  const store = new sd.InMemoryStore<number>();

  @sd.register
  class Counts extends Task({ name: "Counts", params: { n: z.int() }, output: z.int() }) {
    override output(): sd.InMemoryTarget<number> {
      return new sd.InMemoryTarget<number>(this.id, store as never);
    }
    override async run(): Promise<void> {
      await this.output().save(this.n);
    }
  }
  const made = new Counts({ n: 5 });
  assertEquals(await made.complete(), false);
  (await sd.build(made)).throwIfFailed();
  assertEquals([await made.complete(), await made.load()], [true, 5]);

  @sd.register
  class Blind extends Task({ name: "Blind" }) {
    override output(): sd.Target {
      return { uri: "blind://x", exists: () => Promise.resolve(true) };
    }
    override run(): void {}
  }
  const blind = new Blind() as unknown as { load(): Promise<unknown> };
  await assertRejects(async () => await blind.load(), TypeError, `its target "blind://x" has no`);
});

Deno.test("register is a decorator, or a function that is called", () => {
  class ByCall extends BaseTask({ name: "ByCall" }) {
    override complete(): boolean {
      return true;
    }
    override run(): void {}
  }
  sd.register(ByCall);
  assert(sd.taskFromJSON(new ByCall().toJSON()) instanceof ByCall);
});

Deno.test("methods and private members of a class work on the frozen task", () => {
  @sd.register
  class Rich extends BaseTask({ name: "Rich", params: { n: z.int() } }) {
    get double(): number {
      return this.#times(2);
    }
    #times(factor: number): number {
      return this.n * factor;
    }
    override complete(): boolean {
      return true;
    }
    override run(): void {}
  }
  assertEquals(new Rich({ n: 4 }).double, 8);
  assertThrows(() => ((new Rich({ n: 4 }) as { n: number }).n = 5), TypeError);
});

Deno.test("a class that is registered twice is registered", () => {
  @sd.register
  class Again extends sd.AutoTask({ name: "registered_again", output: z.int() }) {
    override run(): void {}
  }
  sd.register(Again);
  assertEquals(sd.taskFromJSON(new Again().toJSON()).id, new Again().id);
});
