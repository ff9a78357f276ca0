/**
 * Workers that are processes: `deno run` with no more permissions than told. Unaware of what they run.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { messageOf, PermissionError } from "../errors.ts";
import { moduleUrl, WORKER_MAIN } from "./worker_entry.ts";
import type { Place, Worker, WorkerEnd, WorkerListener } from "./worker_pool.ts";
import { linesOf } from "./worker_port.ts";
import type { FromWorker } from "./worker_protocol.ts";

/** How long a process that has ended may have others hold on to its output, in milliseconds. */
const DRAIN_TIMEOUT = 100;

/** How long a line of a process may be, in characters: it must not take up the memory of the program. */
const LONGEST_LINE = 2 ** 26;

/** What a process is started with. */
export interface ProcessOptions {
  /** Flags of `deno run`. */
  readonly flags: readonly string[];
  /** URLs of modules that it may import. */
  readonly modules: readonly string[];
  /** Whether its task is held to permissions, and has it for itself. */
  readonly isSandbox: boolean;
}

/** Where a task can run that needs these. */
export function processPlace({ flags, modules, isSandbox }: ProcessOptions): Place {
  // One that may not read all can only import the modules that it was started with.
  const needed = flags.includes("--allow-read") ? flags : [...flags, ...modules];
  return {
    key: needed.join(" "),
    isSandbox,
    start: (listener) => startProcess(flags, modules, listener),
  };
}

type Output = Deno.ChildProcess["stdout"];

/** The processes of this program that have not ended. */
const live = new Set<Deno.ChildProcess>();
let killsAtExit = false;

function startProcess(
  flags: readonly string[],
  modules: readonly string[],
  listener: WorkerListener,
): Worker {
  const mark = crypto.randomUUID();
  const child = spawn([...flags, moduleUrl(codeOf(mark, modules))]);
  const input = child.stdin.getWriter();
  const encoder = new TextEncoder();
  let error: string | undefined;
  const readLines = async (stream: Output, take: (line: string) => void): Promise<void> => {
    try {
      for await (const line of linesOf(stream, LONGEST_LINE)) take(line);
    } catch (thrown) {
      error ??= `what it wrote cannot be taken, ${messageOf(thrown)}`;
      kill(child);
    }
  };
  const heard = Promise.all([
    readLines(child.stdout, (line) => {
      const at = line.indexOf(mark);
      const [written, message] = at < 0
        ? [line]
        : [line.slice(0, at), line.slice(at + mark.length)];
      if (at < 0 || written !== "") listener.wrote(written);
      if (message !== undefined) listener.told(JSON.parse(message) as FromWorker);
    }),
    readLines(child.stderr, (line) => listener.wrote(stripVTControlCharacters(line))),
  ]);
  const gone = ended(child, heard).then((end) => {
    live.delete(child);
    input.close().catch(() => {}); // it may have been closed by the end of the process
    listener.ended({ ...end, error });
  });
  return {
    send(message): void {
      // What cannot be heard any more is told by the end of the process.
      input.write(encoder.encode(`${JSON.stringify(message)}\n`)).catch(() => {});
    },
    keepAlive: (isOn) => isOn ? child.ref() : child.unref(),
    async kill(): Promise<void> {
      child.ref();
      kill(child);
      await gone;
    },
  };
}

function spawn(args: readonly string[]): Deno.ChildProcess {
  const program = Deno.execPath();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: ["run", "--no-prompt", "--quiet", ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    const flag = `--allow-run=${program}`;
    throw new PermissionError(
      `Cannot start a process: Deno may not run "${program}". Run with ${flag}, which starts the processes that run tasks`,
      { flag, cause: error },
    );
  }
  if (!killsAtExit) globalThis.addEventListener("unload", () => live.forEach(kill));
  killsAtExit = true;
  live.add(child);
  return child;
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Imports by a function each, whose text says what is imported: for that, the process needs no permission to read it. */
function codeOf(mark: string, modules: readonly string[]): string {
  const imports = modules.map((url) => JSON.stringify(url)).map((url) =>
    `[${url}]: () => import(${url})`
  );
  return `import { serveProcess } from ${JSON.stringify(WORKER_MAIN)}; ` +
    `serveProcess(${JSON.stringify(mark)}, { ${imports.join(", ")} });`;
}

async function ended(
  child: Deno.ChildProcess,
  heard: Promise<unknown>,
): Promise<Omit<WorkerEnd, "error">> {
  const { code, signal } = await child.status;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => timer = setTimeout(resolve, DRAIN_TIMEOUT));
  await Promise.race([heard, late]);
  clearTimeout(timer);
  return { code, signal: signal ?? undefined };
}
