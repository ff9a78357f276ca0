/**
 * A terminal in memory: what is written to it, as a person sees it. Interpreted by the terminal emulator of others, so
 * that a control sequence means here what it means elsewhere.
 */

// deno-lint-ignore no-import-prefix -- nothing else needs it
import headless from "npm:@xterm/headless@^6";
import type { ReporterOutput } from "../../src/reporters/reporter_output.ts";

const { Terminal } = headless;

/**
 * A screen to write to. It takes in what was written when timers run, so under `FakeTime` have the time tick, if only by
 * nothing, before looking.
 */
export class Screen implements ReporterOutput {
  /** What an asynchronous write waits for. */
  beforeWrite: Promise<void> = Promise.resolve();
  /** How often something was written. */
  writes = 0;
  readonly #terminal: InstanceType<typeof Terminal>;

  constructor(columns: number, rows: number) {
    this.#terminal = new Terminal({
      cols: columns,
      rows,
      scrollback: 10_000,
      convertEol: true,
      allowProposedApi: true,
    });
  }

  writeSync(bytes: Uint8Array): number {
    this.writes++;
    this.#terminal.write(bytes.slice());
    return bytes.length;
  }

  isTerminal(): boolean {
    return true;
  }

  consoleSize(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#terminal.cols, rows: this.#terminal.rows };
  }

  /** The window is made larger or smaller; what was written before is wrapped anew. */
  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
  }

  /** All lines, also those that have been scrolled away, without the empty ones at the end. */
  text(): string {
    const { active } = this.#terminal.buffer;
    const lines: string[] = [];
    for (let i = 0; i < active.length; i++) {
      lines.push(active.getLine(i)?.translateToString(true) ?? "");
    }
    return lines.join("\n").trimEnd();
  }

  /** Column and row of the cursor, counted from 0 at the first line that was ever written. */
  get cursor(): readonly [column: number, row: number] {
    const { active } = this.#terminal.buffer;
    return [active.cursorX, active.baseY + active.cursorY];
  }

  /** Has the console and `Deno.stdout` write here, as they do on a terminal, until the end of the block. */
  attach(): Disposable {
    const { log, error } = console;
    const stdout = Deno.stdout as unknown as Record<string, unknown>;
    const stderr = Deno.stderr as unknown as Record<string, unknown>;
    const print = (text: unknown): void => {
      this.writeSync(new TextEncoder().encode(`${text}\n`));
    };
    const own = {
      isTerminal: () => true,
      consoleSize: () => this.consoleSize(),
      writeSync: (bytes: Uint8Array) => this.writeSync(bytes),
      write: async (bytes: Uint8Array) => {
        await this.beforeWrite;
        return this.writeSync(bytes);
      },
    };
    Object.assign(console, { log: print, error: print });
    Object.assign(stdout, own);
    Object.assign(stderr, own);
    return {
      [Symbol.dispose]() {
        Object.assign(console, { log, error });
        for (const name of Object.keys(own)) {
          delete stdout[name];
          delete stderr[name];
        }
      },
    };
  }
}
