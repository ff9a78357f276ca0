/**
 * Random DAGs whose tasks are run in this process: they yield, fail, leave no output and end in random order. What the
 * scheduler does with them is followed more closely in `model_test.ts`.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import * as sd from "../../mod.ts";
import { InterleavingExecutor } from "../support/interleaving_executor.ts";
import { type Step, Steps } from "../support/steps.ts";

/** A task by its place: it only requires and yields tasks of lower places. */
interface Node {
  readonly requires: readonly number[];
  readonly yields: readonly (readonly number[])[];
  /** Throws when it has come back from so many yields; none: it does not throw. */
  readonly throwsAfter: number | undefined;
  /** Its run ends well, and it is still not complete. */
  readonly leavesNothing: boolean;
  /** It was complete before the build. */
  readonly done: boolean;
}

interface Dag {
  readonly nodes: readonly Node[];
  readonly roots: readonly number[];
  readonly seed: number;
  readonly maxConcurrent: number;
}

const dags: fc.Arbitrary<Dag> = fc.integer({ min: 1, max: 14 }).chain((size) =>
  fc.record({
    nodes: fc.tuple(
      ...Array.from({ length: size }, (_, place) => {
        const below: fc.Arbitrary<readonly number[]> = place === 0
          ? fc.constant([])
          : fc.array(fc.nat({ max: place - 1 }), { maxLength: 3 });
        return fc.record({
          requires: below,
          yields: fc.oneof(
            { weight: 2, arbitrary: fc.constant([]) },
            { weight: 1, arbitrary: fc.array(below, { maxLength: 3 }) },
          ),
          throwsAfter: fc.option(fc.nat({ max: 3 }), { freq: 6, nil: undefined }),
          leavesNothing: fc.nat({ max: 15 }).map((x) => x === 15),
          done: fc.nat({ max: 7 }).map((x) => x === 7),
        });
      }),
    ),
    roots: fc.uniqueArray(fc.nat({ max: size - 1 }), { minLength: 1, maxLength: 3 }),
    seed: fc.integer(),
    maxConcurrent: fc.constantFrom(1, 2, 3, 1_000),
  })
);

/** The tasks of a DAG, and an executor that notes what must not happen. */
class World {
  readonly steps = new Steps();
  readonly tasks: Step[] = [];
  readonly executor: InterleavingExecutor;
  readonly problems: string[] = [];
  /** What each task waits for while it is suspended. */
  readonly #waitsFor = new Map<string, readonly Step[]>();

  constructor(readonly dag: Dag) {
    for (const [place, node] of dag.nodes.entries()) {
      this.tasks.push(this.steps.step(`t${place}`, {
        requires: () => this.#at(node.requires),
        run: node.yields.length === 0 && node.throwsAfter === undefined && !node.leavesNothing
          ? undefined
          : () => this.#run(place, node),
        complete: node.leavesNothing ? () => node.done : undefined,
      }));
      if (node.done) this.steps.finish(this.#one(place));
    }
    this.executor = new InterleavingExecutor(dag.seed, dag.maxConcurrent);
    this.executor.onSubmit = (task) => this.#checkSubmitted(task as Step);
  }

  get roots(): readonly Step[] {
    return this.#at(this.dag.roots);
  }

  #one(place: number): Step {
    const task = this.tasks[place];
    if (task === undefined) throw new Error(`there is no task ${place}`);
    return task;
  }

  #at(places: readonly number[]): readonly Step[] {
    return places.map((place) => this.#one(place));
  }

  *#run(place: number, node: Node): Generator<sd.TaskStruct, void, unknown> {
    const throwAt = (turn: number): void => {
      if (node.throwsAfter === turn) throw new Error(`t${place} throws after ${turn}`);
    };
    throwAt(0);
    for (const [turn, places] of node.yields.entries()) {
      const tasks = this.#at(places);
      this.#waitsFor.set(this.#one(place).id, tasks);
      yield tasks;
      const missing = tasks.filter(({ id }) => !this.steps.done.has(id));
      if (missing.length > 0) this.problems.push(`t${place} came back before ${missing}`);
      throwAt(turn + 1);
    }
  }

  #checkSubmitted(task: Step): void {
    const { executor, steps } = this;
    const place = Number(task.name.slice(1));
    const waits = [
      ...this.#at(this.dag.nodes[place]?.requires ?? []),
      ...this.#waitsFor.get(task.id) ?? [],
    ];
    const missing = waits.filter(({ id }) => !steps.done.has(id));
    if (missing.length > 0) this.problems.push(`${task} was started before ${missing}`);
    if (steps.done.has(task.id)) this.problems.push(`${task} was started though it was complete`);
    if (executor.running >= this.dag.maxConcurrent) this.problems.push(`${task} was one too many`);
    const outcomes = executor.ended.filter((each) => each.task === task);
    if (outcomes.some(({ outcome }) => outcome.kind !== "suspended")) {
      this.problems.push(`${task} was started again after it had ended`);
    }
  }

  /** What holds whatever has happened. */
  check(summary: sd.BuildSummary): void {
    assertEquals(this.problems, []);
    assertEquals(this.executor.running, 0);
    assertEquals(new Set(this.steps.ran).size, this.steps.ran.length);
    const { discovered, ...counts } = summary.taskCount;
    assertEquals(Object.values(counts).reduce((a, b) => a + b), discovered);
    for (const count of Object.values(counts)) assert(count >= 0);
    assertEquals(counts.succeeded, this.ranNodes().length);
    assertEquals(counts.failed, summary.errors.length);
    assertEquals(new Set(summary.errors.map(({ taskId }) => taskId)).size, summary.errors.length);
    // Whatever was suspended last and not taken up again has been given up, once.
    const last = new Map(this.executor.ended.map(({ task, outcome }) => [task, outcome.kind]));
    const suspended = [...last].filter(([, kind]) => kind === "suspended").map(([task]) => task);
    assertEquals(
      new Set(this.executor.discarded.map(({ id }) => id)),
      new Set(suspended.map(({ id }) => id)),
    );
    assertEquals(this.executor.discarded.length, suspended.length);
  }

  /** The tasks that ran to their end and are complete. */
  ranNodes(): readonly string[] {
    return this.steps.ran.filter((name) => !this.dag.nodes[Number(name.slice(1))]?.leavesNothing);
  }
}

