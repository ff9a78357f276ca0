/**
 * What a build has made, noted down beside the outputs: for `explain` and `gc`, never for building. What is told here is
 * written by `output_index_writer.ts`, which is only loaded where there is something to write.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import type { AnyTask } from "../tasks/task.ts";
import type { OutputIndexOptions, OutputIndexWriter } from "./output_index_writer.ts";

/** The index of outputs as one build adds to it. Nothing that goes wrong here touches the build. */
export class OutputIndex {
  readonly #options: OutputIndexOptions;
  /** Ids of what tasks under way have yielded. */
  readonly #yielded = new Map<AnyTask, Set<string>>();
  /** What was completed while the writer was loaded. */
  #waiting: { readonly task: AnyTask; readonly yielded: ReadonlySet<string> | undefined }[] = [];
  #loading: Promise<void> | undefined;
  #writer: OutputIndexWriter | undefined;

  constructor(options: OutputIndexOptions) {
    this.#options = options;
  }

  /** The task waits for others that nobody could know of before. */
  suspended(task: AnyTask, requires: readonly AnyTask[]): void {
    if (!hasOutput(task)) return;
    let ids = this.#yielded.get(task);
    if (ids === undefined) this.#yielded.set(task, ids = new Set());
    for (const { id } of requires) ids.add(id);
  }

  /** The task has run, and its output is there. */
  completed(task: AnyTask): void {
    if (!hasOutput(task)) return;
    const yielded = this.#yielded.get(task);
    if (yielded !== undefined) this.#yielded.delete(task);
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
