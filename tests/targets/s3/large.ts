/**
 * A program that writes a large file in parts, for tests that measure or kill it:
 * `large.ts '<options of S3FileSystem>' <uri> <MiB>`. It prints what it has reached, and as JSON how much memory that took.
 */

import { S3FileSystem } from "../../../src/targets/s3/file_system.ts";

/** How much memory was resident at most, in MiB. */
export interface Resident {
  readonly whileWriting: number;
  readonly whileReading: number;
}

const MIB = 1024 * 1024;

/** Prints that half of it was given away, and waits until the other side says something. */
async function half(): Promise<void> {
  console.log("half");
  if (await Deno.stdin.read(new Uint8Array(100)) === null) Deno.exit(99);
}

async function* content(size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < 16 * size; i++) {
    if (i === 8 * size) await half();
    yield new Uint8Array(MIB / 16).fill(i % 251);
  }
}

async function check(stream: ReadableStream<Uint8Array>, size: number): Promise<void> {
  let at = 0;
  for await (const chunk of stream) {
    for (let i = 0; i < chunk.length; i += 1000) {
      const expected = Math.floor((at + i) / (MIB / 16)) % 251;
      if (chunk[i] !== expected) throw new Error(`byte ${at + i} differs`);
    }
    at += chunk.length;
  }
  if (at !== size * MIB) throw new Error(`${at} bytes came`);
}

/** How much memory is resident at most until it is done. */
async function resident(work: () => Promise<void>): Promise<number> {
  let most = 0;
  const look = (): void => void (most = Math.max(most, Deno.memoryUsage().rss));
  const timer = setInterval(look, 5);
  await work();
  look();
  clearInterval(timer);
  return Math.round(most / MIB);
}

if (import.meta.main) {
  const [options = "{}", uri = "", size = "0"] = Deno.args;
  const fileSystem = new S3FileSystem(JSON.parse(options));
  const [toWrite, toRead] = [ReadableStream.from(content(Number(size))), fileSystem.readable(uri)];
  const result: Resident = {
    whileWriting: await resident(() => fileSystem.write(uri, toWrite)),
    whileReading: await resident(() => check(toRead, Number(size))),
  };
  console.log(JSON.stringify(result));
}
