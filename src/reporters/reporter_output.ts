/**
 * Where reporters write to. Unaware of what is written.
 *
 * @module
 */

import { describe } from "../json.ts";

/** Where a reporter writes to: `Deno.stderr`, `Deno.stdout`, an open file, or anything else that takes bytes. */
export interface ReporterOutput {
  /** Writes some of the bytes at once, and gives how many: at least one, or it is not asked again. */
  writeSync(bytes: Uint8Array): number;
  /** Whether somebody looks at it; `false` unless told. */
  isTerminal?(): boolean;
  /** How large the terminal is; that of the process unless told. */
  consoleSize?(): { readonly columns: number; readonly rows: number };
}

/** Throws `TypeError` when nothing can be written there; `action` is what cannot be done, for the message. */
export function checkOutput(output: ReporterOutput | null, action: string, usual: string): void {
  if (typeof output?.writeSync === "function") return;
  throw new TypeError(
    `Cannot ${action} with output ${
      describe(output)
    }: give something with writeSync(), e.g. ${usual}`,
  );
}

/** Writes text whole. Never throws: when nobody reads any more, as after `| head`, what is written is dropped. */
export class TextOutput {
  readonly #output: ReporterOutput;
  #isClosed = false;
  #error: unknown;

  constructor(output: ReporterOutput) {
    this.#output = output;
  }

  /** Why nothing is written any more, unless it is that nobody reads. */
  get error(): unknown {
    return this.#error;
  }

  write(text: string): void {
    this.writeBytes(encoder.encode(text));
  }

  /** Writes bytes as they are. Whether there is any use in writing more. */
  writeBytes(bytes: Uint8Array): boolean {
    if (this.#isClosed) return false;
    try {
      for (let rest = bytes; rest.length > 0;) {
        const taken = this.#output.writeSync(rest);
        if (!(Number.isInteger(taken) && taken >= 1)) throw tookNothing(taken);
        rest = rest.subarray(taken);
      }
    } catch (error) {
      this.#isClosed = true;
      if (!(error instanceof Deno.errors.BrokenPipe)) this.#error = error;
    }
    return !this.#isClosed;
  }
}

function tookNothing(taken: unknown): TypeError {
  return new TypeError(
    `Cannot write: writeSync() of the output gave ${
      describe(taken)
    }. Have it give how many bytes it took, at least 1`,
  );
}

const encoder = new TextEncoder();
