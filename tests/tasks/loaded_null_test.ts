import { assertEquals } from "@std/assert";
import { z } from "zod";
import * as sd from "../../mod.ts";

Deno.test("a dependency that loads null arrives as null, at any depth", async () => {
  using _ = sd.targetFactoryProvider.override(
    new sd.TargetFactory({ targetRoots: { default: "memory://loaded-null" } }),
  );
  const nothing = sd.task({ name: "nothing", output: z.null(), run: () => null });
  const Null = sd.depends(z.null());
  const received: unknown[] = [];
  const collect = sd.task({
    name: "collect_null",
    params: {
      plain: Null,
      list: z.array(Null),
      pair: z.tuple([Null, z.int()]),
      object: z.object({ a: Null.optional() }),
      record: z.record(z.string(), Null),
      union: z.union([Null, z.string()]),
      lazy: z.lazy(() => Null),
      orTask: z.null(),
    },
    output: z.null(),
    run(args) {
      received.push(args);
      return null;
    },
  });
  const task = nothing();
  const root = collect({
    plain: task,
    list: [task],
    pair: [task, 1],
    object: { a: task },
    record: { k: task },
    union: task,
    lazy: task,
    orTask: task,
  });
  (await sd.build(root)).throwIfFailed();
  assertEquals(received, [{
    plain: null,
    list: [null],
    pair: [null, 1],
    object: { a: null },
    record: { k: null },
    union: null,
    lazy: null,
    orTask: null,
  }]);
});
