import { assertEquals } from "@std/assert";
import { z } from "zod";
import { reset, SHAPES, Yielding } from "../../bench/dags.ts";
import * as sd from "../../mod.ts";

Deno.test("build() submits a task that yields a thousand times a thousand and one times", async () => {
  reset();
  const executor = new CountingExecutor();
  const task = new Yielding({ index: 1_000, count: 1_000, batch: 1 });
  (await sd.build(task, { executor })).throwIfFailed();
  assertEquals(executor.submitted.get(task.id), 1_001);
  assertEquals(executor.submitted.size, 1_001);
});

Deno.test("build() submits every task of a wide DAG once", async () => {
  reset();
  const executor = new CountingExecutor();
  (await sd.build(SHAPES.layered(1_000), { executor })).throwIfFailed();
  assertEquals([...new Set(executor.submitted.values())], [1]);
  assertEquals(executor.submitted.size, 1_001);
});

Deno.test("build() asks a store for all of a level at once", async () => {
  const store = new CountingStore();
  const build = async (task: Stored): Promise<readonly number[]> => {
    store.batches.length = 0;
    using _ = inStore(store);
    (await sd.build(task)).throwIfFailed();
    return store.batches;
  };
  const parts = Array.from({ length: 1_000 }, (_, index) => new Stored({ index }));
  const whole = new Stored({ index: 1_000, after: parts });
  assertEquals(await build(whole), [1, 1_000]);
  assertEquals(await build(whole), [1]);
  store.written.delete(whole.output().uri);
  assertEquals(await build(whole), [1, 1_000]);
});

class CountingExecutor extends sd.InProcessTaskExecutor {
  readonly submitted = new Map<string, number>();

  override submit(
    task: sd.BaseTask,
    context: sd.RunContext,
  ): sd.TaskOutcome | Promise<sd.TaskOutcome> {
    this.submitted.set(task.id, (this.submitted.get(task.id) ?? 0) + 1);
    return super.submit(task, context);
  }
}

class CountingStore implements sd.TargetStore {
  readonly written = new Set<string>();
  readonly batches: number[] = [];

  existsMany(uris: readonly string[]): Promise<readonly boolean[]> {
    this.batches.push(uris.length);
    return Promise.resolve(uris.map((uri) => this.written.has(uri)));
  }
}

let current: CountingStore | undefined;

function inStore(store: CountingStore): Disposable {
  current = store;
  return { [Symbol.dispose]: () => current = undefined };
}

@sd.register
class Stored extends sd.Task({
  name: "Stored",
  namespace: "stardag.tests.bench",
  params: { index: z.int(), after: z.array(sd.taskLoads(z.unknown())).optional() },
  output: z.unknown(),
}) {
  override output(): sd.LoadableTarget<unknown> {
    const { id: uri } = this;
    return {
      uri,
      probe: current && { store: current, uri },
      exists: () => Promise.resolve(current?.written.has(uri) ?? false),
      load: () => Promise.resolve(undefined),
    };
  }

  override run(): void {
    current?.written.add(this.id);
  }
}
