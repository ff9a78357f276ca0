/** What the servers have in common: programs that are installed, started, waited for, and ended. */

/** A server that answers. */
export interface S3TestServer {
  readonly name: string;
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** Tests that it cannot pass, by the fact that each is named for. */
  readonly lacks: readonly string[];
}

/** How long a server may take until it answers, in milliseconds. */
const PATIENCE = 60_000;

/** Runs a program to its end; throws with what it has written when it fails. */
export async function run(
  command: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<void> {
  const [program = "", ...args] = command;
  const { success, stdout, stderr } = await new Deno.Command(program, {
    ...options,
    args,
    stdin: "null",
  }).output();
  if (success) return;
  const written = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
  throw new Error(`Cannot run "${command.join(" ")}": it wrote last\n${lastOf(written)}`);
}

/** Whether a program can be found. */
export async function isInstalled(program: string): Promise<boolean> {
  const which = new Deno.Command("which", { args: [program], stdout: "null", stderr: "null" });
  return (await which.output()).success;
}

/** A port that nobody listens at. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Programs that run, and a folder in which they keep what they have; both are gone when it is disposed. */
export class Running implements AsyncDisposable {
  readonly folder: string;
  readonly #programs: RunningProgram[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** None yet, in a folder of their own. */
  static async none(): Promise<Running> {
    return new Running(await Deno.makeTempDir({ prefix: "s3_server_" }));
  }

  /** Starts a program that goes on. */
  start(command: readonly string[], options: Deno.CommandOptions = {}): void {
    const [name = "", ...args] = command;
    const process = new Deno.Command(name, {
      ...options,
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#programs.push({ name, process, written: new Response(process.stderr).text() });
  }

  /** Waits until there is an answer from the url, whichever; throws when a program ends before, or it takes too long. */
  async until(url: string): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    const ended = Promise.race(this.#programs.map(async (program) => {
      await program.process.status;
      return program;
    }));
    while (Date.now() < deadline) {
      const response = await fetch(url).catch(() => undefined);
      if (response !== undefined) return await response.body?.cancel();
      const pause = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 100));
      const program = await Promise.race([ended, pause]);
      if (program === undefined) continue;
      throw new Error(
        `"${program.name}" has ended; it wrote last\n${lastOf(await program.written)}`,
      );
    }
    throw new Error(`It does not answer within ${PATIENCE / 1000} s`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process, written } of this.#programs.toReversed()) {
      try {
        process.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended already
      }
      await process.status;
      await written;
    }
    await Deno.remove(this.folder, { recursive: true });
  }
}

interface RunningProgram {
  readonly name: string;
  readonly process: Deno.ChildProcess;
  /** All that it writes to its standard error; known when it has ended. */
  readonly written: Promise<string>;
}

function lastOf(text: string): string {
  return text.trim().split("\n").slice(-10).join("\n");
}
