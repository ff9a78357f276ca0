/**
 * Tasks for tests of builds: what they require is handed in, what they do is a function, completeness is a set.
 */

import { z } from "zod";
import * as sd from "../../mod.ts";

/** The counts of a build without tasks. */
export const NOTHING: sd.TaskCount = {
  discovered: 0,
  previouslyCompleted: 0,
  succeeded: 0,
  failed: 0,
  skipped: 0,
  cancelled: 0,
  pending: 0,
};

/** What a step does besides being marked as done. */
export interface StepBehavior {
  /** What it requires. */
  requires?: (() => sd.TaskStruct | undefined) | undefined;
  /** What its `run` does before it is complete. */
  run?: ((context: sd.RunContext) => sd.RunResult) | undefined;
  /** What `complete()` gives instead of whether it is done. */
  complete?: (() => boolean | Promise<boolean>) | undefined;
}

/** A world of steps: those that are done, and what ran in which order. */
export class Steps {
  readonly done: Set<string> = new Set();
  readonly ran: string[] = [];
  readonly asked: string[] = [];
  readonly #behaviors = new Map<string, StepBehavior>();
  readonly #worlds: Map<string, Steps> = worlds;
  readonly world: string = crypto.randomUUID();

  constructor() {
    this.#worlds.set(this.world, this);
  }

  /** The step of this name; `behavior` is the same for all tasks made of it. */
  step(name: string, behavior: StepBehavior | readonly Step[] = {}): Step {
    this.#behaviors.set(
      name,
      Array.isArray(behavior) ? { requires: () => behavior } : behavior as StepBehavior,
    );
    return new Step({ world: this.world, name });
  }

  behavior(name: string): StepBehavior {
    return this.#behaviors.get(name) ?? {};
  }

  /** Marks as done. */
  finish(...steps: readonly Step[]): void {
    for (const { id } of steps) this.done.add(id);
  }
}

const worlds = new Map<string, Steps>();

@sd.register
export class Step extends sd.BaseTask({
  name: "Step",
  namespace: "stardag.tests",
  params: { world: z.string(), name: z.string() },
}) {
  get #world(): Steps {
    return worlds.get(this.world)!;
  }

  get #behavior(): StepBehavior {
    return this.#world.behavior(this.name);
  }

  override requires(): sd.TaskStruct | undefined {
    return this.#behavior.requires?.();
  }

  override complete(): boolean | Promise<boolean> {
    this.#world.asked.push(this.name);
    return this.#behavior.complete?.() ?? this.#world.done.has(this.id);
  }

  override run(context: sd.RunContext): sd.RunResult {
    const finish = (): void => {
      this.#world.ran.push(this.name);
      this.#world.done.add(this.id);
    };
    const result = this.#behavior.run?.(context);
    if (result === undefined) return finish();
    if (result instanceof Promise) return result.then(finish);
    return (async function* () {
      yield* result;
      finish();
    })();
  }
}
