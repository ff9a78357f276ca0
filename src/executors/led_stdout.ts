/**
 * The standard output of code of the user, led elsewhere. Unaware of who wants that.
 *
 * @module
 */

import { Writable } from "node:stream";
import process from "node:process";

/**
 * Has all that is written to `Deno.stdout` and `process.stdout` from now on given to a function, which writes some of it
 * and gives how many bytes that were. What is written past both, as by a child that inherits them, is not seen.
 */
export function leadStdout(writeSync: (bytes: Uint8Array) => number): void {
  const writeAll = (bytes: Uint8Array): void => {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(writeSync(rest));
  };
  const writable = new WritableStream<Uint8Array>({ write: writeAll });
  Object.assign(Deno.stdout, {
    writeSync,
    write: (bytes: Uint8Array) => Promise.resolve(writeSync(bytes)),
  });
  Object.defineProperty(Deno.stdout, "writable", { get: () => writable });
  const stream = new Writable({
    write(bytes: Uint8Array, _encoding, done): void {
      writeAll(bytes);
      done();
    },
  });
  Object.assign(process.stdout, { write: stream.write.bind(stream) });
}