type End = "previouslyCompleted" | "succeeded" | "failed" | "skipped";

/** How each task must end when all that can run does: told by the DAG alone, whatever the order. */
function expected({ nodes, roots }: Dag): ReadonlyMap<number, End> {
  const ends = new Map<number, End>();
  const isComplete = (place: number): boolean => {
    const end = visit(place);
    return end === "succeeded" || end === "previouslyCompleted";
  };
  // Every one is looked at, also after one that is not complete: all of them are found by the build.
  const areComplete = (places: readonly number[]): boolean =>
    places.map(isComplete).every((each) => each);
  const visit = (place: number): End => {
    const known = ends.get(place);
    if (known !== undefined) return known;
    const node = nodes[place];
    assert(node !== undefined);
    const end = ((): End => {
      if (node.done) return "previouslyCompleted";
      if (!areComplete(node.requires)) return "skipped";
      for (let turn = 0;; turn++) {
        if (node.throwsAfter === turn) return "failed";
        const places = node.yields[turn];
        if (places === undefined) return node.leavesNothing ? "failed" : "succeeded";
        if (!areComplete(places)) return "skipped";
      }
    })();
    ends.set(place, end);
    return end;
  };
  for (const root of roots) visit(root);
  return ends;
}

Deno.test("continue ends every task of a random DAG as the DAG alone says", async () => {
  await fc.assert(
    fc.asyncProperty(dags, async (dag) => {
      const world = new World(dag);
      const summary = await sd.build(world.roots, {
        executor: world.executor,
        failMode: "continue",
      });
      world.check(summary);
      const ends = expected(dag);
      const of = (end: End): string[] =>
        [...ends].filter(([, each]) => each === end).map(([place]) => `t${place}`).sort();
      assertEquals(world.ranNodes().toSorted(), of("succeeded"));
      assertEquals(
        summary.errors.map(({ taskId }) => world.tasks.find(({ id }) => id === taskId)?.name)
          .sort(),
        of("failed"),
      );
      assertEquals(summary.taskCount, {
        discovered: ends.size,
        previouslyCompleted: of("previouslyCompleted").length,
        succeeded: of("succeeded").length,
        failed: of("failed").length,
        skipped: of("skipped").length,
        cancelled: 0,
        pending: 0,
      });
      assertEquals(summary.status, of("failed").length > 0 ? "failure" : "success");
    }),
    { numRuns: 400 },
  );
});

Deno.test("fail_fast starts nothing after a failure, and counts add up", async () => {
  await fc.assert(
    fc.asyncProperty(dags, async (dag) => {
      const world = new World(dag);
      const { onSubmit } = world.executor;
      world.executor.onSubmit = (task) => {
        onSubmit(task);
        if (world.executor.hasFailed) world.problems.push(`${task} was started after a failure`);
      };
      const summary = await sd.build(world.roots, { executor: world.executor });
      world.check(summary);
      const ends = expected(dag);
      const willFail = [...ends.values()].includes("failed");
      assertEquals(summary.status, willFail ? "failure" : "success");
      assertEquals(summary.taskCount.failed > 0, willFail);
      const places = [...ends].filter(([, end]) => end === "succeeded").map(([place]) => place);
      assert(world.ranNodes().every((name) => places.includes(Number(name.slice(1)))));
      if (!willFail) assertEquals(summary.taskCount.succeeded, places.length);
    }),
    { numRuns: 400 },
  );
});

Deno.test("a build that is stopped at any moment leaves nothing running, and the next one ends it", async () => {
  await fc.assert(
    fc.asyncProperty(dags, fc.nat({ max: 20 }), async (dag, stopAt) => {
      const world = new World({
        ...dag,
        nodes: dag.nodes.map((node) => ({ ...node, throwsAfter: undefined, leavesNothing: false })),
      });
      const controller = new AbortController();
      world.executor.onEnd = (count) => {
        if (count >= stopAt) controller.abort(new Error("enough"));
      };
      const stopped = await sd.build(world.roots, {
        executor: world.executor,
        signal: controller.signal,
        failMode: "continue",
      });
      world.check(stopped);
      assertEquals(stopped.taskCount.failed, 0);
      assertEquals(stopped.taskCount.skipped, 0);
      const isWhole = stopped.taskCount.pending + stopped.taskCount.cancelled === 0;
      if (stopped.status === "success") assert(isWhole);
      if (!isWhole) assertEquals(stopped.status, "cancelled");
      const before = [...world.steps.ran];
      const summary = await sd.build(world.roots);
      assertEquals(summary.status, "success");
      assertEquals(new Set(world.steps.ran).size, world.steps.ran.length);
      assertEquals(world.steps.ran.slice(0, before.length), before);
      assert(world.roots.every(({ id }) => world.steps.done.has(id)));
    }),
    { numRuns: 300 },
  );
});
