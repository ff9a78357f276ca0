/**
 * What commands write to: results on stdout, all prose on stderr. Unaware of what is written.
 *
 * @module
 */

import { type ReporterOutput, TextOutput } from "../reporters/reporter_output.ts";
import { printable } from "../reporters/text_width.ts";

/** Where nobody knows how wide the terminal is. */
const USUAL_COLUMNS = 80;

/** Somewhere to write to: `Deno.stdout`, `Deno.stderr`, or anything else that takes bytes. */
export type CliOutput = ReporterOutput;

/** One of the two outputs of a program. */
export class CliStream {
  /** Where it is written to, e.g. for a reporter. */
  readonly output: CliOutput;
  readonly #text: TextOutput;

  /** Writes there. */
  constructor(output: CliOutput) {
    this.output = output;
    this.#text = new TextOutput(output);
  }

  /** Writes text as it is. When nobody reads any more, as after `| head`, it is dropped. */
  write(text: string): void {
    this.#text.write(text);
  }

  /** Writes bytes as they are. `false` when nobody reads any more. */
  writeBytes(bytes: Uint8Array): boolean {
    return this.#text.writeBytes(bytes);
  }

  /** Why nothing is written any more, unless it is that nobody reads. */
  get error(): unknown {
    return this.#text.error;
  }

  /** Whether a person looks at it. */
  get isTerminal(): boolean {
    return this.output.isTerminal?.() === true;
  }

  /** Whether to use colours: on a terminal, unless `NO_COLOR` is set. */
  get color(): boolean {
    return this.isTerminal && !Deno.noColor;
  }

  /** How many characters fit on a line. */
  get columns(): number {
    if (!this.isTerminal) return USUAL_COLUMNS;
    try {
      return (this.output.consoleSize?.() ?? Deno.consoleSize()).columns || USUAL_COLUMNS;
    } catch {
      return USUAL_COLUMNS;
    }
  }
}

/** What a command writes to, and how it ends. */
export class CliIo {
  /** Results: what a program after a `|` reads. */
  readonly stdout: CliStream;
  /** Prose: progress, warnings, errors. */
  readonly stderr: CliStream;
  /** The exit code of the command; 0 unless it sets another. */
  exitCode = 0;
  /** What was typed in, for handing all of it on to another process. */
  args: readonly string[] = [];
  /** Whether another command line does the work, and tells how it ended. */
  isHandedOn = false;
  #hasJson = false;

  /** The outputs of the process unless told. */
  constructor(outputs: { readonly stdout?: CliOutput; readonly stderr?: CliOutput } = {}) {
    this.stdout = new CliStream(outputs.stdout ?? ownStdout());
    this.stderr = new CliStream(outputs.stderr ?? Deno.stderr);
  }

  /** Writes a line, or several, of the result. */
  print(text: string): void {
    this.stdout.write(`${text}\n`);
  }

  /** Writes a line, or several, of prose. */
  tell(text: string): void {
    this.stderr.write(`${text}\n`);
  }

  /** Writes what went wrong, as prose. */
  tellError(message: string): void {
    this.tell(`${this.stderr.color ? "\x1b[31;1merror\x1b[0m" : "error"}: ${printable(message)}`);
  }

  /** Writes the one document of `--json`. */
  json(document: unknown): void {
    if (this.#hasJson) throw new Error("BUG: a second document for --json");
    this.#hasJson = true;
    this.print(JSON.stringify(document));
  }

  /** Writes a result: as a document when asked to, else as its text. */
  showResult(
    result: { toJSON(): unknown },
    { json = false }: { readonly json?: boolean | undefined },
    textOf: () => string = () => String(result),
  ): void {
    if (json) this.json(result);
    else this.print(this.stdout.isTerminal ? printable(textOf()) : textOf());
  }

  /** Whether the document was written. */
  get hasJson(): boolean {
    return this.#hasJson;
  }
}

/** The stdout of the process as it is now, for when code of the user is led elsewhere. */
function ownStdout(): CliOutput {
  const writeSync = Deno.stdout.writeSync;
  return {
    writeSync: (bytes) => Reflect.apply(writeSync, Deno.stdout, [bytes]),
    isTerminal: () => Deno.stdout.isTerminal(),
  };
}
