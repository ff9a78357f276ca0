/**
 * Where reporters write to. Unaware of what is written.
 *
 * @module
 */

/** Where a reporter writes to: `Deno.stderr`, `Deno.stdout`, an open file, or anything else that takes bytes. */
export interface ReporterOutput {
  /** Writes some of the bytes at once, and gives how many. */
  writeSync(bytes: Uint8Array): number;
  /** Whether somebody looks at it; `false` unless told. */
  isTerminal?(): boolean;
  /** How large the terminal is; that of the process unless told. */
  consoleSize?(): { readonly columns: number; readonly rows: number };
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
    if (this.#isClosed) return;
    try {
      let bytes = encoder.encode(text);
      while (bytes.length > 0) bytes = bytes.subarray(this.#output.writeSync(bytes));
    } catch (error) {
      this.#isClosed = true;
      if (!(error instanceof Deno.errors.BrokenPipe)) this.#error = error;
    }
  }
}

const encoder = new TextEncoder();
