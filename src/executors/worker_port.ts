/**
 * How a worker hears and speaks: a thread by messages, a process by lines on its standard input and output. Unaware of
 * what is said.
 *
 * @module
 */

import type { FromWorker, ToWorker } from "./worker_protocol.ts";

/** The worker's end of the line. */
export interface Port {
  /** Sends a message. */
  post(message: FromWorker): void;
  /** Has each message taken in turn. */
  listen(take: (message: ToWorker) => void): void;
}

/** That of a thread. */
export async function threadPort(): Promise<Port> {
  const { parentPort } = await import("node:worker_threads");
  if (parentPort === null) throw new Error("BUG: this is no thread");
  return {
    post: (message) => parentPort.postMessage(message),
    listen: (take) => void parentPort.on("message", take),
  };
}

/**
 * That of a process. Each message is a line that begins with `mark`, for whatever else is written to the standard output
 * goes there, too. The process ends when nobody is there to hear it any more.
 */
export function processPort(mark: string): Port {
  const encoder = new TextEncoder();
  return {
    post(message): void {
      const bytes = encoder.encode(`${mark}${JSON.stringify(message)}\n`);
      for (let written = 0; written < bytes.length;) {
        written += Deno.stdout.writeSync(bytes.subarray(written));
      }
    },
    async listen(take): Promise<void> {
      for await (const line of linesOf(Deno.stdin.readable)) take(JSON.parse(line));
      Deno.exit();
    },
  };
}

/**
 * The lines of a stream, without their ends; what comes after the last end is a line, too, if there is any. Throws
 * `RangeError` for one that is longer.
 */
export async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  longest: number = Infinity,
): AsyncGenerator<string, void, unknown> {
  let rest: string[] = [];
  let length = 0;
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = chunk.split("\n");
    if (lines.length > 1) {
      yield rest.join("") + lines[0];
      rest = [];
      length = 0;
      for (let i = 1; i < lines.length - 1; i++) yield lines[i]!;
    }
    rest.push(lines.at(-1)!);
    length += lines.at(-1)!.length;
    if (length > longest) throw new RangeError(`a line of more than ${longest} characters`);
  }
  const last = rest.join("");
  if (last !== "") yield last;
}
