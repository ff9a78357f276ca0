/**
 * What the compiler promises. Every `@ts-expect-error` line must also be refused at run time, for callers without a
 * compiler, wherever there is something to refuse.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import { z } from "zod";
import * as sd from "../../mod.ts";

const { task, AutoTask, Task, BaseTask } = sd.namespace("stardag.tests.types", import.meta.url);

const num = task({
  name: "num",
  params: { n: z.number() },
  output: z.number(),
  run: ({ n }) => n,
});
const text = task({ name: "text", output: z.string(), run: () => "x" });
const day = task({ name: "day", output: z.date(), run: () => new Date(0) });
const total = task({
  name: "total",
  params: {
    values: z.array(sd.depends(z.number())),
    config: z.object({
      source: sd.depends(z.string()).optional(),
      k: z.int(),
      when: z.date().optional(),
    }),
    pair: z.tuple([sd.depends(z.number()), z.string()]),
    later: z.array(sd.taskLoads(z.number())).default([]),
    byName: z.record(z.string(), sd.depends(z.number())).default({}),
    members: z.set(sd.depends(z.number())).optional(),
    table: z.map(z.string(), sd.depends(z.number())).optional(),
    exact: sd.taskOf(num).optional(),
    level: z.enum(["low", "high"]).default("low"),
  },
  output: z.number(),
  run: async (args, { signal }) => {
    assertType<IsExact<typeof args.values, number[]>>(true);
    assertType<IsExact<typeof args.config.source, string | undefined>>(true);
    assertType<IsExact<typeof args.config.k, number>>(true);
    assertType<IsExact<typeof args.config.when, Date | undefined>>(true);
    assertType<IsExact<typeof args.pair, [number, string]>>(true);
    assertType<IsExact<typeof args.later, sd.TaskLoads<number>[]>>(true);
    assertType<IsExact<typeof args.byName, Record<string, number>>>(true);
    assertType<IsExact<typeof args.members, Set<number> | undefined>>(true);
    assertType<IsExact<typeof args.table, Map<string, number> | undefined>>(true);
    assertType<IsExact<typeof args.exact, ReturnType<typeof num> | undefined>>(true);
    assertType<IsExact<typeof args.level, "low" | "high">>(true);
    assertType<IsExact<typeof signal, AbortSignal>>(true);
    let sum = 0;
    for (const each of args.later) sum += await each.load();
    return sum + args.values.length;
  },
});

Deno.test("a task made by a function is typed by its output and its parameters", () => {
  const one = num({ n: 1 });
  assertType<IsExact<ReturnType<typeof one.load>, Promise<number>>>(true);
  assertType<IsExact<typeof one.n, number | sd.TaskLoads<number>>>(true);
  assertType<
    IsExact<ReturnType<typeof one.output>, sd.LoadableSaveableFileSystemTarget<number>>
  >(true);
  assertType<IsExact<typeof one.id, string>>(true);
  const all = total({ values: [one, num({ n: one })], config: { k: 1 }, pair: [one, "x"] });
  assertType<IsExact<ReturnType<typeof all.load>, Promise<number>>>(true);
  assertType<
    IsExact<Awaited<ReturnType<NonNullable<(typeof all.values)[number]>["load"]>>, number>
  >(true);
  assertEquals(all.values[1]?.id, num({ n: one }).id);
});

Deno.test("what is stored or parsed otherwise than it is given is typed on both sides", () => {
  const codec = z.codec(z.string(), z.int(), {
    decode: (given) => given.length,
    encode: (length) => "x".repeat(length),
  });
  const both = task({
    name: "both",
    params: { size: codec, seed: z.int().default(3) },
    output: codec,
    run: ({ size, seed }) => {
      assertType<IsExact<typeof size, number>>(true);
      assertType<IsExact<typeof seed, number>>(true);
      return "made";
    },
  });
  const made = both({ size: "abc" });
  assertType<IsExact<ReturnType<typeof made.load>, Promise<number>>>(true);
  assertType<IsExact<typeof made.seed, number | sd.TaskLoads<number>>>(true);
  assertEquals([made.size, made.seed], [3, 3]);
});

Deno.test("a task of the wrong output type is refused", () => {
  assertThrows(() => {
    // @ts-expect-error the parameter is a number, the task loads a string
    num({ n: text() });
  }, sd.TaskParameterError);
  assertThrows(() => {
    total({
      // @ts-expect-error the task loads a string
      values: [text()],
      config: { k: 1 },
      pair: [num({ n: 1 }), "x"],
    });
  }, sd.TaskParameterError);
  assertThrows(() => {
    // @ts-expect-error inside an object: the task loads a number
    total({ values: [], config: { k: 1, source: num({ n: 1 }) }, pair: [num({ n: 1 }), "x"] });
  }, sd.TaskParameterError);
  assertThrows(() => {
    // @ts-expect-error as the first of two: the task loads a Date
    total({ values: [], config: { k: 1 }, pair: [day(), "x"] });
  }, sd.TaskParameterError);
});

Deno.test("a literal where a task is wanted is refused", () => {
  assertThrows(() => {
    total({
      // @ts-expect-error numbers instead of tasks
      values: [1],
      config: { k: 1 },
      pair: [num({ n: 1 }), "x"],
    });
  }, sd.TaskParameterError);
  assertThrows(() => {
    // @ts-expect-error a number instead of a task
    total({ values: [], config: { k: 1 }, pair: [1, "x"] });
  }, sd.TaskParameterError);
  const lengths = task({
    name: "lengths",
    params: { of: sd.depends(z.string()) },
    output: z.int(),
    run: ({ of }) => of.length,
  });
  assertThrows(() => {
    // @ts-expect-error a string instead of a task
    lengths({ of: "x" });
  }, sd.TaskParameterError);
});

Deno.test("a task inside a plain value is refused where the schema says nothing of tasks", () => {
  const plain = task({
    name: "plain",
    params: { list: z.array(z.number()) },
    output: z.int(),
    run: ({ list }) => list.length,
  });
  const many = task({ name: "many", output: z.array(z.number()), run: () => [1] });
  plain({ list: [1] });
  plain({ list: many() });
  assertThrows(() => {
    // @ts-expect-error a number is wanted inside the array
    plain({ list: [num({ n: 1 })] });
  }, sd.TaskParameterError);
});

Deno.test("a missing and an unknown parameter are refused", () => {
  assertThrows(() => {
    // @ts-expect-error no argument at all
    num();
  }, sd.TaskParameterError);
  assertThrows(() => {
    // @ts-expect-error no n
    num({});
  }, sd.TaskParameterError);
  assertThrows(() => {
    // @ts-expect-error m is not a parameter
    num({ n: 1, m: 2 });
  }, sd.TaskParameterError);
  assertThrows(() => {
    // @ts-expect-error it takes no parameters
    text({ x: 1 });
  }, sd.TaskParameterError);
  assertThrows(() => {
    // @ts-expect-error n is a number
    num({ n: "1" });
  }, sd.TaskParameterError);
});

Deno.test("parameters that may all be left out may be left out together", () => {
  const lax = task({
    name: "lax",
    params: { a: z.int().optional(), b: z.string().default("b"), c: z.int().nullish() },
    output: z.string(),
    run: ({ b }) => b,
  });
  assertEquals(lax().id, lax({}).id);
  assertEquals(lax({ b: "b" }).id, lax().id);
  assertEquals(text().id, text({}).id);

  @sd.register
  class Lax extends BaseTask({ name: "Lax", params: { a: z.int().default(1) } }) {
    override complete(): boolean {
      return true;
    }
    override run(): void {}
  }
  assertEquals(new Lax().a, 1);
});

Deno.test("a reserved name is refused for a parameter", () => {
  const output = z.int();
  const run = (): number => 1;
  const cases: readonly (() => unknown)[] = [
    // @ts-expect-error reserved
    () => task({ name: "r0", params: { id: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r1", params: { version: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r2", params: { complete: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r3", params: { requires: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r4", params: { run: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r5", params: { output: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r6", params: { load: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r7", params: { save: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r8", params: { then: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r9", params: { toJSON: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r10", params: { toString: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r11", params: { constructor: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r12", params: { valueOf: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r13", params: { hasOwnProperty: z.string() }, output, run }),
    // @ts-expect-error reserved
    () => task({ name: "r14", params: { registryAssets: z.string() }, output, run }),
    // @ts-expect-error reserved, in a class too
    () => AutoTask({ name: "r15", params: { output: z.string() }, output }),
    // @ts-expect-error reserved, in a class too
    () => Task({ name: "r16", params: { load: z.string() } }),
    // @ts-expect-error reserved, in a class too
    () => BaseTask({ name: "r17", params: { then: z.string() } }),
  ];
  for (const declare of cases) assertThrows(declare, sd.SchemaError, "reserved");
});

Deno.test("what run returns must be the output", () => {
  const params = {};
  // Nothing is refused before it runs, so these only need to compile.
  const _wrong: readonly (() => unknown)[] = [
    // @ts-expect-error a string instead of a number
    () => task({ name: "w0", params, output: z.number(), run: () => "x" }),
    // @ts-expect-error a promise of a string instead of a number
    () => task({ name: "w1", params, output: z.number(), run: () => Promise.resolve("x") }),
    () =>
      task({
        name: "w2",
        output: z.number(),
        // @ts-expect-error a generator that returns a string
        *run() {
          yield text();
          return "x";
        },
      }),
    () =>
      task({
        name: "w3",
        output: z.number(),
        // @ts-expect-error an async generator that returns nothing
        async *run() {
          yield text();
        },
      }),
    () =>
      task({
        name: "w4",
        output: z.number(),
        // @ts-expect-error a generator that yields what is no task
        *run() {
          yield 1;
          return 1;
        },
      }),
    // @ts-expect-error rows without their x
    () => task({ name: "w5", output: z.array(z.object({ x: z.int() })), run: () => [{ y: 1 }] }),
  ];
  assertEquals(_wrong.length, 6);
});

Deno.test("a declaration needs a name, an output and a run, and knows its options", () => {
  assertThrows(() => {
    // @ts-expect-error no name
    task({ output: z.int(), run: () => 1 });
  }, TypeError);
  assertThrows(() => {
    // @ts-expect-error no output
    task({ name: "d0", run: () => 1 });
  }, TypeError);
  assertThrows(() => {
    // @ts-expect-error no run
    task({ name: "d1", output: z.int() });
  }, TypeError);
  assertThrows(() => {
    // @ts-expect-error no such option
    task({ name: "d2", output: z.int(), run: () => 1, depends: [] });
  }, TypeError);
});

Deno.test("generators are typed: what is loaded, what may be yielded, what is returned", () => {
  const sync = task({
    name: "sync",
    params: { n: z.int() },
    output: z.number(),
    *run({ n }) {
      const x = yield* sd.load(num({ n }));
      assertType<IsExact<typeof x, number>>(true);
      yield [num({ n: x }), { a: text(), b: [day()] }];
      const moment = yield* sd.load(day());
      assertType<IsExact<typeof moment, Date>>(true);
      return x;
    },
  });
  const async = task({
    name: "async",
    params: { n: z.int() },
    output: z.number(),
    async *run({ n }) {
      const x = yield* sd.load(num({ n }));
      assertType<IsExact<typeof x, number>>(true);
      yield { k: num({ n: x }) };
      return x + await num({ n }).load();
    },
  });
  assertType<IsExact<ReturnType<ReturnType<typeof sync>["load"]>, Promise<number>>>(true);
  assertType<IsExact<ReturnType<ReturnType<typeof async>["load"]>, Promise<number>>>(true);
  const _wrong = (): void => {
    // @ts-expect-error text() loads a string
    num({ n: sync({ n: text() }) });
    // @ts-expect-error BaseTask has no load()
    sd.load({} as sd.BaseTask);
  };
});

Deno.test("the plain function takes loaded values only and gives the output", async () => {
  const length = task({
    name: "length",
    params: { of: sd.depends(z.string()), plus: z.int().default(0) },
    output: z.int(),
    run: ({ of, plus }) => of.length + plus,
  });
  const answer = length.call({ of: "abc", plus: 1 });
  assertType<IsExact<typeof answer, Promise<number>>>(true);
  assertEquals(await answer, 4);
  const _wrong = (): void => {
    // @ts-expect-error the task itself instead of its value
    length.call({ of: text(), plus: 1 });
    // @ts-expect-error not all of them
    length.call({ of: "abc" });
  };
});

Deno.test("fields of a class are what the schemas give, without tasks unless they say so", () => {
  const Row = z.object({ x: z.number() });

  @sd.register
  class Dataset extends AutoTask({
    name: "Dataset",
    params: {
      day: z.iso.date(),
      source: sd.depends(z.array(z.int())),
      split: sd.taskOf(num),
      hyper: z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("a"), l2: z.number() }),
        z.object({ kind: z.literal("b") }),
      ]),
      seed: z.int().default(0),
      verbose: sd.field(z.boolean().default(false), { significant: false }),
    },
    output: z.array(Row),
  }) {
    override requires(): sd.TaskStruct {
      return [this.source, this.split];
    }

    override async run(): Promise<void> {
      const rows = await this.source.load();
      assertType<IsExact<typeof rows, number[]>>(true);
      await this.save(rows.map((x) => ({ x })));
      const _wrong = (): void => {
        // @ts-expect-error no such rows
        this.save([{ y: 1 }]);
        // @ts-expect-error fields are read only
        this.seed = 1;
      };
    }
  }
  const many = task({ name: "ints", output: z.array(z.int()), run: () => [1] });
  const made = new Dataset({
    day: "2024-01-01",
    source: many(),
    split: num({ n: 1 }),
    hyper: { kind: "a", l2: 1 },
  });
  assertType<IsExact<typeof made.day, string>>(true);
  assertType<IsExact<typeof made.seed, number>>(true);
  assertType<IsExact<typeof made.verbose, boolean>>(true);
  assertType<IsExact<ReturnType<typeof made.source.load>, Promise<number[]>>>(true);
  assertType<IsExact<typeof made.split, ReturnType<typeof num>>>(true);
  assertType<IsExact<ReturnType<typeof made.load>, Promise<{ x: number }[]>>>(true);
  assertType<
    IsExact<ReturnType<typeof made.output>, sd.LoadableSaveableFileSystemTarget<{ x: number }[]>>
  >(true);
  assertEquals(made.hyper.kind === "a" && made.hyper.l2, 1);

  const split = num({ n: 1 });
  const hyper = { kind: "b" } as const;
  assertThrows(() => {
    // @ts-expect-error parameters of classes do not take a task in place of a value
    new Dataset({ day: text(), source: many(), split, hyper });
  }, sd.TaskParameterError);
  assertThrows(() => {
    // @ts-expect-error no such kind
    new Dataset({ day: "2024-01-01", source: many(), split, hyper: { kind: "c" } });
  }, sd.TaskParameterError);
  assertThrows(() => {
    // @ts-expect-error an unknown parameter
    new Dataset({ day: "2024-01-01", source: many(), split, hyper, more: 1 });
  }, sd.TaskParameterError);
  assertThrows(() => {
    // @ts-expect-error a missing parameter
    new Dataset({ day: "2024-01-01", source: many(), split });
  }, sd.TaskParameterError);
});

Deno.test("taskOf takes one type of tasks, functions and classes alike", () => {
  @sd.register
  class Source extends AutoTask({ name: "Source", params: { n: z.int() }, output: z.number() }) {
    override async run(): Promise<void> {
      await this.save(this.n);
    }
  }
  const uses = task({
    name: "uses",
    params: { made: sd.taskOf(Source), other: sd.taskOf(num).optional() },
    output: z.int(),
    run: ({ made, other }) => {
      assertType<IsExact<typeof made, Source>>(true);
      assertType<IsExact<typeof other, ReturnType<typeof num> | undefined>>(true);
      return made.n;
    },
  });
  assertEquals(uses({ made: new Source({ n: 1 }), other: num({ n: 1 }) }).made.n, 1);
  assertThrows(() => {
    // @ts-expect-error another type with the same output
    uses({ made: num({ n: 1 }) });
  }, sd.TaskParameterError);
  // To the compiler a Source is all that a num is.
  assertThrows(
    () => uses({ made: new Source({ n: 1 }), other: new Source({ n: 1 }) }),
    sd.TaskParameterError,
  );
  assertThrows(() => {
    // @ts-expect-error no task type
    sd.taskOf(() => 1);
  }, TypeError);
});

Deno.test("Task is typed by its own output(), with a schema it must load it", () => {
  class Counter {
    readonly uri = "counter";
    exists(): Promise<boolean> {
      return Promise.resolve(true);
    }
    load(): Promise<number> {
      return Promise.resolve(7);
    }
  }

  @sd.register
  class Count extends Task({ name: "Count", output: z.number() }) {
    override output(): Counter {
      return new Counter();
    }
    override run(): void {}
  }
  const made = new Count();
  assertType<IsExact<ReturnType<typeof made.load>, Promise<number>>>(true);
  assertType<IsExact<ReturnType<typeof made.output>, Counter>>(true);
  assertEquals(num({ n: made }).n === made, true);

  class Wrong extends Task({ name: "Wrong", output: z.string() }) {
    // @ts-expect-error the target loads a number
    override output(): Counter {
      return new Counter();
    }
    override run(): void {}
  }
  assert(Wrong.prototype instanceof Object);
});

Deno.test("a class must implement what its kind leaves open, as registering says", () => {
  class NoRun extends AutoTask({ name: "NoRun", output: z.int() }) {}
  assertThrows(() => sd.register(NoRun), TypeError, "run()");
  class NoComplete extends BaseTask({ name: "NoComplete" }) {
    override run(): void {}
  }
  assertThrows(() => sd.register(NoComplete), TypeError, "complete()");
  class NoOutput extends Task({ name: "NoOutput" }) {
    override run(): void {}
  }
  assertThrows(() => sd.register(NoOutput), TypeError, "output()");
});

Deno.test("field() is typed by its schema", () => {
  const kept = sd.field(z.int().default(0), { compatDefault: 0 });
  assertType<IsExact<z.output<typeof kept>, number>>(true);
  const _wrong = (): void => {
    // @ts-expect-error a string for a number
    sd.field(z.int(), { compatDefault: "0" });
    // @ts-expect-error no such option
    sd.field(z.int(), { hidden: true });
  };
});

Deno.test("what is made in a namespace is typed like what is made without", () => {
  const bound = sd.namespace("stardag.tests.types.bound", import.meta.url);
  assertType<IsExact<typeof bound.task, typeof sd.task>>(true);
  assertType<IsExact<typeof bound.AutoTask, typeof sd.AutoTask>>(true);
  const made = bound.task({
    name: "made",
    params: { x: sd.depends(z.number()) },
    output: z.string(),
    run: ({ x }) => {
      assertType<IsExact<typeof x, number>>(true);
      return `${x}`;
    },
  })({ x: num({ n: 1 }) });
  assertType<IsExact<ReturnType<typeof made.load>, Promise<string>>>(true);
  const auto = sd.autoNamespace(import.meta.url, { root: new URL("../", import.meta.url) });
  assertEquals(auto.namespace, "tasks.types_test");
});

Deno.test("requires and relpath are typed by the parameters and the task", () => {
  const made = task({
    name: "made",
    params: { n: z.int() },
    output: z.int(),
    requires: ({ n }) => {
      assertType<IsExact<typeof n, number | sd.TaskLoads<number>>>(true);
      return num({ n });
    },
    relpath: { extra: (each) => each.id.slice(0, 2) },
    run: ({ n }) => n,
  });
  assertEquals((made({ n: 1 }).requires() as sd.BaseTask[]).map(({ id }) => id), [
    num({ n: 1 }).id,
  ]);
  const _wrong = (): void => {
    // @ts-expect-error no such part
    task({ name: "made2", output: z.int(), relpath: { folder: "x" }, run: () => 1 });
  };
});

Deno.test("an alias is typed by its output and stands where its task stood", () => {
  const alias = sd.aliasTask({
    id: "f23b1722-2909-5fb7-89bf-dcdd0b37e930",
    uri: "memory://x",
    output: z.number(),
  });
  assertType<IsExact<ReturnType<typeof alias.load>, Promise<number>>>(true);
  num({ n: alias });
  assertThrows(() => {
    // @ts-expect-error it loads a number
    total({ values: [], config: { k: 1, source: alias }, pair: [alias, "x"] });
  }, sd.TaskParameterError);
});

Deno.test("build takes tasks in arrays and records and nothing else", () => {
  const _typed = async (): Promise<void> => {
    const summary = await sd.build({ a: [num({ n: 1 }), text()], b: { c: day() } });
    assertType<IsExact<typeof summary, sd.BuildSummary>>(true);
    assertType<IsExact<typeof summary.error, sd.TaskFailedError | undefined>>(true);
    // @ts-expect-error a number is no task
    await sd.build([1]);
    // @ts-expect-error no such mode
    await sd.build([], { failMode: "stop" });
    // @ts-expect-error a task function is no task
    await sd.build(num);
  };
});
