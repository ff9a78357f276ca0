/**
 * Programs of the tests, started as processes of their own, which can be killed.
 */

import { assert } from "@std/assert";
import { fromFileUrl } from "@std/path";

/** How long a program may take, in milliseconds: a test that waits for one that hangs fails. */
const DEADLINE = 30_000;

/** A program that runs; killed at the latest when it is disposed. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #timer: ReturnType<typeof setTimeout>;
  #isLate = false;
  #rest = "";

  /** Starts the module with all permissions. */
  constructor(module: string, args: readonly string[]) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", fromFileUrl(module), ...args],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.signal("SIGKILL");
    }, DEADLINE);
  }

  /** The next line it printed; `undefined` when it has ended. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#output.read();
      assert(!this.#isLate, `it has not ended after ${DEADLINE} ms`);
      if (done) return undefined;
      this.#rest += value;
    }
  }

  /** Lets it go on. */
  async tell(): Promise<void> {
    await this.#input.write(new TextEncoder().encode("go\n"));
  }

  /** Sends it a signal; it may have ended already. */
  signal(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** How it ended. What it still prints is read, so that it can. */
  async ended(): Promise<Deno.CommandStatus> {
    while (await this.line() !== undefined);
    return await this.#process.status;
  }

  /** Kills it, so that it gets no chance to tidy up. Tells whether it had not ended by itself. */
  async kill(): Promise<boolean> {
    this.signal("SIGKILL");
    return (await this.#process.status).signal === "SIGKILL";
  }

  /** Kills it when it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.kill();
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
  }
}
