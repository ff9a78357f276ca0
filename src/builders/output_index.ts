/**
 * What a build has made, noted down beside the outputs: for `explain` and `gc`, never for building. What is told here is
 * written by `output_index_writer.ts`, which is only loaded where there is something to write.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import type { AnyTask } from "../tasks/task.ts";
import type { OutputIndexOptions, OutputIndexWriter, YieldedTasks } from "./output_index_writer.ts";

/** The index of outputs as one build adds to it. Nothing that goes wrong here touches the build. */
export class OutputIndex {
  readonly #options: OutputIndexOptions;
  /** What tasks under way have yielded, by id. */
  readonly #yielded = new Map<AnyTask, Map<string, AnyTask>>();
  /** What was completed while the writer was loaded. */
  #waiting: { readonly task: AnyTask; readonly yielded: YieldedTasks | undefined }[] = [];
  #loading: Promise<void> | undefined;
  #writer: OutputIndexWriter | undefined;

  constructor(options: OutputIndexOptions) {
    this.#options = options;
  }

  /** The task waits for others that nobody could know of before. */
  suspended(task: AnyTask, requires: readonly AnyTask[]): void {
    let yielded = this.#yielded.get(task);
    if (yielded === undefined) this.#yielded.set(task, yielded = new Map());
    for (const each of requires) yielded.set(each.id, each);
  }

  /** The task has run, and its output is there. */
  completed(task: AnyTask): void {
    const yielded = this.#yielded.get(task);
    if (yielded !== undefined) this.#yielded.delete(task);
    // What has no output is noted down where what it has yielded is.
    if (!hasOutput(task) && !yielded?.values().some(hasOutput)) return;
    if (this.#writer !== undefined) {
      this.#writer.add(task, yielded);
    } else {
      this.#waiting.push({ task, yielded });
      this.#loading ??= this.#load();
    }
  }

  /** Resolves when all is written, or cannot be. */
  async close(): Promise<void> {
    await this.#loading;
    await this.#writer?.close();
  }

  async #load(): Promise<void> {
    try {
      const { OutputIndexWriter } = await import("./output_index_writer.ts");
      this.#writer = new OutputIndexWriter(this.#options);
      for (const { task, yielded } of this.#waiting) this.#writer.add(task, yielded);
      this.#waiting = [];
    } catch (error) {
      this.#options.warn(`The index of outputs is not kept: ${messageOf(error)}`);
    }
  }
}

function hasOutput(task: AnyTask): boolean {
  return typeof (task as { readonly output?: unknown }).output === "function";
}
