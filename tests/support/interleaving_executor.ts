/**
 * An executor for tests that lets the tasks it has been given end in a random order, one or several at a time. The
 * order follows from the seed alone.
 */

import type { BaseTask, RunContext, TaskExecutor, TaskOutcome } from "../../mod.ts";
import { InProcessTaskExecutor } from "../../mod.ts";
import { randomOf } from "./random.ts";

interface Pending {
  readonly task: BaseTask;
  readonly context: RunContext;
  readonly resolve: (outcome: TaskOutcome) => void;
}

/** An outcome that was given, and in which turn of the event loop; a later turn has surely heard of it. */
interface Ended {
  readonly task: BaseTask;
  readonly outcome: TaskOutcome;
  readonly turn: number;
}

export class InterleavingExecutor implements TaskExecutor {
  readonly maxConcurrent: number;
  /** Every submission in order; a task that was suspended comes again. */
  readonly submitted: BaseTask[] = [];
  /** The outcomes in the order in which they were given. */
  readonly ended: Ended[] = [];
  readonly discarded: BaseTask[] = [];
  /** Called when the executor has taken a task, and before one ends. */
  onSubmit: (task: BaseTask) => void = () => {};
  onEnd: (count: number) => void = () => {};
  readonly #inner = new InProcessTaskExecutor({ maxConcurrent: 1_000 });
  readonly #random: () => number;
  readonly #pending: Pending[] = [];
  #ending = 0;
  #turn = 0;
  #pumping = false;

  constructor(seed: number, maxConcurrent: number) {
    this.#random = randomOf(seed);
    this.maxConcurrent = maxConcurrent;
  }

  /** Whether a task has failed of which the build must know by now. */
  get hasFailed(): boolean {
    return this.ended.some(({ outcome, turn }) => outcome.kind === "failed" && turn < this.#turn);
  }

  /** How many tasks have been taken and have not ended. */
  get running(): number {
    return this.#pending.length + this.#ending;
  }

  submit(task: BaseTask, context: RunContext): TaskOutcome | Promise<TaskOutcome> {
    this.submitted.push(task);
    this.onSubmit(task);
    // Some end before submit() itself does.
    if (this.#random() < 0.1) {
      const outcome = this.#inner.submit(task, context);
      if (outcome instanceof Promise) return this.#end(task, outcome);
      // The build has it in hand as soon as submit() is back.
      this.ended.push({ task, outcome, turn: -1 });
      return outcome;
    }
    const outcome = new Promise<TaskOutcome>((resolve) =>
      this.#pending.push({ task, context, resolve })
    );
    this.#pump();
    return outcome;
  }

  async discard(task: BaseTask, context: RunContext): Promise<void> {
    this.discarded.push(task);
    await this.#inner.discard(task, context);
  }

  async #end(task: BaseTask, outcome: Promise<TaskOutcome>): Promise<TaskOutcome> {
    this.#ending++;
    const settled = await outcome;
    this.#ending--;
    this.ended.push({ task, outcome: settled, turn: this.#turn });
    return settled;
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setTimeout(() => {
      this.#pumping = false;
      this.#turn++;
      const together = 1 + Math.floor(this.#random() * 3);
      for (let i = 0; i < together && this.#pending.length > 0; i++) {
        const at = Math.floor(this.#random() * this.#pending.length);
        const [{ task, context, resolve }] = this.#pending.splice(at, 1) as [Pending];
        this.onEnd(this.ended.length);
        // One that is asked to stop may do so, or end as if it had not heard.
        if (context.signal.aborted && this.#random() < 0.7) {
          const outcome: TaskOutcome = { kind: "failed", error: context.signal.reason };
          this.ended.push({ task, outcome, turn: this.#turn });
          resolve(outcome);
        } else {
          this.#end(task, Promise.resolve(this.#inner.submit(task, context))).then(resolve);
        }
      }
      if (this.#pending.length > 0) this.#pump();
    });
  }
}
